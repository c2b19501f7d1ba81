"""What can be said of pods that are just not ready when the time is over."""

from collections.abc import Iterator
from typing import assert_never

from brandrelease.core.health.quoting import quoted
from brandrelease.core.health.rule import Sighting
from brandrelease.core.health.scene import Scene
from brandrelease.core.health.told import latest
from brandrelease.core.snapshot import ContainerKind, ContainerView, PodView, Running, Terminated, Waiting
from brandrelease.core.words import how_it_ended, seconds


def serving(pod: PodView) -> list[ContainerView]:
    """The containers that a pod needs to be ready: all but those that end."""
    return [container for container in pod.containers if container.kind is not ContainerKind.Init]


def unready_by_probe(pod: PodView) -> ContainerView | None:
    """The container that runs and is not ready, if that is why the pod is not."""
    if pod.ready:
        return None
    return next((c for c in serving(pod) if not c.ready and isinstance(c.state, Running)), None)


def readiness_words(scene: Scene, pod: PodView) -> str:
    """What the readiness probe says, as the end of a sentence; empty where no Event tells."""
    words = latest(scene, pod, "Unhealthy", "readiness probe", "startup probe")
    return f": {words}" if words else ""


def runs_and_is_never_ready(scene: Scene) -> Iterator[Sighting]:
    """Its container runs, but the readiness probe does not pass."""
    for pod in scene.pods:
        if culprit := unready_by_probe(pod):
            message = f'{_so_many(scene)}: {culprit.kind} "{culprit.name}" of pod {pod.name} runs, but its readiness probe does not pass{readiness_words(scene, pod)}'
            yield Sighting(message, pod.created_at, pod.name, culprit.name)


def has_not_started(scene: Scene) -> Iterator[Sighting]:
    """Nobody knows why: the kubelet's own words are all there is."""
    for pod in scene.pods:
        if pod.ready or unready_by_probe(pod):
            continue
        culprit = next((c for c in pod.containers if _holds_up(c)), None)
        what = (
            f'{culprit.kind} "{culprit.name}" of pod {pod.name} {_state(culprit)}'
            if culprit
            else f"pod {pod.name} is not"
        )
        yield Sighting(f"{_so_many(scene)}: {what}", pod.created_at, pod.name, culprit.name if culprit else None)


def pods_are_missing(scene: Scene) -> Iterator[Sighting]:
    """There are fewer new pods than are wanted, and nobody says why."""
    yield Sighting(_so_many(scene), scene.changed_at)


def _so_many(scene: Scene) -> str:
    ready = sum(pod.ready for pod in scene.pods)
    lost = "".join(f"; pod {pod.name} was lost to its node ({pod.reason or pod.phase})" for pod in scene.lost[:1])
    limit = seconds(scene.rules.progress_deadline_seconds)
    count = f"Only {ready} of {scene.deployment.wanted}" if ready else f"None of {scene.deployment.wanted}"
    verb = "were" if ready > 1 else "was"
    return f"{count} {scene.whose} pods {verb} ready after {limit} (progressDeadlineSeconds){lost}"


def _holds_up(container: ContainerView) -> bool:
    """The one that the pod waits for: an init container that has not ended, else one that is not ready."""
    state = container.state
    done = container.kind is ContainerKind.Init and isinstance(state, Terminated) and state.exit_code == 0
    return not done and not container.ready


def _state(container: ContainerView) -> str:
    match container.state:
        case Running():
            return "has not come to its end"
        case Terminated(exit_code, signal):
            return f"{how_it_ended(exit_code, signal)} and was not started again"
        case Waiting(reason, message):
            words = quoted(message) or reason
            return f"has not started: {words}" if words else "has not started"
        case _:
            assert_never(container.state)
