"""Which objects are there: a deletion that no watch event has told of is found in the lists of the resync."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Metadata = Mapping[str, Any]


class Presence:
    """Objects by kind and uid, as events have shown them."""

    def __init__(self, gone: Callable[[str, Metadata], None]) -> None:
        """Gone is told kind and metadata of each object that is there no more, and has no successor of its name."""
        self._gone = gone
        self._there: dict[str, dict[str, Metadata]] = {}

    def saw(self, kind: str, metadata: Metadata) -> None:
        """An event has shown the object."""
        kept = {name: metadata[name] for name in ("name", "namespace", "labels") if name in metadata}
        self._there.setdefault(kind, {})[str(metadata["uid"])] = kept

    def left(self, kind: str, metadata: Metadata) -> None:
        """An event has told of its deletion."""
        self._there.get(kind, {}).pop(str(metadata["uid"]), None)

    def before(self, kind: str) -> frozenset[str]:
        """Uids of what is there before a list is asked for: what comes while it is under way may not be in it."""
        return frozenset(self._there.get(kind, ()))

    def compare(self, kind: str, before: frozenset[str], listed: Iterable[Metadata]) -> None:
        """Tell of what was there before and is not in the list."""
        found = list(listed)
        present, names = {str(each["uid"]) for each in found}, {_name(each) for each in found}
        for uid in before - present:
            metadata = self._there.get(kind, {}).pop(uid, None)
            if metadata is not None and _name(metadata) not in names:
                self._gone(kind, metadata)


def _name(metadata: Metadata) -> tuple[str, str]:
    return str(metadata.get("namespace", "")), str(metadata["name"])
