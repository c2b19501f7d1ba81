"""Pods that leave service again during the watch: how often, and for how long.

A pod that flaps is ready at most looks, so what was seen is kept in the status from one pass to the next.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from brandrelease.apis.verification import DROPOUTS_LIMIT, Dropout, Verification
from brandrelease.core.health.lateness import readiness_words, serving
from brandrelease.core.health.rule import Sighting
from brandrelease.core.health.scene import Scene, evidence
from brandrelease.core.snapshot import PodView, Running, Terminated
from brandrelease.core.words import times

FLAP_LIMIT: Final = 3
"""So many times may no pod leave service during one watch, however short each time is."""

UNREADY_GRACE: Final = timedelta(seconds=15)
"""During the watch, a pod may leave service for this long: one missed probe is no failure."""

CLOCK_SLACK: Final = timedelta(seconds=1)
"""Kubernetes keeps whole seconds, and the node's clock is not ours."""

RESTART_SLACK: Final = timedelta(seconds=10)
"""So long after the end of its container the kubelet may call a pod unready."""


def noted(verification: Verification, pods: Iterable[PodView]) -> Verification:
    """The watch with what is seen now added: the same pods seen again add nothing, pods that are gone are forgotten.

    A pod counts once for each moment at which it is seen unready, and once if it is seen ready but has been so only since
    the watch began: then it left and came back between two looks. Once it is noted, coming back is not counted again.
    """
    seen = {pod.name: pod for pod in evidence(pods) if _was_there(pod, verification)}
    known = {dropout.pod: dropout for dropout in verification.dropouts if dropout.pod in seen}
    for pod in seen.values():
        if dropout := _dropout(pod, verification, known):
            known[pod.name] = dropout
    return verification.model_copy(update={"dropouts": tuple(known.values())[:DROPOUTS_LIMIT]})


def leaves_service_again_and_again(scene: Scene) -> Iterator[Sighting]:
    """It flaps: each time shorter than the grace, and too often all the same."""
    dropouts = {dropout.pod: dropout.times for dropout in scene.watch.dropouts} if scene.watch else {}
    for pod in scene.pods:
        if (count := dropouts.get(pod.name, 0)) >= FLAP_LIMIT:
            message = f"Pod {pod.name} has left service {times(count)} since it was ready{readiness_words(scene, pod)}"
            yield Sighting(message, pod.created_at, pod.name, _culprit(pod))


def has_left_service(scene: Scene) -> Iterator[Sighting]:
    """It was ready when the watch began, and its readiness probe fails now."""
    for pod, since in _out_of_service(scene):
        if since is not None and not _was_restarted(pod):
            what = f"Pod {pod.name} was ready and has dropped out of service again: its readiness probe fails"
            message = f"{what}{readiness_words(scene, pod)}"
            yield Sighting(message, since, pod.name, _culprit(pod), meanwhile=what)


def is_not_ready_after_a_restart(scene: Scene) -> Iterator[Sighting]:
    """A restart that restartLimit forgives has as long as a first start."""
    for pod, since in _out_of_service(scene):
        if since is not None and _was_restarted(pod):
            what = f"Pod {pod.name} was ready, had a container started again, and has not become ready since"
            yield Sighting(f"{what}{readiness_words(scene, pod)}", since, pod.name, _culprit(pod), meanwhile=what)


def later_pod_is_not_ready(scene: Scene) -> Iterator[Sighting]:
    """A pod made during the watch (an autoscaler's, or in place of one that was deleted) runs and is never ready."""
    for pod, since in _out_of_service(scene):
        if since is None and _runs(pod):
            what = f"Pod {pod.name}, created during the watch, does not become ready"
            yield Sighting(
                f"{what}{readiness_words(scene, pod)}", pod.created_at, pod.name, _culprit(pod), meanwhile=what
            )


def later_pod_has_not_started(scene: Scene) -> Iterator[Sighting]:
    """A pod made during the watch does not even start, and nobody says why."""
    for pod, since in _out_of_service(scene):
        if since is None and not _runs(pod):
            message = f"Pod {pod.name}, created during the watch, has not started"
            yield Sighting(message, pod.created_at, pod.name, _culprit(pod))


def _dropout(pod: PodView, verification: Verification, known: Mapping[str, Dropout]) -> Dropout | None:
    """The dropout with one more counted, if there is one more."""
    before, changed = known.get(pod.name), pod.ready_changed_at
    if changed is None or changed <= (before.last if before else verification.started_at):
        return None
    if pod.ready and (before or _ended_since(pod, verification.started_at)):
        return None
    if not pod.ready and (_is_the_nodes_doing(pod) or _ended_since(pod, changed - RESTART_SLACK)):
        return None
    return Dropout(pod=pod.name, times=before.times + 1 if before else 1, last=changed)


def _out_of_service(scene: Scene) -> Iterator[tuple[PodView, datetime | None]]:
    """Each pod that is not ready by its own doing, and since when; None for those that never were, as far as is known."""
    for pod in scene.pods:
        if pod.ready or _is_the_nodes_doing(pod) or scene.watch is None:
            continue
        since = pod.ready_changed_at or pod.created_at
        was_ready = _was_there(pod, scene.watch) and since >= scene.watch.started_at - CLOCK_SLACK
        yield pod, since if was_ready else None


def _was_there(pod: PodView, verification: Verification) -> bool:
    """Every pod was ready when the watch began; of one that was made later, nobody knows."""
    return pod.created_at <= verification.started_at


def _is_the_nodes_doing(pod: PodView) -> bool:
    """Not ready although all its containers are: the node controller changes only the pod's condition.

    No probe of the release has failed.
    """
    return bool(pod.containers) and all(container.ready for container in serving(pod))


def _ended_since(pod: PodView, moment: datetime) -> bool:
    """Whether a container has ended since then: restartLimit counts that, and it shall not count twice."""
    endings = (c.state if isinstance(c.state, Terminated) else c.last for c in serving(pod))
    return any(ending and ending.finished_at and ending.finished_at >= moment for ending in endings)


def _was_restarted(pod: PodView) -> bool:
    return any(container.restarts for container in pod.containers)


def _runs(pod: PodView) -> bool:
    return any(isinstance(container.state, Running) for container in serving(pod))


def _culprit(pod: PodView) -> str | None:
    """The container that keeps a pod out of service; the first one where all are ready again."""
    return next((c.name for c in serving(pod) if not c.ready), next((c.name for c in serving(pod)), None))
