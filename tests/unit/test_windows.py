"""Windows on the clock, in so many words: the days on which clocks change, windows together, and mistakes."""

from datetime import datetime, timedelta

import pytest

from brandrelease.apis.windows import Window
from brandrelease.core.waiting.windows import LINKS, frozen, mistake
from support.freeze_windows import moment, window

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
