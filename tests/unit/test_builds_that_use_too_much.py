"""What is said of a build that has used more than it may, and of one that ended for another cause."""

from typing import Any

import pytest

from brandrelease.adapters.builders.buildkit import _excess
from support.orders import ORDER

Json = dict[str, Any]

KILLED = {"reason": "OOMKilled", "exitCode": 137}
GONE = {"reason": "ContainerStatusUnknown", "exitCode": 137}


def evicted(message: str) -> Json:
    return {"status": {"phase": "Failed", "reason": "Evicted", "message": message}}


MEMORY, DISK = "resources.limits.memory", "resources.limits.ephemeral-storage"
LAYERS = "Pod ephemeral local storage usage exceeds the total limit of containers 20Gi. "
LOGS = 'Container build exceeded its local ephemeral storage limit "20Gi". '
FULL_NODE = "The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi, available: 1Mi. "

ENDS: dict[str, tuple[Json | None, Json | None, str | None]] = {
    "memory, in a step of the Dockerfile": ({}, {"reason": "OOMKilled", "exitCode": 1}, MEMORY),
    "memory, while the source is taken": ({}, KILLED, MEMORY),
    "disk, for layers": (evicted(LAYERS), GONE, DISK),
    "disk, for what it prints": (evicted(LOGS), GONE, DISK),
    "the node has no disk left": (evicted(FULL_NODE), GONE, None),
    "the node has no memory left": (evicted("The node was low on resource: memory. "), GONE, None),
    "a step failed": ({"status": {"phase": "Failed"}}, {"reason": "Error", "exitCode": 1}, None),
    "the pod is gone": (None, None, None),
}


@pytest.mark.parametrize(("pod", "ended", "words"), ENDS.values(), ids=ENDS)
def test_a_build_is_charged_for_its_own_limits_only(pod: Json | None, ended: Json | None, words: str | None) -> None:
    said = _excess(ORDER, pod, ended)
    assert (words in said) if words and said else said is words


def test_the_kubelets_own_words_are_told() -> None:
    said = _excess(ORDER, evicted(LAYERS), GONE) or ""
    assert said.endswith(
        "The kubelet says Pod ephemeral local storage usage exceeds the total limit of containers 20Gi."
    )
