"""The port `Check` for alarms of Amazon CloudWatch, however many brands look at the same ones."""

from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any, Final

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.aws.calls import Call
from brandrelease.adapters.checks.cloudwatch_calls import pages
from brandrelease.adapters.checks.shared_looks import SharedLooks
from brandrelease.core.checks.measured import AlarmSeen, AlarmsSeen, AlarmState, CheckOrder, Observation, Unmeasured
from brandrelease.core.plain import plain
from brandrelease.core.words import cut, one_of, without_passwords
from brandrelease.ports import Secret

MOST_NAMES: Final = 100
"""Names that one DescribeAlarms takes, and alarms that it tells on one page."""

_KINDS: Final = {"MetricAlarm": "MetricAlarms", "CompositeAlarm": "CompositeAlarms"}
"""Types to ask for, and where the answer has them. Without types, CloudWatch is silent about composite alarms."""

_WHY_LIMIT: Final = 300


class AlarmCheck:
    """Asks with the operator's own credentials."""

    def __init__(self, aws: AwsApi) -> None:
        self._aws = aws
        self._looks: SharedLooks[str, AlarmSeen] = SharedLooks(self._ask, MOST_NAMES)

    async def measure(self, order: CheckOrder, secret: Secret | None) -> Observation:  # noqa: ARG002 - the port's signature
        """How the alarms stand. One that does not exist is no evidence of anything, so nothing is measured then."""
        check = order.check.cloud_watch_alarms
        assert check is not None, "only checks of alarms come here"  # noqa: S101 - the wiring's promise
        found = await self._looks.look(check.region, (name for name in check.names if _can_exist(name)))
        if isinstance(found, Unmeasured):
            return found
        if missing := [name for name in check.names if name not in found]:
            return _missing(missing, check.region)
        return AlarmsSeen(tuple(found[name] for name in check.names))

    async def _ask(self, region: str, names: Sequence[str]) -> Mapping[str, AlarmSeen] | Unmeasured:
        told = await pages(
            self._aws,
            Call.DescribeAlarms,
            region,
            AlarmNames=list(names),
            AlarmTypes=list(_KINDS),
            MaxRecords=MOST_NAMES,
        )
        if isinstance(told, Unmeasured):
            return told
        alarms = (_seen(alarm) for page in told for kind in _KINDS.values() for alarm in page.get(kind, ()))
        return {alarm.name: alarm for alarm in alarms}


def _can_exist(name: str) -> bool:
    """CloudWatch refuses a question with a name that none can have, and with it the questions about all others."""
    return all(ord(character) >= ord(" ") for character in name)


def _seen(alarm: Mapping[str, Any]) -> AlarmSeen:
    since = alarm.get("StateTransitionedTimestamp") or alarm.get("StateUpdatedTimestamp")
    words = [str(alarm[key]) for key in ("EvaluationState", "StateReason") if alarm.get(key)]
    why = cut(without_passwords(" ".join(plain(": ".join(words)).split())), _WHY_LIMIT)
    at = since.astimezone(UTC) if since else None
    return AlarmSeen(str(alarm["AlarmName"]), _state(alarm), at, why, _window(alarm))


def _window(alarm: Mapping[str, Any]) -> timedelta | None:
    """The least time that what is watched must be bad. A composite alarm watches nothing itself.

    An alarm on an expression has its period in the metrics of it; where they differ, CloudWatch does not tell its own.
    """
    queries = [query.get("MetricStat", query) for query in alarm.get("Metrics", ())]
    periods = {each["Period"] for each in (alarm, *queries) if each.get("Period")}
    datapoints = alarm.get("DatapointsToAlarm") or alarm.get("EvaluationPeriods")
    if len(periods) != 1 or not datapoints:
        return None
    return timedelta(seconds=datapoints * periods.pop())


def _state(alarm: Mapping[str, Any]) -> AlarmState:
    """Unclear also in a state that is not known here: nothing is concluded from it."""
    if alarm.get("EvaluationState"):
        return AlarmState.Unclear
    try:
        return AlarmState(alarm["StateValue"])
    except ValueError:
        return AlarmState.Unclear


def _missing(names: Sequence[str], region: str) -> Unmeasured:
    alarms = "alarms" if len(names) > 1 else "alarm"
    return Unmeasured(
        f"CloudWatch in {region} has no {alarms} {one_of(names)}. Correct names or region of the check in the Brand, or create "
        "what is missing; composite alarms are told only to a role that may call cloudwatch:DescribeAlarms on all resources."
    )
