"""One visit to the public address, with the redirects that it leads through."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from socket import EAI_AGAIN, gaierror
from typing import Final

import aiohttp
from yarl import URL

from brandrelease.adapters.checks.certificates import EXPIRED, end_of_expired
from brandrelease.adapters.checks.names import Address, Names, public
from brandrelease.adapters.checks.one_request import Page, Progress, Question, get
from brandrelease.adapters.checks.troubles import NoAnswer, OwnTrouble, of_certificate
from brandrelease.apis.checks import HttpCheck
from brandrelease.core.plain import plain
from brandrelease.core.words import cut
from brandrelease.ports import Clock

MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SHOWN: Final = 150


@dataclass(frozen=True, slots=True)
class Tls:
    """Whom the operator trusts; and the same for certificates that have expired, to tell when they did."""

    strict: ssl.SSLContext
    ignoring_time: ssl.SSLContext


@dataclass(slots=True)
class Visit:
    """From `start` on. certificate_ends: of the host of `start`, as soon as it is known."""

    start: URL
    check: HttpCheck
    names: Names
    tls: Tls
    clock: Clock
    progress: Progress = field(default_factory=Progress)
    certificate_ends: datetime | None = None
    _known: dict[str, tuple[Address, ...]] = field(default_factory=dict)
    """What names mean stays the same during a visit, so that none can mean another address after the first answer."""

    async def page(self) -> Page:
        """The page at the end of the way, with no limit of time. Raises NoAnswer and OwnTrouble."""
        url, seen = self.start, {self.start}
        for _ in range(MOST_REDIRECTS + 1):
            page = await self._get(url)
            if not self.check.follow_redirects or page.status not in _REDIRECTS or not page.location:
                return page
            url = _target(url, page.location)
            if url in seen:
                raise NoAnswer(f"redirects in a circle, back to {_shown(url)}")
            seen.add(url)
        raise NoAnswer(f"redirects more than {MOST_REDIRECTS} times")

    async def _get(self, url: URL) -> Page:
        addresses = await self._addresses(url)
        self.progress.answered = False
        try:
            page = await get(Question(url, addresses, text=self.check.body_contains), self.tls.strict, self.progress)
        except aiohttp.ClientConnectorCertificateError as error:
            raise NoAnswer(await self._of_certificate(error.certificate_error, url, addresses)) from error
        if self._is_at_home(url):
            self.certificate_ends = self.certificate_ends or page.certificate_ends
        return page

    async def _addresses(self, url: URL) -> tuple[Address, ...]:
        host, at_home = url.raw_host or "", self._is_at_home(url)
        if host not in self._known:
            self.progress.resolving = host
            try:
                self._known[host] = await self.names.addresses(host)
            except (OSError, ValueError) as error:
                raise _not_found(url, error, at_home=at_home) from error
            self.progress.resolving = ""
        addresses = self._known[host]
        if not at_home and not self.check.allow_private_addresses:
            addresses = public(addresses)
        if not addresses:
            raise NoAnswer(f"redirects to {_shown(url)}, which is not a public address, so it was not followed")
        return addresses

    def _is_at_home(self, url: URL) -> bool:
        return _name(url) == _name(self.start)

    async def _of_certificate(self, error: Exception, url: URL, addresses: Sequence[Address]) -> str:
        words = of_certificate(error)
        if not isinstance(error, ssl.SSLCertVerificationError) or error.verify_code != EXPIRED:
            return words
        ended = await end_of_expired(addresses[0], url.port or 443, _name(url), self.tls.ignoring_time)
        if self._is_at_home(url):
            self.certificate_ends = ended
        if ended is None or ended > self.clock.now():
            return f"{words}, or one that it comes from"
        return f"{words} on {ended:%Y-%m-%d %H:%M} UTC"


def _name(url: URL) -> str:
    return (url.raw_host or "").rstrip(".")


def _target(url: URL, location: str) -> URL:
    """Where a redirect leads. From https to http it is followed, as curl does: what is there is what visitors get."""
    try:
        target = url.join(URL(location)).with_fragment(None)
    except ValueError:
        target = URL()
    if target.scheme not in {"http", "https"} or not target.raw_host:
        raise NoAnswer(f"redirects to what is not an http:// or https:// address ({_cleaned(location)})")
    return target.with_user(None)  # a login in an address would be sent


def _shown(url: URL) -> str:
    """Without its query, which may let somebody in."""
    return cut(plain(str(url.with_query(None))), _SHOWN)


def _cleaned(location: str) -> str:
    return cut(plain(location.partition("?")[0].rpartition("@")[2]), _SHOWN)


def _not_found(url: URL, error: Exception, *, at_home: bool) -> NoAnswer | OwnTrouble:
    temporary = isinstance(error, gaierror) and error.errno == EAI_AGAIN
    if not at_home and not temporary:
        return NoAnswer(f"redirects to {_shown(url)}, whose name cannot be resolved")
    why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no name of a host"
    return OwnTrouble(
        f"The name {cut(url.host or '', _SHOWN)} cannot be resolved ({why}). Look whether it is spelled rightly in the Brand, whether "
        "DNS has it, and whether the DNS of the cluster answers."
    )
