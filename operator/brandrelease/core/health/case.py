"""One container of one pod, as a rule looks at it."""

from dataclasses import dataclass
from datetime import datetime

from brandrelease.core.health.rule import Sighting
from brandrelease.core.health.scene import Scene
from brandrelease.core.snapshot import ContainerKind, ContainerView, PodView, Running, Terminated, Waiting


@dataclass(frozen=True, slots=True)
class Case:
    """A container, its pod, and what else is known."""

    scene: Scene
    pod: PodView
    container: ContainerView

    @property
    def name(self) -> str:
        """How it is called inside a sentence."""
        return f'{self.container.kind} "{self.container.name}" of pod {self.pod.name}'

    @property
    def title(self) -> str:
        """How it is called at the beginning of a sentence."""
        return self.name[0].upper() + self.name[1:]

    def waits_for(self, *reasons: str) -> Waiting | None:
        """Its state, if the kubelet holds it back for one of these reasons."""
        state = self.container.state
        return state if isinstance(state, Waiting) and state.reason in reasons else None

    def sighting(self, message: str) -> Sighting:
        """What is wrong with it since it could have started."""
        return Sighting(message, self.waiting_since(), self.pod.name, self.container.name)

    def waiting_since(self) -> datetime:
        """When it could last have started; the kubelet gives a waiting state no time of its own.

        That is the latest of: the pod's start, the end of an init container, the start of a sidecar, its own last end.
        """
        moments = [self.pod.started_at or self.pod.created_at]
        for other in self.pod.containers:
            if other.kind is ContainerKind.Init and isinstance(other.state, Terminated):
                moments.append(other.state.finished_at or moments[0])
            if other.kind is ContainerKind.Sidecar and isinstance(other.state, Running):
                moments.append(other.state.started_at or moments[0])
        if self.container.last:
            moments.append(self.container.last.finished_at or moments[0])
        return max(moments)
