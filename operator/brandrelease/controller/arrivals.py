"""What a watch event leads to: the object's version is remembered, and whom it concerns is looked at again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from brandrelease.controller.interest import Interest
from brandrelease.controller.resync import Known
from brandrelease.controller.work_queue import Key


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Takes the events of all watches in. Called on the operator's own event loop only."""

    interest: Interest
    known: Known
    enqueue: Callable[[Iterable[Key]], None]
    forget: Callable[[Key], None]

    def __call__(self, kind: str, event_type: str | None, body: dict[str, Any]) -> None:
        """One event: ADDED, MODIFIED, DELETED, or None for an object that was there before the watch began."""
        metadata, versions = body["metadata"], self.known.of(kind)
        if kind == "brandreleases":
            self._brand_release(event_type, body)
        elif event_type == "DELETED":
            versions.gone(metadata)
            self.enqueue(self.interest.by_kind()[kind](metadata))
        elif versions.is_news(metadata):
            self.enqueue(self.interest.by_kind()[kind](metadata))

    def _brand_release(self, event_type: str | None, body: dict[str, Any]) -> None:
        key = Key(str(body["metadata"]["namespace"]), str(body["metadata"]["name"]))
        if event_type == "DELETED":
            self.known.brand_releases.gone(body["metadata"])
            self.enqueue(self.interest.forget(key))
            self.forget(key)
            return
        self.enqueue(self.interest.learn(key, str(body["spec"]["brand"])))
        if self.known.brand_releases.is_news(body["metadata"]):
            self.enqueue([key])
