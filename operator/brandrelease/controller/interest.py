"""Which BrandReleases and Brands an event concerns. It only ever says "look at these again", so a wrong guess costs a pass."""

from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any

from brandrelease.apis.wellknown import HOOK_LABEL, NAME_LABEL
from brandrelease.controller.share import Share
from brandrelease.controller.work_queue import Key, brand_key
from brandrelease.core.sharding import WHOLE

Metadata = Mapping[str, Any]


class Interest:
    """Remembers which BrandReleases belong to a Brand, from what the watch shows and passes read; of its share of the fleet only."""

    def __init__(self, share: Share | None = None) -> None:
        self._share = share or Share(WHOLE)
        self._by_brand: dict[str, set[Key]] = {}
        self._brands: dict[Key, str] = {}
        self._changes, self._last_change = count(1), dict[str, int]()

    def brand_of(self, key: Key) -> str:
        """The Brand of a BrandRelease that was seen; of another one, its own name, and of a Brand that of the Brand."""
        return self._brands.get(key, str(key))

    def last_change(self, brand: str) -> int:
        """A number that is another one after a BrandRelease of the Brand has come or gone; 0 before the first."""
        return self._last_change.get(brand, 0)

    def learn(self, key: Key, brand: str) -> tuple[Key, ...]:
        """A BrandRelease was seen; spec.brand cannot change. A new one may hold an environment of the Brand."""
        if self._brands.get(key) == brand:
            return ()
        left = self.forget(key)  # one of its name that is gone, which nobody has told of
        if not self._share.learn(key, brand):
            return left
        self._brands[key] = brand
        self._by_brand.setdefault(brand, set()).add(key)
        self._last_change[brand] = next(self._changes)
        return (*left, brand_key(brand))

    def forget(self, key: Key) -> tuple[Key, ...]:
        """A BrandRelease is gone: another one of the brand may take its place, and the Brand tells which."""
        self._share.forget(key)
        brand = self._brands.pop(key, None)
        if brand is None:
            return ()
        others = self._by_brand[brand]
        others.discard(key)
        self._last_change[brand] = next(self._changes)
        if not others:
            del self._by_brand[brand]
        return (*(other for other in others if other.namespace == key.namespace), brand_key(brand))

    def of_brand(self, metadata: Metadata) -> Iterable[Key]:
        """A Brand, and all its BrandReleases."""
        name = str(metadata["name"])
        return (brand_key(name), *self._by_brand.get(name, ()))

    def of_job(self, metadata: Metadata) -> Iterable[Key]:
        """A hook belongs to one BrandRelease; a build may be waited for by several of its Brand."""
        labels = metadata.get("labels", {})
        if HOOK_LABEL in labels:
            return self.of_marked(metadata)
        return tuple(self._by_brand.get(str(labels.get(NAME_LABEL)), ()))

    def of_marked(self, metadata: Metadata) -> Iterable[Key]:
        """A Deployment, pod or hook with our label belongs to the BrandRelease of that name in its namespace."""
        name = metadata.get("labels", {}).get(NAME_LABEL)
        return (Key(str(metadata["namespace"]), str(name)),) if name else ()

    def of_brand_release(self, metadata: Metadata) -> Iterable[Key]:
        """The object itself, and the Brand that tells of it."""
        key = Key(str(metadata["namespace"]), str(metadata["name"]))
        return (key, brand_key(self._brands[key])) if key in self._brands else (key,)

    def by_kind(self) -> Mapping[str, Callable[[Metadata], Iterable[Key]]]:
        """The same for every kind that is watched, by its plural."""
        return {
            "brandreleases": self.of_brand_release,
            "brands": self.of_brand,
            "deployments": self.of_marked,
            "pods": self.of_marked,
            "jobs": self.of_job,
        }
