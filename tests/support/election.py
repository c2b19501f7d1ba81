"""Replicas that stand for election in virtual time, under everything that may befall a process and its network.

The election and the fence are the real ones. The API server is played: Leases, versions, and answers that come late or
not at all. A process that is paused does nothing at all, and finds on waking what has come for it.
"""

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn, TypeVar

from brandrelease.controller.fence import Fence
from brandrelease.controller.leading import Leading, OwnTime
from brandrelease.core.leadership import REQUEST_SECONDS, Lease
from brandrelease.core.sharding import WHOLE, Shard, division_of
from brandrelease.ports import LeaseChanged, LeaseTrouble, StoredLease
from brandrelease.telemetry import Metrics

Answer = TypeVar("Answer")

START = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


class Ended(BaseException):
    """Instead of the end of a process."""


@dataclass(frozen=True)
class Span:
    """Some seconds of the run, from one moment on."""

    start: float
    seconds: float

    def covers(self, moment: float) -> bool:
        return self.start <= moment < self.start + self.seconds


@dataclass(frozen=True)
class Life:
    """What befalls one replica. ends: when its process is killed (False) or told to stop (True), to be started again.

    gone: when it is told to stop and is not started again, as its Deployment is deleted.
    """

    born: float = 0.0
    wall_clock: float = 0.0
    clock_stands: bool = False
    pauses: Sequence[Span] = ()
    slow: Sequence[Span] = ()
    slow_by: float = 0.0
    lost_answers: Sequence[Span] = ()
    cut: Sequence[Span] = ()
    ends: Sequence[tuple[float, bool]] = ()
    shard: Shard = WHOLE
    gone: float = math.inf


@dataclass
class Term:
    """When a process was allowed to write.

    limit: of its last renewal, which is its end where nothing else ended it. let_go: it has waited for what was under way.
    """

    who: str
    start: float
    end: float
    limit: float
    let_go: bool = False
    shard: Shard = WHOLE


class Stored:
    """A Lease as etcd has it."""

    def __init__(self) -> None:
        self.lease: Lease | None = None
        self.version = 0

    def read(self) -> StoredLease | None:
        return StoredLease(self.lease, {"version": self.version}) if self.lease else None

    def write(self, lease: Lease, over: StoredLease | None) -> StoredLease:
        if (over is None) != (self.lease is None) or (over is not None and over.body["version"] != self.version):
            raise LeaseChanged
        self.version += 1
        self.lease = replace(lease, uid=over.lease.uid if over else f"uid-{self.version}")
        return StoredLease(self.lease, {"version": self.version})

    def delete(self) -> None:
        self.lease, self.version = None, self.version + 1


@dataclass
class Run:
    """All that happens. leases: by their names."""

    leases: dict[str, Stored] = field(default_factory=lambda: defaultdict(Stored))
    terms: list[Term] = field(default_factory=list)
    processes: list["Process"] = field(default_factory=list)

    def leaders(self, now: float) -> list[str]:
        return [term.who for term in self.terms if term.start <= now < term.end]

    def delete_all(self) -> None:
        """Somebody deletes every Lease."""
        for stored in self.leases.values():
            stored.delete()


class Process(OwnTime):
    """One process of a replica, from its start to its end."""

    def __init__(self, run: Run, life: Life, name: str) -> None:
        self._run, self._life, self.name, self.shard = run, life, name, life.shard
        self._loop = asyncio.get_running_loop()
        self.term: Term | None = None
        self.fence = PlayedFence(self)
        self.leading = Leading(self, name, self.fence, Metrics().election, WallClock(life), self)
        self.task = asyncio.create_task(self._live())
        run.processes.append(self)

    async def _live(self) -> None:
        try:
            await self.leading.run()
        except Ended:
            self.end_term()

    # --- its time -----------------------------------------------------------------------------------------------------

    def now(self) -> float:
        return self._loop.time() + 5000 * (sum(map(ord, self.name)) % 7)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds + 1e-6)  # real time goes on also where the rest is too short for a float
        await self.awake()

    async def awake(self) -> None:
        while pause := self.pause():
            await asyncio.sleep(pause)

    def pause(self) -> float:
        """Seconds until it goes on."""
        now = self._loop.time()
        return max((each.start + each.seconds - now for each in self._life.pauses if each.covers(now)), default=0.0)

    def end_term(self) -> None:
        if self.term:
            self.term.end = min(self.term.end, self._loop.time())

    # --- what it asks of the server -----------------------------------------------------------------------------------

    async def read(self) -> StoredLease | None:
        return await self._ask(self._lease.read)

    async def create(self, lease: Lease) -> StoredLease:
        return await self._ask(lambda: self._lease.write(lease, None))

    async def replace(self, stored: StoredLease, lease: Lease) -> StoredLease:
        return await self._ask(lambda: self._lease.write(lease, stored))

    async def others(self) -> Mapping[str, Lease]:
        return await self._ask(self._list)

    @property
    def _lease(self) -> Stored:
        return self._run.leases[self.shard.lease]

    def _list(self) -> Mapping[str, Lease]:
        return {
            name: stored.lease
            for name, stored in self._run.leases.items()
            if stored.lease and division_of(name) != self.shard.count
        }

    async def _ask(self, what: Callable[[], Answer]) -> Answer:
        """Done by the server whether or not somebody still waits for the answer."""
        await self.awake()
        sent = self._loop.time()
        if any(each.covers(sent) for each in self._life.cut):
            raise LeaseTrouble("The connection is refused.", answered=False)
        delay = self._life.slow_by if any(each.covers(sent) for each in self._life.slow) else 0.01
        answer = asyncio.ensure_future(self._do(what, delay))
        try:
            answered = await asyncio.wait_for(asyncio.shield(answer), REQUEST_SECONDS)
        except TimeoutError:
            answer.add_done_callback(lambda done: done.exception())
            await self.awake()
            raise LeaseTrouble("There is no answer.", answered=False) from None
        except LeaseChanged:
            await self.awake()
            raise
        await self.awake()
        if any(each.covers(sent) for each in self._life.lost_answers):
            raise LeaseTrouble("The answer is lost.", answered=False)
        return answered

    async def _do(self, what: Callable[[], Answer], delay: float) -> Answer:
        await asyncio.sleep(delay)
        return what()


class WallClock:
    def __init__(self, life: Life) -> None:
        self._life = life

    def now(self) -> datetime:
        gone = 0.0 if self._life.clock_stands else asyncio.get_running_loop().time()
        return START + timedelta(seconds=gone + self._life.wall_clock)


class PlayedFence(Fence):
    """The real one. It keeps account of when it was open, and its guard is played: a thread knows no virtual time."""

    def __init__(self, process: Process) -> None:
        self._process, self._times = process, asyncio.get_running_loop()
        super().__init__(process.now, self._ended)

    def _ended(self, why: str) -> NoReturn:
        self._process.end_term()
        raise Ended(why)

    def open_until(self, moment: float) -> None:
        super().open_until(moment)
        process, now = self._process, self._times.time()
        limit = now + moment - process.now()
        if process.term is None:
            process.term = Term(process.name, now, limit, limit, shard=process.shard)
            process._run.terms.append(process.term)
        process.term.end = process.term.limit = limit
        self._times.call_at(limit, self._look)

    def shut(self) -> Future[None]:
        self._process.end_term()
        if self._process.term:
            self._process.term.let_go = True
        return super().shut()

    def _look(self) -> None:
        process = self._process
        if process.term and process.term.end == process.term.limit <= self._times.time():
            process.task.cancel()


async def play(lives: Sequence[Life], deletions: Sequence[float], seconds: float, calm: float) -> Run:
    """The whole story. After so many seconds nothing more befalls anybody, every replica runs, and it goes on a little."""
    run = Run()
    async with asyncio.timeout(seconds + calm + 60):
        stories = [asyncio.create_task(_story(run, life, f"r{number}")) for number, life in enumerate(lives)]
        for moment in deletions:
            asyncio.get_running_loop().call_at(moment, run.delete_all)
        await asyncio.sleep(seconds + calm)
        for task in [*stories, *(process.task for process in run.processes)]:
            task.cancel()
        await asyncio.gather(*stories, *(process.task for process in run.processes), return_exceptions=True)
    return run


async def _story(run: Run, life: Life, name: str) -> None:
    """Processes, one after the other: a container that has ended is started again after a moment."""
    loop, ends, number = asyncio.get_running_loop(), list(life.ends), 0
    await asyncio.sleep(life.born)
    while loop.time() < life.gone:
        number += 1
        process = Process(run, life, f"{name}-{number}")
        at, told = min((life.gone, True), ends.pop(0) if ends else (math.inf, True))
        await asyncio.wait({process.task}, timeout=max(0.0, at - loop.time()) if at < math.inf else None)
        if at < math.inf:
            if told and not process.task.done():
                await process.awake()
                await process.leading.resign()
            process.task.cancel()
        await asyncio.wait({process.task})
        process.end_term()
        await asyncio.sleep(1)
