"""What the board holds: the last version of each object that a watch has shown. Called on the operator's loop only."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from pydantic import ValidationError

from brandrelease.apis.brand_status import BrandStatus
from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseStatus
from brandrelease.apis.wellknown import NAME_LABEL
from brandrelease.board.ledger import Ledger
from brandrelease.core.board.glance import Glance, glance, unreadable
from brandrelease.core.board.story import Story, story, untold
from brandrelease.core.board.wall import BrandSight, Wall, brand_sight, wall
from brandrelease.core.plain import line
from brandrelease.core.pod_line import PodLine

log = structlog.get_logger(__name__)

Json = dict[str, Any]
ReleaseKey = tuple[str, str]
"""Namespace and name of a BrandRelease."""

BoardKey = ReleaseKey | str
"""A BrandRelease, or a Brand by its name."""

KINDS: Final = ("brandreleases", "brands", "pods")
"""What the board is made of."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A BrandRelease as it was last. release: None where the stored object breaks a rule."""

    version: int
    release: BrandRelease | None
    glance: Glance


class Held:
    """Objects in memory, and the two ledgers of what has changed: on the wall, and in the stories of single releases."""

    def __init__(self, pod_line: Callable[[Json], PodLine]) -> None:
        self.on_the_wall: Ledger[BoardKey] = Ledger()
        self.in_stories: Ledger[BoardKey] = Ledger()
        self._pod_line = pod_line
        self._entries: dict[ReleaseKey, _Entry] = {}
        self._brands: dict[str, BrandSight] = {}
        self._pods: dict[ReleaseKey, dict[str, PodLine]] = {}

    # --- what is told -------------------------------------------------------------------------------------------------

    def __call__(self, kind: str, event_type: str | None, body: Json) -> None:
        """One event of a watch."""
        if event_type == "DELETED":
            self.gone(kind, body["metadata"])
        elif kind == "brandreleases":
            self._brand_release(body)
        elif kind == "brands":
            self._brand(body)
        elif kind == "pods":
            self._pod(body)

    def gone(self, kind: str, metadata: Mapping[str, Any]) -> None:
        """An object was deleted: an event says so, or a list has it no more."""
        if kind == "brandreleases":
            key = (str(metadata["namespace"]), str(metadata["name"]))
            if self._entries.pop(key, None):
                self._reshape(key)
        elif kind == "brands" and (name := str(metadata["name"])) in self._brands:
            del self._brands[name]
            self._reshape(name)
        elif kind == "pods" and (owner := _owner(metadata)) is not None:
            self._pod_gone(owner, str(metadata["name"]))

    def see(self, release: BrandRelease, status: BrandReleaseStatus) -> None:
        """A pass has read the object, and has written this status or found it right."""
        key, version = (release.namespace, release.name), int(release.resource_version)
        before = self._entries.get(key)
        if before is None or version >= before.version:
            now = release if status is release.status else release.model_copy(update={"status": status})
            if before is None or before.release is None or before.release.status != now.status:
                self._put(key, _Entry(version, now, glance(now)))

    # --- what is asked ------------------------------------------------------------------------------------------------

    def wall(self) -> Wall:
        """Brands by environments."""
        return wall(self._brands, self.glances())

    def glances(self) -> Iterator[Glance]:
        """Every BrandRelease."""
        return (entry.glance for entry in self._entries.values())

    def glance(self, key: ReleaseKey) -> Glance | None:
        """A BrandRelease, if it is there."""
        entry = self._entries.get(key)
        return entry.glance if entry else None

    def brand(self, name: str) -> BrandSight | None:
        """A Brand, or what is known of it from BrandReleases that name it; None where nothing does."""
        named = any(entry.glance.brand == name for entry in self._entries.values())
        return self._brands.get(name) or (BrandSight(name) if named else None)

    def stories(self, brand: str) -> list[Story]:
        """The BrandReleases of a brand."""
        found = [key for key, entry in self._entries.items() if entry.glance.brand == brand]
        return [story for key in found if (story := self.story(key)) is not None]

    def story(self, key: ReleaseKey) -> Story | None:
        """One BrandRelease in full, if it is there."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        return story(entry.release, self._pods.get(key, {}).values()) if entry.release else untold(entry.glance)

    # --- how it is taken in -------------------------------------------------------------------------------------------

    def _brand_release(self, body: Json) -> None:
        metadata = body["metadata"]
        key, version = (str(metadata["namespace"]), str(metadata["name"])), int(metadata["resourceVersion"])
        before = self._entries.get(key)
        if before is not None and version <= before.version:
            return
        try:
            release = BrandRelease.from_object(body)
            entry = _Entry(version, release, glance(release))
        except ValidationError as error:
            spec = body.get("spec") or {}
            why = line("; ".join(str(each["msg"]) for each in error.errors()[:3]))
            place = (str(spec.get("brand", "")), str(spec.get("environment", "")))
            entry = _Entry(version, None, unreadable(*key, *place, why))
        self._put(key, entry)

    def _put(self, key: ReleaseKey, entry: _Entry) -> None:
        before = self._entries.get(key)
        self._entries[key] = entry
        if before is None or before.glance.brand != entry.glance.brand:
            self._reshape()
            return
        self.in_stories.note(key)
        if before.glance != entry.glance:
            self.on_the_wall.note(key)

    def _brand(self, body: Json) -> None:
        name = str(body["metadata"]["name"])
        try:
            sight = brand_sight(name, BrandStatus.model_validate(body.get("status") or {}))
        except ValidationError:
            sight = BrandSight(name)
        before, self._brands[name] = self._brands.get(name), sight
        if before is None or before.environments != sight.environments:
            self._reshape()
        elif before != sight:
            self.on_the_wall.note(name)
            self.in_stories.note(name)

    def _pod(self, body: Json) -> None:
        owner = _owner(body["metadata"])
        if owner is None:
            return
        pods, pod = self._pods.setdefault(owner, {}), self._pod_line(body)
        if pods.get(pod.name) != pod:
            pods[pod.name] = pod
            self.in_stories.note(owner)

    def _pod_gone(self, owner: ReleaseKey, name: str) -> None:
        pods = self._pods.get(owner, {})
        if name in pods:
            del pods[name]
            self.in_stories.note(owner)
        if not pods:
            self._pods.pop(owner, None)

    def _reshape(self, gone: BoardKey | None = None) -> None:
        self.on_the_wall.reshape(gone)
        self.in_stories.reshape(gone)


def _owner(metadata: Mapping[str, Any]) -> ReleaseKey | None:
    """The BrandRelease that a pod belongs to, by its label."""
    name = metadata.get("labels", {}).get(NAME_LABEL)
    return (str(metadata["namespace"]), str(name)) if name else None
