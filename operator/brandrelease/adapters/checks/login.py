"""From the Secret of a check to how its source is asked: with which login, and whose certificates are believed.

Keys: one of its own for each kind of source (token, apiKey), or username and password; and optionally caFile, the
certificates (PEM) to trust in place of the system's; and host, see `core.secret_hosts`.
"""

import base64
import ssl
from dataclasses import dataclass, field
from typing import Final

from brandrelease.core.secret_hosts import not_for
from brandrelease.core.words import cut, one_of
from brandrelease.ports import Secret

USERNAME, PASSWORD, CA_FILE = "username", "password", "caFile"

_KEYS_SHOWN: Final = 200
"""Characters."""


class UnusableSecret(Exception):
    """No login can be made of the Secret; the text is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The one text that a source takes in place of a user and a password: its key in the Secret, its scheme in HTTP."""

    key: str
    scheme: str


@dataclass(frozen=True, slots=True)
class Login:
    """How a source is asked. Nothing secret is shown when the object is printed.

    keys: where in the Secret the login is. authorization: the header; empty where there is no login. trust: None for the
    system's certificates. hidden: texts that must never be shown to anybody.
    """

    secret_name: str = ""
    keys: tuple[str, ...] = ()
    authorization: str = field(default="", repr=False)
    trust: ssl.SSLContext | None = field(default=None, repr=False)
    hidden: tuple[str, ...] = field(default=(), repr=False)

    @property
    def title(self) -> str:
        """What it is called in a sentence."""
        return f"the {' and '.join(self.keys)} of the Secret {self.secret_name}"


def login(name: str | None, secret: Secret | None, ticket: Ticket, url: str) -> Login:
    """The login that the Secret of this name holds; raises UnusableSecret. name: None where the check names none."""
    if name is None:
        return Login()
    if secret is None:
        message = (
            f"The Secret {name}, which secretName of the check names, is not in the operator's namespace. Create it "
            f"there with {_wanted(ticket)}, or correct secretName."
        )
        raise UnusableSecret(message)
    if only := not_for(secret, url):
        raise UnusableSecret(f"The Secret {name} {only}. Correct url of the check, or name another Secret.")
    trust = _trust(name, secret[CA_FILE]) if secret.get(CA_FILE, b"").strip() else None
    if value := _text(secret, ticket.key):
        authorization = f"{ticket.scheme} {_sendable(name, ticket.key, value)}"
        return Login(name, (ticket.key,), authorization, trust, (value.decode(),))
    user, password = _text(secret, USERNAME), _text(secret, PASSWORD)
    if user and password:
        both = user + b":" + password
        encoded = base64.b64encode(both).decode()
        hidden = (encoded, *(text.decode(errors="replace") for text in (both, password)))
        return Login(name, (USERNAME, PASSWORD), f"Basic {encoded}", trust, hidden)
    if trust is None or user or password:
        raise UnusableSecret(_lacks(name, secret, ticket))
    return Login(name, trust=trust)


def _text(secret: Secret, key: str) -> bytes:
    """A value without the line end that `kubectl create secret --from-file` takes along."""
    return secret.get(key, b"").rstrip(b"\r\n")


def _sendable(name: str, key: str, value: bytes) -> str:
    text = value.decode(errors="replace")
    if not (text.isascii() and text.isprintable()):
        message = (
            f"The key {key} of the Secret {name} holds line breaks or characters that no HTTP header can carry. Put the "
            "plain text there, on one line."
        )
        raise UnusableSecret(message)
    return text


def _trust(name: str, certificates: bytes) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=certificates.decode("ascii"))
    except (ssl.SSLError, ValueError):
        message = (
            f"The key {CA_FILE} of the Secret {name} does not hold certificates in PEM, which begin with "
            "-----BEGIN CERTIFICATE-----. Put those of the source's authority there, or take the key away."
        )
        raise UnusableSecret(message) from None


def _lacks(name: str, secret: Secret, ticket: Ticket) -> str:
    has = cut(one_of(sorted(secret)), _KEYS_SHOWN) or "nothing"
    return f"The Secret {name} needs {_wanted(ticket)}, each with a value; it has {has}. Add what is missing."


def _wanted(ticket: Ticket) -> str:
    return f'the key "{ticket.key}", or "{USERNAME}" and "{PASSWORD}"'
