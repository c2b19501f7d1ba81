"""One request to an endpoint: no redirects, bounded time and size, and every trouble a sentence without secrets."""

import asyncio
import email.utils
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from brandrelease.core.plain import line
from brandrelease.core.scrubbing.scrub import scrub
from brandrelease.core.secret_hosts import not_for
from brandrelease.core.words import cut
from brandrelease.ports import Fence, NotTaken, Secret, Taken

LIMIT_SECONDS: Final = 10.0
"""For all requests of one notice together."""

ANSWER_LIMIT: Final = 1024 * 1024
"""Bytes that are read of an answer. Nothing that is asked here answers with more."""

_LONGEST_SENTENCE: Final = 400
_AGAIN: Final = "It is tried again."
_TOO_MANY, _UNAVAILABLE = 429, 503


class Trouble(Exception):
    """A notice was not taken; the text is the sentence for people. pause: seconds that the endpoint asks for."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


class Busy(Trouble):
    """The endpoint is there, and asks for fewer requests."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as far as it is read."""

    host: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_ok(self) -> bool:
        return self.status // 100 == 2  # noqa: PLR2004 - a class of HTTP

    def json(self) -> Any:
        """The body; raises Trouble where it is no JSON, as of a proxy that answers in the endpoint's place."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Trouble(
                f"{self.host} has answered with something that is not JSON. Look at what serves there. {_AGAIN}"
            ) from None

    def fields(self) -> Mapping[str, Any]:
        """The body as an object; empty where it is something else."""
        try:
            found = self.json()
        except Trouble:
            return {}
        return found if isinstance(found, dict) else {}


class HttpSender:
    """Sends requests. allow_insecure: also by plain http://. The fence is asked before each."""

    def __init__(self, session: aiohttp.ClientSession, fence: Fence | None = None, *, allow_insecure: bool) -> None:
        self._session, self._fence, self._allow_insecure = session, fence, allow_insecure

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Raises Trouble where there is no answer, or one that says nothing of what was asked: a redirect, too much."""
        host = self._allowed(url)
        with self._fence.write() if self._fence else nullcontext():
            response = await self._session.request(
                method, url, headers={"User-Agent": "brandrelease", **headers}, data=body, allow_redirects=False
            )
        async with response:
            if 300 <= response.status < 400:  # noqa: PLR2004 - a class of HTTP
                raise Trouble(
                    f"{host} redirects to another address, and what is secret is not sent there. Write the final address into the Brand or the Secret."
                )
            answer = Answer(host, response.status, response.headers, await _body(response))
        if response.status in {_TOO_MANY, _UNAVAILABLE} or "Retry-After" in answer.headers:
            pause = retry_after(answer.headers)
            if not answer.is_ok and (pause is not None or response.status == _TOO_MANY):
                trouble = Busy if answer.status < 500 else Trouble  # noqa: PLR2004 - a class of HTTP
                raise trouble(f"{host} asks for fewer requests (HTTP {answer.status}). {_AGAIN}", pause)
        return answer

    async def knock(self, url: str) -> None:
        """Raises Trouble where the host of the address must not be spoken to, and aiohttp's errors where nobody answers.

        GET of the origin: HTTP itself promises that it changes nothing, and the path, which may be secret and is where
        messages are taken, is not told. A connection alone would say less: a load balancer without a server behind it
        takes connections too. HEAD is answered with a body by careless receivers, and then aiohttp takes no answer at
        all. The head of any answer is good, also that there is no such page or method; the rest is not read.
        """
        self._allowed(url)
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/"
        async with self._session.get(origin, headers={"User-Agent": "brandrelease"}, allow_redirects=False) as answer:
            answer.close()

    def _allowed(self, url: str) -> str:
        """The host of the address; raises Trouble where it must not be spoken to."""
        try:
            parts = urlsplit(url)
            host, scheme = parts.hostname or "", parts.scheme
        except ValueError:
            host, scheme = "", ""
        if not host or scheme not in {"http", "https"}:
            raise Trouble("The address is not one of https://. Correct it.")
        if scheme == "http" and not self._allow_insecure:
            raise Trouble(
                f"{host} is to be spoken to over plain http://, where anybody on the way can read the Secret. Write https://, "
                "or set BRANDRELEASE_ALLOW_INSECURE_ENDPOINTS=true for the operator."
            )
        return host


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """As much of it as is read: what is longer is cut, and then no JSON any more."""
    body = bytearray()
    async for part in response.content.iter_chunked(64 * 1024):
        body += part
        if len(body) > ANSWER_LIMIT:
            break
    return bytes(body[:ANSWER_LIMIT])


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the answer asks to wait for, if it says so in a way that can be read."""
    said = headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        at = email.utils.parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return None
    return seconds_until(at, headers) if at.tzinfo else None


def seconds_until(at: datetime, headers: Mapping[str, str]) -> float | None:
    """By the server's own clock, which is in every answer."""
    try:
        sent = email.utils.parsedate_to_datetime(headers.get("Date", "")).astimezone(UTC)
        return max(0.0, (at - sent).total_seconds())
    except (ValueError, OverflowError):
        return None


def text_of(secret: Secret, name: str, key: str) -> str | None:
    """The value in one line, as it can stand in a header or an address; raises Trouble where it cannot."""
    value = secret.get(key)
    if value is None:
        return None
    try:
        text = value.decode("ascii").strip()
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable() or " " in text:
        raise Trouble(
            f'"{key}" of Secret "{name}" is empty, or has spaces or letters that no such value has. Correct it.'
        )
    return text


async def told(host: str, secret: Secret, send: Callable[[], Awaitable[str | None]]) -> Taken | NotTaken:
    """What has come of it. Only the kind of an error is told: its text may repeat headers or addresses."""
    if only := not_for(secret, host):
        return NotTaken(
            cut(
                f"The Secret {only}, and not for {host}. Correct the Brand, or name another Secret.", _LONGEST_SENTENCE
            ),
            None,
        )
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            return Taken(await send())
    except Trouble as trouble:
        problem, pause = str(trouble), trouble.pause
    except TimeoutError:
        problem, pause = f"{host} did not answer within {LIMIT_SECONDS:g} seconds. {_AGAIN}", None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        problem, pause = f"{host} could not be spoken to ({type(error).__name__}). {_AGAIN}", None
    values = (value.decode(errors="ignore") for value in secret.values())
    return NotTaken(cut(line(scrub(problem, values)), _LONGEST_SENTENCE), pause)


async def trouble(host: str, secret: Secret, ask: Callable[[], Awaitable[None]]) -> str | None:
    """Why nobody can be told there, found by asking without telling; None where all is well. The limits of `told`."""

    async def unless_busy() -> None:
        try:
            await ask()
        except Busy:
            return  # whoever counts our requests can be told, later

    answer = await told(host, secret, unless_busy)
    return answer.problem if isinstance(answer, NotTaken) else None
