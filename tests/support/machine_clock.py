"""A machine's clock that is set while a program runs: libfaketime, which leaves the monotonic clock alone."""

import time
from pathlib import Path
from typing import Final

CACHED: Final = 1
"""Seconds for which libfaketime keeps what the file says: without it, the program would read it at every call."""


class MachineClock:
    """The time of day that a program sees which is started with `environment`."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "time of day"
        self._file.write_text("+0\n")

    @property
    def environment(self) -> dict[str, str]:
        library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": str(CACHED),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def is_off_by(self, seconds: int) -> None:
        """Somebody, or NTP, sets it."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.replace(self._file)
        time.sleep(CACHED + 0.1)
