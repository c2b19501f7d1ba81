"""Of which pods the Events have to be asked for, because their status does not tell enough."""

from collections.abc import Iterable
from typing import Final

from brandrelease.core.health.lateness import serving, unready_by_probe
from brandrelease.core.health.placing import has_not_begun
from brandrelease.core.health.scene import evidence
from brandrelease.core.snapshot import PodView, Terminated

ASKED_LIMIT: Final = 10
"""Pods whose Events are asked for in one pass: more of them would tell the same."""


def needs_warnings(pods: Iterable[PodView]) -> tuple[str, ...]:
    """Names of the new pods, at most ten, that Events may tell something about: why they do not begin, what a probe said."""
    return tuple(pod.name for pod in evidence(pods) if _is_a_riddle(pod))[:ASKED_LIMIT]


def _is_a_riddle(pod: PodView) -> bool:
    if pod.unschedulable is not None:
        return False
    return has_not_begun(pod) or unready_by_probe(pod) is not None or _was_ended(pod)


def _was_ended(pod: PodView) -> bool:
    """A container ended that should stay; that the kubelet has stopped it is told by Events alone."""
    return any(isinstance(c.state, Terminated) or c.last is not None for c in serving(pod))
