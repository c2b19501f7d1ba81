"""Keys that wait for a worker: what is under way before what is not, and Brands in turn."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

UNDER_WAY_OF: Final = 4
"""Of so many keys that are served one is one that is not under way, however many there are that are."""


class Lanes(Generic[K]):
    """First come, first served within a lane; lanes with somebody in them are served in turn."""

    def __init__(self, lane_of: Callable[[K], str]) -> None:
        self._lane_of = lane_of
        self._lanes: dict[str, deque[K]] = {}
        """Those that are not empty, the next one first."""

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def put(self, key: K) -> None:
        """The key waits at the end of its lane; a lane that was empty waits at the end of the lanes."""
        self._lanes.setdefault(self._lane_of(key), deque()).append(key)

    def take(self) -> K:
        """The first of the lane whose turn it is. There must be one."""
        lane = next(iter(self._lanes))
        keys = self._lanes.pop(lane)
        first = keys.popleft()
        if keys:
            self._lanes[lane] = keys
        return first


class FairQueue(Generic[K]):
    """One Brand with a thousand releases does not keep another's waiting, and a thousand that begin not a rollback."""

    def __init__(self, lane_of: Callable[[K], str]) -> None:
        """lane_of: the lane of a key, as a rule its Brand; asked when the key comes."""
        self._under_way, self._others = Lanes(lane_of), Lanes(lane_of)
        self._waiting = asyncio.Semaphore(0)
        self._in_a_row = 0

    def put(self, key: K, *, under_way: bool = False) -> None:
        """The key waits. under_way: something of it is, which has to be watched."""
        (self._under_way if under_way else self._others).put(key)
        self._waiting.release()

    async def get(self) -> K:
        """The next one, as soon as there is one."""
        await self._waiting.acquire()
        if self._under_way and (not self._others or self._in_a_row < UNDER_WAY_OF - 1):
            self._in_a_row += 1
            return self._under_way.take()
        self._in_a_row = 0
        return self._others.take()
