"""Logs and metrics: how the operator tells what it does."""

import logging
import sys
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from brandrelease.apis.brandrelease import Outcome
from brandrelease.core.blame import BLAME
from brandrelease.core.measures import BUILDERS, BuildResult
from brandrelease.fleet import Fleet
from brandrelease.settings import LogFormat, LogLevel

RELEASE_BUCKETS: Final = (15, 30, 60, 120, 180, 300, 450, 600, 900, 1200, 1800, 3600, 7200)
REACTION_BUCKETS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)


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
        self.passes = Counter(
            "brandrelease_passes_total",
            "Passes over a BrandRelease, by how they ended.",
            ["result"],
            registry=self.registry,
        )
        self.pass_seconds = Histogram(
            "brandrelease_pass_seconds",
            "How long a pass took.",
            registry=self.registry,
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
        )
        self.queue_depth = Gauge("brandrelease_queue_depth", "Objects that wait for a pass.", registry=self.registry)
        self.queue_oldest_seconds = Gauge(
            "brandrelease_queue_oldest_seconds",
            "For how long the object that waits longest has waited for a pass.",
            registry=self.registry,
        )
        self.builds_running = Gauge("brandrelease_builds_running", "Builds that have a place.", registry=self.registry)
        self.builds_waiting = Gauge(
            "brandrelease_builds_waiting", "Releases that wait for their turn to build.", registry=self.registry
        )
        self.actions = Counter(
            "brandrelease_actions_total", "Changes of the outside world, by kind.", ["action"], registry=self.registry
        )
        self.aws_calls = Counter(
            "brandrelease_aws_calls_total",
            "Calls to AWS, by action and by the code of the answer.",
            ["action", "code"],
            registry=self.registry,
        )
        self.notifications = Counter(
            "brandrelease_notifications_total",
            "Attempts to tell an endpoint of a release, by kind of endpoint and result.",
            ["kind", "result"],
            registry=self.registry,
        )
        self.outcomes = Counter(
            "brandrelease_releases_total",
            "Releases that ended, by outcome and reason.",
            ["outcome", "reason"],
            registry=self.registry,
        )
        self.check_measurements = Counter(
            "brandrelease_check_measurements_total",
            "Looks of checks, by source and by whether the source has answered.",
            ["source", "result"],
            registry=self.registry,
        )
        self.duration_seconds = Histogram(
            "brandrelease_duration_seconds",
            "From the request for a release to its outcome.",
            ["outcome"],
            registry=self.registry,
            buckets=RELEASE_BUCKETS,
        )
        self.build_duration_seconds = Histogram(
            "brandrelease_build_duration_seconds",
            "From asking for a build to its end, for each release that waited for it.",
            ["builder", "result"],
            registry=self.registry,
            buckets=RELEASE_BUCKETS,
        )
        self.rollbacks = Counter(
            "brandrelease_rollbacks_total",
            "Rollbacks that were begun, by what the release had failed for.",
            ["reason", "blame"],
            registry=self.registry,
        )
        self.time_to_detect_seconds = Histogram(
            "brandrelease_time_to_detect_seconds",
            "From the change of the Deployment to the moment at which the release was known to be bad.",
            registry=self.registry,
            buckets=REACTION_BUCKETS,
        )
        self.time_to_recover_seconds = Histogram(
            "brandrelease_time_to_recover_seconds",
            "From the moment at which a release was known to be bad to the end of its rollback.",
            registry=self.registry,
            buckets=REACTION_BUCKETS,
        )
        self.resyncs = Counter(
            "brandrelease_resyncs_total", "Resyncs by lists, by result.", ["result"], registry=self.registry
        )
        self.lost_events = Counter(
            "brandrelease_lost_events_total",
            "Changes that a resync found and no watch event had told of.",
            registry=self.registry,
        )
        self.brands = BrandMetrics(self.registry)
        self._begin_with_zero()

    def _begin_with_zero(self) -> None:
        """A series that appears with its first count shows no increase for it: Prometheus has nothing to compare with."""
        for result in ("ok", "failed"):
            self.passes.labels(result)
            self.resyncs.labels(result)
        for outcome in Outcome:
            self.duration_seconds.labels(outcome)
        for builder in BUILDERS:
            for build_result in BuildResult:
                self.build_duration_seconds.labels(builder, build_result)
        for reason, attribution in BLAME.items():
            self.rollbacks.labels(reason, attribution.blame)


class BrandMetrics:
    """The same of the passes over Brands, which ask whether everything can be reached and may wait for the answers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.passes = Counter(
            "brandrelease_brand_passes_total", "Passes over a Brand, by how they ended.", ["result"], registry=registry
        )
        self.pass_seconds = Histogram(
            "brandrelease_brand_pass_seconds",
            "How long a pass over a Brand took.",
            registry=registry,
            buckets=(0.01, 0.1, 0.5, 1, 5, 10, 30, 100),
        )
        self.queue_depth = Gauge("brandrelease_brand_queue_depth", "Brands that wait for a pass.", registry=registry)


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
