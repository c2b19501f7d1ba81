"""Chromium without a window, led by its DevTools protocol: it is JSON over a websocket, and aiohttp is here already."""

import asyncio
import base64
import itertools
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiohttp

START_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 15.0

_ADDRESS: Final = re.compile(r"DevTools listening on (ws://\S+)")
_OPTIONS: Final = (
    "--headless=new",
    "--no-sandbox",  # the tests run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--no-first-run",
    "--remote-debugging-port=0",
)

Answer = dict[str, Any]


class Page:
    """One tab: what it has asked for, what its console says, and what can be done with it."""

    def __init__(self, browser: "Chromium", session: str) -> None:
        self._browser, self._session = browser, session
        self._loaded = asyncio.Event()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        """Errors and warnings of the console, also of the content security policy, and exceptions that nobody caught."""

    async def send(self, method: str, **parameters: Any) -> Answer:
        """A command of the protocol."""
        return await self._browser.send(method, parameters, self._session)

    def heard(self, method: str, parameters: Answer) -> None:
        match method:
            case "Page.loadEventFired":
                self._loaded.set()
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])
            case "Log.entryAdded" if parameters["entry"]["level"] in {"error", "warning"}:
                self.complaints.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")
            case "Runtime.consoleAPICalled" if parameters["type"] in {"error", "warning", "assert"}:
                self.complaints.append(str(parameters["args"]))
            case "Runtime.exceptionThrown":
                self.complaints.append(str(parameters["exceptionDetails"]))

    async def looks(self, width: int, height: int, *, dark: bool = False, phone: bool = False) -> None:
        """The size of the window, and what the person prefers."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        await self.send("Emulation.setDeviceMetricsOverride", **metrics)
        preferred = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.send("Emulation.setEmulatedMedia", features=preferred)

    async def open(self, url: str) -> None:
        """Go there, and wait until it is loaded and its scripts have run."""
        self._loaded.clear()
        await self.send("Page.navigate", url=url)
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._loaded.wait()

    async def is_(self, expression: str) -> Any:
        """The value of an expression of JavaScript."""
        answer = await self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, expression: str, limit: float = 10.0) -> None:
        """Wait until it is true; looked at each time that the page is drawn."""
        look = f"({expression}) ? done(true) : performance.now() > end ? done(false) : setTimeout(look, 20)"
        end = f"const end = performance.now() + {limit * 1000}"
        waiting = f"new Promise((done) => {{ {end}; const look = () => {look}; look(); }})"
        until = time.monotonic() + limit
        while time.monotonic() < until:
            with suppress(AssertionError):  # the page that it was asked of has just been left
                if await self.is_(waiting):
                    return
        body = await self.is_("document.body.innerText")
        raise AssertionError(f"Not within {limit:g} s: {expression}\n{body}\n{self.complaints}")

    async def picture(self, path: Path, *, whole: bool = False) -> None:
        """A picture of what is to be seen, of the kind that the file's name says: png or jpeg."""
        kind = path.suffix.removeprefix(".")
        quality = {"quality": 82} if kind == "jpeg" else {}
        answer = await self.send("Page.captureScreenshot", format=kind, captureBeyondViewport=whole, **quality)
        path.write_bytes(base64.b64decode(answer["data"]))

    async def press(self, key: str, number: int, text: str = "") -> None:
        """A key, with the text that it writes, if any."""
        named = {"key": key, "code": key, "windowsVirtualKeyCode": number}
        await self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **named)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **named)


class Chromium:
    """`async with chromium() as browser:`; each page has cookies of its own."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._pages: dict[str, Page] = {}

    async def page(self) -> Page:
        """A new tab that remembers nothing of the others."""
        context = (await self.send("Target.createBrowserContext", {}))["browserContextId"]
        target = await self.send("Target.createTarget", {"url": "about:blank", "browserContextId": context})
        attached = await self.send("Target.attachToTarget", {"targetId": target["targetId"], "flatten": True})
        page = self._pages[attached["sessionId"]] = Page(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            await page.send(f"{domain}.enable")
        return page

    async def send(self, method: str, parameters: Answer, session: str | None = None) -> Answer:
        number = next(self._numbers)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        which = {"sessionId": session} if session else {}
        await self._socket.send_json({"id": number, "method": method, "params": parameters, **which})
        async with asyncio.timeout(ANSWER_SECONDS):
            return await answer

    async def listen(self) -> None:
        async for message in self._socket:
            told = message.json()
            if waiting := self._waiting.pop(told.get("id", 0), None):
                if "error" in told:
                    waiting.set_exception(AssertionError(told["error"]["message"]))
                else:
                    waiting.set_result(told["result"])
            elif page := self._pages.get(told.get("sessionId", "")):
                page.heard(told["method"], told["params"])


@asynccontextmanager
async def chromium() -> AsyncIterator[Chromium]:
    """Debian's Chromium, with a profile that is thrown away."""
    program = shutil.which("chromium")
    assert program, "There is no chromium: python -m cluster packages installs it."
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program, *_OPTIONS, f"--user-data-dir={profile}", "about:blank", stderr=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                address = await _address(process)
            async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
                browser = Chromium(socket)
                at_work = (asyncio.create_task(browser.listen()), asyncio.create_task(_drain(process)))
                try:
                    yield browser
                finally:
                    for each in at_work:
                        each.cancel()
        finally:
            process.kill()
            await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    said = b""
    while line := await process.stderr.readline():
        said += line
        if found := _ADDRESS.search(line.decode(errors="replace")):
            return found[1]
    raise AssertionError(f"Chromium did not start:\n{said.decode(errors='replace')}")


async def _drain(process: asyncio.subprocess.Process) -> None:
    """What it grumbles is not kept, but must not fill the pipe."""
    assert process.stderr is not None
    while await process.stderr.read(65536):
        pass
