"""Everything that a rule may look at, and which pods are evidence at all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from brandrelease.apis.brand import Environment
from brandrelease.apis.verification import Verification
from brandrelease.core.snapshot import DeploymentView, PodView, PodWarning

NOT_THE_RELEASE: Final = frozenset(
    {"Evicted", "Preempting", "NodeLost", "NodeShutdown", "Shutdown", "Terminated", "UnexpectedAdmissionError"}
)
"""Pod reasons that say something about a node and nothing about the image (kubelet's eviction, shutdown, admission)."""

NO_WORD_FROM_THE_NODE: Final = frozenset({"Failed", "Unknown"})
"""A Deployment's pods start their containers again, so a pod that Failed was ended by its node or never taken by it;
one that is Unknown has a node that is not heard of (kubernetes pkg/kubelet/lifecycle: OutOfcpu, NodeAffinity, ...)."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One look at the new pods. changed_at: when the Deployment was changed. watch: None while pods change over.

    pods: only those that are evidence. lost: those that their node has lost, evicted or refused.
    """

    deployment: DeploymentView
    pods: tuple[PodView, ...]
    lost: tuple[PodView, ...]
    warnings: Mapping[str, tuple[PodWarning, ...]]
    rules: Environment
    changed_at: datetime
    watch: Verification | None = None
    whose: str = "new"
    """How the pods are called: new, or old on the way back."""


def evidence(pods: Iterable[PodView]) -> tuple[PodView, ...]:
    """The pods that can say something about a release: those that stay, on a node that is well."""
    return tuple(pod for pod in pods if not pod.deleting and not _lost(pod))


def lost_to_their_nodes(pods: Iterable[PodView]) -> tuple[PodView, ...]:
    """The pods that are no evidence about a release, but of which people are told."""
    return tuple(pod for pod in pods if not pod.deleting and _lost(pod))


def _lost(pod: PodView) -> bool:
    return pod.phase in NO_WORD_FROM_THE_NODE or pod.reason in NOT_THE_RELEASE
