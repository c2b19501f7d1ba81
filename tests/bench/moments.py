"""When something was so, by the arrival of a watch event: for the operator and for its peers alike."""

from collections.abc import Callable
from queue import Queue
from typing import Any, Final

from brandrelease.controller.pace import PACE
from support.kubectl import Seen

Object = dict[str, Any]

LIMIT_SECONDS: Final = 90.0
"""Something is broken, and not slow, when it has not come by then."""

REST_SECONDS: Final = 6 * PACE
"""Before each release. An object has 60 passes quickly, and then one for each PACE. Releases that follow each other at once,
with a change of the image by hand between them, would use those up, and what was measured would be that limit. With what a
release itself takes, this is enough to get them back.
"""


def first(versions: "Queue[Seen]", fits: Callable[[Object], bool]) -> float:
    """When the next version that fits arrived; those before it are forgotten."""
    while True:
        arrived, body = versions.get(timeout=LIMIT_SECONDS)
        if fits(body):
            return arrived


def image_of(deployment: Object) -> str:
    """The image that its pods are to have."""
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def is_rolled_out(deployment: Object) -> bool:
    """What `kubectl rollout status` waits for."""
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    is_seen = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    counts = [status.get(name, 0) for name in ("updatedReplicas", "replicas", "availableReplicas")]
    return is_seen and counts == [wanted] * len(counts)


def is_live(release: Object, commit: str) -> bool:
    """Whether the release of this commit is over, and has come out well."""
    status = release.get("status", {})
    return (status.get("phase"), status.get("current", {}).get("commit")) == ("Live", commit)
