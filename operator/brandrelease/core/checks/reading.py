"""What one look means, in words: what is good about it and what is bad."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from brandrelease.apis.reasons import Reason


@dataclass(frozen=True, slots=True)
class Bad:
    """Something that is bad. message: a sentence without its full stop.

    part: its name, by which it is known that it was bad before the release: public, pods, value, or an alarm's name.
    since: since when it is so, where the source says it.
    """

    part: str
    reason: Reason
    message: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The meaning of one look. text: what was seen, with the threshold, as a sentence without its full stop."""

    text: str
    bad: tuple[Bad, ...] = ()
    value: Decimal | None = None
