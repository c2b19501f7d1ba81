"""A proxy between one operator and the real API server: it records every request, and makes the troubles that occur.

Plain HTTP on loopback towards the operator, TLS with the administrator's certificate towards the API server.
"""

import asyncio
import base64
import json
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import aiohttp
from aiohttp import web
from yarl import URL

from cluster.ports import free_port

Result = TypeVar("Result")
HOST: Final = "127.0.0.1"
LINE_LIMIT: Final = 4 * 1024 * 1024
HOP_HEADERS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})
CUT: Final = b""
"""Instead of a last line: the watch ends as a broken connection does."""


@dataclass
class Request:
    """What the operator asked, and the status of the answer: None until there is one, or where it was cut.

    applied: what the API server itself has answered, whether or not the operator came to hear of it.
    """

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    at: float
    status: int | None = None
    applied: int | None = None

    @property
    def is_watch(self) -> bool:
        return self.query.get("watch") == "true"

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

    def is_for(self, method: str, end: str) -> bool:
        """Whether it has this method and a path that ends so."""
        return self.method == method and self.path.endswith(end)

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.query or ''} {self.status}"


@dataclass(frozen=True)
class Event:
    """One line of a watch."""

    type: str
    kind: str
    name: str


RequestFilter = Callable[[Request], bool]
EventFilter = Callable[[Event], bool]


@dataclass
class Fault:
    """What befalls the requests that match: first `before` is called, then they wait, and then they meet their end.

    lose_request: the connection is cut, and the API server never sees the request. `after` is called once the API server
    has done what was asked and nobody has heard of it. lose_answer: then the connection is cut. stale: a read gets the
    answer that the same question got the last time.
    """

    when: RequestFilter
    before: Callable[[], object] | None = None
    delay: float = 0.0
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    lose_request: bool = False
    after: Callable[[], object] | None = None
    lose_answer: bool = False
    stale: bool = False
    times: int | None = None
    met: list[Request] = field(default_factory=list)

    def meets(self, request: Request) -> bool:
        """Whether this request meets it; counts."""
        if (self.times is not None and len(self.met) >= self.times) or not self.when(request):
            return False
        self.met.append(request)
        return True


@dataclass(frozen=True)
class _Answer:
    status: int
    content_type: str
    content: bytes


class FaultProxy:
    """Runs in a thread of its own while the block runs. Faults are set from the thread of the test."""

    def __init__(self, kubeconfig: Path, directory: Path) -> None:
        self.kubeconfig = directory / "through-the-proxy.kubeconfig"
        self.requests: list[Request] = []
        self._upstream, self._tls = _administrator(kubeconfig)
        self._faults: list[Fault] = []
        self._lost_events: list[EventFilter] = []
        self._watches: dict[asyncio.Future[bytes], Request] = {}
        self._answers: dict[str, _Answer] = {}
        self._told: dict[str, str] = {}
        self._streams: dict[asyncio.Future[bytes], web.StreamResponse] = {}
        self._under_way: set[asyncio.Task[_Answer]] = set()
        self._loop = asyncio.new_event_loop()
        self._port = free_port()  # not one of those that the kernel gives to whoever connects, while nobody listens

    def __enter__(self) -> Self:
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._do(self._start())
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "proxy", "cluster": {"server": f"http://{HOST}:{self._port}"}}],
            "users": [{"name": "nobody", "user": {}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "nobody"}}],
            "current-context": "proxy",
        }
        self.kubeconfig.write_text(json.dumps(content))
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)

    # --- what was asked -----------------------------------------------------------------------------------------------

    def since(self, moment: float) -> list[Request]:
        """Requests but for watches since a moment of the monotonic clock."""
        return [request for request in list(self.requests) if request.at >= moment and not request.is_watch]

    def open_watches(self, plural: str) -> int:
        return sum(request.path.endswith(f"/{plural}") for request in list(self._watches.values()))

    # --- troubles -----------------------------------------------------------------------------------------------------

    @contextmanager
    def fault(self, when: RequestFilter, **what: Any) -> Iterator[Fault]:
        """While the block runs, requests that match meet a Fault with these fields."""
        fault = Fault(when, **what)
        self._faults.append(fault)
        try:
            yield fault
        finally:
            self._faults.remove(fault)

    @contextmanager
    def losing_events(self, when: EventFilter = lambda _: True) -> Iterator[None]:
        """While the block runs, watches stay open and do not tell what matches: without a filter not even bookmarks."""
        self._lost_events.append(when)
        try:
            yield
        finally:
            self._lost_events.remove(when)

    @contextmanager
    def refusing_connections(self) -> Iterator[None]:
        """While the block runs, nobody listens; connections that are open are cut."""
        self._do(self._close_port())
        try:
            yield
        finally:
            self._do(self._open_port())

    @contextmanager
    def telling(self, plural: str, event: Callable[[int], dict[str, Any]], rate: float) -> Iterator[list[int]]:
        """While the block runs, watches of a kind tell of so many events a second beside what happens.

        event makes each from its number; lists of the kind are of the newest version that was told, from then on. Gives a
        list, in which the numbers are that were told.
        """
        told: list[int] = []

        async def tell() -> None:
            begin = self._loop.time()
            while True:
                for number in range(len(told), int((self._loop.time() - begin) * rate)):
                    made = event(number)
                    line = json.dumps(made).encode() + b"\n"
                    self._told[f"/{plural}"] = made["object"]["metadata"]["resourceVersion"]
                    for ending, response in list(self._streams.items()):
                        if not ending.done() and self._watches[ending].path.endswith(f"/{plural}"):
                            await response.write(line)
                    told.append(number)
                await asyncio.sleep(0.02)

        telling = asyncio.run_coroutine_threadsafe(tell(), self._loop)
        try:
            yield told
        finally:
            telling.cancel()

    def end_watches(self, last_line: bytes = CUT) -> None:
        """End every watch that is open, with a last line or without a word."""

        async def end() -> None:
            for ending in list(self._watches):
                if not ending.done():
                    ending.set_result(last_line)

        self._do(end())

    def end_watches_with_error(self, code: int, reason: str) -> None:
        """End every watch that is open as the API server ends one that it cannot serve: with an ERROR event."""
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
        self.end_watches(json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")

    # --- the server ---------------------------------------------------------------------------------------------------

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _start(self) -> None:
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        self._client = aiohttp.ClientSession(connector=connector, timeout=timeout, read_bufsize=LINE_LIMIT)
        app = web.Application(client_max_size=LINE_LIMIT)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await self._open_port()

    async def _stop(self) -> None:
        await self._runner.cleanup()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=5)
        await self._client.close()

    async def _open_port(self) -> None:
        self._site = web.TCPSite(self._runner, HOST, self._port, reuse_address=True)
        await self._site.start()

    async def _close_port(self) -> None:
        await self._site.stop()
        assert self._runner.server is not None
        for connection in self._runner.server.connections:
            connection.force_close()

    async def _serve(self, asked: web.Request) -> web.StreamResponse:
        body = await asked.read()
        request = Request(asked.method, asked.path, dict(asked.query), body, time.monotonic())
        self.requests.append(request)
        fault = next((each for each in list(self._faults) if each.meets(request)), Fault(lambda _: False))
        if fault.before:
            await asyncio.to_thread(fault.before)
        await asyncio.sleep(fault.delay)
        if fault.lose_request:
            return _cut(asked)
        if fault.status:
            request.status = fault.status
            return web.json_response(_status(fault.status), status=fault.status, headers=fault.headers)
        if request.is_watch:
            return await self._watch(asked, request)
        answer = await self._answer_to(asked, request)
        version = next((each for end, each in self._told.items() if request.is_for("GET", end)), None)
        if version is not None and answer.status == 200:
            answer = replace(answer, content=_at_version(answer.content, version))
        if fault.after:
            await asyncio.to_thread(fault.after)
        if fault.lose_answer:
            return _cut(asked)
        told = self._remember(asked, answer, stale=fault.stale)
        request.status = told.status
        return _response(told)

    async def _answer_to(self, asked: web.Request, request: Request) -> "_Answer":
        """What the API server says. It does what it was asked, and it is noted, though the operator is killed meanwhile."""
        asking = asyncio.ensure_future(self._ask_for_all(asked, request))
        self._under_way.add(asking)
        asking.add_done_callback(self._under_way.discard)
        return await asyncio.shield(asking)

    async def _ask_for_all(self, asked: web.Request, request: Request) -> "_Answer":
        async with self._ask(asked, request.body) as answer:
            content, request.applied = await answer.read(), answer.status
            return _Answer(answer.status, answer.content_type, content)

    def _ask(self, asked: web.Request, body: bytes) -> aiohttp.client._RequestContextManager:
        """The same of the API server."""
        url = URL(f"{self._upstream}{asked.raw_path}", encoded=True)
        headers = {name: text for name, text in asked.headers.items() if name.lower() not in HOP_HEADERS}
        headers["Accept-Encoding"] = "identity"
        return self._client.request(asked.method, url, data=body or None, headers=headers)

    def _remember(self, asked: web.Request, answer: "_Answer", *, stale: bool) -> "_Answer":
        """What is told: this answer, or the one before it to the same question."""
        if asked.method != "GET":
            return answer
        before = self._answers.get(asked.raw_path, answer)
        self._answers[asked.raw_path] = answer
        return before if stale else answer

    async def _watch(self, asked: web.Request, request: Request) -> web.StreamResponse:
        async with self._ask(asked, request.body) as answer:
            request.status = answer.status
            if answer.status == 200:
                return await self._pass_on(asked, request, answer)
            return _response(_Answer(answer.status, answer.content_type, await answer.read()))

    async def _pass_on(
        self, asked: web.Request, request: Request, answer: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        """Each line of the watch, until either side ends it or the test does."""
        response = web.StreamResponse(headers={"Content-Type": answer.content_type})
        await response.prepare(asked)
        ending: asyncio.Future[bytes] = self._loop.create_future()
        self._watches[ending], self._streams[ending] = request, response
        reading = asyncio.ensure_future(answer.content.readline())
        try:
            while True:
                await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
                if ending.done() or not (line := reading.result()):
                    break
                if not self._is_lost(line):
                    await response.write(line)
                reading = asyncio.ensure_future(answer.content.readline())
            if ending.done() and (last := ending.result()):
                await response.write(last)
            elif ending.done() and asked.transport:
                asked.transport.abort()
        except (aiohttp.ClientError, ConnectionError):
            return response  # either side has gone away
        else:
            return response
        finally:
            reading.cancel()
            del self._watches[ending], self._streams[ending]

    def _is_lost(self, line: bytes) -> bool:
        if not self._lost_events:
            return False
        told = json.loads(line)
        event = Event(told["type"], told["object"]["kind"], told["object"]["metadata"].get("name", ""))
        return any(is_lost(event) for is_lost in list(self._lost_events))


def _response(answer: _Answer) -> web.Response:
    return web.Response(body=answer.content, status=answer.status, headers={"Content-Type": answer.content_type})


def _cut(asked: web.Request) -> web.Response:
    """No answer; the connection breaks."""
    if asked.transport:
        asked.transport.abort()
    return web.Response()


def _at_version(content: bytes, version: str) -> bytes:
    """The list as one of that version."""
    listed = json.loads(content)
    return json.dumps({**listed, "metadata": {**listed["metadata"], "resourceVersion": version}}).encode()


def _status(code: int) -> dict[str, Any]:
    message = f"The proxy of the test answers {code}."
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}


def _administrator(kubeconfig: Path) -> tuple[str, ssl.SSLContext]:
    """Address of the API server, and TLS with the client certificate that the kubeconfig carries."""
    content = json.loads(kubeconfig.read_text())  # as cluster.kubeconfig writes it
    cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]

    tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as pair:  # the library reads certificates from files only
        parts = ("client-certificate-data", "client-key-data")
        pair.write(b"\n".join(base64.b64decode(user[part]) for part in parts))
        pair.flush()
        tls.load_cert_chain(pair.name)
    return str(cluster["server"]), tls
