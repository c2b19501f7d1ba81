"""What moto's CloudWatch does not know: composite alarms, when a state began, evaluation states, types and pages.

Alarms are made with PutMetricAlarm and PutCompositeAlarm and put into a state with SetAlarmState: nothing evaluates them.
A region knows its own alarms only.
"""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from support.codebuild.wire import REGION, Answer, AwsError, Request, json_answer

CLOUDWATCH = "GraniteServiceVersion20100801"
MOST_NAMES = 100
MOST_RECORDS = 100
RECORDS = 50
"""On a page where MaxRecords says nothing."""

_SCOPE = re.compile(r"Credential=[^/]+/\d+/([a-z0-9-]+)/")
_Place = tuple[str, str]
"""Region and name."""


@dataclass
class CloudWatch:
    """``most_records``: fewer than AWS's, to see pages without many alarms."""

    clock: Callable[[], float]
    most_records: int = MOST_RECORDS
    composite: dict[_Place, dict[str, Any]] = field(default_factory=dict)
    evaluation_states: dict[_Place, str] = field(default_factory=dict)
    _transitions: dict[_Place, tuple[str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request, moto: Callable[[Request], Answer]) -> Answer | None:
        """The answer, for which moto may be asked; None for what is not played here."""
        operations = {
            "PutCompositeAlarm": self._put_composite_alarm,
            "SetAlarmState": self._set_alarm_state,
            "DescribeAlarms": self._describe_alarms,
        }
        if request.service != CLOUDWATCH or request.operation not in operations:
            return None
        with self._lock:
            return operations[request.operation](request, moto)

    def forget(self) -> None:
        """As if no alarm had been made; moto's are its own."""
        with self._lock:
            for known in (self.composite, self.evaluation_states, self._transitions):
                known.clear()
            self.most_records = MOST_RECORDS

    def _put_composite_alarm(self, request: Request, moto: Callable[[Request], Answer]) -> Answer:
        place, now = (_region(request), request.parameters["AlarmName"]), self.clock()
        state = {"StateValue": "OK", "StateReason": "Initial alarm creation", "StateUpdatedTimestamp": now}
        self.composite[place] = {**request.parameters, **state}
        return json_answer({})

    def _set_alarm_state(self, request: Request, moto: Callable[[Request], Answer]) -> Answer:
        given, now = request.parameters, self.clock()
        place = (_region(request), given["AlarmName"])
        if place in self.composite:
            state = {"StateValue": given["StateValue"], "StateReason": given["StateReason"]}
            self.composite[place] |= {**state, "StateUpdatedTimestamp": now}
            answer = json_answer({})
        elif (answer := moto(request)).error:
            return answer
        if self._transitions.get(place, ("", 0.0))[0] != given["StateValue"]:
            self._transitions[place] = (given["StateValue"], now)
        return answer

    def _describe_alarms(self, request: Request, moto: Callable[[Request], Answer]) -> Answer:
        asked = request.parameters
        if len(asked.get("AlarmNames", ())) > MOST_NAMES:
            raise AwsError("ValidationError", f"There may be {MOST_NAMES} names at most.")
        answer = moto(request)
        if answer.error:
            return answer
        types = asked.get("AlarmTypes") or ["MetricAlarm"]
        found: list[tuple[str, dict[str, Any]]] = []
        if "CompositeAlarm" in types:
            found += [("CompositeAlarms", alarm) for alarm in self._composite_alarms(request)]
        if "MetricAlarm" in types:
            found += [("MetricAlarms", alarm) for alarm in json.loads(answer.body)["MetricAlarms"]]
        told = [(kind, alarm | self._known(_region(request), alarm["AlarmName"])) for kind, alarm in found]
        return json_answer(self._page(told, asked))

    def _composite_alarms(self, request: Request) -> list[dict[str, Any]]:
        names = request.parameters.get("AlarmNames")
        return [
            dict(alarm)
            for (region, name), alarm in self.composite.items()
            if region == _region(request) and (names is None or name in names)
        ]

    def _known(self, region: str, name: str) -> dict[str, Any]:
        """What moto does not tell."""
        told: dict[str, Any] = {}
        if (region, name) in self._transitions:
            told["StateTransitionedTimestamp"] = self._transitions[region, name][1]
        if (region, name) in self.evaluation_states:
            told["EvaluationState"] = self.evaluation_states[region, name]
        return told

    def _page(self, found: list[tuple[str, dict[str, Any]]], asked: dict[str, Any]) -> dict[str, Any]:
        records = asked.get("MaxRecords", RECORDS)
        if not 1 <= records <= MOST_RECORDS:
            raise AwsError("ValidationError", f"MaxRecords must be from 1 to {MOST_RECORDS}.")
        first, size = int(asked.get("NextToken", "0")), min(records, self.most_records)
        page: dict[str, Any] = {"MetricAlarms": [], "CompositeAlarms": []}
        for kind, alarm in found[first : first + size]:
            page[kind].append(alarm)
        return page | ({"NextToken": str(first + size)} if first + size < len(found) else {})


def _region(request: Request) -> str:
    """The region that the call was signed for."""
    signed = _SCOPE.search(request.headers.get("authorization", ""))
    return signed[1] if signed else REGION
