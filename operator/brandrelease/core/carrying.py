"""Whether the Deployment carries our change: it is made once, whatever others do to our marks afterwards."""

from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from brandrelease.apis.brandrelease import CurrentRelease
from brandrelease.apis.progress import Rollback, Rollout
from brandrelease.core.snapshot import DeploymentView, Snapshot
from brandrelease.core.status import with_current

_Change = TypeVar("_Change", Rollout, Rollback)


def expected_on_deployment(current: CurrentRelease) -> tuple[int, str] | None:
    """Number and image that the Deployment carries if our last change of it was carried out."""
    if current.rollback is not None:
        return current.rollback.number, current.rollback.image
    if current.rollout is not None and current.image is not None:
        return current.number, current.image
    return None


def carries(deployment: DeploymentView, number: int, change: Rollout | Rollback | None) -> bool:
    """Whether our change of this Deployment was carried out: it bears the number, or is known to have borne it.

    A tool that replaces the whole object takes our marks away with the image. Without this memory, the change would
    look as if it had never been made, and be made again each time.
    """
    seen = change is not None and change.seen_on == deployment.uid
    return seen or deployment.applied_release == number


def as_seen(deployment: DeploymentView, change: _Change, now: datetime) -> _Change:
    """Our change with what is remembered of the Deployment that carries it. After a pause its time begins anew."""
    goes_on = change.paused and not deployment.paused
    return change.model_copy(
        update={
            "seen_on": deployment.uid,
            "paused": deployment.paused or None,
            "started_at": now.replace(microsecond=0) if goes_on else change.started_at,
        }
    )


def with_change_taken(world: Snapshot) -> Snapshot:
    """The API server has taken our change: that is noted even where somebody has replaced the object before we looked."""
    taken, current = world.taken, world.release.status.current
    if taken is None or current is None or current.outcome is not None:
        return world
    if (expected := expected_on_deployment(current)) is None or expected[0] != taken.number:
        return world
    name, change = ("rollout", current.rollout) if current.rollback is None else ("rollback", current.rollback)
    assert change is not None, "it is expected"  # noqa: S101
    noted = current.model_copy(update={name: change.model_copy(update={"seen_on": taken.uid})})
    status = with_current(world.release.status, noted)
    return replace(world, release=world.release.model_copy(update={"status": status}))
