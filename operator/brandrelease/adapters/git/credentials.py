"""From the data of a Secret to what git needs for a login. A credential goes by environment or file, never by argument.

Keys: username and password for https, identity and known_hosts for ssh, and for https optionally caFile, the
certificates (PEM) to trust in place of the system's. For both optionally host, see `core.secret_hosts`.
"""

import base64
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

from brandrelease.adapters.git.addresses import origin, scheme
from brandrelease.apis.reasons import Reason
from brandrelease.core.secret_hosts import not_for
from brandrelease.core.snapshot import Unresolved
from brandrelease.core.words import one_of
from brandrelease.ports import Secret

USERNAME, PASSWORD, IDENTITY, KNOWN_HOSTS, CA_FILE = "username", "password", "identity", "known_hosts", "caFile"

TOKEN_USER: Final = "x-access-token"  # noqa: S105 - a user name
"""The user name that goes with a token where the Secret has none; hosts that take tokens ignore it or want this."""

_SSH: Final = (
    "ssh -F /dev/null -oBatchMode=yes -oStrictHostKeyChecking=yes -oGlobalKnownHostsFile=/dev/null "
    "-oIdentitiesOnly=yes -oIdentityAgent=none -oPreferredAuthentications=publickey -oUpdateHostKeys=no "
    "-oConnectTimeout=10 -oServerAliveInterval=10 -oServerAliveCountMax=2"
)


@dataclass(frozen=True, slots=True)
class Login:
    """What git is given for one repository. Nothing of it is shown when the object is printed.

    config: settings of git. files: name -> content. hidden: texts that must never be shown to anybody.
    """

    config: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    hidden: tuple[str, ...] = field(default=(), repr=False)

    def variables(self, directory: Path) -> dict[str, str]:
        """Environment of git, with the files in this directory."""
        variables = {}
        if IDENTITY in self.files:
            options = ["-i", str(directory / IDENTITY), f'-oUserKnownHostsFile="{directory / KNOWN_HOSTS}"']
            variables["GIT_SSH_COMMAND"] = f"{_SSH} {shlex.join(options)}"
            variables["GIT_SSH_VARIANT"] = "ssh"  # spares git from running ssh once more to find out
        if CA_FILE in self.files:
            variables["GIT_SSL_CAINFO"] = str(directory / CA_FILE)
        return variables

    def redact(self, text: str) -> str:
        """The text without our secrets: a server's error message is whatever the server likes to say."""
        for secret in self.hidden:
            text = text.replace(secret, "***")
        return text


def login(url: str, secret: Secret | None) -> Login | Unresolved:
    """How to log in at this address with this Secret."""
    if only := not_for(secret, url):
        message = f"The Secret of spec.source.secretName {only}, and not for {url}. Correct spec.source.url, or name another Secret."
        return Unresolved(Reason.SourceAuthenticationFailed, message, passing=False)
    if scheme(url) == "ssh":
        return _ssh_login(url, secret or {})
    return _http_login(url, secret) if secret is not None else Login()


@contextmanager
def unpacked(granted: Login, directory: Path) -> Iterator[dict[str, str]]:
    """The login's variables, while its files are on disk in a new directory that only we can read."""
    if not granted.files:
        yield {}
        return
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="login-", dir=directory) as name:
        for file_name, content in granted.files.items():
            path = Path(name) / file_name
            path.touch(mode=0o600)
            path.write_bytes(content)
        yield granted.variables(Path(name))


def _ssh_login(url: str, secret: Secret) -> Login | Unresolved:
    missing = [key for key in (IDENTITY, KNOWN_HOSTS) if not secret.get(key, b"").strip()]
    if missing:
        return _lacks(url, secret, missing)
    # ssh reads no key whose last line does not end, or whose lines end as on Windows.
    files = {key: secret[key].replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n" for key in (IDENTITY, KNOWN_HOSTS)}
    return Login(files=files)


def _http_login(url: str, secret: Secret) -> Login | Unresolved:
    files = {CA_FILE: secret[CA_FILE]} if secret.get(CA_FILE, b"").strip() else {}
    password = _text(secret, PASSWORD)
    if not password:
        return Login(files=files) if files and USERNAME not in secret else _lacks(url, secret, [PASSWORD])
    user = _text(secret, USERNAME) or TOKEN_USER.encode()
    encoded = base64.b64encode(user + b":" + password).decode()
    shown = password.decode(errors="replace")
    # Bound to the host: git would send a plain http.extraHeader anywhere.
    header = (f"http.{origin(url)}.extraHeader", f"Authorization: Basic {encoded}")
    hidden = (encoded, base64.b64encode(password).decode(), shown, quote(shown, safe=""))
    return Login(config=(header,), files=files, hidden=hidden)


def _text(secret: Secret, key: str) -> bytes:
    """A value without the line end that `kubectl create secret --from-file` takes along."""
    return secret.get(key, b"").rstrip(b"\r\n")


def _lacks(url: str, secret: Secret, missing: list[str]) -> Unresolved:
    needs = f"needs the key{'s' if len(missing) > 1 else ''} {one_of(missing)}"
    message = (
        f"The Secret of spec.source.secretName {needs}, since the source is {url}; it has {one_of(sorted(secret))}. "
        f"Add what is missing, or correct spec.source.url."
    )
    if not secret:
        message = (
            f"{url} cannot be read without a login. Create a Secret in the build namespace, which {needs}, and name it "
            f"in spec.source.secretName."
        )
    return Unresolved(Reason.SourceAuthenticationFailed, message, passing=False)
