"""The composition root: settings become adapters, adapters become a World, and both an Operator, which runs."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

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
from brandrelease.adapters.kube.api import KubeApi
from brandrelease.adapters.kube.brands import KubeBrands
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
from brandrelease.controller.brand_pass import BrandPass
from brandrelease.controller.brand_questions import Questions
from brandrelease.controller.build_turns import BuildTurns
from brandrelease.controller.deliveries import BackgroundDeliveries
from brandrelease.controller.fence import Fence
from brandrelease.controller.interest import Interest
from brandrelease.controller.leading import Alone, Election, Leading, identity_of
from brandrelease.controller.looking import Looking
from brandrelease.controller.measuring import Measuring
from brandrelease.controller.reconcile import Reconciler
from brandrelease.controller.resync import Known, Resync
from brandrelease.controller.share import Share
from brandrelease.controller.work_queue import Key, WorkQueue
from brandrelease.controller.world import World
from brandrelease.lifetime import Operator, Work, told_to_stop
from brandrelease.onlooking import Onlooking
from brandrelease.ports import Check, Clock, Notifier
from brandrelease.settings import Settings
from brandrelease.telemetry import Metrics

log = structlog.get_logger(__name__)


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
) -> Work:
    def wake(key: Key) -> None:
        queue.add(key)  # the queue is made below: it needs the passes, and they need the turns

    def news_of_build(name: str) -> None:
        for key in turns.holders(name):
            wake(key)

    def noticed(key: Key, brand: str | None) -> bool:
        concerned = interest.forget(key) if brand is None else interest.learn(key, brand)
        work.enqueue(concerned)
        return bool(concerned)

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
    own_write = known.brand_releases.saw_own_write
    reconciler = Reconciler(world, announcer, metrics, own_write, noticed, settings.shard)
    queue = WorkQueue(reconciler, metrics.queue, interest.brand_of)
    brands = WorkQueue(_over_brands(settings, outside, announcer, known, interest), metrics.brand_queue)
    work = Work(reconciler, queue, brands, turns, watch, deliveries, share)
    return work


def _over_brands(
    settings: Settings, outside: _Outside, announcer: KubeAnnouncer, known: Known, interest: Interest
) -> BrandPass:
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
    brands = KubeBrands(outside.api, namespaces, interest.last_change)
    return BrandPass(brands, questions, announcer, outside.clock, namespaces, known.of("brands").saw_own_write)


def _election(settings: Settings, api: KubeApi, fence: Fence, metrics: Metrics, clock: Clock) -> Election:
    if not settings.leader_election:
        return Alone(fence, metrics.election)
    metrics.election.shards.set(settings.shard.count)
    leases = KubeLeases(api.without_fence(), settings.namespace, settings.shard)
    return Leading(leases, identity_of(settings.instance), fence, metrics.election, clock)


def _operator(
    settings: Settings, outside: _Outside, metrics: Metrics, clock: ClusterClock, fence: Fence, known: Known
) -> Operator:
    share = Share(settings.shard)
    interest, api = Interest(share), outside.api
    work = _work(settings, outside, metrics, known, interest, share)
    arrivals = Arrivals(interest, known, work.enqueue, work.forget, work.queue.is_at_rest)
    watched = WatchedObjects(api, settings.watch_namespaces, settings.build_namespace, handlers.SELECTORS)
    onlooking = Onlooking(settings, watched, clock, metrics, lambda: resync.silence())  # noqa: PLW0108 - it is made below
    resync = Resync(onlooking.lists, known, interest.by_kind(), work.enqueue, arrivals.gone, metrics)
    return Operator(
        settings=settings,
        api=api,
        fence=fence,
        metrics=metrics,
        election=_election(settings, api, fence, metrics, clock),
        work=work,
        arrivals=arrivals,
        onlooking=onlooking,
        resync=resync,
        pump=handlers.Pump(
            settings.watch_namespaces, settings.build_namespace, kubeconfig=settings.kubeconfig is not None
        ),
    )


async def _run(
    settings: Settings, api: KubeApi, clock: ClusterClock, session: aiohttp.ClientSession, fence: Fence
) -> None:
    structlog.contextvars.bind_contextvars(
        instance=settings.instance, **({} if settings.shard.is_all else {"shard": str(settings.shard)})
    )
    stop, metrics, known = told_to_stop(), Metrics(), Known()
    api.counting(metrics.count_kubernetes_request)
    api.believing(known)
    metrics.clock_behind_seconds.set_function(clock.owed)
    outside = _outside(settings, api, clock, session, metrics, fence)
    operator = _operator(settings, outside, metrics, clock, fence, known)
    runner = await operator.serve()
    log.info("The operator runs.", http=settings.http_address)
    telling = asyncio.create_task(_tell_who_we_are(outside.aws))
    try:
        await operator.run(stop)
    finally:
        telling.cancel()
        await operator.work.deliveries.close()
        outside.close()
        await runner.cleanup()
        log.info("The operator has stopped.")


async def _tell_who_we_are(aws: AwsApi) -> None:
    """Once at the start, so that a role that is missing is found before the first release needs it."""
    identity = await who_are_we(aws)
    if identity.known:
        log.info("AWS knows the operator.", arn=identity.said)
    else:
        log.warning(
            "AWS does not know the operator. Brands with codeBuild or an ECR repository need it.", why=identity.said
        )
