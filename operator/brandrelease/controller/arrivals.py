"""What a watch event leads to: the object's version is remembered, and whom it concerns is looked at again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from brandrelease.controller.interest import Interest, Metadata
from brandrelease.controller.resync import Known
from brandrelease.controller.work_queue import Key


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Takes the events of all watches in. Called on the operator's own event loop only."""

    interest: Interest
    known: Known
    enqueue: Callable[[Iterable[Key]], None]
    forget: Callable[[Key], None]
    is_at_rest: Callable[[Key], bool]

    def __call__(self, kind: str, event_type: str | None, body: dict[str, Any]) -> None:
        """One event: ADDED, MODIFIED, DELETED, or None for an object that was there before the watch began."""
        metadata = body["metadata"]
        if event_type == "DELETED":
            self.known.of(kind).gone(metadata)
            self.gone(kind, metadata)
        elif kind == "brandreleases":
            self._brand_release(body)
        elif self.known.of(kind).is_news(metadata):
            self.enqueue(self._concerned(kind, metadata))

    def gone(self, kind: str, metadata: Metadata) -> None:
        """An object was deleted: an event says so, or a list has it no more.

        What goes by the name of a BrandRelease is forgotten. Another one may have that name by now, and is looked at anew.
        """
        if kind == "brandreleases":
            key = Key(str(metadata["namespace"]), str(metadata["name"]))
            self.enqueue(self.interest.forget(key))
            self.forget(key)
            if self.known.brand_releases.has(key.namespace, key.name):
                self.enqueue([key])
        else:
            self.enqueue(self._concerned(kind, metadata))

    def _concerned(self, kind: str, metadata: Metadata) -> Iterable[Key]:
        """Pods come and go all day, by nodes and autoscalers. No pass asks for them where none is being replaced or watched."""
        keys = self.interest.by_kind()[kind](metadata)
        return [key for key in keys if not self.is_at_rest(key)] if kind == "pods" else keys

    def _brand_release(self, body: dict[str, Any]) -> None:
        key = Key(str(body["metadata"]["namespace"]), str(body["metadata"]["name"]))
        self.enqueue(self.interest.learn(key, str(body["spec"]["brand"])))
        if self.known.brand_releases.is_news(body["metadata"]):
            self.enqueue([key])
