"""What the watch has told of objects, as far as requests want to know it."""

from collections.abc import Mapping
from typing import Any, Protocol

from brandrelease.core.freshness import Seen


class Watched(Protocol):
    """kind: its plural. metadata: of an object that was read or written."""

    def newest_of(self, kind: str, namespace: str | None, name: str) -> Seen | None:
        """The newest that was heard of the object of this name."""
        ...

    def is_newest(self, kind: str, metadata: Mapping[str, Any]) -> bool:
        """Whether the object is known to be there, and nothing newer than this version was heard of."""
        ...

    def newest(self, kind: str) -> Seen | None:
        """The newest version that was heard of, of any object of the kind."""
        ...

    def answered(self, kind: str, metadata: Mapping[str, Any]) -> None:
        """The object as our own change has made it."""
        ...

    def deleted(self, kind: str, namespace: str, name: str, uid: str) -> None:
        """We have deleted this object."""
        ...


class Unwatched:
    """Where nobody watches, nothing is known."""

    def newest_of(self, _kind: str, _namespace: str | None, _name: str) -> Seen | None:
        return None

    def is_newest(self, _kind: str, _metadata: Mapping[str, Any]) -> bool:
        return False

    def newest(self, _kind: str) -> Seen | None:
        return None

    def answered(self, _kind: str, _metadata: Mapping[str, Any]) -> None:
        """Nobody wants to know it."""

    def deleted(self, _kind: str, _namespace: str, _name: str, _uid: str) -> None:
        """Nor this."""
