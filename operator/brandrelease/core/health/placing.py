"""A pod that cannot begin: no node, no volume, no sandbox. Its status says little of it; Events say more.

Event reasons: kubernetes pkg/kubelet/events/event.go.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from brandrelease.core.health.quoting import quoted
from brandrelease.core.health.rule import Sighting
from brandrelease.core.health.scene import Scene
from brandrelease.core.health.told import first
from brandrelease.core.snapshot import PodView, Waiting

VOLUME_MISSING_GRACE: Final = timedelta(seconds=30)
"""A Secret or ConfigMap is often applied a moment after the Deployment that mounts it."""

TOLD_AFTER: Final = timedelta(seconds=15)
"""The scheduler often finds a place a moment later; before that nobody needs to read about it."""

NOTHING_TO_SAY: Final = frozenset({"", "ContainerCreating", "PodInitializing"})
"""Waiting reasons that mean "not yet" and no more."""

_NO_SANDBOX: Final = ("CreatePodSandboxError", "ConfigPodSandboxError", "KillPodSandboxError")
_MISSING: Final = re.compile(r'\b(secret|configmap|persistentvolumeclaim)s? "[^"]+" not found|references non-existent')
"""How the kubelet says that a volume's source is not there; 'object "a"/"b" not registered' is its cache lagging."""


def finds_no_node(scene: Scene, pod: PodView) -> Sighting | None:
    """A new node may come, or another pod go, before the deadline."""
    del scene
    if pod.unschedulable is None:
        return None
    return Sighting(f"Pod {pod.name} finds no node: {quoted(pod.unschedulable)}", pod.created_at, pod.name)


def volume_has_no_source(scene: Scene, pod: PodView) -> Sighting | None:
    """A Secret, a ConfigMap, one of its keys or a claim that the pod mounts does not exist."""
    words = _held_up(scene, pod, "FailedMount")
    if words is None or not _MISSING.search(words):
        return None
    message = f"Pod {pod.name} mounts something that does not exist: {words}. Create it or mend the Deployment, then release again"
    return Sighting(message, pod.started_at or pod.created_at, pod.name)


def volume_does_not_come(reason: str) -> Callable[[Scene, PodView], Sighting | None]:
    """The storage is slow, full, away, or still attached to another node."""

    def look(scene: Scene, pod: PodView) -> Sighting | None:
        words = _held_up(scene, pod, reason)
        if words is None:
            return None
        return Sighting(f"A volume of pod {pod.name} does not come: {words}", pod.created_at, pod.name)

    return look


def sandbox_does_not_come(scene: Scene, pod: PodView) -> Sighting | None:
    """The node cannot make the pod's sandbox: its network, its runtime, its addresses."""
    words = _held_up(scene, pod, "FailedCreatePodSandBox") or _told_by_the_status(pod)
    if words is None:
        return None
    return Sighting(f"The node cannot make the sandbox of pod {pod.name}: {words}", pod.created_at, pod.name)


def has_not_begun(pod: PodView) -> bool:
    """No container has run, and none says why. Once the sandbox is there, its volumes are too: old Events are over."""
    return (
        bool(pod.containers)
        and not pod.sandbox_ready
        and all(
            isinstance(c.state, Waiting) and c.state.reason in NOTHING_TO_SAY and c.last is None for c in pod.containers
        )
    )


def _held_up(scene: Scene, pod: PodView, reason: str) -> str | None:
    return first(scene, pod, reason) if has_not_begun(pod) else None


def _told_by_the_status(pod: PodView) -> str | None:
    states = (container.state for container in pod.containers)
    state = next((s for s in states if isinstance(s, Waiting) and s.reason in _NO_SANDBOX), None)
    return (quoted(state.message) or state.reason) if state else None
