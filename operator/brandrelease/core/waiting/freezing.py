"""The freeze: releases wait while a window of the environment says so, and the message tells until when and why."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from brandrelease.apis.reasons import Reason
from brandrelease.apis.windows import Window, WindowKind
from brandrelease.core.plans import environment_of
from brandrelease.core.snapshot import Snapshot
from brandrelease.core.waiting.gate import Gate
from brandrelease.core.waiting.windows import frozen, mistake

_NO_END_IN_SIGHT: Final = timedelta(days=1)
"""How long until windows that follow one another without a pause are looked at again."""


def freeze(world: Snapshot) -> Gate | None:
    """The gate, if it is closed now. Where a window has a mistake, nobody knows whether it is open: releases wait too."""
    environment = environment_of(world)
    for place, window in enumerate(environment.windows):
        if wrong := mistake(window):
            where = f"windows[{place}] of environment {environment.name} of Brand {world.release.spec.brand}"
            why = f"{where} has a mistake, so nobody knows whether releases are to wait: {wrong}"
            return Gate(Reason.WindowInvalid, why)
    found = frozen(environment.windows, world.now)
    if found is None:
        return None
    if found.window is None:
        why = (
            f"{environment.name} is released to only in its Allow windows, and none of them ever opens; mend the Brand"
        )
        return Gate(Reason.FrozenUntil, why)
    look_again = found.until - world.now if found.until else _NO_END_IN_SIGHT
    return Gate(Reason.FrozenUntil, _told(environment.name, found.window, found.until), look_again)


def may_freeze(world: Snapshot) -> tuple[Reason, ...]:
    """What this gate may be closed for at another time."""
    return (Reason.FrozenUntil,) if environment_of(world).windows else ()


def _told(environment: str, window: Window, until: datetime | None) -> str:
    when = f"until {_moment(until, window.time_zone)}" if until else "with no end in sight"
    if window.kind is WindowKind.Allow:
        named = f" ({window.reason})" if window.reason else ""
        return f"{environment} is frozen {when}: it is released to only in its Allow windows{named}"
    its_own = f'its Deny window "{window.schedule}" is open'
    return f"{environment} is frozen {when}: {window.reason or its_own}"


def _moment(at: datetime, zone: str) -> str:
    """The time on the clock of the window's zone, and on that of logs and `kubectl`."""
    local, utc = at.astimezone(ZoneInfo(zone)), at.astimezone(UTC)
    if local.utcoffset() == timedelta():
        return f"{local:%a %Y-%m-%d} {_clock(utc)} UTC"
    day = "" if local.date() == utc.date() else f"{utc:%a %Y-%m-%d} "
    return f"{local:%a %Y-%m-%d} {_clock(local)} {local:%Z} ({day}{_clock(utc)} UTC)"


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
