"""What is seen when a check looks: plain facts, as the adapters report them. `core.checks` says what they mean."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from brandrelease.apis.checks import Check


@dataclass(frozen=True, slots=True)
class PodAddress:
    """A pod that may be asked."""

    name: str
    ip: str


@dataclass(frozen=True, slots=True)
class CheckOrder:
    """One look: which check, and the pods that an http check asks beside the public address."""

    check: Check
    pods: tuple[PodAddress, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What an HTTP server said. seconds: until the whole answer was there. has_text: whether bodyContains was found."""

    status: int
    seconds: float
    has_text: bool = True


@dataclass(frozen=True, slots=True)
class NoHttpAnswer:
    """The server did not answer; why, as the end of a sentence: "refuses connections"."""

    why: str


HttpResult = HttpAnswer | NoHttpAnswer


@dataclass(frozen=True, slots=True)
class HttpSeen:
    """What the public address and each of the pods said. certificate_ends: None where there was no certificate."""

    public: HttpResult
    pods: tuple[tuple[str, HttpResult], ...] = ()
    certificate_ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class NumberSeen:
    """A number."""

    value: Decimal


class AlarmState(StrEnum):
    """As CloudWatch knows them; Unclear where CloudWatch could not evaluate the alarm."""

    Ok = "OK"
    Alarm = "ALARM"
    InsufficientData = "INSUFFICIENT_DATA"
    Unclear = "UNCLEAR"


@dataclass(frozen=True, slots=True)
class AlarmSeen:
    """One alarm. since: when it came into its state. why: CloudWatch's own words.

    window: how long what it watches must be bad until it fires (period times datapoints); None where it is not known.
    """

    name: str
    state: AlarmState
    since: datetime | None
    why: str
    window: timedelta | None = None


@dataclass(frozen=True, slots=True)
class AlarmsSeen:
    """The alarms that exist, of those that were asked for."""

    alarms: tuple[AlarmSeen, ...]


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """Nothing was seen: the source does not answer, or cannot be asked so. message: a sentence that says what to do."""

    message: str


Observation = HttpSeen | NumberSeen | AlarmsSeen | Unmeasured


@dataclass(frozen=True, slots=True)
class Measured:
    """What one look has found. at: when it was at its end."""

    observation: Observation
    at: datetime
