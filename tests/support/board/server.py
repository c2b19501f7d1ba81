"""The board as it is served, in a thread of its own, with objects that a test shows to it."""

import asyncio
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from brandrelease.adapters.kube.views import pod_view
from brandrelease.adapters.system_clock import SystemClock
from brandrelease.board.access import Access
from brandrelease.board.addresses import Board
from brandrelease.board.held import Held
from brandrelease.board.pages import Pages
from brandrelease.board.streams import Streams
from brandrelease.core.pod_line import pod_line

Object = dict[str, Any]


def held(events: Iterable[tuple[str, Object]] = ()) -> Held:
    """What is held after these objects were seen."""
    made = Held(lambda body: pod_line(pod_view(body)))
    for kind, body in events:
        made(kind, None, body)
    return made


class BoardServer:
    """`with BoardServer(events) as board:`; `board.url` is where it is."""

    def __init__(
        self, events: Iterable[tuple[str, Object]] = (), token: str | None = None, boot: str = "one", port: int = 0
    ) -> None:
        self._events, self._token, self._boot, self._port = events, token, boot, port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        self.held = held(self._events)
        self.trouble = ""
        pages = Pages(self.held, SystemClock().now, lambda: self.trouble, "brandrelease-6f7c9d8b5-x2v7q")
        app = web.Application()
        self.board = Board(self.held, pages, Streams(self._boot, pages), Access(self._token, SystemClock().now))
        self.board.add_to(app)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        self.origin = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.origin}/board"

    def shows(self, kind: str, body: Object, event_type: str | None = "MODIFIED") -> None:
        """A watch shows this object now."""
        shown = threading.Event()

        def show() -> None:
            self.held(kind, event_type, body)
            shown.set()

        self._loop.call_soon_threadsafe(show)
        assert shown.wait(5)
