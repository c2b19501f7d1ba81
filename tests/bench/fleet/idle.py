"""What a fleet costs at which nothing happens: memory, processor time, requests, and the time that a start takes."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bench.fleet.meter import Request, Used, metrics_of
from bench.fleet.stage import Stage
from support.operator_process import OperatorProcess

SETTLE: Final = 30.0
"""Seconds after everything was looked at, in which what was begun at the start comes to its end."""

START_LIMIT: Final = 300.0


@dataclass(frozen=True)
class Start:
    """seconds: from the start of the process until the last BrandRelease was looked at. used: until that was noticed."""

    seconds: float
    used: Used


@dataclass(frozen=True)
class Idle:
    """started: seconds from the start of the process until the last BrandRelease was looked at. used: at rest after that."""

    count: int
    started: float
    used: Used

    @property
    def cores(self) -> float:
        return self.used.operator / self.used.seconds

    def per_minute(self) -> Counter[str]:
        """Requests by verb."""
        counts = Counter(each.verb for each in self.used.requests)
        return Counter({verb: round(count * 60 / self.used.seconds) for verb, count in counts.items()})


async def idle(stage: Stage, count: int, seconds: float) -> Idle:
    """Start an operator over a fleet of this many that have been released, and look on."""
    operator = stage.new_operator()
    try:
        started = await start(stage, operator, count)
        await asyncio.sleep(SETTLE)
        meter = stage.meter(operator)
        meter.begin()
        await asyncio.sleep(seconds)
        return Idle(count, started.seconds, meter.end())
    finally:
        operator.kill()


async def start(stage: Stage, operator: OperatorProcess, count: int) -> Start:
    """Start the operator over a fleet of this many, and wait until it has looked at each."""
    meter = stage.meter(operator)
    meter.begin()
    operator.start()
    await all_looked_at(operator, count)
    used = meter.end()
    return Start(last_first_look(used.requests) - used.began, used)


def last_first_look(requests: Iterable[Request]) -> float:
    """When the last BrandRelease was asked for that had not been asked for before. The operator itself is not asked for it."""
    first: dict[tuple[str, str], float] = {}
    for each in requests:
        if (each.verb, each.resource) == ("get", "brandreleases"):
            first.setdefault((each.namespace, each.name), each.at)
    return max(first.values())


async def all_looked_at(operator: OperatorProcess, count: int) -> None:
    """Wait until so many BrandReleases have had their first pass in the life of this process."""
    limit = time.monotonic() + START_LIMIT
    while metrics_of(operator).looked_at < count:
        if time.monotonic() > limit:
            message = f"Not every BrandRelease was looked at.\n{operator.last_lines()}"
            raise AssertionError(message)
        await asyncio.sleep(max(0.5, count / 500))  # each page of metrics makes the start longer
