"""Which addresses of git repositories are used at all. The API server checks the same; this is the second lock."""

import re
from dataclasses import dataclass
from typing import Final

from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import Unresolved

_ADDRESS: Final = re.compile(
    r"(?P<scheme>https|http|ssh)://"
    r"(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9._-]*)@)?"
    r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"/(?P<path>[A-Za-z0-9._~/%+@:-]+)"
)
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{0,20}(?=:)", re.IGNORECASE)
_LAST_PORT: Final = 65535
_EXAMPLES: Final = '"https://git.example.com/drumeo.git" or "ssh://git@git.example.com/drumeo.git"'


@dataclass(frozen=True, slots=True)
class Address:
    """Where a repository is. `url` is what git is given; it never holds a password."""

    url: str
    scheme: str
    host: str
    port: str | None

    @property
    def place(self) -> str:
        """The host for people, with its port if it has one of its own."""
        return f"{self.host}:{self.port}" if self.port else self.host

    @property
    def root(self) -> str:
        """The address of the server itself: git settings for this prefix hold for no other host."""
        return f"{self.scheme}://{self.place}/"

    @property
    def protocols(self) -> str:
        return "https:ssh:http" if self.scheme == "http" else "https:ssh"


def read_address(url: str, *, allow_insecure: bool) -> Address | Unresolved:
    """The address, or why it is not used. The refusal does not repeat an address that may hold a password."""
    match = _ADDRESS.fullmatch(url)
    if match is None:
        return _refused(_why_not_an_address(url))
    scheme, user, host, port = match.group("scheme", "user", "host", "port")
    if scheme == "http" and not allow_insecure:
        return _refused(
            f"The git repository at {host} is to be read over plain http://, where anybody on the way can change it. "
            "Write https:// in spec.source.url of the Brand; for a test cluster, start the operator with "
            "BRANDRELEASE_ALLOW_INSECURE_SOURCES=true."
        )
    if user is not None and scheme != "ssh":
        return _refused(
            f"The address of the git repository at {host} holds a user name or token. Put username and password into "
            "a Secret, name it in spec.source.secretName of the Brand, and take them out of spec.source.url."
        )
    if port is not None and not 0 < int(port) <= _LAST_PORT:
        return _refused(f"The address of the git repository at {host} has port {port}, which does not exist.")
    return Address(url, scheme, host, port)


def _why_not_an_address(url: str) -> str:
    if re.match(r"[a-z0-9+.-]*://[^/]*@", url, re.IGNORECASE):
        return (
            "The address of the git repository holds a password, or a user name that is none. Put username and "
            "password into a Secret, name it in spec.source.secretName of the Brand, and take them out of "
            "spec.source.url."
        )
    scheme = _SCHEME.match(url)
    if scheme and scheme.group() not in {"https", "ssh", "http"}:
        return (
            f'The address of the git repository begins with "{scheme.group()}:". Only https:// and ssh:// are used '
            "(http:// too where the operator's setting BRANDRELEASE_ALLOW_INSECURE_SOURCES is true): write "
            f"{_EXAMPLES} in spec.source.url of the Brand."
        )
    return (
        "The address of the git repository is not one that is used. It must be https:// or ssh:// (http:// only where "
        "the operator's setting BRANDRELEASE_ALLOW_INSECURE_SOURCES is true), a host and a path of plain characters: "
        f"write {_EXAMPLES} in spec.source.url of the Brand."
    )


def _refused(message: str) -> Unresolved:
    return Unresolved(Reason.SourceNotAllowed, message, passing=False)
