"""The new pods of a release as people see them: how many are ready, and what those that are not wait for. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from brandrelease.core.words import several

Json = Mapping[str, Any]

SHOWN: Final = 6
"""Pods of which each has a line; those that are not ready come first."""


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod. name: the part that tells it from its fellows."""

    name: str
    ready: bool
    says: str


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods of one release. wanted: how many there are to be, where the Deployment may be read."""

    wanted: int | None
    pods: tuple[Pod, ...]

    @property
    def ready(self) -> int:
        return sum(pod.ready for pod in self.pods)

    @property
    def share(self) -> float | None:
        """How many of those that are wanted are ready, from 0 to 1."""
        return min(self.ready / self.wanted, 1.0) if self.wanted else None

    def told(self) -> str:
        """How many are ready, in words."""
        if self.wanted is None:
            return f"{several(self.ready, 'new pod')} ready"
        return f"{self.ready} of {several(self.wanted, 'new pod')} ready"

    def shown(self) -> tuple[tuple[Pod, ...], int]:
        """Those that have a line, and how many are left out."""
        chosen = sorted(self.pods, key=lambda pod: (pod.ready, pod.name))[:SHOWN]
        return tuple(chosen), len(self.pods) - len(chosen)


def pods_of(bodies: Iterable[Json], wanted: int | None) -> Pods:
    """Out of the objects of the API server; those that are going away do not count."""
    living = [body for body in bodies if "deletionTimestamp" not in body["metadata"]]
    return Pods(wanted, tuple(_pod(body) for body in living))


def _pod(body: Json) -> Pod:
    status = body.get("status", {})
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", []))
    restarts = sum(each.get("restartCount", 0) for each in containers)
    waits = next(filter(None, map(_waits_for, containers)), None)
    says = "ready" if ready else waits or _not_scheduled(status) or status.get("phase", "Pending")
    name = "-".join(body["metadata"]["name"].split("-")[-2:])
    return Pod(name, ready, f"{says}, {several(restarts, 'restart')}" if restarts else says)


def _waits_for(container: Json) -> str | None:
    """The kubelet's word for what keeps a container from running."""
    state = container.get("state", {})
    if reason := state.get("waiting", {}).get("reason"):
        return str(reason)
    ended = state.get("terminated", {})
    return str(ended.get("reason") or "Error") if ended.get("exitCode") else None


def _not_scheduled(status: Json) -> str | None:
    for each in status.get("conditions", []):
        if each["type"] == "PodScheduled" and each["status"] == "False":
            return str(each.get("reason") or "Unschedulable")
    return None
