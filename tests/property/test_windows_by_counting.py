"""Windows on the clock: a whole year in many zones, against a count of every quarter of an hour that knows no cron."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brandrelease.core.waiting.windows import frozen
from support.freeze_windows import window

QUARTER = timedelta(minutes=15)
FIRST, LAST = datetime(2025, 11, 25, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)
YEAR = datetime(2026, 1, 1, tzinfo=UTC)

ZONES = [
    "UTC",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",  # puts the clock forward at midnight
    "America/Santiago",
    "Africa/Cairo",
    "Africa/Casablanca",  # puts the clock back for Ramadan
    "Europe/Berlin",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # by half an hour
    "Pacific/Chatham",
    "Antarctica/Troll",  # by two hours
]


# --- the count ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Field:
    """One field of a schedule: as it is written, and the values that it means."""

    text: str
    values: frozenset[int]


@dataclass(frozen=True)
class Schedule:
    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field

    def __str__(self) -> str:
        return " ".join(each.text for each in (self.minute, self.hour, self.day, self.month, self.weekday))

    def names_day(self, day: date) -> bool:
        """Whether the leaf of the calendar is one that the schedule names."""
        by_number, by_name = day.day in self.day.values, day.isoweekday() % 7 in self.weekday.values
        either = self.day.text != "*" and self.weekday.text != "*"
        return day.month in self.month.values and (by_number or by_name if either else by_number and by_name)

    def names_time(self, local: datetime) -> bool:
        """Whether the hands of the clock are where the schedule names them."""
        return local.minute in self.minute.values and local.hour in self.hour.values

    @property
    def names_a_time_of_day(self) -> bool:
        return "*" not in self.minute.text and "*" not in self.hour.text


@cache
def quarters(zone: str) -> list[tuple[datetime, datetime]]:
    """Every quarter of an hour that passes, and what the clocks of the zone show then."""
    found, at = [], FIRST
    while at < LAST:
        found.append((at, at.astimezone(ZoneInfo(zone))))
        at += QUARTER
    return found


@cache
def skipped(zone: str) -> list[tuple[datetime, datetime]]:
    """What the clocks of the zone never show since they are put forward, and when that is done."""
    found = []
    for (_, before), (at, after) in zip(quarters(zone), quarters(zone)[1:], strict=False):
        shown, next_shown = before.replace(tzinfo=None) + QUARTER, after.replace(tzinfo=None)
        while shown < next_shown:
            found.append((at, shown))
            shown += QUARTER
    return found


@cache
def days(zone: str) -> dict[date, list[tuple[datetime, datetime]]]:
    """The quarters by the day that the calendars of the zone show."""
    found: dict[date, list[tuple[datetime, datetime]]] = {}
    for at, local in quarters(zone):
        found.setdefault(local.date(), []).append((at, local))
    return found


def opens(schedule: Schedule, zone: str) -> list[datetime]:
    """When a window of this schedule opens, oldest first."""
    once = schedule.names_a_time_of_day
    found = {
        at
        for day, shown in days(zone).items()
        if schedule.names_day(day)
        for at, local in shown
        if schedule.names_time(local) and not (once and local.fold)
    }
    if once:
        found |= {at for at, never in skipped(zone) if schedule.names_day(never.date()) and schedule.names_time(never)}
    return sorted(found)


def is_open(starts: list[datetime], minutes: int, at: datetime) -> bool:
    place = bisect_right(starts, at)
    return place > 0 and at < starts[place - 1] + timedelta(minutes=minutes)


def one(values: range, star: str = "*") -> st.SearchStrategy[Field]:
    """A star, a value, two of them or a range."""
    some = st.sampled_from(values)
    return st.one_of(
        st.just(Field(star, frozenset(values))),
        some.map(lambda value: Field(str(value), frozenset({value}))),
        st.tuples(some, some).map(lambda pair: Field(f"{pair[0]},{pair[1]}", frozenset(pair))),
        st.tuples(some, some).map(
            lambda pair: Field(f"{min(pair)}-{max(pair)}", frozenset(range(min(pair), max(pair) + 1)))
        ),
    )


def minutes_of_an_hour() -> st.SearchStrategy[Field]:
    """Quarters of an hour, since these are what is counted."""
    return st.sampled_from(
        [
            Field("*/15", frozenset({0, 15, 30, 45})),
            Field("0", frozenset({0})),
            Field("30", frozenset({30})),
            Field("15,45", frozenset({15, 45})),
            Field("0-59/15", frozenset({0, 15, 30, 45})),
        ]
    )


SCHEDULES = st.builds(
    Schedule,
    minutes_of_an_hour(),
    st.one_of(one(range(24)), st.sampled_from([Field("1", frozenset({1})), Field("0-2", frozenset({0, 1, 2}))])),
    one(range(1, 32)),
    one(range(1, 13)),
    one(range(7)),
)
SPANS = st.sampled_from([15, 45, 60, 8 * 60, 24 * 60, 64 * 60, 31 * 24 * 60])


def moments(zone: str) -> st.SearchStrategy[datetime]:
    """Any second of the year; and, as often, one in the hours around a change of the clocks."""
    anywhere = st.integers(0, 365 * 86400 - 1).map(lambda second: YEAR + timedelta(seconds=second))
    changes = sorted(
        {
            at
            for (_, before), (at, after) in zip(quarters(zone), quarters(zone)[1:], strict=False)
            if before.utcoffset() != after.utcoffset()
        }
    )
    if not changes:
        return anywhere
    near = st.tuples(st.sampled_from(changes), st.integers(-4 * 3600, 4 * 3600))
    return st.one_of(anywhere, near.map(lambda pair: pair[0] + timedelta(seconds=pair[1])))


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=10, deadline=None)
@given(st.data())
def test_a_deny_window_is_open_when_the_count_says_so_and_until_then(zone: str, data: st.DataObject) -> None:
    schedule, span = data.draw(SCHEDULES), data.draw(SPANS)
    starts = opens(schedule, zone)
    for at in data.draw(st.lists(moments(zone), min_size=5, max_size=5)):
        found = frozen([window("Deny", str(schedule), span, zone)], at)
        assert (found is not None) == is_open(starts, span, at)
        if found is not None and found.until is not None and found.until < LAST - timedelta(days=62):
            ends = next(end for end in closings(starts, span) if end > at)
            assert found.until == ends


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=10, deadline=None)
@given(st.data())
def test_outside_of_its_allow_windows_it_is_frozen_until_the_next_one_opens(zone: str, data: st.DataObject) -> None:
    schedule, span = data.draw(SCHEDULES), data.draw(SPANS)
    starts = opens(schedule, zone)
    for at in data.draw(st.lists(moments(zone), min_size=5, max_size=5)):
        found = frozen([window("Allow", str(schedule), span, zone)], at)
        assert (found is None) == is_open(starts, span, at)
        following = [start for start in starts if start > at]
        if found is not None and following:
            assert found.until == following[0]
        elif found is not None:
            assert found.until is None or found.until >= LAST


def closings(starts: list[datetime], minutes: int) -> Iterator[datetime]:
    """When the window closes and does not open at the same time or earlier."""
    for start, following in zip(starts, [*starts[1:], LAST + timedelta(days=32)], strict=True):
        if start + timedelta(minutes=minutes) < following:
            yield start + timedelta(minutes=minutes)


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_several_windows_freeze_it_until_the_first_moment_that_all_of_them_leave_free(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(["Deny", "Allow"]), min_size=1, max_size=4))
    zones = [data.draw(st.sampled_from(ZONES)) for _ in kinds]
    drawn = [(kind, data.draw(SCHEDULES), data.draw(SPANS), zone) for kind, zone in zip(kinds, zones, strict=True)]
    windows = [window(kind, str(schedule), span, zone) for kind, schedule, span, zone in drawn]
    counted = [(kind, opens(schedule, zone), span) for kind, schedule, span, zone in drawn]

    def is_free(at: datetime) -> bool:
        allows = [is_open(starts, span, at) for kind, starts, span in counted if kind == "Allow"]
        denied = any(is_open(starts, span, at) for kind, starts, span in counted if kind == "Deny")
        return not denied and (not allows or any(allows))

    for at in data.draw(st.lists(moments("Europe/Berlin"), min_size=5, max_size=5)):
        found = frozen(windows, at)
        assert (found is None) == is_free(at)
        if found is not None and found.until is not None and found.until < LAST - timedelta(days=32):
            span_of = [(start, start + timedelta(minutes=span)) for _, starts, span in counted for start in starts]
            changes = sorted({moment for both in span_of for moment in both if moment > at})
            assert found.until == next(moment for moment in changes if is_free(moment))
