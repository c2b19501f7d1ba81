"""What of all that watches show is this shard's to look at."""

from collections.abc import Iterable

from brandrelease.controller.work_queue import Key
from brandrelease.core.sharding import Shard


class Share:
    """Remembers which BrandReleases are other shards', so that their Deployments and pods are not looked at either.

    It only saves work. That nothing of another shard's is done rests on the pass, which asks `Shard.has` of what it has read.
    """

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._others: set[Key] = set()

    def learn(self, key: Key, brand: str) -> bool:
        """A BrandRelease of this brand was seen; whether it is this shard's."""
        if self._shard.has(brand):
            self._others.discard(key)
            return True
        self._others.add(key)
        return False

    def forget(self, key: Key) -> None:
        """The BrandRelease is gone."""
        self._others.discard(key)

    def of(self, keys: Iterable[Key]) -> Iterable[Key]:
        """Those that are this shard's, and those that nobody knows yet."""
        return [key for key in keys if (self._shard.has(key.name) if key.is_brand else key not in self._others)]
