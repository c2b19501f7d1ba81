"""Carries the plan's faults out: in front of the API server, git and the registry, and on the operator's process."""

import asyncio
import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, Final

from soak.front import RegistryFront
from soak.kube import Answer, Kube
from soak.plan import Fault, Plan, Trouble
from soak.sites import Site
from support.fault_proxy import FaultProxy, Request
from support.git_server import GitServer
from support.operator_process import OperatorProcess

BURST: Final = 300
"""Events on one object, as fast as the API server takes the changes, in the time of the fault."""

LATE: Final = (0.5, 4.0)
SLOW_GIT: Final = 2.0
SLOW_REGISTRY: Final = 2.0

_STATUSES: Final = {Trouble.TooMany: 429, Trouble.Internal: 500, Trouble.Unavailable: 503}
_GIT: Final = {Trouble.GitDown: 503, Trouble.GitDenied: 401}
_REGISTRY: Final = {Trouble.RegistryDown: 503, Trouble.RegistryBusy: 429}


class Troubles:
    """Everything that can be made to fail."""

    def __init__(
        self,
        kube: Kube,
        proxy: FaultProxy,
        operator: OperatorProcess,
        git: GitServer,
        registry: RegistryFront,
        sites: list[Site],
    ) -> None:
        self._kube, self._proxy, self._operator = kube, proxy, operator
        self._git, self._registry, self._sites = git, registry, sites
        self._restarting = asyncio.Lock()
        self.active: list[Fault] = []
        self.done: Counter[Trouble] = Counter()
        self.requests_met = 0
        self.mute_seconds = 0.0
        """For how long no watch has told, or will tell, anything, in all faults that have begun."""
        self.problems: list[str] = []

    @property
    def operator_shall_run(self) -> bool:
        """Nobody is just restarting it."""
        return not self._restarting.locked()

    async def run(self, plan: Plan, start: float) -> None:
        """All faults of the plan, each at its time; start is a moment of the monotonic clock."""
        async with asyncio.TaskGroup() as group:
            for fault in plan.faults:
                await asyncio.sleep(max(start + fault.at - time.monotonic(), 0))
                group.create_task(self._one(fault))

    async def _one(self, fault: Fault) -> None:
        self.active.append(fault)
        try:
            await self._befall(fault)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            self.problems.append(f"{fault}: {error!r}")
        finally:
            self.active.remove(fault)
            self.done[fault.trouble] += 1

    async def _befall(self, fault: Fault) -> None:
        match fault.trouble:
            case Trouble.Killed | Trouble.Stopped:
                await self._restart(fault)
            case Trouble.Paused:
                await self._pause(fault)
            case Trouble.GitDown | Trouble.GitDenied | Trouble.GitSlow:
                await self._git_fails(fault)
            case Trouble.RegistryDown | Trouble.RegistryBusy | Trouble.RegistrySlow:
                await self._registry_fails(fault)
            case Trouble.WatchesCut | Trouble.WatchesExpired | Trouble.WatchesBroken:
                await self._watches_end(fault)
            case Trouble.WatchesMute | Trouble.EventsLost:
                await self._events_are_lost(fault)
            case Trouble.Refused:
                await self._connections_are_refused(fault)
            case Trouble.Burst:
                await self._burst(fault)
            case _:
                await self._requests_fail(fault)

    # --- requests to the API server -----------------------------------------------------------------------------------

    async def _requests_fail(self, fault: Fault) -> None:
        what: dict[str, Any] = {}
        match fault.trouble:
            case Trouble.Conflict:
                what = {"status": 409}
            case Trouble.TooMany:
                what = {"status": 429, "headers": {"Retry-After": "1"}}
            case Trouble.LostAnswers:
                what = {"lose_answer": True}
            case Trouble.LostRequests:
                what = {"lose_request": True}
            case Trouble.Stale:
                what = {"stale": True}
            case Trouble.Slow:
                what = {"delay": Random(fault.seed).uniform(*LATE)}
            case _:
                what = {"status": _STATUSES[fault.trouble]}
        with self._proxy.fault(_some(fault), **what) as met:
            await asyncio.sleep(fault.seconds)
        self.requests_met += len(met.met)

    async def _connections_are_refused(self, fault: Fault) -> None:
        with contextlib.ExitStack() as stack:
            await asyncio.to_thread(stack.enter_context, self._proxy.refusing_connections())
            await asyncio.sleep(fault.seconds)
            await asyncio.to_thread(stack.close)

    async def _watches_end(self, fault: Fault) -> None:
        match fault.trouble:
            case Trouble.WatchesExpired:
                await asyncio.to_thread(self._proxy.end_watches_with_error, 410, "Expired")
            case Trouble.WatchesBroken:
                await asyncio.to_thread(self._proxy.end_watches_with_error, 500, "InternalError")
            case _:
                await asyncio.to_thread(self._proxy.end_watches)

    async def _events_are_lost(self, fault: Fault) -> None:
        dice, share = Random(fault.seed), 1.0 if fault.trouble is Trouble.WatchesMute else fault.share / 2
        if fault.trouble is Trouble.WatchesMute:
            self.mute_seconds += fault.seconds
        with self._proxy.losing_events(lambda _: dice.random() < share):
            await asyncio.sleep(fault.seconds)

    async def _burst(self, fault: Fault) -> None:
        """Somebody's controller has gone mad and writes an annotation of its own, again and again."""
        site, end = self._sites[fault.site], time.monotonic() + fault.seconds
        for number in range(BURST):
            if time.monotonic() > end:
                return
            with contextlib.suppress(Answer):  # it may have been deleted meanwhile
                note = {"metadata": {"annotations": {"example.com/mad": str(number)}}}
                await self._kube.merge(site.path, note)

    # --- the rest of the world ----------------------------------------------------------------------------------------

    async def _restart(self, fault: Fault) -> None:
        """The process ends, and after a second the kubelet has started another."""
        async with self._restarting:
            end = self._operator.kill if fault.trouble is Trouble.Killed else self._operator.stop
            await asyncio.to_thread(end)
            await asyncio.sleep(1.0)
            await start(self._operator)

    async def _pause(self, fault: Fault) -> None:
        """As a node without processor time does it. It may be killed meanwhile."""
        if not self._operator.runs:
            return
        pid = self._operator.pid
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(fault.seconds)
            os.kill(pid, signal.SIGCONT)

    async def _git_fails(self, fault: Fault) -> None:
        if fault.trouble is Trouble.GitSlow:
            self._git.delay = SLOW_GIT
        else:
            self._git.status = _GIT[fault.trouble]
        await asyncio.sleep(fault.seconds)
        self._git.delay, self._git.status = 0.0, 0

    async def _registry_fails(self, fault: Fault) -> None:
        if fault.trouble is Trouble.RegistrySlow:
            self._registry.delay = SLOW_REGISTRY
        else:
            self._registry.status = _REGISTRY[fault.trouble]
        await asyncio.sleep(fault.seconds)
        self._registry.delay, self._registry.status = 0.0, 0


async def start(operator: OperatorProcess) -> None:
    """Start it. On a machine without processor time, it may take longer than a test would wait for it."""
    try:
        await asyncio.to_thread(operator.start)
    except AssertionError:
        if not operator.runs:
            raise


def _some(fault: Fault) -> Callable[[Request], bool]:
    """The requests that meet the fault, by dice; of conflicts and what is cut, writes alone."""
    dice = Random(fault.seed)
    writes = fault.trouble in {Trouble.Conflict, Trouble.LostAnswers, Trouble.LostRequests}
    reads = fault.trouble is Trouble.Stale

    def meets(request: Request) -> bool:
        if request.is_watch or (writes and not request.is_write) or (reads and request.is_write):
            return False
        return dice.random() < fault.share

    return meets
