"""Whether an environment is watched for long enough: a check that cannot fail within the soak protects nothing."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from brandrelease.apis.brand import Brand, Environment
from brandrelease.apis.checks import Check, CloudWatchMetric, OnFailure
from brandrelease.core.brands.seen import CheckLook
from brandrelease.core.checks.measured import AlarmsSeen


def too_short(brand: Brand, looks: Iterable[CheckLook]) -> str | None:
    """The warning about soaks that are shorter than a check needs; None where all are long enough."""
    told = [_sentence(*each) for each in _short_ones(brand, tuple(looks))]
    if not told:
        return None
    others = len(told) - 1
    return f"{told[0]} {others} more of the Brand's checks are slower than their soak, too." if others else told[0]


def _short_ones(brand: Brand, looks: tuple[CheckLook, ...]) -> Iterator[tuple[Environment, Check, int]]:
    """The checks that need longer than the soak, with the seconds that each needs."""
    for environment in brand.spec.environments:
        for check in environment.checks:
            seconds = -(-_needed(check, _alarms_take(environment, check, looks)) // timedelta(seconds=1))
            if check.consequence is not OnFailure.Ignore and seconds > environment.soak_seconds:
                yield environment, check, seconds


def _needed(check: Check, alarms_take: timedelta) -> timedelta:
    """From the end of the rollout to the failure of the check, for a fault that is there from the beginning."""
    metric = check.cloud_watch_metric
    # Only whole periods count: up to one passes until the first begins that is the release's alone, and one is measured.
    whole_period = timedelta(seconds=2 * metric.period_seconds) if isinstance(metric, CloudWatchMetric) else timedelta()
    return check.time_to_fail + whole_period + alarms_take


def _alarms_take(environment: Environment, check: Check, looks: tuple[CheckLook, ...]) -> timedelta:
    """How long what the quickest of the check's alarms watches must be bad; nothing where CloudWatch has not told."""
    seen = [look.observation for look in looks if (look.environment, look.check) == (environment.name, check)]
    windows = [alarm.window for each in seen if isinstance(each, AlarmsSeen) for alarm in each.alarms]
    return min((window for window in windows if window is not None), default=timedelta())


def _sentence(environment: Environment, check: Check, seconds: int) -> str:
    return (
        f'Environment {environment.name} is watched for {environment.soak_seconds} s (soakSeconds), and its check "{check.name}" needs up to '
        f"{seconds} s to fail, so that a bad release may be called live before. Raise soakSeconds to {seconds}, or let the check look "
        "earlier and more often (initialDelaySeconds, intervalSeconds, failureLimit)."
    )
