"""The election: stand by until the Lease is ours, then renew it, then let it go."""

import asyncio
import math
import random
import secrets
from typing import Final, Protocol, assert_never

import structlog

from brandrelease.controller.fence import Fence
from brandrelease.core.leadership import (
    LEASE_SECONDS,
    NOBODY_YET,
    RENEW_SECONDS,
    REQUEST_SECONDS,
    RETRY_SECONDS,
    Lay,
    Lease,
    Lost,
    Renew,
    Sighting,
    Take,
    Wait,
    next_step,
    released,
    sighted,
)
from brandrelease.core.resizing import Sightings, looked, still_held
from brandrelease.elapsed import elapsed
from brandrelease.ports import Clock, LeaseChanged, Leases, LeaseTrouble, StoredLease
from brandrelease.telemetry import LeaderMetrics

log = structlog.get_logger(__name__)

JITTER: Final = 1.2
"""Looks are up to so many times further apart, so that replicas that stand by do not ask all at once."""

CHANGED_SECONDS: Final = 0.5
"""Until a leader looks at a Lease again that was not as it had left it: its last renewal may have been taken unheard."""

TOLD_AGAIN_SECONDS: Final = 60.0
"""A trouble that lasts is told this often in the log."""


class Election(Protocol):
    """Whether this replica leads."""

    begins: asyncio.Event
    """Set when it does. There is no end to it but `resign` and that of the process."""

    async def run(self) -> None:
        """Until cancelled."""
        ...

    async def resign(self) -> None:
        """No more writes; and another replica may lead as soon as those under way are over."""
        ...

    def silence(self) -> float:
        """Seconds since the API server has last said anything about the Lease."""
        ...


class Alone:
    """No election: this replica leads."""

    def __init__(self, fence: Fence, metrics: LeaderMetrics) -> None:
        self.begins = asyncio.Event()
        self.begins.set()
        self._fence = fence
        fence.open_until(math.inf)
        metrics.leader.set(1)

    async def run(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def resign(self) -> None:
        self._fence.shut()

    def silence(self) -> float:
        return 0.0


def identity_of(instance: str) -> str:
    """The name of this very process: a container that is started again has the name of its pod once more."""
    return f"{instance}_{secrets.token_hex(4)}"


class OwnTime:
    """Of this process, which nobody can set: seconds since any moment."""

    def now(self) -> float:
        return elapsed()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Leading:
    """One replica's part in the election by a Lease."""

    def __init__(
        self,
        leases: Leases,
        me: str,
        fence: Fence,
        metrics: LeaderMetrics,
        clock: Clock,
        own_time: OwnTime | None = None,
    ) -> None:
        """me: identity, which no other process ever has. The clock is for what people read; the own time is what counts."""
        self._leases, self._me, self._fence, self._metrics = leases, me, fence, metrics
        self._clock, own = clock, own_time or OwnTime()
        self._now, self._sleep = own.now, own.sleep
        self.begins = asyncio.Event()
        self._stored: StoredLease | None = None
        self._seen: Sighting | None = None
        self._others: Sightings = {}
        self._told_to_wait = False
        self._turn = asyncio.Lock()
        self._resigned = False
        self._heard_at = self._now()
        self._told: tuple[str, float] = ("", 0.0)

    def silence(self) -> float:
        return self._now() - self._heard_at

    async def run(self) -> None:
        while True:
            async with self._turn:
                if self._resigned:
                    break
                due = await self._take_turn()
            await self._sleep(max(0.0, due - self._now()))
        await asyncio.get_running_loop().create_future()  # its end would be the end of the process

    async def resign(self) -> None:
        quiet = self._fence.shut()
        self._resigned = True
        self._metrics.leader.set(0)
        try:
            async with asyncio.timeout(REQUEST_SECONDS), self._turn:
                await asyncio.wrap_future(quiet)
                await self._let_go()
        except (LeaseChanged, LeaseTrouble, TimeoutError) as trouble:
            log.warning("The Lease was not let go; another replica leads when it has expired.", why=str(trouble))

    # --- one turn -----------------------------------------------------------------------------------------------------

    async def _take_turn(self) -> float:
        """Look, or write, or both; when the next turn is due. Renewals are due by the beginnings: one may take long."""
        began = self._now()
        try:
            wait = await self._step()
        except LeaseChanged:
            self._stored, self._heard_at = None, self._now()
            return self._now() + (CHANGED_SECONDS if self.begins.is_set() else self._jittered(RETRY_SECONDS))
        except LeaseTrouble as trouble:
            self._stored = None
            self._tell(trouble)
            return began + RETRY_SECONDS
        self._heard_at, self._told = self._now(), ("", 0.0)
        return began + RETRY_SECONDS if wait is None else self._now() + wait

    async def _step(self) -> float | None:
        """A leader that has written last knows what the Lease is; everybody else looks first. Seconds to wait for, if so."""
        if self._stored is None:
            self._stored = await self._leases.read()
            self._see(self._stored.lease if self._stored else None)
        assert self._seen is not None  # noqa: S101 - what is stored was seen
        step = next_step(self._me, self._seen, self._now(), self._clock.now(), leads=self.begins.is_set())
        match step:
            case Lay(lease):
                await self._leases.create(lease)
                log.info(
                    "There was no Lease. It is there now, and if nobody renews it, a replica leads.",
                    seconds=LEASE_SECONDS,
                )
                return 0.0
            case Wait(seconds):
                self._stored = None
                return seconds if seconds < RETRY_SECONDS else self._jittered(seconds)
            case Lost(holder):
                self._fence.lose(
                    f'The Lease is held by "{holder}".' if holder else "Somebody has taken the Lease away."
                )
            case Take(lease) | Renew(lease):
                await self._write(lease)
            case _:
                assert_never(step)
        return None

    async def _write(self, lease: Lease) -> None:
        """Time counts from before the request is sent: only then is it certain that nobody has seen it earlier."""
        sent_at = self._now()
        if self._stored is None:
            self._stored = await self._leases.create(lease)
        else:
            self._stored = await self._leases.replace(self._stored, lease)
        self._see(self._stored.lease)
        if not self.begins.is_set() and await self._is_led_otherwise():
            return
        self._fence.open_until(sent_at + RENEW_SECONDS)
        if not self.begins.is_set():
            log.info("This replica leads.", identity=self._me, transitions=lease.transitions)
            self._metrics.leader.set(1)
            self.begins.set()

    async def _is_led_otherwise(self) -> bool:
        """Whether somebody may lead by a Lease of another division of the fleet. Only a look after one's own Lease is written counts."""
        self._others = looked(self._others, await self._leases.others(), self._now())
        held = still_held(self._others, self._now())
        if held and not self._told_to_wait:
            self._told_to_wait = True
            log.info(
                "The fleet is still divided otherwise: this replica has the Lease of its shard, and does not lead before the "
                "others' Leases are let go or have expired. Stop those replicas if they are not being stopped already.",
                waits_for=held,
            )
        return bool(held)

    def _see(self, lease: Lease | None) -> None:
        before = self._seen
        self._seen = sighted(before, lease, self._now())
        if lease is None:
            return
        self._metrics.transitions.set(lease.transitions)
        was = before.lease.holder if before and before.lease else ""
        if lease.holder not in {"", NOBODY_YET, was, self._me}:
            log.info("Another replica leads; this one stands by.", leader=lease.holder, identity=self._me)

    async def _let_go(self) -> None:
        stored = await self._leases.read()
        if stored and stored.lease.holder == self._me:
            await self._leases.replace(stored, released(stored.lease, self._clock.now()))
            log.info("The Lease is let go: another replica can lead at once.")

    def _tell(self, trouble: LeaseTrouble) -> None:
        if trouble.answered:
            self._heard_at = self._now()
        told, at = self._told
        if str(trouble) != told or self._now() - at >= TOLD_AGAIN_SECONDS:
            self._told = (str(trouble), self._now())
            log.warning("The election of a leader does not go on for now; it is tried again.", why=str(trouble))

    @staticmethod
    def _jittered(seconds: float) -> float:
        return seconds * random.uniform(1.0, JITTER)  # noqa: S311 - spreads the load, keeps no secret
