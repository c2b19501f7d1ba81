"""Every reason that a current kubelet gives, waiting or terminated: each has a verdict, or a why that it has none.

Sources: kubernetes pkg/kubelet/images/types.go, pkg/kubelet/container/sync_result.go,
pkg/kubelet/kuberuntime/kuberuntime_container.go, pkg/kubelet/kubelet_pods.go, k8s.io/cri-api/pkg/errors, containerd.
"""

import pytest

from brandrelease.apis.reasons import Reason
from brandrelease.core.health import Failed, Progressing, judge_rollout
from brandrelease.core.snapshot import ContainerKind, PodView
from support.pods import RULES, START, at, container, crashing, deployment, ended, pod, waiting

WAITING = {
    # reason: (the verdict's reason, from which second on)
    "InvalidImageName": (Reason.InvalidImageName, 0),
    "ErrImageNeverPull": (Reason.ErrImageNeverPull, 0),
    "SignatureValidationFailed": (Reason.SignatureValidationFailed, 0),
    "CreateContainerConfigError": (Reason.CreateContainerConfigError, 30),
    "CreateContainerError": (Reason.CreateContainerError, 60),
    "RunContainerError": (Reason.RunContainerError, 60),
    "PostStartHookError": (Reason.PostStartHookError, 60),
    "ErrImagePull": (Reason.ErrImagePull, 60),
    "ImagePullBackOff": (Reason.ImagePullBackOff, 60),
    "RegistryUnavailable": (Reason.RegistryUnavailable, 60),
    "ImageInspectError": (Reason.ContainerRuntimeError, 60),
    "PreCreateHookError": (Reason.ContainerRuntimeError, 60),
    "PreStartHookError": (Reason.ContainerRuntimeError, 60),
    "KillContainerError": (Reason.ContainerRuntimeError, 60),
    "RROUnsupported": (Reason.ContainerRuntimeError, 60),
    "CreatePodSandboxError": (Reason.FailedCreatePodSandBox, 60),
    "ConfigPodSandboxError": (Reason.FailedCreatePodSandBox, 60),
    "KillPodSandboxError": (Reason.FailedCreatePodSandBox, 60),
}

NO_EVIDENCE_YET = {
    "ContainerCreating": "the kubelet has not come to it; Events tell more if it lasts",
    "PodInitializing": "init containers run; each is judged itself",
    "RunInitContainerError": "the init container's own ending tells",
    "CrashLoopBackOff": "endings are counted, not the kubelet's pauses; here there were fewer than restartLimit",
    "": "no state was reported yet",
    "SomethingNew": "a word of a kubelet that is newer than this operator",
}

POD_WITHOUT_EVIDENCE = {
    "Evicted": "the node was short of something (kubelet's eviction manager)",
    "Preempting": "a more important pod took its place (kubelet)",
    "NodeLost": "the node is not heard of (node controller)",
    "NodeShutdown": "the node goes down (kubelet before 1.22)",
    "Shutdown": "the node goes down (kubelet before 1.21)",
    "Terminated": "the node goes down (kubelet)",
    "UnexpectedAdmissionError": "the node has no such device (kubelet's device manager)",
}

ENDED = {
    "Error": (Reason.CrashLoopBackOff, 1),
    "Completed": (Reason.CrashLoopBackOff, 0),
    "DeadlineExceeded": (Reason.CrashLoopBackOff, 1),
    "": (Reason.CrashLoopBackOff, 1),
    "OOMKilled": (Reason.OOMKilled, 137),
    "StartError": (Reason.StartError, 128),
    "ContainerCannotRun": (Reason.StartError, 127),
}

ENDED_WITHOUT_EVIDENCE = {
    "ContainerStatusUnknown": "the kubelet has lost the container and says 137 for want of better",
    "Unknown": "containerd was started anew and says 255 for want of better",
}


def reason_at(seen: PodView, second: int) -> Reason | None:
    verdict = judge_rollout(deployment(), [seen], {}, RULES, START, at(second))
    return verdict.problem.reason if isinstance(verdict, Failed) else None


@pytest.mark.parametrize("word", WAITING)
def test_a_waiting_reason_has_its_verdict(word: str) -> None:
    reason, second = WAITING[word]
    seen = pod(waiting(word, "words of the kubelet"))
    assert reason_at(seen, second) is reason
    assert second == 0 or reason_at(seen, second - 1) is None


@pytest.mark.parametrize("word", WAITING)
def test_it_has_the_same_verdict_in_an_init_container(word: str) -> None:
    reason, second = WAITING[word]
    assert reason_at(pod(waiting(word, "words of the kubelet", kind=ContainerKind.Init)), second) is reason


@pytest.mark.parametrize("word", WAITING)
def test_what_lasts_until_the_deadline_is_told_before(word: str) -> None:
    if WAITING[word][1]:
        verdict = judge_rollout(deployment(), [pod(waiting(word, "a word"))], {}, RULES, START, at(1))
        assert isinstance(verdict, Progressing)
        assert "a word" in verdict.message


@pytest.mark.parametrize("word", NO_EVIDENCE_YET)
def test_a_waiting_reason_that_is_no_evidence_leaves_it_to_the_deadline(word: str) -> None:
    seen = pod(waiting(word, "words of the kubelet"))
    assert reason_at(seen, 59) is None
    assert reason_at(seen, 60) is Reason.ProgressDeadlineExceeded


@pytest.mark.parametrize("word", POD_WITHOUT_EVIDENCE)
def test_a_pods_own_reason_that_is_about_its_node_makes_it_no_evidence(word: str) -> None:
    verdict = judge_rollout(deployment(), [pod(crashing(9), reason=word)], {}, RULES, START, at(5))
    assert isinstance(verdict, Progressing)
    assert f"lost to its node ({word})" in verdict.message


@pytest.mark.parametrize("word", ENDED)
def test_a_terminated_reason_has_its_verdict(word: str) -> None:
    reason, code = ENDED[word]
    for seen in (
        container(ended(code, word), restarts=2),
        waiting("CrashLoopBackOff", restarts=2, last=ended(code, word)),
    ):
        assert reason_at(pod(seen, memory_limits={"app": "64Mi"}), 0) is reason
    assert reason_at(pod(container(ended(code, word), restarts=1)), 59) is None, "two endings are forgiven"


@pytest.mark.parametrize("word", ENDED_WITHOUT_EVIDENCE)
def test_a_terminated_reason_that_is_no_evidence_leaves_it_to_the_deadline(word: str) -> None:
    seen = pod(waiting("CrashLoopBackOff", restarts=9, last=ended(255, word)))
    assert reason_at(seen, 59) is None
    assert reason_at(seen, 60) is Reason.ProgressDeadlineExceeded
