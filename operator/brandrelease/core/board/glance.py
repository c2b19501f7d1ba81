"""One BrandRelease at a glance: what a cell of the board says."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseStatus, Phase
from brandrelease.apis.conditions import Condition, ConditionType
from brandrelease.core.steps import who_asked
from brandrelease.core.tone import Tone
from brandrelease.core.words import short

NOT_SEEN: Final = "Pending"
"""The phase of a BrandRelease that no pass has looked at yet."""


TONES: Final = {
    Phase.Pending: Tone.Busy,
    Phase.Building: Tone.Busy,
    Phase.Migrating: Tone.Busy,
    Phase.Deploying: Tone.Busy,
    Phase.Verifying: Tone.Busy,
    Phase.Live: Tone.Good,
    Phase.RollingBack: Tone.Bad,
    Phase.RolledBack: Tone.Bad,
    Phase.Failed: Tone.Bad,
    Phase.Blocked: Tone.Stuck,
    Phase.Suspended: Tone.Off,
}


@dataclass(frozen=True, slots=True)
class Runs:
    """The release that a rollback goes to. revision: 12 characters of the commit, or words where nobody knows it."""

    number: int
    revision: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Target:
    """A release that was asked for and has not gone live. who: a field manager, or what began it; may be empty."""

    number: int
    revision: str
    ref: str
    who: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Glance:
    """Where a BrandRelease stands. since: of the phase; None where nobody knows. who: asked for what runs, if known."""

    namespace: str
    name: str
    brand: str
    environment: str
    phase: str
    tone: Tone
    reason: str
    message: str
    since: datetime | None
    running: Runs | None
    target: Target | None
    who: str

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, self.name


def glance(release: BrandRelease) -> Glance:
    """What is said of a BrandRelease in one cell."""
    status = release.status
    ready = _ready(status)
    return Glance(
        namespace=release.namespace,
        name=release.name,
        brand=release.spec.brand,
        environment=release.spec.environment,
        phase=status.phase or NOT_SEEN,
        tone=TONES[status.phase] if status.phase else Tone.Busy,
        reason=ready.reason if ready else "",
        message=ready.message if ready else f'Release of "{release.spec.ref}" was asked for; nothing is known yet.',
        since=_since(status, ready),
        running=_runs(status),
        target=_target(status),
        who=_who_released(status),
    )


def unreadable(namespace: str, name: str, brand: str, environment: str, why: str) -> Glance:
    """The cell of a stored object that breaks a rule of this version."""
    return Glance(
        namespace=namespace,
        name=name,
        brand=brand,
        environment=environment,
        phase="Unreadable",
        tone=Tone.Stuck,
        reason="",
        message=f"The stored object breaks a rule of this operator's version: {why}. Correct it with kubectl edit.",
        since=None,
        running=None,
        target=None,
        who="",
    )


def _ready(status: BrandReleaseStatus) -> Condition | None:
    return next((each for each in status.conditions if each.type is ConditionType.Ready), None)


def _since(status: BrandReleaseStatus, ready: Condition | None) -> datetime | None:
    """From when on it has been as the phase says."""
    current = status.current
    match status.phase:
        case Phase.Live if status.running is not None:
            return status.running.since
        case Phase.RolledBack | Phase.Failed if current is not None and current.finished_at is not None:
            return current.finished_at
        case Phase.RollingBack if current is not None and current.rollback is not None:
            return current.rollback.started_at
        case Phase.Building | Phase.Migrating | Phase.Deploying | Phase.Verifying if current is not None:
            return current.started_at
        case _:
            return ready.last_transition_time if ready else None


def _runs(status: BrandReleaseStatus) -> Runs | None:
    running = status.running
    return Runs(running.number, short(running.commit), running.since) if running else None


def _target(status: BrandReleaseStatus) -> Target | None:
    """The one that came last of those that have not ended; else one that ended and does not run."""
    asked = status.next or status.current
    if asked is None or (status.running is not None and asked.number == status.running.number):
        return None
    return Target(asked.number, short(asked.commit), asked.ref, who_asked(asked), asked.started_at)


def _who_released(status: BrandReleaseStatus) -> str:
    if status.running is None:
        return ""
    past = (status.current, *status.history)
    return next((who_asked(each) for each in past if each is not None and each.number == status.running.number), "")
