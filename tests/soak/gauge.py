"""What the operator's process needs: memory, files, threads and time, sampled for as long as one process lives."""

import os
import re
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

WARM_UP: Final = 45.0
"""Seconds until a process has seen everything once."""

SHORTEST: Final = 60.0
"""Seconds that must be seen before anything can be said of growth."""

RSS_GROWTH: Final = 0.10
FILES_GROWTH: Final = 0.5
"""Connections come and go with the load, by a third and more. What leaks, leaks with each of hundreds of releases."""

MORE_THREADS: Final = 3

_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """at: monotonic. rss: MiB. cpu: seconds since the process began."""

    at: float
    rss: float
    files: int
    threads: int
    cpu: float


@dataclass
class Lives:
    """The samples of each process, in the order in which they lived."""

    samples: dict[int, list[Sample]] = field(default_factory=dict)

    def look(self, pid: int) -> Sample | None:
        """Sample it; None if it has just ended."""
        if (sample := sample_of(pid)) is not None:
            self.samples.setdefault(pid, []).append(sample)
        return sample

    def last(self, since: float, until: float) -> list[Sample]:
        """Of the last process, after its warm-up, between two moments of the monotonic clock."""
        mine = next(reversed(self.samples.values()), [])
        return [each for each in mine if max(since, mine[0].at + WARM_UP) <= each.at <= until]


@dataclass(frozen=True)
class Growth:
    """How one measure has changed, from the first quarter of the time to the last."""

    what: str
    before: float
    after: float
    minutes: float
    limit: float

    @property
    def is_flat(self) -> bool:
        return self.after <= self.limit

    def __str__(self) -> str:
        slope = (self.after - self.before) / self.minutes if self.minutes else 0.0
        return f"{self.what}: {self.before:.1f} -> {self.after:.1f} in {self.minutes:.1f} min ({slope:+.2f} a minute; limit {self.limit:.1f})"


def growths(samples: list[Sample]) -> list[Growth]:
    """Medians of the first and the last quarter; none where too little was seen."""
    if not samples or samples[-1].at - samples[0].at < SHORTEST:
        return []
    quarter = max(len(samples) // 4, 1)
    minutes = (samples[-1].at - samples[0].at) * 0.75 / 60
    found = []
    limits = (("rss", 1 + RSS_GROWTH, 0.0), ("files", 1 + FILES_GROWTH, 0.0), ("threads", 1.0, MORE_THREADS))
    for what, times, more in limits:
        before, after = (
            statistics.median(getattr(each, what) for each in part) for part in (samples[:quarter], samples[-quarter:])
        )
        found.append(Growth(what, before, after, minutes, before * times + more))
    return found


def sample_of(pid: int) -> Sample | None:
    """What /proc says of a process; None if it is gone."""
    home = Path("/proc") / str(pid)
    try:
        status, files = (home / "status").read_text(), sum(1 for _ in (home / "fd").iterdir())
        fields = (home / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    rss, threads = re.search(r"VmRSS:\s+(\d+)", status), re.search(r"Threads:\s+(\d+)", status)
    if rss is None or threads is None:
        return None  # it has ended and nobody has asked how
    cpu = (int(fields[11]) + int(fields[12])) / _TICKS
    return Sample(time.monotonic(), int(rss[1]) / 1024, files, int(threads[1]), cpu)


def children(pid: int, name: str) -> int | None:
    """The child of a process with this name."""
    for task in (Path("/proc") / str(pid) / "task").iterdir():
        for child in (task / "children").read_text().split():
            if (Path("/proc") / child / "comm").read_text().strip() == name[:15]:
                return int(child)
    return None
