"""A keyed work queue: one pass per object at a time, however many events ask for it."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from brandrelease.controller.fair_queue import FairQueue
from brandrelease.controller.pace import Pace
from brandrelease.ports import KubernetesFails, NotLeading
from brandrelease.telemetry import QueueMetrics

log = structlog.get_logger(__name__)

FIRST_PAUSE: Final = 1.0
"""Seconds until the first repetition of a pass that failed; each further pause is twice as long."""

FAILED_PASS_LIMIT: Final = timedelta(minutes=1)
"""Longest pause after passes that failed: the API server may answer again at any time."""

LONGEST_HOLD: Final = timedelta(minutes=1)
"""Longest time for which the API server can ask not to be asked again: a header that is wrong must not stop an object."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """A BrandRelease; or a Brand, which is in no namespace."""

    namespace: str
    name: str

    @property
    def is_brand(self) -> bool:
        return not self.namespace

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def brand_key(name: str) -> Key:
    """The key of a Brand."""
    return Key("", name)


@dataclass(frozen=True, slots=True)
class Again:
    """When to look at an object again if nothing happens before: after a time, or after a growing pause.

    not_before: so long it is not looked at again whatever happens. under_way: its pods are being replaced or watched, so its
    next look is more urgent than one that only begins something.
    """

    after: timedelta | None = None
    retry: timedelta | None = None
    not_before: timedelta = timedelta()
    under_way: bool = False


class WorkQueue:
    """Keys that wait, keys at work, and keys that are due later. Nothing in it is needed after a restart."""

    def __init__(
        self, work: Callable[[Key], Awaitable[Again]], metrics: QueueMetrics, lane_of: Callable[[Key], str] = str
    ) -> None:
        """lane_of: what keys have in common that shall not keep others waiting; each is for itself where nothing is said."""
        self._work, self._metrics = work, metrics
        self._ready: FairQueue[Key] = FairQueue(lane_of)
        self._waiting: dict[Key, float] = {}
        self._busy: set[Key] = set()
        self._asked_while_busy: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._tries: dict[Key, int] = {}
        self._rests, self._quiet = False, asyncio.Event()
        self._quiet.set()
        self._pace: Pace[Key] = Pace()
        self._held: dict[Key, float] = {}

    def add(self, key: Key) -> None:
        """Ask for a pass. Asking many times before it begins is as asking once; during one, it is followed by another.

        An object that has just had a pass gets its next one a moment later, and a longer one if it has had many.
        """
        now = asyncio.get_running_loop().time()
        if key in self._held and now < self._held[key]:  # the timer that is set will bring it
            return
        if key in self._busy:
            self._asked_while_busy.add(key)
        elif key not in self._waiting:
            self._ask(key, self._pace.pause_after_event(key, now, len(self._waiting)))

    def _ask(self, key: Key, pause: float) -> None:
        """A pass after a pause, unless one is due before; after many passes the pause is longer."""
        loop = asyncio.get_running_loop()
        many, timer = self._pace.pause_after_many(key, loop.time()), self._timers.get(key)
        pause = max(pause, many)
        if timer and timer.when() <= loop.time() + pause:
            return
        if timer:
            timer.cancel()
            del self._timers[key]
        if pause:
            self._timers[key] = loop.call_later(pause, self._begin_put_off if many else self._begin, key)
        else:
            self._enter(key)

    def _is_due(self, key: Key) -> None:
        """It is time for the pass that the last one has asked for."""
        del self._timers[key]
        self._held.pop(key, None)
        self._ask(key, self._pace.pause_under_way(key, asyncio.get_running_loop().time(), len(self._waiting)))

    def _begin_put_off(self, key: Key) -> None:
        """The pause is over of an object that had had many passes."""
        self._metrics.put_off.inc()
        self._begin(key)

    def _begin(self, key: Key) -> None:
        """The pause is over."""
        del self._timers[key]
        self._held.pop(key, None)
        self._enter(key)

    def _enter(self, key: Key) -> None:
        now = asyncio.get_running_loop().time()
        self._waiting[key] = now
        self._pace.asked(key, now)
        self._ready.put(key, under_way=self._pace.is_under_way(key))
        self._metrics.queue_depth.set(len(self._waiting))

    def forget(self, key: Key) -> None:
        """The object is gone: no timer shall bring it back. A pass that has read it before is followed by one that has not."""
        if timer := self._timers.pop(key, None):
            timer.cancel()
        self._tries.pop(key, None)
        self._held.pop(key, None)
        self._pace.forget(key)
        if key in self._busy:
            self._asked_while_busy.add(key)

    def is_at_rest(self, key: Key) -> bool:
        """Whether nothing of the object is under way, so that its pods are no evidence; not while a pass may change that."""
        return self._pace.is_at_rest(key) and key not in self._busy

    def oldest_wait(self) -> float:
        """Seconds for which the longest waiting key has waited; large means that no worker gets through."""
        oldest = next(iter(self._waiting.values()), None)
        return 0.0 if oldest is None else asyncio.get_running_loop().time() - oldest

    async def rest(self) -> None:
        """Begin no more passes; returns when those under way have ended."""
        self._rests = True
        await self._quiet.wait()

    async def run(self, workers: int) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._worker())

    async def _worker(self) -> None:
        while True:
            key = await self._ready.get()
            waited = asyncio.get_running_loop().time() - self._waiting.pop(key)
            if self._rests:
                continue
            self._metrics.wait_seconds.observe(waited)
            self._busy.add(key)
            self._quiet.clear()
            self._metrics.queue_depth.set(len(self._waiting))
            try:
                again = await self._pass(key)
            finally:
                self._busy.discard(key)
                if not self._busy:
                    self._quiet.set()
            self._pace.ended(key, asyncio.get_running_loop().time(), under_way=again.under_way)
            asked = key in self._asked_while_busy
            self._asked_while_busy.discard(key)
            if asked and not again.not_before and again.after != timedelta():
                self.add(key)
            else:
                self._come_back(key, again)

    async def _pass(self, key: Key) -> Again:
        """One pass. Whatever goes wrong in it is logged, and the pass repeated: the operator never dies of an object."""
        started = asyncio.get_running_loop().time()
        result = "ok"
        try:
            with structlog.contextvars.bound_contextvars(**_who(key)):
                return await self._work(key)
        except NotLeading as why:
            log.info("The pass ended early.", why=str(why), **_who(key))
            return Again()
        except KubernetesFails as failed:
            result = "failed"
            log.warning("The Kubernetes API failed; the pass will be repeated.", **_who(key), error=str(failed))
            asked_for = min(timedelta(seconds=failed.retry_after), LONGEST_HOLD)
            return Again(retry=FAILED_PASS_LIMIT, not_before=asked_for, under_way=self._pace.is_under_way(key))
        except Exception:
            result = "failed"
            log.exception("The pass failed and will be repeated.", **_who(key))
            return Again(retry=FAILED_PASS_LIMIT, under_way=self._pace.is_under_way(key))
        finally:
            self._metrics.passes.labels(result).inc()
            self._metrics.pass_seconds.observe(asyncio.get_running_loop().time() - started)

    def _come_back(self, key: Key, again: Again) -> None:
        pauses = [again.after.total_seconds()] if again.after is not None else []
        if again.retry is None:
            self._tries.pop(key, None)
        else:
            tries = self._tries[key] = self._tries.get(key, 0) + 1
            pause = min(FIRST_PAUSE * 2 ** min(tries - 1, 12), again.retry.total_seconds())
            pauses.append(pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads the load, keeps no secret
        if pauses:
            loop, pause = asyncio.get_running_loop(), max(min(pauses), again.not_before.total_seconds())
            if again.not_before:
                self._held[key] = loop.time() + again.not_before.total_seconds()
            self._timers[key] = loop.call_later(pause, self._is_due, key)


def _who(key: Key) -> dict[str, str]:
    """How log lines name the object."""
    return {"brand" if key.is_brand else "release": str(key)}
