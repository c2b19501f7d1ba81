"""A visitor who asks for the page every 100 ms and counts what goes wrong."""

import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from types import TracebackType
from typing import Self

EVERY_SECONDS = 0.1
PATIENCE_SECONDS = 3.0


class Probe:
    """Asks while the block runs. asked: how often; failures: what went wrong, and how often."""

    def __init__(self, url: str) -> None:
        self.asked = 0
        self.failures: Counter[str] = Counter()
        self._url, self._stop = url, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS + 1)

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            self.asked += 1
            try:
                with urllib.request.urlopen(self._url, timeout=PATIENCE_SECONDS) as answer:
                    answer.read()
            except (urllib.error.URLError, OSError) as error:
                self.failures[str(error)] += 1
            self._stop.wait(max(0.0, EVERY_SECONDS - (time.monotonic() - began)))
