"""The port `Check` for a metric of Amazon CloudWatch: the newest whole period counts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.aws.calls import Call
from brandrelease.adapters.checks.cloudwatch_calls import pages
from brandrelease.adapters.checks.shared_looks import SharedLooks
from brandrelease.apis.checks import CloudWatchMetric
from brandrelease.core.checks.measured import CheckOrder, NumberSeen, Observation, Unmeasured
from brandrelease.core.plain import plain
from brandrelease.core.words import cut, seconds
from brandrelease.ports import Clock, Secret

LATE: Final = timedelta(minutes=5)
"""How late CloudWatch may be with a value. One from before that says nothing about now."""

_ID: Final = "m"
_FAILED: Final = frozenset({"InternalError", "Forbidden"})


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric, as one number for each period."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    period: timedelta

    @property
    def title(self) -> str:
        which = ", ".join(f"{name}={value}" for name, value in self.dimensions)
        return f"{self.statistic} of {self.namespace} {self.name}" + (f" ({which})" if which else "")


class MetricCheck:
    """Asks with the operator's own credentials."""

    def __init__(self, aws: AwsApi, clock: Clock) -> None:
        self._aws, self._clock = aws, clock
        self._looks: SharedLooks[Metric, NumberSeen] = SharedLooks(self._ask, 1)

    async def measure(self, order: CheckOrder, secret: Secret | None) -> Observation:  # noqa: ARG002 - the port's signature
        """The value of the newest period that is over and of which CloudWatch has one."""
        check = order.check.cloud_watch_metric
        assert check is not None, "only checks of metrics come here"  # noqa: S101 - the wiring's promise
        metric = _metric(check)
        found = await self._looks.look(check.region, (metric,))
        return found if isinstance(found, Unmeasured) else found[metric]

    async def _ask(self, region: str, metrics: Sequence[Metric]) -> Mapping[Metric, NumberSeen] | Unmeasured:
        [metric] = metrics
        begin, end = _times(self._clock.now(), metric.period)
        told = await pages(
            self._aws,
            Call.GetMetricData,
            region,
            MetricDataQueries=[_query(metric)],
            StartTime=begin,
            EndTime=end,
            ScanBy="TimestampDescending",
        )
        if isinstance(told, Unmeasured):
            return told
        results = [result for page in told for result in page.get("MetricDataResults", ())]
        values = [pair for result in results for pair in _whole(result, end - metric.period)]
        if not values:
            return _nothing(metric, region, end - begin, results)
        return {metric: NumberSeen(max(values)[1])}


def _metric(check: CloudWatchMetric) -> Metric:
    dimensions = tuple(sorted(check.dimensions.items()))
    period = timedelta(seconds=check.period_seconds)
    return Metric(check.namespace, check.metric_name, dimensions, check.statistic, period)


def _times(now: datetime, period: timedelta) -> tuple[datetime, datetime]:
    """From where to where values are asked for: up to the period that still runs, which is left out."""
    end = datetime.fromtimestamp(now.timestamp() // period.total_seconds() * period.total_seconds(), UTC)
    late = -(-LATE // period)
    return end - period * (1 + late), end


def _query(metric: Metric) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions]
    which = {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}
    how = {"Period": int(metric.period.total_seconds()), "Stat": metric.statistic}
    return {"Id": _ID, "MetricStat": {"Metric": which, **how}}


def _whole(result: Mapping[str, Any], newest: datetime) -> Iterator[tuple[datetime, Decimal]]:
    """The values with the begin of their period, of periods that are over. newest: the begin of the last of those."""
    if result.get("StatusCode") in _FAILED:
        return
    for at, value in zip(result.get("Timestamps", ()), result.get("Values", ()), strict=False):
        number = Decimal(repr(value))
        if at <= newest and number.is_finite():
            yield at, number


def _nothing(metric: Metric, region: str, span: timedelta, results: Sequence[Mapping[str, Any]]) -> Unmeasured:
    messages = [message for result in results for message in result.get("Messages", ())]
    said = cut(" ".join(plain(" ".join(str(message.get("Value", "")) for message in messages)).split()), 200)
    return Unmeasured(
        f"CloudWatch in {region} has no value for {metric.title} in the last {seconds(span.total_seconds())}"
        f"{f' (it says: {said})' if said else ''}. Correct the check in the Brand if region, namespace, metricName or dimensions "
        "differ from what CloudWatch shows (all dimensions of a metric must be given), and look whether values still arrive there."
    )
