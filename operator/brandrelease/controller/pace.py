"""How soon after one pass over an object the next may begin: each asks the API server anew, however many events come.

Moments and pauses are in seconds of the event loop's clock.
"""

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

AT_ONCE_LIMIT: Final = 20
"""So many passes over one object may follow each other at once; a whole release, with its rollback, needs fewer."""

PACE: Final = 0.5
"""Between two passes over one object after that."""

BUNDLE: Final = 0.1
"""Between two passes over what is under way: a pod that is replaced has an event for each of its steps, and they come in bundles."""

CROWD: Final = 30
"""So many keys that wait are about a second of work."""

CROWDED_PACE: Final = 2.0
"""The same while there is a crowd: what happens meanwhile is seen in one look."""


class Pace(Generic[K]):
    """The passes that objects have had."""

    def __init__(self) -> None:
        self._spent: dict[K, float] = {}
        """When all the passes that each key has had are made up for, at one for each PACE."""
        self._under_way: dict[K, float] = {}
        """When each key that is under way was looked at last."""

    def pause_after_many(self, key: K, now: float) -> float:
        """How long a key waits that has had many passes; 0 for others."""
        return max(0.0, self._spent.get(key, now) - AT_ONCE_LIMIT * PACE - now)

    def pause_under_way(self, key: K, now: float, waiting: int) -> float:
        """How long what is under way waits where so many keys do, if it has just had a pass; 0 for all else."""
        if key not in self._under_way:
            return 0.0
        return max(0.0, self._under_way[key] + (CROWDED_PACE if waiting >= CROWD else BUNDLE) - now)

    def is_under_way(self, key: K) -> bool:
        """Whether the last pass has said so."""
        return key in self._under_way

    def asked(self, key: K, now: float) -> None:
        """A pass will be made as soon as a worker is free."""
        self._spent[key] = max(self._spent.get(key, now), now) + PACE

    def ended(self, key: K, now: float, *, under_way: bool) -> None:
        """A pass has ended."""
        if under_way:
            self._under_way[key] = now
        else:
            self._under_way.pop(key, None)

    def forget(self, key: K) -> None:
        """The object is gone."""
        self._spent.pop(key, None)
        self._under_way.pop(key, None)
