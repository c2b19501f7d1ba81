"""The new pods of a release as people follow them: how many are ready, and how each of them stands. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from brandrelease.core.pod_line import pod_line
from brandrelease.core.snapshot import PodView
from brandrelease.core.tone import Tone
from brandrelease.core.words import several

SHOWN: Final = 6
"""Pods of which each has a line; those that are not ready come first."""


@dataclass(frozen=True, slots=True)
class NewPod:
    """One pod. name: the part that tells it from its fellows."""

    name: str
    tone: Tone
    words: str

    @property
    def ready(self) -> bool:
        return self.tone is Tone.Good


@dataclass(frozen=True, slots=True)
class NewPods:
    """The pods of one release. wanted: how many there are to be, where the Deployment may be read."""

    wanted: int | None
    pods: tuple[NewPod, ...]

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

    def shown(self) -> tuple[tuple[NewPod, ...], int]:
        """Those that have a line, and how many are left out."""
        chosen = sorted(self.pods, key=lambda pod: (pod.ready, pod.name))[:SHOWN]
        return tuple(chosen), len(self.pods) - len(chosen)


def new_pods(views: Iterable[PodView], wanted: int | None) -> NewPods:
    """Those that are going away do not count."""
    return NewPods(wanted, tuple(_new_pod(view) for view in views if not view.deleting))


def _new_pod(view: PodView) -> NewPod:
    told = pod_line(view)
    words = f"{told.words}, {several(told.restarts, 'restart')}" if told.restarts else told.words
    return NewPod("-".join(view.name.split("-")[-2:]), told.tone, words)
