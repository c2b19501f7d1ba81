"""Keys that wait for a worker. Brands take turns, so that one with a thousand releases does not keep another's waiting."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class FairQueue(Generic[K]):
    """First come, first served within a lane; lanes with somebody in them are served in turn."""

    def __init__(self, lane_of: Callable[[K], str]) -> None:
        """lane_of: the lane of a key, as a rule its Brand; asked when the key comes."""
        self._lane_of = lane_of
        self._lanes: dict[str, deque[K]] = {}
        """Those that are not empty, the next one first."""
        self._waiting = asyncio.Semaphore(0)

    def put(self, key: K) -> None:
        """The key waits at the end of its lane; a lane that was empty waits at the end of the lanes."""
        self._lanes.setdefault(self._lane_of(key), deque()).append(key)
        self._waiting.release()

    async def get(self) -> K:
        """The first of the lane whose turn it is, as soon as there is one."""
        await self._waiting.acquire()
        lane = next(iter(self._lanes))
        keys = self._lanes.pop(lane)
        first = keys.popleft()
        if keys:
            self._lanes[lane] = keys
        return first
