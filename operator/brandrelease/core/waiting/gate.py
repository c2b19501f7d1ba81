"""A gate: something that a built release waits for before it changes anything."""

from dataclasses import dataclass
from datetime import timedelta

from brandrelease.apis.reasons import Reason


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate that is closed. why: what the release waits for, as the end of a sentence, without its full stop.

    look_again: when it opens by itself, from now. retry: longest pause where nothing tells when that will be.
    """

    reason: Reason
    why: str
    look_again: timedelta | None = None
    retry: timedelta | None = None
