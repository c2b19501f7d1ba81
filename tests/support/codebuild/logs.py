"""The log of a build, and CloudWatch's way of reading it page by page."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from support.codebuild.wire import AwsError

GROUP = "/aws/codebuild/"
MOST_EVENTS = 10_000


@dataclass(frozen=True)
class Line:
    text: str
    at: float
    readable: float


@dataclass
class Log:
    """One log stream; times are in seconds since the epoch."""

    delay: float = 0.0
    empty_pages: int = 0
    _lines: list[Line] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, text: str, now: float) -> None:
        with self._lock:
            self._lines.append(Line(text, now, now + self.delay))

    @property
    def text(self) -> str:
        """All of it, also what cannot be read yet."""
        with self._lock:
            return "".join(line.text for line in self._lines)

    def page(self, parameters: Mapping[str, Any], now: float) -> dict[str, Any]:
        """The answer of GetLogEvents."""
        with self._lock:
            known = [line for line in self._lines if line.readable <= now]
            first, last = _window(parameters, len(known))
            if self.empty_pages and parameters.get("startFromHead"):
                self.empty_pages -= 1
                return _events([], f"f/{first}e{self.empty_pages}/s", f"b/{first}/s")
            return _events(known[first:last], f"f/{last}/s", f"b/{first}/s")


def _window(parameters: Mapping[str, Any], count: int) -> tuple[int, int]:
    """From which line to which: a token tells the line where it stands, and in which direction one reads on."""
    limit = int(parameters.get("limit") or MOST_EVENTS)
    token = parameters.get("nextToken")
    if not token:
        return (0, min(limit, count)) if parameters.get("startFromHead") else (max(0, count - limit), count)
    direction, _, place = str(token).removesuffix("/s").partition("/")
    number = place.partition("e")[0]
    if direction not in {"f", "b"} or not number.isdecimal():
        raise AwsError("InvalidParameterException", "The specified nextToken is invalid.")
    at = min(int(number), count)
    return (at, min(at + limit, count)) if direction == "f" else (max(0, at - limit), at)


def _events(lines: list[Line], forward: str, backward: str) -> dict[str, Any]:
    events = [
        {"timestamp": int(line.at * 1000), "message": line.text, "ingestionTime": int(line.readable * 1000)}
        for line in lines
    ]
    return {"events": events, "nextForwardToken": forward, "nextBackwardToken": backward}
