"""How a hook stands, from its Job, the pod of that, and what Kubernetes has said about both. Pure."""

from collections.abc import Sequence
from typing import Any, Final

from brandrelease.core.actions import HookOrder
from brandrelease.core.health.quoting import quoted
from brandrelease.core.snapshot import (
    HookFailed,
    HookRunning,
    HookState,
    HookSucceeded,
    PodView,
    Running,
    Terminated,
    Waiting,
)
from brandrelease.core.words import how_it_ended, seconds

Json = dict[str, Any]

TIMED_OUT: Final = "DeadlineExceeded"
"""As the reason of a pod (the kubelet has stopped it) or of a Job's condition (the Job controller has deleted it)."""

NOT_STARTED: Final = frozenset({"StartError", "ContainerCannotRun"})
"""The container runtime could not execute the command (containerd and CRI-O, Docker)."""

UNKNOWN_END: Final = "ContainerStatusUnknown"
"""What the kubelet reports of a container that it cannot find, also where it never ran; its exit code says nothing."""

COMING: Final = frozenset({"", "PodInitializing", "ContainerCreating"})
"""Waiting reasons of a pod that is on its way."""

PULLING: Final = frozenset({"ErrImagePull", "ImagePullBackOff"})
"""The kubelet changes between the two with every try; the message must not."""


def has_ended(job: Json) -> bool:
    """Whether the Job controller has said how the Job ended; it never takes that back."""
    return bool({"Complete", "Failed"} & _conditions(job).keys())


def has_run(order: HookOrder, pod: PodView | None) -> bool:
    """Whether the command runs or ran, so that its pod tells everything."""
    return isinstance(_state(order, pod), Running) or _end(order, pod) is not None


def hook_state(order: HookOrder, job: Json, pod: PodView | None, warnings: Sequence[str], log_tail: str) -> HookState:
    """How the hook stands, for a Job that is there.

    pod: the Job's newest. warnings: messages of the Warning Events about the Job and its pods, where there is no such
    pod or it has not run. The answer is the same however often it is asked for.
    """
    uid, conditions = str(job["metadata"]["uid"]), _conditions(job)
    if "Complete" in conditions:
        return HookSucceeded(uid, log_tail)
    if "Failed" in conditions:
        how = _how_it_failed(order, conditions["Failed"], pod, _words(warnings))
        return HookFailed(uid, f"Job {order.name} {how}", log_tail)
    return HookRunning(uid, f"Job {order.name} {_what_it_does(order, job, pod, _words(warnings))}.")


def _how_it_failed(order: HookOrder, condition: Json, pod: PodView | None, words: str) -> str:
    end = _end(order, pod)
    if TIMED_OUT in {condition.get("reason"), pod.reason if pod else ""}:
        limit = f"took longer than {seconds(order.timeout_seconds)} (hooks.{order.kind}.timeoutSeconds)"
        if end:
            return f"{limit} and was stopped"
        if pod:
            return f"{limit}; its command never started{_after(words or _hindrance(order, pod))}"
        return f"{limit}; no pod of it is left that would say whether its command ran{_after(words)}"
    if pod and pod.reason:
        return f"lost its pod, which its node gave up ({pod.reason}){_after(words)}"
    if end is None:
        told = f"{condition.get('reason', '')}: {quoted(condition.get('message', ''))}".strip(": ")
        nobody = f"pod {pod.name} does not say" if pod else "no pod of it is left that would say"
        return f"failed, and {nobody} how its command ended ({told}){_after(words)}"
    if end.reason == "OOMKilled":
        limit = pod.memory_limits.get(order.container, "") if pod else ""
        return (
            f"used more memory than it may{f' ({limit})' if limit else ''}; "
            f'raise the memory limit of container "{order.container}" of Deployment {order.deployment}'
        )
    if end.reason in NOT_STARTED:
        return f"could not start its command{_after(end.message)}"
    return how_it_ended(end.exit_code, end.signal)


def _what_it_does(order: HookOrder, job: Json, pod: PodView | None, words: str) -> str:
    if "deletionTimestamp" in job["metadata"]:
        return "is being deleted"
    if "Suspended" in _conditions(job):
        return "is suspended and waits until its spec.suspend is false again"
    if pod is None:
        return f"cannot make its pod: {words}" if words else "waits for its pod"
    if pod.deleting:
        return f"waits for the end of its pod {pod.name}, which is being deleted"
    if _end(order, pod):
        return "has ended its command and waits for the Job controller"
    state = _state(order, pod)
    if isinstance(state, Running):
        return f"runs since {state.started_at:%H:%M:%S} UTC" if state.started_at else "runs"
    if pod.unschedulable is not None:
        return f"waits for a node{_after(pod.unschedulable)}"
    hindrance = _hindrance(order, pod)
    if hindrance or words:
        return f"cannot start its pod: {words or hindrance}"
    return "waits until its image is pulled and its volumes are mounted" if pod.started_at else "waits for a node"


def _hindrance(order: HookOrder, pod: PodView) -> str:
    """What the scheduler or the kubelet says of a pod that cannot start, without a full stop; empty where nothing."""
    if pod.unschedulable is not None:
        return quoted(pod.unschedulable)
    state = _state(order, pod)
    if not isinstance(state, Waiting) or state.reason in COMING:
        return ""
    reason = "ImagePullBackOff" if state.reason in PULLING else state.reason
    return f"{reason}{_after(state.message)}"


def _state(order: HookOrder, pod: PodView | None) -> Waiting | Running | Terminated | None:
    """The state of the hook's container; None where the kubelet has not reported any."""
    return next((each.state for each in pod.containers if each.name == order.container), None) if pod else None


def _end(order: HookOrder, pod: PodView | None) -> Terminated | None:
    """How the command ended, where that is known."""
    state = _state(order, pod)
    return state if isinstance(state, Terminated) and state.reason != UNKNOWN_END else None


def _conditions(job: Json) -> dict[str, Json]:
    return {c["type"]: c for c in job.get("status", {}).get("conditions", []) if c["status"] == "True"}


def _words(warnings: Sequence[str]) -> str:
    """The longest of the warnings says most (`Failed to pull image ...`, not `Error: ErrImagePull`), and it stays."""
    return max(sorted(quoted(text) for text in warnings), key=len, default="")


def _after(words: str) -> str:
    return f": {told}" if (told := quoted(words)) else ""
