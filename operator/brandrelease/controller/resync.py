"""The resync: one list per kind, compared in memory, finds what a lost watch event hid.

Its cost is a few lists, however many objects there are; an object that has not changed costs nothing.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Protocol

import structlog

from brandrelease.controller.work_queue import Key
from brandrelease.core.freshness import STALE_SECONDS, Seen
from brandrelease.elapsed import elapsed
from brandrelease.telemetry import Metrics

log = structlog.get_logger(__name__)

Metadata = Mapping[str, Any]
Name = tuple[str, str]
"""A namespace, empty where there is none, and a name in it."""


class Versions:
    """The newest version seen of each object of one kind."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Seen, Metadata]] = {}
        self._answered: dict[str, Seen] = {}
        """What our own changes have made, until the watch has told of it too."""
        self._named: dict[Name, str] = {}
        """The uid of what has this name now."""
        self._gone: dict[Name, Seen] = {}
        """Deletions that were told of a short while ago, in their order."""
        self.newest: Seen | None = None
        """The newest version that was heard of, of any object of the kind: no list is older than that."""

    def is_news(self, metadata: Metadata) -> bool:
        """Whether this version is newer than any seen before; remembers it.

        Resource versions of one kind can be compared as numbers (KEP-5504, Kubernetes 1.35; true of etcd long before).
        """
        uid, version = str(metadata["uid"]), int(metadata["resourceVersion"])
        if uid in self._answered and self._answered[uid].version <= version:
            del self._answered[uid]
        if uid in self._seen and self._seen[uid][0].version >= version:
            return False
        kept = {name: metadata[name] for name in ("uid", "name", "namespace", "labels") if name in metadata}
        heard = self._hear(version)
        self._take_name(metadata, heard)
        self._seen[uid] = (heard, kept)
        return True

    def is_newest(self, metadata: Metadata) -> bool:
        """Whether the object is known to be there, and nothing newer than this version was heard of."""
        uid, version = str(metadata["uid"]), int(metadata["resourceVersion"])
        return uid in self._seen and self._seen[uid][0].version == version and uid not in self._answered

    def newest_of(self, namespace: str | None, name: str) -> Seen | None:
        """The newest that was heard of the object of this name, also that it was deleted: an answer has to be as new as that."""
        place = (namespace or "", name)
        uid = self._named.get(place, "")
        if uid in self._answered:
            return self._answered[uid]
        return self._seen[uid][0] if uid in self._seen else self._gone.get(place)

    def has(self, namespace: str, name: str) -> bool:
        """Whether an object of this name is there, as far as anybody has told."""
        return (namespace, name) in self._named

    def answered(self, metadata: Metadata) -> None:
        """The answer to our own change of an object. Its event is news still; what is older is not believed any more."""
        uid, answer = str(metadata["uid"]), self._hear(int(metadata["resourceVersion"]))
        if uid not in self._seen or self._seen[uid][0].version < answer.version:
            self._take_name(metadata, answer)
            self._answered[uid] = answer

    def deleted(self, namespace: str, name: str, uid: str) -> None:
        """We have deleted it: that it is not there is to be believed before its event has come."""
        if self._named.get((namespace, name)) == uid:
            del self._named[namespace, name]

    def saw_own_write(self, uid: str, over: str, version: str) -> None:
        """Our own write made this version over that one: the event that tells of it is no news.

        It is where nobody has told of what was written over: somebody's change that we have read before its event came.
        """
        known, metadata = self._seen.get(uid, (None, None))
        if known is not None and metadata is not None and int(over) <= known.version < int(version):
            self._seen[uid] = (self._hear(int(version)), metadata)

    def gone(self, metadata: Metadata) -> None:
        """The object was deleted; the event that tells of it bears the version at which it was."""
        heard, place = self._hear(int(metadata["resourceVersion"])), _name(metadata)
        self._forget(metadata)
        before = self._gone.pop(place, heard)  # so that it comes last
        self._gone[place] = Seen(max(heard.version, before.version), heard.at, there=False)
        for old in list(takewhile(lambda each: heard.at - self._gone[each].at >= STALE_SECONDS, self._gone)):
            del self._gone[old]

    def uids(self) -> frozenset[str]:
        """Of all that is there, as far as anybody has told. A list is compared with those of the time before it."""
        return frozenset(self._seen)

    def missing_from(self, listed: Iterable[Metadata], before: frozenset[str]) -> list[Metadata]:
        """Objects that were there before the list was asked for and are not in it; forgets them.

        What has come while the list was under way may not be in it yet.
        """
        absent = before - {str(metadata["uid"]) for metadata in listed}
        missing = [self._seen[uid][1] for uid in absent if uid in self._seen]
        for metadata in missing:
            self._forget(metadata)
        return missing

    def news_in(self, listed: Iterable[Metadata], before: frozenset[str]) -> list[Metadata]:
        """Objects of the list of which nobody has told, or nothing so new; remembers them.

        What was deleted while the list was under way may be in it still.
        """
        there = (each for each in listed if each["uid"] not in before or each["uid"] in self._seen)
        return [metadata for metadata in there if self.is_news(metadata)]

    def _forget(self, metadata: Metadata) -> None:
        uid, name = str(metadata["uid"]), _name(metadata)
        self._seen.pop(uid, None)
        self._answered.pop(uid, None)
        if self._named.get(name) == uid:
            del self._named[name]

    def _take_name(self, metadata: Metadata, heard: Seen) -> None:
        """A watch that was away tells of what is past: an object may have the name that is there since then."""
        place = _name(metadata)
        known = self.newest_of(*place)
        if known is None or known.version < heard.version:
            self._named[place] = str(metadata["uid"])

    def _hear(self, version: int) -> Seen:
        heard = Seen(version, elapsed())
        if self.newest is None or self.newest.version < version:
            self.newest = heard
        return heard


@dataclass(frozen=True, slots=True)
class Known:
    """What has been seen of each kind that is watched."""

    kinds: dict[str, Versions] = field(default_factory=dict)

    def of(self, kind: str) -> Versions:
        """The versions seen of this kind, by its plural."""
        return self.kinds.setdefault(kind, Versions())

    def is_newest(self, kind: str, metadata: Metadata) -> bool:
        """Whether an object of the kind is known to be there, and nothing newer than this version was heard of."""
        return kind in self.kinds and self.kinds[kind].is_newest(metadata)

    def newest_of(self, kind: str, namespace: str | None, name: str) -> Seen | None:
        """The newest that was heard of the object of this kind and name."""
        return self.kinds[kind].newest_of(namespace, name) if kind in self.kinds else None

    def newest(self, kind: str) -> Seen | None:
        """The newest version that was heard of, of any object of the kind."""
        return self.kinds[kind].newest if kind in self.kinds else None

    def answered(self, kind: str, metadata: Metadata) -> None:
        """The answer to our own change of an object of this kind."""
        self.of(kind).answered(metadata)

    def deleted(self, kind: str, namespace: str, name: str, uid: str) -> None:
        """We have deleted this object."""
        self.of(kind).deleted(namespace, name, uid)

    @property
    def brand_releases(self) -> Versions:
        return self.of("brandreleases")


class Lists(Protocol):
    """Metadata of all objects of a kind that is watched."""

    async def __call__(self, kind: str) -> list[dict[str, Any]]: ...


class Resync:
    """Lists every kind now and then, and asks for passes over what is news."""

    def __init__(
        self,
        lists: Lists,
        known: Known,
        concerned: Mapping[str, Callable[[Metadata], Iterable[Key]]],
        enqueue: Callable[[Iterable[Key]], None],
        gone: Callable[[str, Metadata], None],
        metrics: Metrics,
    ) -> None:
        """Gone is told kind and metadata of each object whose deletion no event has told of."""
        self._lists, self._known, self._concerned = lists, known, concerned
        self._enqueue, self._gone, self._metrics = enqueue, gone, metrics
        self._last_success: float | None = None

    def silence(self) -> float:
        """Seconds since the last resync that succeeded, or since the first one was due."""
        return 0.0 if self._last_success is None else asyncio.get_running_loop().time() - self._last_success

    async def run(self, every: float) -> None:
        """Resync for ever; a list that fails is tried again next time."""
        self._last_success = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(every)
            await self.once()

    async def once(self) -> None:
        """One comparison of all kinds. A kind that cannot be listed does not hide the others."""
        failed = [kind for kind in self._concerned if not await self._compare(kind)]
        self._metrics.resync.resyncs.labels("failed" if failed else "ok").inc()
        if not failed:
            self._last_success = asyncio.get_running_loop().time()

    async def _compare(self, kind: str) -> bool:
        versions, concerned = self._known.of(kind), self._concerned[kind]
        before = versions.uids()
        try:
            metadatas = [item["metadata"] for item in await self._lists(kind)]
        except Exception:
            log.warning("A list of the resync failed and will be repeated.", kind=kind, exc_info=True)
            return False
        for metadata in versions.missing_from(metadatas, before):
            self._metrics.resync.lost_events.inc()
            self._gone(kind, metadata)
        for metadata in versions.news_in(metadatas, before):
            self._metrics.resync.lost_events.inc()
            self._enqueue(concerned(metadata))
        return True


def _name(metadata: Metadata) -> Name:
    return str(metadata.get("namespace", "")), str(metadata["name"])
