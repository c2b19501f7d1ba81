"""Where and when something was measured: without that, no figure says anything."""

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from brandrelease.adapters.system_clock import SystemClock


@dataclass(frozen=True, slots=True)
class Machine:
    """load: processes that wanted a processor in the minute before the section began, and in the minute before it ended."""

    day: str
    processor: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    load: tuple[float, float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "load", tuple(self.load))  # JSON makes a list of it

    def __str__(self) -> str:
        before, after = self.load
        return (
            f"{self.day}, {self.cores} cores of {self.processor}, {self.memory_gib:.0f} GiB, Linux {self.kernel}, "
            f"Python {self.python}; load {before:.1f} before, {after:.1f} at the end"
        )


def this_machine(load_before: float) -> Machine:
    """As it is now."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        day=f"{SystemClock().now():%Y-%m-%d}",
        processor=_processor(Path("/proc/cpuinfo").read_text()),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=pages / 2**30,
        kernel=platform.release(),
        python=platform.python_version(),
        load=(load_before, os.getloadavg()[0]),
    )


def _processor(told: str) -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", told, re.MULTILINE)
    return found[1] if found else platform.machine()
