"""Windows on the clock: whether an environment may be released to at a moment, and if not, from when on it may.

A window opens at each time that its schedule names, on the clock of its zone, and is open for so many seconds. On the
days on which clocks change, the schedule is read as Debian's cron reads it: a time of day that is skipped comes when the
clock has been put forward, one that comes twice counts once, the first time; and `*` in minute or hour means every
minute or hour that passes.

`zoneinfo` reads the zone files. They are constants that come with the system or with the package tzdata: what is read
depends on nothing but the name, so a decision stays a function of its snapshot.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from brandrelease.apis.windows import Window, WindowKind

LINKS: Final = 100
"""How many windows that follow one another without a pause are looked through for their end."""

_LONGEST: Final = timedelta(hours=3)
"""Clocks are changed by one hour as a rule, and by three at most (Antarctica/Casey)."""

_SECOND: Final = timedelta(seconds=1)
_ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Frozen:
    """Nothing may be released. window: the Deny window that is open, else the Allow window that opens first, if any.

    until: when it may be released again, in UTC; None where no end is in sight.
    """

    window: Window | None
    until: datetime | None


def frozen(windows: Sequence[Window], now: datetime) -> Frozen | None:
    """Whether nothing may be released now. Windows with a mistake must have been told of before."""
    first = _closed(windows, now)
    if first is None:
        return None
    until = first.until
    for _ in range(LINKS):
        following = _closed(windows, until) if until is not None else None
        if following is None:
            return Frozen(first.window, until)
        until = following.until
    return Frozen(first.window, None)


def mistake(window: Window) -> str | None:
    """What is wrong with the window, as a sentence that says what to write; None if nothing is."""
    try:
        _zone(window)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the last one for the name of a whole directory of zones
        return f'there is no time zone "{window.time_zone}"; write a name like America/Vancouver or UTC'
    try:
        minute, hour, day, month, weekday = window.schedule.split()
        # Apart: a day that no such month has is no mistake of writing, that window only never opens.
        for part in (f"{minute} {hour} {day} * {weekday}", f"* * * {month} *"):
            CronSim(part, _ANY_TIME)
    except (CronSimError, ValueError) as error:
        what = f" ({error})" if isinstance(error, CronSimError) else ""
        return (
            f'the schedule "{window.schedule}" is no cron expression{what}; write minute, hour, day of the month, month '
            'and day of the week, for example "0 16 * * 5" for Fridays at 16:00'
        )
    return None


def _closed(windows: Sequence[Window], at: datetime) -> Frozen | None:
    """What keeps releases out at this moment, and for how long it does so by itself."""
    denials = [(end, each) for each in windows if each.kind is WindowKind.Deny and (end := _open_until(each, at))]
    if denials:
        end, window = max(denials, key=lambda denial: denial[0])
        return Frozen(window, end)
    allows = [each for each in windows if each.kind is WindowKind.Allow]
    if not allows or any(_open_until(each, at) for each in allows):
        return None
    openings = [(start, each) for each in allows if (start := _next_start(each, at))]
    if not openings:
        return Frozen(None, None)
    start, window = min(openings, key=lambda opening: opening[0])
    return Frozen(window, start)


def _open_until(window: Window, at: datetime) -> datetime | None:
    """When the window closes that is open at this moment. Of openings that overlap, the last one lasts longest."""
    zone, spare = _zone(window), _spare(window, at)
    shown, last = _shown(zone, at), None
    for time in _times(window, shown + spare + _SECOND, reverse=True):
        past = [start for start in _starts(window, zone, time) if start <= at]
        last = max([*past, last] if last else past, default=None)
        if last is not None and time <= shown - spare:
            break
    end = last + timedelta(seconds=window.duration_seconds) if last else None
    return end if end and end > at else None


def _next_start(window: Window, at: datetime) -> datetime | None:
    """When the window opens next; None if it never does."""
    zone, spare = _zone(window), _spare(window, at)
    shown, first = _shown(zone, at), None
    for time in _times(window, shown - spare - _SECOND, reverse=False):
        coming = [start for start in _starts(window, zone, time) if start > at]
        first = min([*coming, first] if first else coming, default=None)
        if first is not None and time >= shown + spare:
            break
    return first


# --- from the clock on the wall to the time that passes ----------------------------------------------------------------


def _times(window: Window, origin: datetime, *, reverse: bool) -> Iterator[datetime]:
    """What the clock shows when the window opens, one time after the other; none where none comes in fifty years.

    cronsim is asked about clocks that never change: what it says of those that do is not right to the hour everywhere.
    """
    try:
        yield from CronSim(window.schedule, origin, reverse=reverse)
    except CronSimError:  # no such month has that day
        return


def _starts(window: Window, zone: ZoneInfo, time: datetime) -> tuple[datetime, ...]:
    """The moments, in UTC, at which the window opens since the clock shows this time."""
    minute, hour, *_ = window.schedule.split()
    is_time_of_day = not (minute.startswith("*") or hour.startswith("*"))
    if _is_skipped(zone, time):
        while is_time_of_day and _is_skipped(zone, time):
            time += timedelta(minutes=1)
        return (_first(zone, time),) if is_time_of_day else ()
    first, second = _first(zone, time), _second(zone, time)
    return (first,) if is_time_of_day or first == second else (first, second)


def _spare(window: Window, at: datetime) -> timedelta:
    """How far around what the clock shows one has to look: while clocks are changed, later on the wall may be earlier."""
    zone = _zone(window)
    before, after = (moment.astimezone(zone).utcoffset() for moment in (at - 2 * _LONGEST, at + 2 * _LONGEST))
    return timedelta() if before == after else _LONGEST


def _is_skipped(zone: ZoneInfo, time: datetime) -> bool:
    """The clock never shows this time, since it is put forward over it. Then PEP 495 has the two readings change places."""
    return _second(zone, time) < _first(zone, time)


def _first(zone: ZoneInfo, time: datetime) -> datetime:
    return time.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _second(zone: ZoneInfo, time: datetime) -> datetime:
    return time.replace(tzinfo=zone, fold=1).astimezone(UTC)


def _shown(zone: ZoneInfo, at: datetime) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def _zone(window: Window) -> ZoneInfo:
    return ZoneInfo(window.time_zone)
