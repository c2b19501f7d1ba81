"""Pods that are never made: the API server refuses the ReplicaSet's.

The Deployment's condition ReplicaFailure has the API server's words (kubernetes pkg/controller/replicaset).
"""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from enum import Enum, auto
from typing import Final

from brandrelease.core.health.quoting import quoted, says
from brandrelease.core.health.rule import Sighting
from brandrelease.core.health.scene import Scene

ADMISSION_GRACE: Final = timedelta(seconds=15)
"""A policy that is being rolled out may refuse for a moment what it lets pass afterwards."""

SERVICE_ACCOUNT_GRACE: Final = timedelta(seconds=30)
"""A ServiceAccount is often applied a moment after the Deployment that names it."""

_POD: Final = re.compile(r'\bpods "([^"]+)"')


class Refusal(Enum):
    """Why the API server does not make a pod."""

    Quota = auto()
    ServiceAccount = auto()
    Admission = auto()
    Other = auto()


_WORDS: Final = (
    # A webhook that does not answer is nobody's judgment, whatever else its message says.
    (Refusal.Other, ("failed calling webhook", "failed to call webhook")),
    (Refusal.Quota, ("exceeded quota",)),
    (Refusal.ServiceAccount, ("error looking up service account",)),
    (
        Refusal.Admission,
        (
            "violates podsecurity",
            "denied the request",
            "denied request",
            "is invalid",
            "failed quota",  # "must specify limits.memory": more room does not help
            "usage per",  # a LimitRange
            "unable to validate against any",
        ),
    ),
)
"""The words of the admission plugins, in the order in which they decide."""


def pods_are_refused(why: Refusal) -> Callable[[Scene], Iterator[Sighting]]:
    """No pod of the new ReplicaSet can be made, for a cause of this kind."""

    def look(scene: Scene) -> Iterator[Sighting]:
        failure, deployment = scene.deployment.failure, scene.deployment
        if failure is None or not _is_about_the_new_pods(scene, failure) or _kind(failure) is not why:
            return
        since = max(scene.changed_at, deployment.failing_since or scene.changed_at)
        yield Sighting(f"The pods of Deployment {deployment.name} cannot be created: {quoted(failure)}", since)

    return look


def _kind(failure: str) -> Refusal:
    return next((kind for kind, words in _WORDS if says(failure, *words)), Refusal.Other)


def _is_about_the_new_pods(scene: Scene, failure: str) -> bool:
    """An old ReplicaSet's trouble is shown in the same condition, and so is one that the change may have ended."""
    if scene.deployment.observed_generation < scene.deployment.generation:
        return False
    named = _POD.search(failure)
    replica_sets = {pod.name.rpartition("-")[0] for pod in scene.pods}
    return not named or not replica_sets or any(named[1].startswith(f"{name}-") for name in replica_sets)
