"""What the server was asked, and how it answered. No header and no token of a login is kept."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CUT = "CUT"
SECRETS = frozenset({"webidentitytoken", "samlassertion", "secretstring", "secretbinary", "tokencode", "password"})


@dataclass(frozen=True)
class Call:
    """One call. ``code`` is the error's, CUT where the connection was cut, None where all went well."""

    operation: str
    parameters: Mapping[str, Any]
    at: float
    """When it came, on the monotonic clock."""
    status: int | None
    code: str | None


@dataclass
class Journal:
    _calls: list[Call] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)

    def calls(self, operation: str | None = None, since: float = 0.0) -> list[Call]:
        """The calls of an operation, or all; since a moment of the monotonic clock. In the order of their answers."""
        with self._lock:
            return [call for call in self._calls if operation in {None, call.operation} and call.at >= since]


def without_secrets(value: Any) -> Any:
    """The parameters of a call without what logs somebody in."""
    if isinstance(value, dict):
        return {
            name: "(not kept)" if str(name).lower() in SECRETS else without_secrets(each)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(each) for each in value]
    return value
