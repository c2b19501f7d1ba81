"""Resolving a ref again and again: what was found last is kept until the next look is due.

It is a cache and nothing else: after a restart every tracked ref is resolved once at once.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from brandrelease.controller.work_queue import Key
from brandrelease.core.snapshot import Resolution


@dataclass(frozen=True, slots=True)
class Tracked:
    """What a tracked ref pointed to, and when it is looked at again."""

    ref: str
    found: Resolution
    due: datetime


class Tracking:
    """The last answers, by BrandRelease."""

    def __init__(self) -> None:
        self._last: dict[Key, Tracked] = {}

    async def look(
        self, key: Key, ref: str, every: timedelta, now: datetime, resolve: Callable[[], Awaitable[Resolution]]
    ) -> Tracked:
        """The last answer while it is fresh, else a new one."""
        last = self._last.get(key)
        if last is None or last.ref != ref or now >= last.due or last.due > now + every:
            last = self._last[key] = Tracked(ref, await resolve(), now + every)
        return last

    def forget(self, key: Key) -> None:
        """The BrandRelease is gone, or its ref is not tracked any more."""
        self._last.pop(key, None)
