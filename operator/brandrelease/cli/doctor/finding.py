"""One thing that the doctor has looked at."""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """How it is."""

    Good = "ok"
    Bad = "bad"
    Unknown = "unknown"
    """It could not be found out from here."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and what to do. ends: nothing else can be looked at."""

    state: State
    what: str
    advice: str = ""
    ends: bool = False

    def wire(self) -> dict[str, str]:
        """For programs."""
        return {"state": self.state.value, "what": self.what, **({"advice": self.advice} if self.advice else {})}
