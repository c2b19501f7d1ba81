"""How soon after one pass over an object the next may begin: each asks the API server anew, however many events come.

Moments and pauses are in seconds of the event loop's clock.
"""

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

AT_ONCE_LIMIT: Final = 60
"""So many passes over one object may be made in a row. A release of two pods needs about ten, and with each pod that is
replaced after another there are some more."""

PACE: Final = 0.5
"""Between two passes over one object after that."""

BUNDLE: Final = 0.1
"""Between a pass and one that an event asks for: a pod that is replaced has an event for each of its steps, in bundles."""

CROWD: Final = 30
"""So many keys that wait are about a second of work."""

CROWDED_PACE: Final = 2.0
"""The same for what is under way while there is a crowd: what happens meanwhile is seen in one look."""


class Pace(Generic[K]):
    """The passes that objects have had."""

    def __init__(self) -> None:
        self._spent: dict[K, float] = {}
        """When all the passes that each key has had are made up for, at one for each PACE."""
        self._looked_at: dict[K, float] = {}
        """When the last pass over each key has ended."""
        self._under_way: set[K] = set()

    def pause_after_many(self, key: K, now: float) -> float:
        """How long a key waits that has had many passes; 0 for others."""
        return max(0.0, self._spent.get(key, now) - AT_ONCE_LIMIT * PACE - now)

    def pause_after_event(self, key: K, now: float, waiting: int) -> float:
        """How long a key waits that has just had a pass, where so many keys wait; 0 for others."""
        if key not in self._looked_at:
            return 0.0
        pause = CROWDED_PACE if waiting >= CROWD and key in self._under_way else BUNDLE
        return max(0.0, self._looked_at[key] + pause - now)

    def pause_under_way(self, key: K, now: float, waiting: int) -> float:
        """The same where no event but the last pass has asked: just after the Deployment was patched there is nothing to see.

        What has no pods on their way, such as a build that begins, goes on at once.
        """
        return self.pause_after_event(key, now, waiting) if key in self._under_way else 0.0

    def is_under_way(self, key: K) -> bool:
        """Whether the last pass has said so."""
        return key in self._under_way

    def is_at_rest(self, key: K) -> bool:
        """Whether the last pass has said that nothing is under way; not, where there was none."""
        return key in self._looked_at and key not in self._under_way

    def asked(self, key: K, now: float) -> None:
        """A pass will be made as soon as a worker is free."""
        self._spent[key] = max(self._spent.get(key, now), now) + PACE

    def ended(self, key: K, now: float, *, under_way: bool) -> None:
        """A pass has ended."""
        self._looked_at[key] = now
        if under_way:
            self._under_way.add(key)
        else:
            self._under_way.discard(key)

    def forget(self, key: K) -> None:
        """The object is gone."""
        self._spent.pop(key, None)
        self._looked_at.pop(key, None)
        self._under_way.discard(key)
