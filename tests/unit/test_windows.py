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

from brandrelease.apis.windows import Window
from brandrelease.core.windows import LINKS, frozen, mistake

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


def window(kind: str, schedule: str, minutes: float, zone: str = "UTC") -> Window:
    return Window.model_validate(
        {"kind": kind, "schedule": schedule, "durationSeconds": int(minutes * 60), "timeZone": zone}
    )


def moment(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


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


# --- days on which the clocks change, in so many words ------------------------------------------------------------------

NEW_YORK = "America/New_York"  # 2026-03-08 02:00 -> 03:00, 2026-11-01 02:00 -> 01:00
DAYS = {
    "a time that is skipped comes when the clock has been put forward": (
        ("30 2 * * *", 60),
        "2026-03-08T07:00:00",
        "2026-03-08T08:00:00",
    ),
    "and not before": (("30 2 * * *", 60), "2026-03-08T06:59:59", None),
    "a time that comes twice counts the first time": (
        ("30 1 * * *", 15),
        "2026-11-01T05:30:00",
        "2026-11-01T05:45:00",
    ),
    "and not the second time": (("30 1 * * *", 15), "2026-11-01T06:30:00", None),
    "what began in the hour that comes twice is still open in its second pass": (
        ("45 1 * * *", 60),
        "2026-11-01T06:30:00",
        "2026-11-01T06:45:00",
    ),
    "every hour is every hour that passes": (("0 * * * *", 15), "2026-11-01T06:00:00", "2026-11-01T06:15:00"),
    "a duration is time that passes: in spring it ends later on the clock": (
        ("0 0 8 3 *", 24 * 60),
        "2026-03-08T12:00:00",
        "2026-03-09T05:00:00",
    ),
    "and in autumn earlier": (("0 0 1 11 *", 24 * 60), "2026-11-01T12:00:00", "2026-11-02T04:00:00"),
}


@pytest.mark.parametrize(("deny", "at", "until"), DAYS.values(), ids=DAYS)
def test_on_a_day_on_which_clocks_change(deny: tuple[str, int], at: str, until: str | None) -> None:
    found = frozen([window("Deny", *deny, NEW_YORK)], moment(at))
    assert (found and found.until) == (moment(until) if until else None)


# --- windows together ---------------------------------------------------------------------------------------------------

WEEKEND = window("Deny", "0 16 * * 5", 64 * 60, "Europe/Berlin")
OFFICE = window("Allow", "0 9 * * 1-5", 8 * 60, "Europe/Berlin")
FRIDAY = moment("2026-06-05T17:00:00", "Europe/Berlin")
TOGETHER: dict[str, tuple[list[Window], datetime, str | None]] = {
    "no window": ([], FRIDAY, None),
    "a weekend": ([WEEKEND], FRIDAY, "2026-06-08T08:00:00"),
    "a weekend, and then office hours": ([WEEKEND, OFFICE], FRIDAY, "2026-06-08T09:00:00"),
    "office hours cut short by the weekend": ([WEEKEND, OFFICE], FRIDAY - timedelta(minutes=30), "2026-06-08T09:00:00"),
    "office hours before the weekend": ([WEEKEND, OFFICE], FRIDAY - timedelta(hours=2), None),
    "the moment at which it opens": ([WEEKEND], FRIDAY - timedelta(hours=1), "2026-06-08T08:00:00"),
    "a second before": ([WEEKEND], FRIDAY - timedelta(hours=1, seconds=1), None),
    "the moment at which it closes": ([WEEKEND], moment("2026-06-08T08:00:00", "Europe/Berlin"), None),
    "two that overlap": ([WEEKEND, window("Deny", "0 6 8 6 *", 120)], FRIDAY, "2026-06-08T10:00:00"),
    "two of which one begins when the other ends": (
        [WEEKEND, window("Deny", "0 8 * * 1", 60, "Europe/Berlin")],
        FRIDAY,
        "2026-06-08T09:00:00",
    ),
    "two with a minute between them": (
        [WEEKEND, window("Deny", "1 8 * * 1", 60, "Europe/Berlin")],
        FRIDAY,
        "2026-06-08T08:00:00",
    ),
    "the longer one of two that are open": ([window("Deny", "0 15 * * 5", 60), WEEKEND], FRIDAY, "2026-06-08T08:00:00"),
    "one of two Allow windows is open": ([OFFICE, window("Allow", "0 15 * * 5", 60)], FRIDAY, None),
    "the sooner one of two Allow windows": (
        [OFFICE, window("Allow", "0 18 * * 5", 60, "Europe/Berlin")],
        FRIDAY,
        "2026-06-05T18:00:00",
    ),
    "every day for two months": (
        [window("Deny", "0 0 * 6,7 *", 24 * 60, "Europe/Berlin")],
        FRIDAY,
        "2026-08-01T00:00:00",
    ),
}


@pytest.mark.parametrize(("windows", "at", "until"), TOGETHER.values(), ids=TOGETHER)
def test_windows_together(windows: list[Window], at: datetime, until: str | None) -> None:
    found = frozen(windows, at)
    assert (found and found.until) == (moment(until, "Europe/Berlin") if until else None)


def test_the_window_that_is_told_is_the_one_that_closes_it_now() -> None:
    found = frozen([window("Deny", "0 8 * * 1", 60), WEEKEND, OFFICE], FRIDAY)
    assert found is not None
    assert found.window == WEEKEND
    at_night = frozen([WEEKEND, OFFICE], FRIDAY - timedelta(hours=12))
    assert at_night is not None
    assert at_night.window == OFFICE


@pytest.mark.parametrize("schedule", ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 */31 2 5#5", "0 0 30 2 1#5"])
def test_a_schedule_that_never_comes_is_never_open(schedule: str) -> None:
    assert mistake(window("Deny", schedule, 60)) is None
    assert frozen([window("Deny", schedule, 60)], FRIDAY) is None
    found = frozen([window("Allow", schedule, 60)], FRIDAY)
    assert found is not None
    assert found.until is None or found.until > FRIDAY + timedelta(days=365)


def test_a_deny_window_that_never_ends_has_no_end_in_sight() -> None:
    always = window("Deny", "* * * * *", 1)
    found = frozen([always], FRIDAY)
    assert found is not None
    assert (found.window, found.until) == (always, None)


def test_a_chain_is_followed_for_as_many_windows_as_it_says() -> None:
    days = [window("Deny", "0 0 * 1-3 *", 24 * 60)]
    found = frozen(days, moment("2026-01-01T00:00:00"))
    assert found is not None
    assert found.until == moment("2026-04-01T00:00:00")
    assert (found.until - moment("2026-01-01T00:00:00")).days < LINKS
    longer = frozen([window("Deny", "0 0 * 1-6 *", 24 * 60)], moment("2026-01-01T00:00:00"))
    assert longer is not None
    assert longer.until is None


# --- mistakes -----------------------------------------------------------------------------------------------------------

CRON = (
    'the schedule "{}" is no cron expression{}; write minute, hour, day of the month, month and day of the week, '
    'for example "0 16 * * 5" for Fridays at 16:00'
)
ZONE = 'there is no time zone "{}"; write a name like America/Vancouver or UTC'
MISTAKES = {
    "a range that runs backwards": ("5-1 0 * * *", "UTC", CRON.format("5-1 0 * * *", " (Bad minute)")),
    "an hour that no day has": ("0 24 * * *", "UTC", CRON.format("0 24 * * *", " (Bad hour)")),
    "a month that no year has": ("0 0 * FOO *", "UTC", CRON.format("0 0 * FOO *", " (Bad month)")),
    "a step of nothing": ("0 0 * * */0", "UTC", CRON.format("0 0 * * */0", " (Bad day-of-week)")),
    "six fields": ("0 0 16 * * 5", "UTC", CRON.format("0 0 16 * * 5", "")),
    "a word": ("weekly", "UTC", CRON.format("weekly", "")),
    "a zone that nobody knows": ("0 16 * * 5", "Mars/Phobos", ZONE.format("Mars/Phobos")),
    "a continent": ("0 16 * * 5", "America", ZONE.format("America")),
    "a way out of the zone files": ("0 16 * * 5", "../passwd", ZONE.format("../passwd")),
}


@pytest.mark.parametrize(("schedule", "zone", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_what_to_write(schedule: str, zone: str, said: str) -> None:
    assert mistake(window("Deny", schedule, 60, zone)) == said


@pytest.mark.parametrize(
    "schedule", ["*/5 8-17 1,15 JAN-mar mon-FRI", "0 0 L * *", "0 0 LW * *", "0 0 * * 5L", "0 0 * * 5#2"]
)
def test_what_cron_understands_is_no_mistake(schedule: str) -> None:
    assert mistake(window("Deny", schedule, 60, "America/Vancouver")) is None
