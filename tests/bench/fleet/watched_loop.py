"""The operator with a watch on its event loop: `python -m bench.fleet.watched_loop FILE run` notes what blocks it for long.

A timer that is late does not tell why: many short callbacks before it, a processor that others had, or one long callback.
Only the last is a fault. So each callback is timed here, by the clock and by the processor time of the loop's own thread.
"""

import asyncio
import gc
import json
import sys
import threading
import time
from asyncio import events
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self, TextIO

from brandrelease.controller.heap import spare_what_stays

LIMIT: Final = 0.05
"""Seconds that nothing may block the loop for (issue 10)."""

ROUND: Final = spare_what_stays.__name__
"""Looks through all of the memory, so that nothing else has to: `brandrelease.controller.heap`."""


@dataclass(frozen=True)
class Blocked:
    """One callback over the limit. Seconds by the clock, of the thread's processor time, and of that in the garbage collector."""

    took: float
    processor: float
    collecting: float
    what: str


def module_of(file: Path) -> tuple[str, ...]:
    """What runs the operator so, with its arguments; it notes in this file."""
    return ("bench.fleet.watched_loop", str(file), "run")


def noted_in(file: Path, since: int = 0) -> list[Blocked]:
    """What was noted, in its order, but for what was noted before."""
    return [Blocked(**json.loads(line)) for line in file.read_text().splitlines()[since:]]


@dataclass(frozen=True)
class Noted:
    """What blocked the loop, by why. by_work: its own, but for the collector's rounds, which are one an hour and two at the start."""

    by_work: tuple[Blocked, ...]
    by_others: tuple[Blocked, ...]
    """Short ones that had no processor in the midst of them."""

    @classmethod
    def of(cls, noted: Iterable[Blocked]) -> Self:
        counted = [each for each in noted if ROUND not in each.what]
        worked = [each for each in counted if each.processor > LIMIT]
        waited = [each for each in counted if each.processor <= LIMIT]
        return cls(tuple(worked), tuple(waited))


class LoopWatch:
    """Times callbacks and notes those over the limit."""

    def __init__(self, notes: TextIO) -> None:
        self._notes, self._collecting, self._began = notes, 0.0, 0.0
        self._run, self._thread = events.Handle._run, threading.get_ident()

    def install(self) -> None:
        """From now on, in this process."""
        watch = self

        def watched(handle: Any) -> None:
            watch.run(handle)

        events.Handle._run = watched  # type: ignore[method-assign,assignment]
        gc.callbacks.append(self.collected)

    def run(self, handle: Any) -> None:
        """In the place of the handle's own `_run`. kopf has a loop in a thread of its own, which blocks nobody."""
        if threading.get_ident() != self._thread:
            self._run(handle)
            return
        self._collecting = 0.0
        began, processor = time.perf_counter(), time.thread_time()
        what = _named(handle) if handle._callback is not None else ""
        self._run(handle)
        if (took := time.perf_counter() - began) > LIMIT:
            noted = Blocked(took, time.thread_time() - processor, self._collecting, what)
            self._notes.write(json.dumps(asdict(noted)) + "\n")
            self._notes.flush()

    def collected(self, phase: str, _info: object) -> None:
        """The collector begins or has ended; it does so in the midst of a callback."""
        if threading.get_ident() != self._thread:
            return
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self._collecting += time.perf_counter() - self._began


def _named(handle: Any) -> str:
    """The coroutine that a task goes on with, down to the innermost; or the function."""
    task = getattr(handle._callback, "__self__", None)
    if not isinstance(task, asyncio.Task):
        return str(getattr(handle._callback, "__qualname__", type(handle._callback).__name__))
    coroutine: Any = task.get_coro()
    names = []
    while hasattr(coroutine, "cr_await"):
        names.append(coroutine.__qualname__)
        coroutine = coroutine.cr_await
    return " > ".join(names)


def main() -> None:
    """Run the command line's program, watched."""
    _, file, *arguments = sys.argv
    sys.argv = ["brandrelease", *arguments]
    from brandrelease.cli import main as operator

    with Path(file).open("a") as notes:
        LoopWatch(notes).install()
        operator()


if __name__ == "__main__":
    main()
