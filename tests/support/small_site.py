"""Small HTTP servers that do what real ones do on bad days: each is one coroutine, in a thread with a loop of its own."""

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from cluster.certificates import KeyPair

Result = TypeVar("Result")
Handler = Callable[["Visitor"], Awaitable[None]]
ABORT = struct.pack("ii", 1, 0)
"""As SO_LINGER: closing sends a reset instead of a polite end."""


class Visitor:
    """One request, and the way back. headers: names in lower case."""

    def __init__(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        first, _, rest = head.decode("latin-1").partition("\r\n")
        self.method, self.target, _ = first.split(" ", 2)
        lines = (line.partition(": ") for line in rest.split("\r\n") if line)
        self.headers = {name.lower(): value for name, _, value in lines}
        self._writer = writer

    async def send(self, content: bytes) -> None:
        self._writer.write(content)
        await self._writer.drain()

    async def answer(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        """A whole answer; underscores in names of headers stand for dashes."""
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {status} Whatever\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        await self.send(head.encode() + body)

    def reset(self) -> None:
        """End the connection with a reset."""
        connection: socket.socket = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        self._writer.transport.abort()


class SmallSite:
    """Runs while the block runs. ``connections`` counts those that were taken, ``visitors`` keeps the requests."""

    def __init__(
        self, handler: Handler, address: str = "127.0.0.1", port: int = 0, pair: KeyPair | None = None
    ) -> None:
        self.handler, self.address, self.port, self.pair = handler, address, port, pair
        self.connections = 0
        self.visitors: list[Visitor] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._do(self._start())
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _start(self) -> asyncio.Server:
        tls = None
        if self.pair is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(self.pair.certificate, self.pair.key)
        return await asyncio.start_server(self._serve, self.address, self.port, ssl=tls, reuse_address=True)

    async def _stop(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                head = await reader.readuntil(b"\r\n\r\n")
                visitor = Visitor(head[:-4], writer)
                self.visitors.append(visitor)
                await self.handler(visitor)
        finally:
            writer.close()
