"""The fence: whatever is changed outside, whoever changes it, asks here right before it is sent whether this replica leads."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Final, NoReturn

import structlog

from brandrelease.elapsed import elapsed
from brandrelease.ports import NotLeading

log = structlog.get_logger(__name__)

EXIT_DEPOSED: Final = 75
"""Of the process that may not lead any more: EX_TEMPFAIL of sysexits.h, start it again."""


def end_process(why: str) -> NoReturn:
    """End at once, without a last word to anybody outside: nothing that is under way is worth the doubt."""
    log.critical(
        "This replica leads no more and ends at once; it is to be started again.", why=why, exit_code=EXIT_DEPOSED
    )
    os._exit(EXIT_DEPOSED)


class Fence:
    """Open from the first renewal of the Lease until the time limit that the last one has set.

    Asking after the time limit ends the process. Threads may ask too: calls to AWS are made in some.
    """

    def __init__(self, now: Callable[[], float] = elapsed, end: Callable[[str], NoReturn] = end_process) -> None:
        self._now, self._end = now, end
        self._lock = threading.Lock()
        self._open_until: float | None = None
        self._shut = threading.Event()
        self._under_way = 0
        self._quiet: Future[None] = Future()

    def open_until(self, moment: float) -> None:
        """Let writes through until this moment of its clock, in seconds."""
        self._open_until = moment

    @contextmanager
    def write(self) -> Iterator[None]:
        """Around each change of the world outside. Raises NotLeading before and after the time of leading."""
        with self._lock:
            self.ask()
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
                self._note_quiet()

    def ask(self) -> None:
        """Whether a write may be sent now, for what sends one several times. Raises NotLeading."""
        if self._shut.is_set() or self._open_until is None:
            raise NotLeading(
                "This replica does not lead: nothing was sent. The one that leads goes on where things stand."
            )
        self._end_if_late(self._open_until)

    def shut(self) -> Future[None]:
        """Let nothing more through, for good. The future is done when what is under way has been answered."""
        with self._lock:
            self._shut.set()
            self._note_quiet()
        return self._quiet

    def lose(self, why: str) -> NoReturn:
        """Another replica leads."""
        self._end(why)

    def guard(self) -> None:
        """End the process at the time limit also if nobody asks, and if the event loop hangs."""
        threading.Thread(target=self._guard, name="fence", daemon=True).start()

    def _guard(self) -> None:
        while self._open_until is not None:
            if self._shut.wait(min(max(0.0, self._open_until - self._now()), threading.TIMEOUT_MAX)):
                return
            self._end_if_late(self._open_until)

    def _end_if_late(self, limit: float) -> None:
        late = self._now() - limit
        if late >= 0:
            self._end(f"The Lease could not be renewed in time; the time limit has passed {late:.1f} s ago.")

    def _note_quiet(self) -> None:
        if self._shut.is_set() and not self._under_way and not self._quiet.done():
            self._quiet.set_result(None)
