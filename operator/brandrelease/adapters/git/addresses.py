"""Which addresses a source may have. The CRD says the same; this is the guard where the address is used. Pure."""

import re
from typing import Final

from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import Unresolved

SETTING: Final = "BRANDRELEASE_ALLOW_INSECURE_SOURCES"

_ADDRESS: Final = re.compile(
    r"(?P<scheme>https|http|ssh)://"
    r"((?P<user>[A-Za-z0-9_][A-Za-z0-9._+-]*)@)?"
    r"(?P<host>[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?)"
    r"/[A-Za-z0-9@._:~/%+-]+"
)
_USER_INFORMATION: Final = re.compile(r"//[^/]*@")


def scheme(url: str) -> str:
    """The part before "://"; empty if there is none."""
    return url.partition("://")[0] if "://" in url else ""


def origin(url: str) -> str:
    """Scheme, host and port: https://git.example.com:8443/."""
    match = _ADDRESS.fullmatch(url)
    return f"{match['scheme']}://{match['host']}/" if match else ""


def protocols(*, allow_insecure: bool) -> str:
    """What git may speak, as GIT_ALLOW_PROTOCOL."""
    return "https:ssh:http" if allow_insecure else "https:ssh"


def address_problem(url: str, *, allow_insecure: bool) -> Unresolved | None:
    """Why this address is not used, or None. The sentence repeats no part of it that could be a password."""
    if scheme(url) == "http" and not allow_insecure:
        return _refused(
            f"The source's address begins with http://, which anybody on the way can read and change. Write https:// "
            f"or ssh:// in spec.source.url, or set {SETTING}=true for the operator."
        )
    if scheme(url) not in {"https", "http", "ssh"}:
        return _refused("The source's address must begin with https:// or ssh://; correct spec.source.url.")
    if scheme(url) != "ssh" and _USER_INFORMATION.search(url):
        return _refused(
            "The source's address contains a user name or a password. Put username and password into a Secret and name "
            "it in spec.source.secretName."
        )
    if _ADDRESS.fullmatch(url):
        return None
    return _refused(
        "The source's address must be a host and a path without special characters or passwords, for example "
        '"https://git.example.com/drumeo.git" or "ssh://git@git.example.com/drumeo.git"; correct spec.source.url.'
    )


def _refused(message: str) -> Unresolved:
    return Unresolved(Reason.SourceNotAllowed, message, passing=False)
