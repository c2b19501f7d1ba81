"""A container that cannot be made: what it needs is not there, or the container runtime refuses it.

Reasons: kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go and pkg/kubelet/container/sync_result.go.
"""

from datetime import timedelta
from typing import Final

from brandrelease.core.health.case import Case
from brandrelease.core.health.quoting import quoted, says
from brandrelease.core.health.rule import Sighting

CONFIG_MISSING_GRACE: Final = timedelta(seconds=30)
"""A Secret or ConfigMap is often applied a moment after the Deployment that names it."""

CREATE_GRACE: Final = timedelta(seconds=60)
"""The container runtime refused the container; a busy node does that in passing."""

RUNTIME_TROUBLE: Final = frozenset(
    {
        "ImageInspectError",
        "PreCreateHookError",
        "PreStartHookError",
        "KillContainerError",
        "RROUnsupported",
    }
)
"""Waiting reasons that are about the node: its runtime, its devices, its kernel. The image has no part in them."""

_NODES_WORDS: Final = (
    "deadlineexceeded",
    "deadline exceeded",
    "failed to reserve container name",
    "is reserved for",
    "no space left on device",
    "code = unavailable",
    "connection refused",
    "connection error",
    "device or resource busy",
    "input/output error",
    "too many open files",
    "cannot allocate memory",
    "resource temporarily unavailable",
    "cgroup",
)
"""What a container runtime says of itself, in whichever reason the kubelet wraps it."""

_ROOT: Final = "container has runasnonroot and image"
"""verifyRunAsNonRoot in kubernetes pkg/kubelet/kuberuntime/security_context.go; the Deployment's own runAsUser: 0 is told
in other words."""


def blames_the_node(text: str) -> bool:
    """Whether the words of a container runtime are about itself or its node, not about the container."""
    return says(text, *_NODES_WORDS)


def wants_to_be_root(case: Case) -> Sighting | None:
    """The image would run as root, or says only by name who it runs as, and the Deployment forbids root."""
    state = case.waits_for("CreateContainerConfigError")
    if not state or not says(state.message, _ROOT):
        return None
    message = f"{case.title} may not run as root, and its image would or cannot prove that it does not: {quoted(state.message)}. Set a numeric USER in the Dockerfile"
    return case.sighting(message)


def configuration_is_missing(case: Case) -> Sighting | None:
    """A Secret, a ConfigMap or one of its keys does not exist, or the Deployment contradicts itself."""
    state = case.waits_for("CreateContainerConfigError")
    if not state or (
        says(state.message, "failed to sync") and says(state.message, "cache")
    ):  # the kubelet lags, no more
        return None
    message = f"{case.title} cannot be configured: {quoted(state.message)}. Mend the Deployment or create what is missing, then release again"
    return case.sighting(message)


def is_refused(case: Case) -> Sighting | None:
    """The container runtime refuses to make it, for example because the image names no command."""
    state = case.waits_for("CreateContainerError")
    if not state or blames_the_node(state.message):
        return None
    return case.sighting(f"{case.title} cannot be created: {quoted(state.message)}")


def does_not_start(case: Case) -> Sighting | None:
    """The container runtime made it but cannot start it, for example because its command is not there."""
    state = case.waits_for("RunContainerError")
    if not state or blames_the_node(state.message):
        return None
    return case.sighting(f"{case.title} cannot be started: {quoted(state.message)}")


def hook_fails(case: Case) -> Sighting | None:
    """Its postStart hook fails, so the kubelet ends it again."""
    state = case.waits_for("PostStartHookError")
    return case.sighting(f"The postStart hook of {case.name} fails: {quoted(state.message)}") if state else None


def runtime_is_in_trouble(case: Case) -> Sighting | None:
    """The node's container runtime does not answer, or cannot do what any container needs."""
    state = case.waits_for(*RUNTIME_TROUBLE, "CreateContainerError", "RunContainerError")
    if not state or (state.reason not in RUNTIME_TROUBLE and not blames_the_node(state.message)):
        return None
    words = quoted(state.message)
    message = f"The node's container runtime has trouble with {case.name}: {state.reason}"
    return case.sighting(f"{message}: {words}" if words else message)
