"""The life of the operator: it stands by, leads, works until it is told to stop, and ends well."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiohttp import web

from brandrelease.adapters.builders.codebuild_watch import CodeBuildWatch
from brandrelease.adapters.kube.allowed import FORBIDDEN, refused
from brandrelease.adapters.kube.api import ApiError, KubeApi
from brandrelease.adapters.kube.builds_in_flight import builds_in_flight
from brandrelease.controller.brand_pass import WORKERS
from brandrelease.controller.build_turns import BuildTurns
from brandrelease.controller.deliveries import BackgroundDeliveries
from brandrelease.controller.fence import Fence
from brandrelease.controller.handlers import OnEvent, Pump
from brandrelease.controller.heap import spare_what_stays
from brandrelease.controller.lag import measure_lag
from brandrelease.controller.leading import Election
from brandrelease.controller.probes import Probes
from brandrelease.controller.reconcile import Reconciler
from brandrelease.controller.resync import Resync
from brandrelease.controller.share import Share
from brandrelease.controller.work_queue import Key, WorkQueue
from brandrelease.core.builds.fairness import BuildInFlight
from brandrelease.onlooking import Onlooking
from brandrelease.settings import Settings
from brandrelease.telemetry import Metrics

log = structlog.get_logger(__name__)

LAST_PASSES_SECONDS: Final = 3.0
"""For passes that are under way when the operator is told to stop. Most take a tenth of a second."""

LIST_AGAIN_SECONDS: Final = 2.0
"""Pause at the start, while the API server does not answer."""


@dataclass(frozen=True, slots=True)
class Work:
    """The passes over BrandReleases and over Brands, and what they wait for."""

    passes: Reconciler
    queue: WorkQueue
    brands: WorkQueue
    turns: BuildTurns
    watch: CodeBuildWatch
    deliveries: BackgroundDeliveries
    share: Share

    def enqueue(self, keys: Iterable[Key]) -> None:
        for key in self.share.of(keys):
            (self.brands if key.is_brand else self.queue).add(key)

    def forget(self, key: Key) -> None:
        self.queue.forget(key)
        self.passes.forget(key)


@dataclass(frozen=True, slots=True)
class Operator:
    """All that runs in one process; `bootstrap` makes it."""

    settings: Settings
    api: KubeApi
    fence: Fence
    metrics: Metrics
    election: Election
    work: Work
    arrivals: OnEvent
    onlooking: Onlooking
    resync: Resync
    pump: Pump

    async def serve(self) -> web.AppRunner:
        """Answer what the kubelet, Prometheus and people ask; the caller cleans the runner up."""
        probes = Probes(self.metrics, self.work.queue.oldest_wait, self.resync.silence, self.election.silence)
        settings = self.settings
        return await probes.start(
            settings.http_host, settings.http_port, settings.resync_seconds, self.onlooking.add_to
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Stand by while another replica leads, and lead after that, until told to stop."""
        await _until_the_first_ends(self._stand_by_then_lead(stop), self.election.run())

    async def _stand_by_then_lead(self, stop: asyncio.Event) -> None:
        """The election and the board while another replica leads, and all the rest after that."""
        begins = self.election.begins
        looking = None if begins.is_set() else asyncio.create_task(self.onlooking.stand_by())
        waits = [asyncio.ensure_future(each.wait()) for each in (begins, stop)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for each in (*waits, *filter(None, [looking])):
            each.cancel()
        if not stop.is_set():
            await self._lead(stop)

    async def _lead(self, stop: asyncio.Event) -> None:
        self.fence.guard()
        builds = await self._builds_in_flight(stop)
        if stop.is_set():
            await self.election.resign()
            return
        work, settings = self.work, self.settings
        work.turns.seed(build for build in builds if settings.shard.has(build.brand))
        await _until_the_first_ends(
            self.pump.run(self.onlooking.beside(self.arrivals)),
            work.queue.run(settings.workers),
            work.brands.run(WORKERS),
            self.resync.run(settings.resync_seconds),
            work.watch.run(),
            measure_lag(self.metrics.event_loop_lag_seconds),
            spare_what_stays(),
            self._end_well(stop),
        )

    async def _builds_in_flight(self, stop: asyncio.Event) -> list[BuildInFlight]:
        """The builds that run already. Nothing is built before they are known, so that a restart never means too many.

        An API server that is away is waited for, until the operator is told to stop.
        """
        namespaces = self.settings.watch_namespaces
        while not stop.is_set():
            try:
                return await builds_in_flight(self.api, namespaces)
            except ApiError as error:
                if error.status == FORBIDDEN:
                    log.error(refused(error, everywhere=not namespaces))  # noqa: TRY400 - the sentence says it all
                else:
                    log.warning(
                        "The builds that run already cannot be listed yet; they are listed again.", why=error.message
                    )
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), LIST_AGAIN_SECONDS)
        return []

    async def _end_well(self, stop: asyncio.Event) -> None:
        """When told to stop: end what is under way, let another replica lead, and only then wait for kopf, which takes 5 s."""
        await stop.wait()
        log.info("The operator is told to stop.")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_PASSES_SECONDS):
                await asyncio.gather(self.work.queue.rest(), self.work.brands.rest())
        await self.work.deliveries.close()
        await self.election.resign()
        self.pump.stop()
        await asyncio.get_running_loop().create_future()  # the end of the pump ends everything


def told_to_stop() -> asyncio.Event:
    """Set by SIGTERM and SIGINT."""
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    return stop


async def _until_the_first_ends(first: Coroutine[Any, Any, None], *others: Coroutine[Any, Any, None]) -> None:
    """Run all until the first has ended, then end the others. One of those that ends before is never left unnoticed."""
    tasks = [asyncio.ensure_future(work) for work in (first, *others)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        if tasks[0] not in done:
            raise RuntimeError("A part of the operator has ended by itself; the process ends, to be started again.")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
