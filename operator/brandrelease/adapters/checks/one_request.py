"""One GET on a connection of its own: what is kept open from before would still lead to what stood there before."""

import asyncio
import codecs
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.tracing import Trace
from yarl import URL

from brandrelease.adapters.checks.certificates import end_of
from brandrelease.adapters.checks.names import Address
from brandrelease.adapters.checks.troubles import trouble

BODY_LIMIT: Final = 1024 * 1024
"""Bytes of a body that are read, after it was unpacked. The rest is not waited for."""

_HEADERS: Final = {
    "User-Agent": f"brandrelease/{version('brandrelease')} (check)",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    # The new release is to be judged, and no copy of a page of the old one. Caches that ask back first obey it; those
    # that do not (CloudFront, for one) give what visitors get.
    "Cache-Control": "no-cache",
}

_HEADER_LIMIT: Final = 65_536
"""Bytes of one header. Sites have longer ones (Content-Security-Policy) than aiohttp takes by itself."""

_CHARSETS: Final = frozenset({"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252"})
"""Those in which text is looked for; some of the others take Python minutes for a body made for that (punycode)."""

_FAMILY: Final = {4: socket.AF_INET, 6: socket.AF_INET6}

_NO_LIMIT: Final = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of whom. addresses: where url's host is; it is looked for nowhere else."""

    url: URL
    addresses: Sequence[Address]
    headers: tuple[tuple[str, str], ...] = ()
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """An answer. location: where it redirects to, if it does. has_text: whether the text is in the body."""

    status: int
    location: str | None
    has_text: bool
    certificate_ends: datetime | None


@dataclass(slots=True)
class Progress:
    """How far a request has come, for those who must say why it was not in time."""

    resolving: str = ""
    """The name that is being looked up."""
    answered: bool = False
    """Whether the head of an answer is there."""


async def get(question: Question, tls: ssl.SSLContext, progress: Progress) -> Page:
    """Ask, with no limit of time. Raises NoAnswer, OwnTrouble, and aiohttp's error about a certificate."""
    connector = _OneConnection(question.addresses, tls)
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=_NO_LIMIT,
        max_line_size=_HEADER_LIMIT,
        max_field_size=_HEADER_LIMIT,
    )
    try:
        response = await session.get(
            question.url, headers={**_HEADERS, **dict(question.headers)}, allow_redirects=False
        )
        progress.answered = True
        body = await _beginning(response.content)
        found = question.text is None or question.text in _decoded(body, response.charset)
        return Page(response.status, response.headers.get("Location"), found, connector.certificate_ends)
    except aiohttp.ClientConnectorCertificateError:
        raise
    except aiohttp.ClientError as error:
        raise trouble(error, question.url.host or "", answered=progress.answered) from error
    finally:
        connector.abort()
        await session.close()


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for piece in content.iter_chunked(65_536):
        body += piece
        if len(body) >= BODY_LIMIT:
            break
    return bytes(body[:BODY_LIMIT])


def _decoded(body: bytes, charset: str | None) -> str:
    try:
        name = codecs.lookup(charset or "utf-8").name
    except (LookupError, ValueError):
        name = "utf-8"
    return body.decode(name if name in _CHARSETS else "utf-8", errors="replace")


class _OneConnection(aiohttp.TCPConnector):
    """Goes to given addresses only, and remembers its connection: aiohttp lets go of it as soon as an answer is whole."""

    def __init__(self, addresses: Sequence[Address], tls: ssl.SSLContext) -> None:
        super().__init__(resolver=_Given(addresses), use_dns_cache=False, force_close=True, ssl=tls)
        self.certificate_ends: datetime | None = None
        self._transport: asyncio.Transport | None = None

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
    ) -> aiohttp.connector.Connection:
        connection = await super().connect(req, traces, timeout)
        self._transport = connection.transport
        self.certificate_ends = end_of(connection.transport)
        return connection

    def abort(self) -> None:
        """Close without a farewell of TLS, for which a server that hangs would be waited for."""
        if self._transport is not None:
            self._transport.abort()


class _Given(AbstractResolver):
    """Knows the answer already."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - aiohttp's signature
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=str(address), port=port, family=_FAMILY[address.version], proto=0, flags=0
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""
