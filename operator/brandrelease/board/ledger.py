"""What has changed since when: a change costs the same however many people look, and who is slow misses nothing."""

import asyncio
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Ledger(Generic[Key]):
    """Keeps for each key the revision of its last change, the newest last, and wakes those who wait for news.

    Nobody has a queue of their own: each asks for what has changed since the revision that they have seen.
    """

    def __init__(self) -> None:
        self.revision = 0
        self._shape = 0
        self._changed: dict[Key, int] = {}
        self._news = asyncio.Event()

    def note(self, key: Key) -> None:
        """Take down that this one has changed."""
        self.revision += 1
        self._changed.pop(key, None)
        self._changed[key] = self.revision
        self._wake()

    def reshape(self, gone: Key | None = None) -> None:
        """Something has come or gone, so that it is not enough to put new parts in the place of old ones."""
        self.revision += 1
        self._shape = self.revision
        if gone is not None:
            self._changed.pop(gone, None)
        self._wake()

    def since(self, revision: int) -> list[Key] | None:
        """What has changed after this revision, the newest first; None: everything is to be shown anew."""
        if not self._shape <= revision <= self.revision:
            return None
        found = []
        for key, at in reversed(self._changed.items()):
            if at <= revision:
                break
            found.append(key)
        return found

    async def news(self, revision: int) -> None:
        """Wait until something is newer than this revision."""
        while self.revision <= revision:
            await self._news.wait()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
