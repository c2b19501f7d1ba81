"""From what was seen to what it means: one look, whatever its source."""

from datetime import datetime
from decimal import Decimal

from brandrelease.apis.checks import Check, CloudWatchAlarms, HttpCheck
from brandrelease.core.checks.alarms import read_alarms
from brandrelease.core.checks.measured import AlarmsSeen, HttpSeen, NumberSeen, Observation, Unmeasured
from brandrelease.core.checks.number import read_number
from brandrelease.core.checks.page import read_page
from brandrelease.core.checks.reading import Reading

_NOT_ITS_OWN = (
    "The operator was told something of it that it does not understand. This is a fault of the operator: report it."
)


def read(check: Check, observation: Observation, before: Decimal | None, now: datetime) -> Reading | Unmeasured:
    """The meaning of one look. before: the number that was seen before the release, if it is one."""
    match check.source, observation:
        case _, Unmeasured():
            return observation
        case HttpCheck() as source, HttpSeen():
            return read_page(source, observation, now)
        case CloudWatchAlarms() as source, AlarmsSeen():
            return read_alarms(source, observation)
        case ((HttpCheck() | CloudWatchAlarms()), _):
            return Unmeasured(_NOT_ITS_OWN)
        case source, NumberSeen(value):
            return read_number(source, value, before)
        case _:
            return Unmeasured(_NOT_ITS_OWN)
