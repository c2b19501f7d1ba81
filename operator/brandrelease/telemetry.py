"""Logs and metrics: how the operator tells what it does."""

import logging
import sys
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from brandrelease.settings import LogFormat, LogLevel


class Metrics:
    """All metrics, on a registry of their own. No label ever holds a commit, a key or anything else without bounds."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
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
        self.resyncs = Counter(
            "brandrelease_resyncs_total", "Resyncs by lists, by result.", ["result"], registry=self.registry
        )
        self.lost_events = Counter(
            "brandrelease_lost_events_total",
            "Changes that a resync found and no watch event had told of.",
            registry=self.registry,
        )


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
