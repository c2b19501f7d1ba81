"""Time as it passes, which nobody can set: for what must not happen too late, and for how long something took."""

import time
from typing import Final

_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux's monotonic clock stands still while the machine sleeps, and a replica that has slept must know that it has."""


def elapsed() -> float:
    """Seconds since any moment; also those for which the machine was asleep."""
    return time.clock_gettime(_CLOCK)
