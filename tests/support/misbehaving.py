"""Servers that answer as none should, down to the bytes, with what is to be said of each."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
END_SECONDS: Final = 5.0


@dataclass
class Misbehaving:
    """A server that misbehaves at ``url``; ``asked`` is what came, head and body."""

    url: str = ""
    asked: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def misbehaving(behaviour: Behaviour) -> AsyncIterator[Misbehaving]:
    """Serve every connection with this behaviour while the block runs."""
    place, serving = Misbehaving(), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            place.asked.append(await reader.read(65536))
            await behaviour(reader, writer)
        except ConnectionError:
            return  # the client has had enough
        finally:
            writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(serve(reader, writer)))

    async with await asyncio.start_server(begin, "127.0.0.1", 0) as server:
        place.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield place
    async with asyncio.timeout(END_SECONDS):
        await asyncio.gather(*serving)


def answering(status: str, body: bytes, *headers: str, kind: str = "application/json") -> Behaviour:
    """A whole answer with this body."""
    head = "\r\n".join((f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers))
    return saying(f"{head}\r\n\r\n".encode() + body)


def saying(raw: bytes) -> Behaviour:
    """These bytes, and then the end of the connection."""

    async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return say


async def _hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()  # until the client gives up


async def _drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte now and then: no single read ever waits for long."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


TROUBLES: Final[dict[str, tuple[Behaviour, str]]] = {
    "hangs": (_hang, "did not answer within 1 s."),
    "drips": (_drip, "did not answer within 1 s."),
    "resets": (_reset, "cut the connection before it answered"),
    "says nothing": (saying(b""), "cut the connection before it answered"),
    "cuts its body": (
        saying(b'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{"status":'),
        "broke off in the middle of its answer",
    ),
    "speaks something else": (saying(b"220 mail.example.com ESMTP\r\n"), "but not in HTTP"),
    "gives a page": (answering("200 OK", b"<html>Sign in</html>", kind="text/html"), "Correct url of the check"),
    "gives half a JSON": (answering("200 OK", b'{"status": '), "Correct url of the check"),
    "gives a JSON of another API": (answering("200 OK", b'{"ok": true}'), "Correct url of the check"),
    "gives null": (answering("200 OK", b"null"), "Correct url of the check"),
    "gives a list": (answering("200 OK", b"[]"), "Correct url of the check"),
    "gives what nests without end": (answering("200 OK", b"[" * 500_000), "Correct url of the check"),
    "gives bytes": (answering("200 OK", b"\xff\xfe\x00"), "Correct url of the check"),
    "gives too much": (answering("200 OK", b" " * 5_000_000), "more than 1024 KiB"),
    "is overloaded": (answering("429 Too Many Requests", b"slow down"), "overloaded or asked too often (HTTP 429)"),
    "is being restarted": (answering("503 Service Unavailable", b""), "could not answer (HTTP 503)"),
    "fails with a page without end": (answering("502 Bad Gateway", b"x" * 5_000_000), "could not answer (HTTP 502)"),
    "knows no such page": (answering("404 Not Found", b"404 page not found"), "has no such page (HTTP 404)"),
    "takes no POST": (answering("405 Method Not Allowed", b""), "refuses the question (HTTP 405)"),
    "wants a login": (answering("401 Unauthorized", b""), "HTTP 401"),
    "forbids": (answering("403 Forbidden", b""), "It needs the right to"),
}
"""What a server does -> how, and what the message must say. The limit of a look is one second."""
