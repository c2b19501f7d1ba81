"""Of which pods Events are asked for."""

import pytest

from brandrelease.core.health import needs_warnings
from brandrelease.core.snapshot import ContainerKind, PodView, Running
from support.pods import START, container, crashing, ended, pod, waiting

ASKED = {
    "a pod that does not begin": pod(waiting("ContainerCreating")),
    "one of which nothing is said yet": pod(waiting("")),
    "one whose init containers do not begin": pod(waiting("PodInitializing", kind=ContainerKind.Init), waiting("PodInitializing")),
    "one whose container was ended": pod(container(Running(START), restarts=1, last=ended(137))),
    "one whose container has just ended": pod(container(ended(137))),
    "one that is held back": pod(crashing(2)),
    "one that runs and is not ready": pod(container(Running(START), ready=False)),
}  # fmt: skip

NOT_ASKED = {
    "one that is well": pod(),
    "one that is ready, whatever is said of its containers": pod(container(Running(START), ready=False), ready=True),
    "one of whose containers one runs": pod(container(), waiting("ContainerCreating", name="proxy")),
    "one that goes away": pod(waiting("ContainerCreating"), deleting=True),
    "one that was evicted": pod(waiting("ContainerCreating"), phase="Failed"),
    "one that the scheduler has told of": pod(waiting("ContainerCreating"), unschedulable="0/1"),
    "one whose sandbox is there: it pulls its image": pod(waiting("ContainerCreating"), sandbox_ready=True),
    "one that the kubelet has told of": pod(waiting("ImagePullBackOff")),
    "one whose init container is done": pod(container(ended(0), kind=ContainerKind.Init), container()),
    "one that no kubelet has": pod(containers=(), ready=False),
}


@pytest.mark.parametrize("seen", ASKED.values(), ids=ASKED)
def test_it_is_asked_for(seen: PodView) -> None:
    assert needs_warnings([pod(name="well"), seen]) == ("drumeo-1",)


@pytest.mark.parametrize("seen", NOT_ASKED.values(), ids=NOT_ASKED)
def test_it_is_not_asked_for(seen: PodView) -> None:
    assert needs_warnings([seen]) == ()


def test_of_many_pods_ten_are_enough() -> None:
    crowd = [pod(waiting("ContainerCreating"), name=f"drumeo-{number}") for number in range(30)]
    assert needs_warnings(crowd) == tuple(f"drumeo-{number}" for number in range(10))
