"""A pod in one line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from brandrelease.core.snapshot import ContainerView, PodView, Terminated, Waiting
from brandrelease.core.tone import Tone

_NO_NEWS = {"", "ContainerCreating", "PodInitializing", "Completed"}


@dataclass(frozen=True, slots=True)
class PodLine:
    """What people are told of a pod. release: the number in its label. words: how it stands, in words of the kubelet."""

    name: str
    release: str
    words: str
    tone: Tone
    restarts: int
    created_at: datetime


def pod_line(pod: PodView) -> PodLine:
    """What is said of a pod."""
    words, tone = _standing(pod)
    restarts = sum(each.restarts for each in pod.containers)
    return PodLine(pod.name, pod.release, words, tone, restarts, pod.created_at)


def _standing(pod: PodView) -> tuple[str, Tone]:
    if pod.deleting:
        return "Terminating", Tone.Off
    if pod.unschedulable is not None:
        return f"Unschedulable: {pod.unschedulable}", Tone.Stuck
    if trouble := next(_troubles(pod.containers), None):
        return trouble, Tone.Bad
    if pod.reason:
        return pod.reason, Tone.Bad
    if pod.ready:
        return "Ready", Tone.Good
    return ("Not ready" if pod.phase == "Running" else pod.phase or "Pending"), Tone.Busy


def _troubles(containers: Iterable[ContainerView]) -> Iterator[str]:
    for each in containers:
        match each.state:
            case Waiting(reason=reason) if reason not in _NO_NEWS:
                yield f"{reason} (container {each.name})"
            case Terminated(exit_code=code, reason=reason) if code:
                yield f"{reason or 'Error'}, exit code {code} (container {each.name})"
            case _:
                pass
