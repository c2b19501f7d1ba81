"""Looks of checks, made in the background: a source that is slow or hangs delays nobody, and no pass waits for it.

What was found last is kept, by BrandRelease, release and check. It is a cache and nothing else: after a restart what is
due is looked at again.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.controller.looking import Looking
from brandrelease.controller.work_queue import Key
from brandrelease.core.checks.measured import CheckOrder, Measured, Unmeasured
from brandrelease.ports import Clock
from brandrelease.telemetry import Metrics

AT_A_TIME: Final = 32
"""Looks at the same time, of all BrandReleases together: each has a connection or a thread of its own."""

_Looked = tuple[int, str]
"""Number of the release and name of the check."""


@dataclass
class _Looks:
    """What is known about the checks of one BrandRelease, and the looks that are under way."""

    found: dict[_Looked, Measured] = field(default_factory=dict)
    under_way: dict[_Looked, asyncio.Task[None]] = field(default_factory=dict)


class Measuring:
    """The port `Measurements`. wake: a look has come to its end, so the BrandRelease is to be looked at."""

    def __init__(self, looking: Looking, clock: Clock, metrics: Metrics, wake: Callable[[Key], None]) -> None:
        self._looking, self._clock, self._metrics, self._wake = looking, clock, metrics, wake
        self._by_key: dict[Key, _Looks] = {}
        self._room = asyncio.Semaphore(AT_A_TIME)

    def last(self, release: BrandRelease, number: int, order: CheckOrder, since: datetime) -> Measured | None:
        key, what = Key(release.namespace, release.name), (number, order.check.name)
        looks = self._by_key.setdefault(key, _Looks())
        measured = looks.found.get(what)
        if measured is not None and measured.at >= since:
            return measured
        if what not in looks.under_way:
            task = asyncio.create_task(self._look(key, looks, what, order))
            looks.under_way[what] = task
        return None

    def forget(self, namespace: str, name: str) -> None:
        looks = self._by_key.pop(Key(namespace, name), None)
        for task in looks.under_way.values() if looks is not None else ():
            task.cancel()

    async def _look(self, key: Key, looks: _Looks, what: _Looked, order: CheckOrder) -> None:
        try:
            async with self._room:
                observation = await self._looking.look(order)
        finally:
            looks.under_way.pop(what, None)
        result = "error" if isinstance(observation, Unmeasured) else "ok"
        self._metrics.outside.check_measurements.labels(order.check.source_name, result).inc()
        looks.found = {known: found for known, found in looks.found.items() if known[0] >= what[0] - 1}
        looks.found[what] = Measured(observation, self._clock.now())
        self._wake(key)
