"""What an endpoint is told, and how the telling went."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from brandrelease.apis.notifications import Notification, Stage
from brandrelease.apis.progress import Change
from brandrelease.apis.reasons import Reason

ENDS: Final = frozenset({Stage.Live, Stage.RolledBack, Stage.Failed, Stage.Superseded, Stage.Aborted})
"""No stage comes after these, but where somebody goes back from a release later."""

BAD_NEWS: Final = frozenset({Stage.RollingBack, Stage.NeedsSomebody, Stage.RolledBack, Stage.Failed})
"""Somebody should look."""


@dataclass(frozen=True, slots=True)
class Notice:
    """All that a person or a program is told of one stage of one release. The texts are whole: nothing is added to them.

    told_at: when the endpoint was told before; with it, the same news has the same id, however often it is sent.
    known_as: what the endpoint has made of this release already and can update; None: nothing.
    happened_at: when the stage began. took_seconds: from request to end. apart: it is no news of this release itself,
    but of what came after its end.
    """

    to: Notification
    told_at: datetime
    known_as: str | None
    uid: str
    namespace: str
    name: str
    brand: str
    environment: str
    number: int
    stage: Stage
    happened_at: datetime
    title: str
    brief: str
    why: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    log: str = ""
    look: str = ""
    apart: bool = False
    commit: str | None = None
    ref: str | None = None
    image: str | None = None
    reason: Reason | None = None
    blame: str | None = None
    requested_by: str | None = None
    changes: tuple[Change, ...] = ()
    changes_total: int = 0
    took_seconds: int | None = None

    @property
    def id(self) -> str:
        """The same for the same news, so that a receiver can drop what it has got twice."""
        return f"{self.uid}-{self.number}-{self.stage.lower()}-{int(self.told_at.timestamp())}"


@dataclass(frozen=True, slots=True)
class Delivered:
    """The endpoint has taken it. known_as: what it has made of it and can update later."""

    notice: Notice
    known_as: str | None


@dataclass(frozen=True, slots=True)
class Undelivered:
    """The endpoint has not taken it, and why, as a sentence. It is tried again unless it is given up."""

    notice: Notice
    problem: str
    given_up: bool = False


Delivery = Delivered | Undelivered
