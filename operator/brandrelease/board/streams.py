"""Server-sent events: each viewer is told what has changed since they were told last, never more often than they can take."""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from aiohttp import web
from markupsafe import Markup

from brandrelease.board.held import BoardKey, Held
from brandrelease.board.ledger import Ledger
from brandrelease.board.pages import Pages

VIEWERS: Final = 64
"""Streams at the same time. More are told to come back later; their pages stand still meanwhile."""

BEAT_SECONDS: Final = 15.0
"""Something is said at least this often: a connection that is dead is found by it, and proxies keep one that is not."""

PACE_SECONDS: Final = 0.5
"""A viewer is told at most this often; what changes in between is told once, as it is then."""

SLOW_SECONDS: Final = 10.0
"""Who takes nothing for so long is dropped. The browser comes back by itself."""

AGAIN_MILLISECONDS: Final = 3000

TOLD: Final = 16
"""News that are kept as they were sent: most viewers of a page have seen the same, and are told the same."""


class View(Protocol):
    """What one page shows. Two of the same page are equal."""

    def __hash__(self) -> int: ...

    @property
    def ledger(self) -> Ledger[BoardKey]:
        """Where its changes are noted."""
        ...

    def whole(self) -> Markup | None:
        """The inside of the page; None: there is no such page any more."""
        ...

    def parts(self, changed: Iterable[BoardKey]) -> Markup:
        """The parts of it that have changed."""
        ...


@dataclass(frozen=True, slots=True)
class OverviewView:
    """Brands by environments."""

    held: Held
    pages: Pages

    @property
    def ledger(self) -> Ledger[BoardKey]:
        return self.held.on_the_wall

    def whole(self) -> Markup | None:
        return self.pages.wall()

    def parts(self, changed: Iterable[BoardKey]) -> Markup:
        return self.pages.wall_parts(changed)


@dataclass(frozen=True, slots=True)
class BrandView:
    """One brand."""

    held: Held
    pages: Pages
    brand: str

    @property
    def ledger(self) -> Ledger[BoardKey]:
        return self.held.in_stories

    def whole(self) -> Markup | None:
        return self.pages.brand_parts(self.brand)

    def parts(self, changed: Iterable[BoardKey]) -> Markup:
        return self.pages.story_parts(self.brand, changed)


class Streams:
    """All viewers."""

    def __init__(self, boot: str, pages: Pages) -> None:
        """boot: the name of this process, which no other one has."""
        self._boot, self._pages = boot, pages
        self._viewers: set[asyncio.Task[None]] = set()
        self._ended = False
        self._told = lru_cache(TOLD)(self._news)

    def mark(self, view: View) -> str:
        """Where a stream begins for whoever has the page as it is now."""
        return f"{self._boot}.{view.ledger.revision}"

    @property
    def takes_no_more(self) -> bool:
        """There are as many as may be, or the operator ends: one that began now would hold that up."""
        return self._ended or len(self._viewers) >= VIEWERS

    async def serve(self, request: web.Request, view: View) -> web.StreamResponse:
        """Tell one viewer, until they go, are too slow, or the operator ends."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        since = request.headers.get("Last-Event-ID") or request.query.get("since", "")
        telling = asyncio.create_task(self._tell(request, response, view, self._revision(since)))
        self._viewers.add(telling)
        try:
            await asyncio.wait((telling,))
        finally:
            telling.cancel()
            self._viewers.discard(telling)
        if not telling.cancelled() and (trouble := telling.exception()) is not None:
            if not isinstance(trouble, ConnectionError | TimeoutError):
                raise trouble
            if request.transport is not None:
                request.transport.abort()  # what still waits to be sent would hold the connection up
        return response

    async def end(self) -> None:
        """End all streams; the browsers come back, to this or to another replica."""
        self._ended, viewers = True, list(self._viewers)
        for each in viewers:
            each.cancel()
        await asyncio.gather(*viewers, return_exceptions=True)

    def _revision(self, since: str) -> int:
        """The revision that a viewer has seen; -1 where it is another process's."""
        boot, _, revision = since.rpartition(".")
        return int(revision) if boot == self._boot and revision.isdecimal() else -1

    async def _tell(self, request: web.Request, response: web.StreamResponse, view: View, seen: int) -> None:
        await response.prepare(request)
        now = asyncio.get_running_loop().time
        await _send(response, f"retry: {AGAIN_MILLISECONDS}\n\n{self._beat()}")
        said_at = now()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, said_at + BEAT_SECONDS - now())):
                    await view.ledger.news(seen)
            revision = view.ledger.revision
            news, seen = self._told(view, seen, revision), revision
            if news or now() - said_at >= BEAT_SECONDS:
                await _send(response, news or self._beat())
                said_at = now()
            await asyncio.sleep(PACE_SECONDS)

    def _news(self, view: View, seen: int, revision: int) -> str:
        """What this view, at this revision, has to tell to who has seen that one; empty where that is nothing."""
        changed, mark = view.ledger.since(seen), f"{self._boot}.{revision}"
        if changed is None:
            html = view.whole()
            return _event("whole", {"html": html or "", "gone": html is None}, mark)
        parts = view.parts(changed) if changed else ""
        return _event("parts", {"html": parts}, mark) if parts else ""

    def _beat(self) -> str:
        return _event("beat", {**self._pages.beat()})


def _event(name: str, data: dict[str, object], mark: str = "") -> str:
    """JSON has no line breaks of its own, so that no text can end the event or begin another."""
    identity = f"id: {mark}\n" if mark else ""
    return f"{identity}event: {name}\ndata: {json.dumps(data)}\n\n"


async def _send(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(SLOW_SECONDS):
        await response.write(text.encode())
