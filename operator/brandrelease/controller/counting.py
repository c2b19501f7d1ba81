"""What a pass has brought to an end goes into counters and histograms. Called once for each status that was written."""

from typing import assert_never

from brandrelease.apis.brandrelease import BrandReleaseStatus
from brandrelease.core.measures import (
    BuildEnded,
    FailureDetected,
    Recovered,
    ReleaseEnded,
    RollbackBegun,
    measures,
)
from brandrelease.telemetry import ReleaseMetrics


def count(metrics: ReleaseMetrics, before: BrandReleaseStatus, after: BrandReleaseStatus) -> None:
    """Count what lies between the status before a pass and the one that it wrote."""
    for measure in measures(before, after):
        match measure:
            case ReleaseEnded(outcome, reason, seconds):
                metrics.outcomes.labels(outcome, reason).inc()
                metrics.duration_seconds.labels(outcome).observe(seconds)
            case BuildEnded(builder, result, seconds):
                metrics.build_duration_seconds.labels(builder, result).observe(seconds)
            case FailureDetected(seconds):
                metrics.time_to_detect_seconds.observe(seconds)
            case RollbackBegun(reason, blame):
                metrics.rollbacks.labels(reason, blame).inc()
            case Recovered(seconds):
                metrics.time_to_recover_seconds.observe(seconds)
            case _:
                assert_never(measure)
