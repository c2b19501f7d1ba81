"""Which looks a pass has to ask for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from brandrelease.apis.brandrelease import BrandReleaseStatus, CurrentRelease
from brandrelease.apis.checks import Check
from brandrelease.core.actions import PRE_DEPLOY
from brandrelease.core.checks.baseline import looks_before
from brandrelease.core.checks.measured import CheckOrder, PodAddress
from brandrelease.core.checks.watch import looks_in_the_watch
from brandrelease.core.hooks import progress_of
from brandrelease.core.questions import rolling_back
from brandrelease.core.snapshot import PodView, Snapshot
from brandrelease.core.waiting.gates import what_waits

PODS_ASKED: Final = 5
"""So many pods are asked beside the public address at most: they run the same image."""


@dataclass(frozen=True, slots=True)
class Look:
    """A look that is due for one release, in the watch over it or before it is deployed.

    since: what it finds counts only if it ended then or later.
    """

    number: int
    check: Check
    since: datetime
    in_watch: bool


def looks(world: Snapshot) -> tuple[Look, ...]:
    """What has to be looked at now, for the release that is watched and for the one that is about to be deployed."""
    status = world.release.status
    # Before the old pods are back, nobody can say how things stood before the next release.
    releases = (status.current,) if rolling_back(world.release) else (status.current, status.next)
    return tuple(
        Look(release.number, check, since, in_watch=release.verification is not None)
        for release in releases
        if release is not None and release.outcome is None and release.rollback is None
        for check, since in _looks_of(world, release)
    )


def asks_pods(looks: Iterable[Look]) -> bool:
    """Whether one of the looks asks pods."""
    return any(look.check.http is not None and look.check.http.pod_port is not None for look in looks)


def serving_before(status: BrandReleaseStatus) -> int | None:
    """Number of the release whose pods serve before the next one is deployed.

    None for what was found at adoption, whose pods bear no mark of ours.
    """
    running = status.running
    return running.number if running is not None and running.number > 0 else None


def order_of(look: Look, pods: Iterable[PodView]) -> CheckOrder:
    """What the adapter gets. pods: of the release that serves at the time."""
    ready = [PodAddress(pod.name, pod.ip) for pod in pods if pod.ready and pod.ip is not None and not pod.deleting]
    return CheckOrder(look.check, tuple(ready[:PODS_ASKED]) if asks_pods((look,)) else ())


def _looks_of(world: Snapshot, release: CurrentRelease) -> tuple[tuple[Check, datetime], ...]:
    if release.verification is not None:
        return looks_in_the_watch(world, release, release.verification)
    is_next = release.image is not None and release.rollout is None and progress_of(release, PRE_DEPLOY) is None
    return looks_before(world, release) if is_next and what_waits(world, release) is None else ()
