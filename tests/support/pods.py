"""Pods and Deployments for decision tables, as short as sentences."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from brandrelease.apis.brand import Environment
from brandrelease.apis.verification import Dropout, Verification
from brandrelease.core.snapshot import (
    ContainerKind,
    ContainerView,
    DeploymentView,
    PodView,
    PodWarning,
    Running,
    Terminated,
    Waiting,
)

START = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
"""When the Deployment was changed, in every table."""


def at(seconds: float) -> datetime:
    """So many seconds after the change of the Deployment."""
    return START + timedelta(seconds=seconds)


RULES = Environment(name="production", progress_deadline_seconds=60, soak_seconds=30, restart_limit=2)
"""How long and how often, in every table."""


def deployment(**changes: Any) -> DeploymentView:
    """A Deployment of two pods in the middle of a rollout."""
    view = DeploymentView(
        uid="uid",
        resource_version="7",
        name="drumeo-production-deployment",
        generation=2,
        observed_generation=2,
        images={"app": "registry.example.com/drumeo@sha256:1"},
        image_owners={"app": ("brandrelease",)},
        applied_release=1,
        wanted=2,
        total=3,
        updated=1,
        available=2,
    )
    return replace(view, **changes)


def complete(**changes: Any) -> DeploymentView:
    """A Deployment whose two pods are new and available."""
    return deployment(**({"total": 2, "updated": 2, "available": 2} | changes))


def container(state: Waiting | Running | Terminated | None = None, **changes: Any) -> ContainerView:
    """A container that runs and is ready, unless told otherwise."""
    state = state or Running(START)
    return replace(
        ContainerView("app", ContainerKind.Main, ready=isinstance(state, Running), restarts=0, state=state), **changes
    )


def pod(*containers: ContainerView, **changes: Any) -> PodView:
    """A pod of the new release; ready if all its containers are."""
    chosen = containers or (container(),)
    ready = all(c.ready for c in chosen if c.kind is not ContainerKind.Init)
    view = PodView(
        name="drumeo-1",
        release="1",
        phase="Running",
        reason="",
        created_at=START,
        started_at=START,
        ready=ready,
        ready_changed_at=START,
        deleting=False,
        unschedulable=None,
        containers=chosen,
        memory_limits={},
    )
    return replace(view, **changes)


def waiting(reason: str, message: str = "", **changes: Any) -> ContainerView:
    """A container that the kubelet holds back."""
    return container(Waiting(reason, message), **changes)


def ended(exit_code: int = 255, reason: str = "Error", signal: int = 0, message: str = "") -> Terminated:
    """How a container ended."""
    return Terminated(exit_code, signal, reason, message, START)


def crashing(
    endings: int, *, exit_code: int = 255, reason: str = "Error", kind: ContainerKind = ContainerKind.Main
) -> ContainerView:
    """A container that has ended so often and is held back before its next start."""
    return waiting("CrashLoopBackOff", "back-off", restarts=endings - 1, last=ended(exit_code, reason), kind=kind)


def warning(reason: str, message: str, seen: float = 5) -> PodWarning:
    """An Event about a pod, seen last so many seconds after the change."""
    return PodWarning(reason, message, 1, at(seen))


def told(*warnings: PodWarning, of: str = "drumeo-1") -> dict[str, tuple[PodWarning, ...]]:
    """Events, by the pod that they are about."""
    return {of: warnings}


def watch(*dropouts: tuple[str, int, float]) -> Verification:
    """The watch from second 10 to 40; dropouts are (pod, times, last in seconds)."""
    known = tuple(Dropout(pod=name, times=times, last=at(last)) for name, times, last in dropouts)
    return Verification(started_at=at(10), ends_at=at(40), dropouts=known)
