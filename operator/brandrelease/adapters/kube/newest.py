"""The newest version of each kind that the API server has told of: no list that is asked for later is older."""

from brandrelease.core.freshness import Seen, is_outdated
from brandrelease.elapsed import elapsed


class Newest:
    """One version for each kind, by its plural."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}

    def of(self, plural: str) -> Seen | None:
        """What is known now; None where nothing was told yet."""
        return self._seen.get(plural)

    def saw(self, plural: str, version: int) -> None:
        """An object or a list of this kind has this version."""
        known = self._seen.get(plural)
        if known is None or version >= known.version:
            self._seen[plural] = Seen(version, elapsed())

    def believes(self, plural: str, version: int, before: Seen | None) -> bool:
        """Whether a list of this version may be what there is now. before: what was known when it was asked for."""
        if is_outdated(version, before, elapsed()):
            return False
        if before and version < before.version:  # versions begin anew
            self._seen.pop(plural, None)
        self.saw(plural, version)
        return True
