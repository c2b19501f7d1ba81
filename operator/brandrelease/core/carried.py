"""The release that the Deployment carries, though it did not go live: what somebody leaves who goes back."""

from brandrelease.apis.brandrelease import CurrentRelease, Outcome, PastRelease
from brandrelease.apis.progress import Rollout
from brandrelease.core.plans import deployment_of
from brandrelease.core.snapshot import Snapshot


def carried(world: Snapshot) -> CurrentRelease | None:
    """The last release, if it was deployed; or an older one that stands still, since what came after never got so far."""
    status, deployment = world.release.status, deployment_of(world)
    current, number = status.current, deployment.applied_release
    if current is not None and current.number == number:
        return current if current.rollout is not None else None
    past = next((entry for entry in status.history if entry.number == number), None)
    return _as_it_was(past, deployment.uid) if past and past.outcome is not Outcome.Succeeded else None


def _as_it_was(past: PastRelease, uid: str) -> CurrentRelease:
    """As much of it as the history knows, and that it was deployed."""
    return CurrentRelease(
        number=past.number,
        ref=past.commit,
        commit=past.commit,
        image=past.image,
        outcome=past.outcome,
        reason=past.reason,
        message=past.message,
        blame=past.blame,
        requested_by=past.requested_by,
        override=past.override,
        evidence=past.evidence,
        started_at=past.started_at,
        finished_at=past.finished_at,
        rollout=Rollout(started_at=past.started_at, seen_on=uid),
    )
