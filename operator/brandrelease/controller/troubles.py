"""How often in a row the Kubernetes API has failed the passes over an object, and what was told of it."""

from dataclasses import dataclass, replace

from brandrelease.controller.work_queue import Key
from brandrelease.core.kubernetes_trouble import Trouble


@dataclass(frozen=True, slots=True)
class _Row:
    failures: int = 0
    told: Trouble | None = None


class Troubles:
    """Memory that a restart may forget: then it is counted anew."""

    def __init__(self) -> None:
        self._rows: dict[Key, _Row] = {}

    def met(self, key: Key) -> int:
        """One more pass has failed; how many there are in a row."""
        row = self._rows.get(key, _Row())
        self._rows[key] = replace(row, failures=row.failures + 1)
        return row.failures + 1

    def tell(self, key: Key, trouble: Trouble) -> None:
        """It is in the conditions now."""
        self._rows[key] = replace(self._rows.get(key, _Row()), told=trouble)

    def told(self, key: Key) -> Trouble | None:
        """What is in the conditions."""
        return self._rows.get(key, _Row()).told

    def over(self, key: Key) -> None:
        """A pass has worked, or the object is gone."""
        self._rows.pop(key, None)
