"""The composition root: settings become adapters, adapters become a World, and all of it runs until told to stop."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import aiohttp
import structlog

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.aws.cloudfront import CloudFront
from brandrelease.adapters.aws.ecr import Ecr, Registries
from brandrelease.adapters.aws.identity import who_are_we
from brandrelease.adapters.builders.buildkit import BuildKit
from brandrelease.adapters.builders.buildkit_job import JobProfile
from brandrelease.adapters.builders.codebuild import CodeBuild
from brandrelease.adapters.builders.codebuild_watch import CodeBuildWatch
from brandrelease.adapters.builders.external import External
from brandrelease.adapters.builders.usable import BuildKitUsable, CodeBuildUsable
from brandrelease.adapters.checks.cloudwatch_alarms import AlarmCheck
from brandrelease.adapters.checks.cloudwatch_metric import MetricCheck
from brandrelease.adapters.checks.elasticsearch import LogCounts
from brandrelease.adapters.checks.names import SystemNames
from brandrelease.adapters.checks.prometheus import PrometheusQueries
from brandrelease.adapters.checks.web_page import WebPage
from brandrelease.adapters.cluster_clock import ClusterClock
from brandrelease.adapters.git.remote import GitCli
from brandrelease.adapters.kube.allowed import FORBIDDEN, refused
from brandrelease.adapters.kube.api import ApiError, KubeApi
from brandrelease.adapters.kube.brands import KubeBrands
from brandrelease.adapters.kube.builds_in_flight import builds_in_flight
from brandrelease.adapters.kube.cluster import KubeCluster, WatchedObjects
from brandrelease.adapters.kube.events import KubeAnnouncer
from brandrelease.adapters.kube.hooks import KubeHooks
from brandrelease.adapters.kube.leases import KubeLeases
from brandrelease.adapters.kube.logs import log_tail
from brandrelease.adapters.kube.reading_secrets import KubeSecrets
from brandrelease.adapters.notify.github import GitHubNotifier
from brandrelease.adapters.notify.reachable import Reachable
from brandrelease.adapters.notify.sender import HttpSender
from brandrelease.adapters.notify.slack import SlackNotifier
from brandrelease.adapters.notify.webhook import WebhookNotifier
from brandrelease.adapters.registry import RegistryApi
from brandrelease.adapters.system_clock import SystemClock
from brandrelease.apis.notifications import GitHub, Slack, Webhook
from brandrelease.controller import handlers
from brandrelease.controller.arrivals import Arrivals
from brandrelease.controller.brand_pass import WORKERS, BrandPass
from brandrelease.controller.brand_questions import Questions
from brandrelease.controller.build_turns import BuildTurns
from brandrelease.controller.deliveries import BackgroundDeliveries
from brandrelease.controller.fence import Fence
from brandrelease.controller.interest import Interest
from brandrelease.controller.lag import measure_lag
from brandrelease.controller.leading import Alone, Election, Leading, identity_of
from brandrelease.controller.looking import Looking
from brandrelease.controller.measuring import Measuring
from brandrelease.controller.probes import Probes
from brandrelease.controller.reconcile import Reconciler
from brandrelease.controller.resync import Known, Resync
from brandrelease.controller.share import Share
from brandrelease.controller.work_queue import Key, WorkQueue
from brandrelease.controller.world import World
from brandrelease.core.builds.fairness import BuildInFlight
from brandrelease.fleet import Fleet
from brandrelease.onlooking import Onlooking
from brandrelease.ports import Check, Clock, Notifier
from brandrelease.settings import Settings
from brandrelease.telemetry import Metrics

log = structlog.get_logger(__name__)

LAST_PASSES_SECONDS: Final = 3.0
"""For passes that are under way when the operator is told to stop. Most take a tenth of a second."""

LIST_AGAIN_SECONDS: Final = 2.0
"""Pause at the start, while the API server does not answer."""


async def run(settings: Settings) -> None:
    """Run the operator until SIGTERM or SIGINT."""
    fence, clock = Fence(), ClusterClock(SystemClock())
    api = await KubeApi.connect(settings.kubeconfig, fence, clock.heard)
    try:
        async with aiohttp.ClientSession() as session:
            await _run(settings, api, clock, session, fence)
    finally:
        await api.close()


@dataclass(frozen=True, slots=True)
class _Work:
    """The passes over BrandReleases and over Brands, and what they wait for."""

    queue: WorkQueue
    brands: WorkQueue
    turns: BuildTurns
    watch: CodeBuildWatch
    fleet: Fleet
    deliveries: BackgroundDeliveries
    measuring: Measuring
    share: Share

    def enqueue(self, keys: Iterable[Key]) -> None:
        for key in self.share.of(keys):
            (self.brands if key.is_brand else self.queue).add(key)

    def forget(self, key: Key) -> None:
        self.queue.forget(key)
        self.turns.forget(key.namespace, key.name)
        self.fleet.forget(key.namespace, key.name)
        self.deliveries.forget(key.namespace, key.name)
        self.measuring.forget(key.namespace, key.name)


@dataclass(frozen=True, slots=True)
class _Outside:
    """Adapters that passes over BrandReleases and over Brands both ask."""

    api: KubeApi
    session: aiohttp.ClientSession
    aws: AwsApi
    clock: Clock
    cluster: KubeCluster
    git: GitCli
    registry: Registries
    jobs: JobProfile
    secrets: KubeSecrets
    looking: Looking
    endpoints: HttpSender
    threads: tuple[AwsApi | SystemNames, ...]

    def close(self) -> None:
        """No more questions by those that have threads of their own."""
        for each in self.threads:
            each.close()


def _outside(
    settings: Settings,
    api: KubeApi,
    clock: Clock,
    session: aiohttp.ClientSession,
    metrics: Metrics,
    fence: Fence,
) -> _Outside:
    aws = AwsApi(metrics, fence)
    cluster = KubeCluster(api, settings.watch_namespaces, clock.now)
    secrets, names = KubeSecrets(api), SystemNames()
    aws_of_checks = AwsApi(metrics, fence)  # a look that hangs must not take the threads of builds
    sources: dict[str, Check] = {
        "http": WebPage(names, clock),
        "prometheus": PrometheusQueries(session),
        "elasticsearch": LogCounts(session),
        "cloudWatchAlarms": AlarmCheck(aws_of_checks),
        "cloudWatchMetric": MetricCheck(aws_of_checks, clock),
    }
    return _Outside(
        api=api,
        session=session,
        aws=aws,
        clock=clock,
        cluster=cluster,
        git=GitCli(settings.cache_dir, allow_insecure=settings.allow_insecure_sources),
        registry=Registries(Ecr(aws), RegistryApi(session, settings.insecure_registries)),
        jobs=JobProfile(
            settings.build_namespace,
            settings.build_image,
            settings.build_security_profile,
            settings.insecure_registries,
        ),
        secrets=secrets,
        looking=Looking(sources, secrets, settings.namespace),
        endpoints=HttpSender(session, fence, allow_insecure=settings.allow_insecure_endpoints),
        threads=(aws, aws_of_checks, names),
    )


def _deliveries(
    settings: Settings, outside: _Outside, metrics: Metrics, wake: Callable[[Key], None]
) -> BackgroundDeliveries:
    http = outside.endpoints
    notifiers: dict[type, Notifier] = {
        Slack: SlackNotifier(http),
        Webhook: WebhookNotifier(http, outside.clock),
        GitHub: GitHubNotifier(http),
    }
    return BackgroundDeliveries(notifiers, partial(outside.cluster.secret, settings.namespace), wake, metrics)


def _work(
    settings: Settings, outside: _Outside, metrics: Metrics, known: Known, interest: Interest, share: Share
) -> _Work:
    def wake(key: Key) -> None:
        queue.add(key)  # the queue is made below: it needs the passes, and they need the turns

    def news_of_build(name: str) -> None:
        for key in turns.holders(name):
            wake(key)

    turns, watch = BuildTurns(settings.max_concurrent_builds, wake), CodeBuildWatch(outside.aws, news_of_build)
    metrics.builds_running.set_function(turns.building)
    metrics.builds_waiting.set_function(turns.waiting)
    measuring = Measuring(outside.looking, outside.clock, metrics, wake)
    deliveries = _deliveries(settings, outside, metrics, wake)
    world = World(
        cluster=outside.cluster,
        git=outside.git,
        registry=outside.registry,
        builders={
            "codeBuild": CodeBuild(outside.aws, watch, outside.clock),
            "buildKit": BuildKit(outside.api, outside.jobs),
            "external": External(),
        },
        hooks=KubeHooks(outside.api, partial(log_tail, outside.api)),
        caches=CloudFront(outside.aws),
        measurements=measuring,
        turns=turns,
        deliveries=deliveries,
        clock=outside.clock,
        build_namespace=settings.build_namespace,
    )
    announcer = KubeAnnouncer(outside.api, outside.clock, settings.instance)
    reconciler = Reconciler(world, announcer, metrics, known.brand_releases.saw_own_write, settings.shard)
    queue = WorkQueue(reconciler, metrics.queue, interest.brand_of)
    brands = WorkQueue(_over_brands(settings, outside, announcer, known), metrics.brand_queue)
    return _Work(queue, brands, turns, watch, metrics.fleet, deliveries, measuring, share)


def _over_brands(settings: Settings, outside: _Outside, announcer: KubeAnnouncer, known: Known) -> BrandPass:
    questions = Questions(
        sources=outside.git,
        registry=outside.registry,
        builders={"codeBuild": CodeBuildUsable(outside.aws), "buildKit": BuildKitUsable(outside.api, outside.jobs)},
        secret=outside.secrets,
        build_namespace=settings.build_namespace,
        looking=outside.looking,
        endpoints=Reachable(
            SlackNotifier(outside.endpoints),
            WebhookNotifier(outside.endpoints, outside.clock),
            GitHubNotifier(outside.endpoints),
            partial(outside.secrets, settings.namespace),
        ),
    )
    namespaces = settings.watch_namespaces
    brands = KubeBrands(outside.api, namespaces)
    return BrandPass(brands, questions, announcer, outside.clock, namespaces, known.of("brands").saw_own_write)


def _election(settings: Settings, api: KubeApi, fence: Fence, metrics: Metrics, clock: Clock) -> Election:
    if not settings.leader_election:
        return Alone(fence, metrics.election)
    metrics.election.shards.set(settings.shard.count)
    leases = KubeLeases(api.without_fence(), settings.namespace, settings.shard)
    return Leading(leases, identity_of(settings.instance), fence, metrics.election, clock)


async def _run(
    settings: Settings, api: KubeApi, clock: ClusterClock, session: aiohttp.ClientSession, fence: Fence
) -> None:
    structlog.contextvars.bind_contextvars(
        instance=settings.instance, **({} if settings.shard.is_all else {"shard": str(settings.shard)})
    )
    stop = _told_to_stop()
    metrics, known, share = Metrics(), Known(), Share(settings.shard)
    interest = Interest(share)
    api.counting(metrics.count_kubernetes_request)
    api.believing(known.had_newer)
    metrics.clock_behind_seconds.set_function(clock.owed)
    outside = _outside(settings, api, clock, session, metrics, fence)
    election = _election(settings, api, fence, metrics, outside.clock)
    work = _work(settings, outside, metrics, known, interest, share)
    watched = WatchedObjects(api, settings.watch_namespaces, settings.build_namespace, handlers.SELECTORS)
    arrivals = Arrivals(interest, known, work.enqueue, work.forget)
    onlooking = Onlooking(settings, watched, clock, metrics, lambda: resync.silence())  # noqa: PLW0108 - it is made below
    resync = Resync(onlooking.lists, known, interest.by_kind(), work.enqueue, arrivals.gone, metrics)
    probes = Probes(metrics, work.queue.oldest_wait, resync.silence, election.silence)
    runner = await probes.start(settings.http_host, settings.http_port, settings.resync_seconds, onlooking.add_to)
    log.info("The operator runs.", http=settings.http_address)
    pump = handlers.Pump(
        settings.watch_namespaces, settings.build_namespace, kubeconfig=settings.kubeconfig is not None
    )
    telling = asyncio.create_task(_tell_who_we_are(outside.aws))

    async def lead() -> None:
        fence.guard()
        builds = await _builds_in_flight(api, settings.watch_namespaces, stop)
        if stop.is_set():
            await election.resign()
            return
        work.turns.seed(build for build in builds if settings.shard.has(build.brand))
        await _until_the_first_ends(
            pump.run(onlooking.beside(arrivals)),
            work.queue.run(settings.workers),
            work.brands.run(WORKERS),
            resync.run(settings.resync_seconds),
            work.watch.run(),
            measure_lag(metrics.event_loop_lag_seconds),
            _end_well(stop, work, election, pump),
        )

    try:
        await _until_the_first_ends(_stand_by_then(lead, election, stop, onlooking), election.run())
    finally:
        telling.cancel()
        await work.deliveries.close()
        outside.close()
        await runner.cleanup()
        log.info("The operator has stopped.")


def _told_to_stop() -> asyncio.Event:
    """Set by SIGTERM and SIGINT."""
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    return stop


async def _stand_by_then(
    lead: Callable[[], Coroutine[Any, Any, None]], election: Election, stop: asyncio.Event, onlooking: Onlooking
) -> None:
    """Until told to stop: the election and the board while another replica leads, and all the rest after that."""
    looking = None if election.begins.is_set() else asyncio.create_task(onlooking.stand_by())
    waits = [asyncio.ensure_future(each.wait()) for each in (election.begins, stop)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for each in (*waits, *filter(None, [looking])):
        each.cancel()
    if not stop.is_set():
        await lead()


async def _end_well(stop: asyncio.Event, work: _Work, election: Election, pump: handlers.Pump) -> None:
    """When told to stop: end what is under way, let another replica lead, and only then wait for kopf, which takes 5 s."""
    await stop.wait()
    log.info("The operator is told to stop.")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_PASSES_SECONDS):
            await asyncio.gather(work.queue.rest(), work.brands.rest())
    await work.deliveries.close()
    await election.resign()
    pump.stop()
    await asyncio.get_running_loop().create_future()  # the end of the pump ends everything


async def _builds_in_flight(api: KubeApi, namespaces: frozenset[str], stop: asyncio.Event) -> list[BuildInFlight]:
    """The builds that run already. Nothing is built before they are known, so that a restart never means too many.

    An API server that is away is waited for, until the operator is told to stop.
    """
    while not stop.is_set():
        try:
            return await builds_in_flight(api, namespaces)
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


async def _tell_who_we_are(aws: AwsApi) -> None:
    """Once at the start, so that a role that is missing is found before the first release needs it."""
    identity = await who_are_we(aws)
    if identity.known:
        log.info("AWS knows the operator.", arn=identity.said)
    else:
        log.warning(
            "AWS does not know the operator. Brands with codeBuild or an ECR repository need it.", why=identity.said
        )


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
