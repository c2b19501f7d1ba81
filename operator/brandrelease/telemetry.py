"""Logs and metrics: how the operator tells what it does."""

import logging
import sys
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from brandrelease.apis.brandrelease import Outcome
from brandrelease.core.blame import BLAME
from brandrelease.core.kubernetes_trouble import Question
from brandrelease.core.measures import BUILDERS, BuildResult
from brandrelease.fleet import Fleet
from brandrelease.settings import LogFormat, LogLevel

RELEASE_BUCKETS: Final = (15, 30, 60, 120, 180, 300, 450, 600, 900, 1200, 1800, 3600, 7200)
REACTION_BUCKETS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)


PASS_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
WAIT_BUCKETS: Final = (0.005, 0.05, 0.25, 1, 5, 15, 60, 300)
LAG_BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)
BRAND_PASS_BUCKETS: Final = (0.01, 0.1, 0.5, 1, 5, 10, 30, 100)
"""Passes over Brands ask whether everything can be reached, and may wait for the answers."""


class QueueMetrics:
    """How one work queue gets on. prefix: of the names. what: the kind of its objects.

    What is known to come is there from the beginning, with zero, here and below: a series that appears with its first count
    shows no increase for it.
    """

    def __init__(self, registry: CollectorRegistry, prefix: str, what: str, buckets: tuple[float, ...]) -> None:
        self.passes = Counter(
            f"{prefix}passes_total", f"Passes over a {what}, by how they ended.", ["result"], registry=registry
        )
        self.pass_seconds = Histogram(
            f"{prefix}pass_seconds", f"How long a pass over a {what} took.", registry=registry, buckets=buckets
        )
        self.wait_seconds = Histogram(
            f"{prefix}queue_wait_seconds",
            f"How long a {what} had waited for a worker when its pass began.",
            registry=registry,
            buckets=WAIT_BUCKETS,
        )
        self.put_off = Counter(
            f"{prefix}passes_put_off_total",
            f"Passes over a {what} that came a moment later, since it had just had many.",
            registry=registry,
        )
        self.queue_depth = Gauge(f"{prefix}queue_depth", f"{what}s that wait for a pass.", registry=registry)
        for result in ("ok", "failed"):
            self.passes.labels(result)


class ReleaseMetrics:
    """What releases come to, counted once each."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.outcomes = Counter(
            "brandrelease_releases_total",
            "Releases that ended, by outcome and reason.",
            ["outcome", "reason"],
            registry=registry,
        )
        self.duration_seconds = Histogram(
            "brandrelease_duration_seconds",
            "From the request for a release to its outcome.",
            ["outcome"],
            registry=registry,
            buckets=RELEASE_BUCKETS,
        )
        self.build_duration_seconds = Histogram(
            "brandrelease_build_duration_seconds",
            "From asking for a build to its end, for each release that waited for it.",
            ["builder", "result"],
            registry=registry,
            buckets=RELEASE_BUCKETS,
        )
        self.rollbacks = Counter(
            "brandrelease_rollbacks_total",
            "Rollbacks that were begun, by what the release had failed for.",
            ["reason", "blame"],
            registry=registry,
        )
        self.time_to_detect_seconds = Histogram(
            "brandrelease_time_to_detect_seconds",
            "From the change of the Deployment to the moment at which the release was known to be bad.",
            registry=registry,
            buckets=REACTION_BUCKETS,
        )
        self.time_to_recover_seconds = Histogram(
            "brandrelease_time_to_recover_seconds",
            "From the moment at which a release was known to be bad to the end of its rollback.",
            registry=registry,
            buckets=REACTION_BUCKETS,
        )
        self._begin_with_zero()

    def _begin_with_zero(self) -> None:
        for outcome in Outcome:
            self.duration_seconds.labels(outcome)
        for builder in BUILDERS:
            for result in BuildResult:
                self.build_duration_seconds.labels(builder, result)
        for reason, attribution in BLAME.items():
            self.rollbacks.labels(reason, attribution.blame)


class LeaderMetrics:
    """Which replica leads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.leader = Gauge(
            "brandrelease_leader", "1 for the replica that leads, 0 for those that stand by.", registry=registry
        )
        self.shards = Gauge(
            "brandrelease_shards",
            "Into how many shards this replica takes the fleet to be divided; each has a leader of its own.",
            registry=registry,
        )
        self.shards.set(1)
        self.transitions = Gauge(
            "brandrelease_leader_transitions",
            "How often a replica has begun to lead, by the Lease as this one saw it last.",
            registry=registry,
        )


class OutsideMetrics:
    """What is asked of the world and done to it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.actions = Counter(
            "brandrelease_actions_total", "Changes of the outside world, by kind.", ["action"], registry=registry
        )
        self.aws_calls = Counter(
            "brandrelease_aws_calls_total",
            "Calls to AWS, by action and by the code of the answer.",
            ["action", "code"],
            registry=registry,
        )
        self.kubernetes_requests = Counter(
            "brandrelease_kubernetes_requests_total",
            "Requests to the Kubernetes API but for watches, by method, resource and status of the answer.",
            ["method", "resource", "code"],
            registry=registry,
        )
        self.notifications = Counter(
            "brandrelease_notifications_total",
            "Attempts to tell an endpoint of a release, by kind of endpoint and result.",
            ["kind", "result"],
            registry=registry,
        )
        self.check_measurements = Counter(
            "brandrelease_check_measurements_total",
            "Looks of checks, by source and by whether the source has answered.",
            ["source", "result"],
            registry=registry,
        )


class ResyncMetrics:
    """What the lists find that no watch has told of."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.resyncs = Counter(
            "brandrelease_resyncs_total", "Resyncs by lists, by result.", ["result"], registry=registry
        )
        self.lost_events = Counter(
            "brandrelease_lost_events_total",
            "Changes that a resync found and no watch event had told of.",
            registry=registry,
        )
        for result in ("ok", "failed"):
            self.resyncs.labels(result)


class Metrics:
    """All metrics, on a registry of their own; docs/metrics.md describes each.

    Labels of counters and histograms are bounded by the code. Names of objects, refs and commits are labels of the fleet's
    gauges alone, where the series of what is gone goes away.
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which Prometheus has no use for
        self.registry = CollectorRegistry()
        self.fleet = Fleet()
        self.registry.register(self.fleet)
        self.queue = QueueMetrics(self.registry, "brandrelease_", "BrandRelease", PASS_BUCKETS)
        self.brand_queue = QueueMetrics(self.registry, "brandrelease_brand_", "Brand", BRAND_PASS_BUCKETS)
        self.releases = ReleaseMetrics(self.registry)
        self.election = LeaderMetrics(self.registry)
        self.outside = OutsideMetrics(self.registry)
        self.resync = ResyncMetrics(self.registry)
        self.queue_oldest_seconds = Gauge(
            "brandrelease_queue_oldest_seconds",
            "For how long the object that waits longest has waited for a pass.",
            registry=self.registry,
        )
        self.event_loop_lag_seconds = Histogram(
            "brandrelease_event_loop_lag_seconds",
            "How much later than it was due a timer of the event loop ran.",
            registry=self.registry,
            buckets=LAG_BUCKETS,
        )
        self.clock_behind_seconds = Gauge(
            "brandrelease_clock_behind_seconds",
            "By how much the API server's time is ahead of that by which the operator goes.",
            registry=self.registry,
        )
        self.builds_running = Gauge("brandrelease_builds_running", "Builds that have a place.", registry=self.registry)
        self.builds_waiting = Gauge(
            "brandrelease_builds_waiting", "Releases that wait for their turn to build.", registry=self.registry
        )

    def count_kubernetes_request(self, method: str, asked: Question, status: int) -> None:
        """Count an answer of the Kubernetes API; a status of 0 means that there was none."""
        self.outside.kubernetes_requests.labels(method.upper(), asked.resource, str(status) if status else "none").inc()


def configure_logging(log_format: LogFormat, level: LogLevel) -> None:
    """All log lines, also those of libraries, as JSON or for people, on standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any
    match log_format:
        case LogFormat.Json:
            renderer = structlog.processors.JSONRenderer()
            shared.append(structlog.processors.format_exc_info)
        case LogFormat.Console:
            renderer = structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                exception_formatter=structlog.dev.plain_traceback,  # others print local variables, secrets among them
            )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.value.upper())
    # kopf tells of every event at INFO and prints whole bodies at DEBUG; what we do ourselves is logged by us.
    logging.getLogger("kopf").setLevel(logging.WARNING)
    # It tells of each endpoint and credential that it finds; who we are for AWS is told once, in our own words.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    # It warns that it takes no signals outside of the main thread; the signals are ours.
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
