"""What Events tell of a pod whose status does not say enough."""

from collections.abc import Iterator
from datetime import UTC, datetime

from brandrelease.core.health.quoting import quoted, says
from brandrelease.core.health.scene import Scene
from brandrelease.core.snapshot import PodView, PodWarning


def first(scene: Scene, pod: PodView, *reasons: str) -> str | None:
    """The words of the warnings of these reasons that come first in the alphabet: the same ones at each look."""
    return min((quoted(w.message) for reason in reasons for w in _warnings(scene, pod, reason)), default=None)


def latest(scene: Scene, pod: PodView, reason: str, *words: str) -> str | None:
    """The latest words of the warnings of this reason, of those that have one of the words in them if any are given."""
    told = [w for w in _warnings(scene, pod, reason) if not words or says(w.message, *words)]
    never = datetime.min.replace(tzinfo=UTC)
    newest = max(told, key=lambda w: (w.last_seen or never, w.message), default=None)
    return quoted(newest.message) if newest else None


def _warnings(scene: Scene, pod: PodView, reason: str) -> Iterator[PodWarning]:
    return (warning for warning in scene.warnings.get(pod.name, ()) if warning.reason == reason)
