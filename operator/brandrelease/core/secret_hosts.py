"""For which hosts a Secret may be used, where it says so itself: whoever may edit a Brand need not know its Secrets. Pure."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from brandrelease.core.plain import line
from brandrelease.core.words import cut, one_of

HOST: Final = "host"
"""Key of a Secret: host or host:port, or several with blanks between. A host without a port is meant with any port."""

_SHOWN: Final = 200


def not_for(secret: Mapping[str, bytes] | None, place: str) -> str | None:
    """Why the Secret must not be used there, as the end of a sentence; None where it may. place: an address, or a host."""
    if secret is None or HOST not in secret:
        return None
    try:
        parts = urlsplit(place if "://" in place else f"//{place}")
        asked = {parts.hostname or "", parts.netloc.rpartition("@")[2].lower()}
    except ValueError:
        asked = set()
    hosts = line(secret[HOST].decode(errors="replace")).lower().split()
    if asked & set(hosts):
        return None
    return f"is only for {cut(one_of(hosts), _SHOWN) or 'no host at all'} (its key {HOST})"
