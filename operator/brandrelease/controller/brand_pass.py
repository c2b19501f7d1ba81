"""One pass over one Brand: look at it, ask what is due to be asked, judge, and write the status if it differs.

Nothing waits for these passes: a release finds out itself what it needs. So they have few workers and a queue of their own.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog

from brandrelease.apis.brand import Brand
from brandrelease.apis.brand_status import BrandConditionType, BrandStatus
from brandrelease.apis.conditions import ConditionStatus
from brandrelease.controller.brand_questions import Questions
from brandrelease.controller.work_queue import Again, Key
from brandrelease.core.brands.health import announcement, is_ready, judge_brand, pause
from brandrelease.core.brands.seen import BrandSnapshot, SeenBrand
from brandrelease.core.snapshot import BrandInvalid
from brandrelease.ports import BrandAnnouncer, Brands, Clock, StatusConflict

log = structlog.get_logger(__name__)

WORKERS: Final = 4
"""Brands that are asked about at the same time, however many there are."""

EARLY: Final = 0.1
"""Seconds by which a timer may ring before its time, by rounding: that is time enough."""

CONFLICT_LIMIT: Final = timedelta(minutes=1)
"""Longest pause after a conflict: somebody who changes a Brand all the time must not have everybody asked all the time."""


@dataclass(frozen=True, slots=True)
class _Asking:
    """When a Brand is asked about next. version: the object as it was when it was asked about. due: time of the loop."""

    version: str
    due: float
    tries: int = 0


class BrandPass:
    """Passes over Brands. What it remembers is when to ask again: a restart may forget it."""

    def __init__(
        self,
        brands: Brands,
        questions: Questions,
        announcer: BrandAnnouncer,
        clock: Clock,
        namespaces: frozenset[str],
        own_write: Callable[[str, str, str], None],
    ) -> None:
        """namespaces: those that are watched; empty means all.

        own_write is told uid, old and new resourceVersion of each status written, so that its event is no news.
        """
        self._brands, self._questions, self._announcer, self._clock = brands, questions, announcer, clock
        self._namespaces, self._own_write = namespaces, own_write
        self._asking: dict[Key, _Asking] = {}

    async def __call__(self, key: Key) -> Again:
        """One pass; says when to look again."""
        seen = await self._brands.brand(key.name)
        if seen is None or not self._is_ours(seen):
            self._asking.pop(key, None)
            return Again()
        try:
            return await self._look(key, seen)
        except StatusConflict:
            log.info("The Brand changed during the pass; looking again.")
            return Again(retry=CONFLICT_LIMIT)

    def _is_ours(self, seen: SeenBrand) -> bool:
        """An operator that watches some namespaces leaves the Brands of others to the operators of those."""
        if not self._namespaces or not isinstance(seen.brand, Brand):
            return True
        return not self._namespaces.isdisjoint(seen.brand.namespaces().values())

    async def _look(self, key: Key, seen: SeenBrand) -> Again:
        asking, brand = self._asking.get(key) or self._first_sight(seen), seen.brand
        if asking.version != seen.resource_version:  # somebody has changed something, and wants to see the answer
            asking = _Asking(seen.resource_version, _now())
        snapshot = BrandSnapshot(self._clock.now(), seen, {}, asked=None)
        if isinstance(brand, BrandInvalid):
            after = await self._record(snapshot)
        else:
            snapshot = replace(snapshot, holders=await self._brands.holders(brand))
            due = _now() + EARLY >= asking.due
            after = await (self._ask(snapshot, brand) if due else self._record(snapshot))
            asking = self._next(asking, after) if due else asking
        await self._tell(seen, after.status)
        self._asking[key] = replace(asking, version=after.resource_version)
        return Again() if isinstance(brand, BrandInvalid) else Again(after=timedelta(seconds=asking.due - _now()))

    async def _ask(self, snapshot: BrandSnapshot, brand: Brand) -> SeenBrand:
        """Ask, and write what was found; before that, that a new spec was taken note of."""
        seen = snapshot.seen
        if seen.status.observed_generation != seen.generation:
            seen = await self._record(snapshot)
        asked = await self._questions.ask(brand)
        return await self._record(replace(snapshot, now=self._clock.now(), seen=seen, asked=asked))

    async def _record(self, snapshot: BrandSnapshot) -> SeenBrand:
        """Judge, and write the status if it differs; the object as it is then. Raises StatusConflict."""
        seen, status = snapshot.seen, judge_brand(snapshot)
        if status == seen.status:
            return seen
        version = await self._brands.write_status(seen, status)
        self._own_write(seen.uid, seen.resource_version, version)
        return replace(seen, status=status, resource_version=version)

    async def _tell(self, before: SeenBrand, after: BrandStatus) -> None:
        ready = after.condition(BrandConditionType.Ready)
        if ready and is_ready(before.status) is not ready.status:
            log.info(ready.message, ready=ready.status, reason=ready.reason)
        told = announcement(before.status, after)
        if told is not None:
            await self._announcer.announce_brand(before, told)

    # --- when to ask --------------------------------------------------------------------------------------------------

    @staticmethod
    def _first_sight(seen: SeenBrand) -> _Asking:
        """After a restart, what was known stands, and the Brands are asked about one after the other, not all at once."""
        if seen.status.observed_generation != seen.generation:
            return _Asking(seen.resource_version, _now())
        wait = pause(seen.status, tries=1).total_seconds() * random.uniform(0.1, 1)  # noqa: S311 - spreads the load, keeps no secret
        return _Asking(seen.resource_version, _now() + wait)

    @staticmethod
    def _next(before: _Asking, seen: SeenBrand) -> _Asking:
        tries = 0 if is_ready(seen.status) is ConditionStatus.Yes else before.tries + 1
        wait = pause(seen.status, max(tries, 1)).total_seconds() * random.uniform(0.8, 1.2)  # noqa: S311 - spreads the load, keeps no secret
        return _Asking(seen.resource_version, _now() + wait, tries)


def _now() -> float:
    return asyncio.get_running_loop().time()
