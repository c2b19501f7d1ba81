"""What a number means: against fixed bounds, and against what it was before the release."""

from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from brandrelease.apis.checks import CloudWatchMetric, ElasticsearchCheck, PrometheusCheck
from brandrelease.apis.reasons import Reason
from brandrelease.core.checks.reading import Bad, Reading
from brandrelease.core.words import cut, seconds

VALUE = "value"

_HUGE = Decimal("1e16")

NumberSource = PrometheusCheck | ElasticsearchCheck | CloudWatchMetric


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What is good; None: there is no such bound. why: where the upper one comes from."""

    least: Decimal | None
    most: Decimal | None
    why: str = ""


def read_number(source: NumberSource, value: Decimal, before: Decimal | None) -> Reading:
    """The meaning of a number. before: what it was before the release; None where nobody knows."""
    bounds = _bounds(source, before)
    text = f"{_named(source)} is {plain_number(value)} ({_in_words(bounds)})"
    below = bounds.least is not None and value < bounds.least
    above = bounds.most is not None and value > bounds.most
    reason = Reason.MetricExceeded if isinstance(source, CloudWatchMetric) else Reason.CheckFailed
    return Reading(text, (Bad(VALUE, reason, text),) if below or above else (), value)


def plain_number(value: Decimal) -> str:
    """The number as people write it: at most four digits after the point, and none that say nothing."""
    if abs(value) >= _HUGE:  # a digit of it more or less says nothing, and rounding it is an error of `decimal`
        return f"{value:.4e}"
    rounded = round(value, 4) if value == round(value, 4) or abs(value) >= Decimal("0.001") else value
    return f"{rounded.normalize():f}"


def _bounds(source: NumberSource, before: Decimal | None) -> _Bounds:
    least, most = _fixed(source)
    if source.max_ratio is None:
        return _Bounds(least, most)
    if before is None:
        why = "nothing is known of before the release, so maxRatio is not judged"
        return _Bounds(least, most, why)
    ratio, floor = Decimal(source.max_ratio), _floor(source)
    against = max(floor, ratio * before)
    if most is not None and most <= against:
        return _Bounds(least, most)
    why = f"{plain_number(ratio)} times the {plain_number(before)} before the release"
    if floor >= ratio * before:
        why = f"always good up to there; it was {plain_number(before)} before the release"
    return _Bounds(least, against, why)


def _fixed(source: NumberSource) -> tuple[Decimal | None, Decimal | None]:
    match source:
        case PrometheusCheck():
            return _decimal(source.min), _decimal(source.max)
        case CloudWatchMetric():
            return None, _decimal(source.max)
        case ElasticsearchCheck():
            return None, None
        case _:
            assert_never(source)


def _floor(source: NumberSource) -> Decimal:
    floor = source.min_count if isinstance(source, ElasticsearchCheck) else source.floor
    return Decimal(floor or 0)


def _decimal(text: str | None) -> Decimal | None:
    return Decimal(text) if text is not None else None


def _in_words(bounds: _Bounds) -> str:
    parts = []
    if bounds.least is not None:
        parts.append(f"at least {plain_number(bounds.least)}")
    if bounds.most is not None:
        parts.append(f"at most {plain_number(bounds.most)}")
    good = f"good: {' and '.join(parts)}" if parts else ""
    return ", ".join(filter(None, (good, bounds.why)))


def _named(source: NumberSource) -> str:
    match source:
        case PrometheusCheck():
            return f"the query {cut(source.query, 120)}"
        case ElasticsearchCheck():
            return f"the number of lines in {source.index} that match {cut(source.query, 120)} in the last {seconds(source.window_seconds)}"
        case CloudWatchMetric():
            which = ", ".join(f"{name} {value}" for name, value in sorted(source.dimensions.items()))
            of = f" of {cut(which, 120)}" if which else ""
            return f"{source.namespace} {source.metric_name} ({source.statistic}){of}"
        case _:
            assert_never(source)
