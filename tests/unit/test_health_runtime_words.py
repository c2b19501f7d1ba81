"""The words by which registries and container runtimes are understood, one by one."""

import pytest

from brandrelease.apis.reasons import Reason
from brandrelease.core.health import Failed, judge_rollout
from support.pods import RULES, START, at, deployment, pod, waiting

NOT_THERE = {
    "containerd": 'failed to resolve reference "r/x@sha256:1": r/x@sha256:1: not found',
    "the distribution registry": "manifest unknown: manifest unknown",
    "its error code": "MANIFEST_UNKNOWN",
    "a repository that was never made": "name unknown: The repository is not known",
    "Google's": 'Requested entity "x" does not exist',
}

MAYBE_THERE = {
    "Docker Hub hides it": "pull access denied, repository does not exist or may require 'docker login'",
    "a login is refused": "401 Unauthorized: x not found",
    "a right is missing": "403 denied: x not found",
    "a token is refused": "authorization failed: not found",
    "no name server knows the registry": "lookup r on 10.0.0.2:53: no such host, not found",
    "nobody listens": "dial tcp 10.0.0.1:443: route not found",
    "too many requests": "429 Too Many Requests",
}

NODE_TROUBLE = [
    "rpc error: code = DeadlineExceeded desc = x",
    "context deadline exceeded",
    'failed to reserve container name "app_1": x',
    'name "app_1" is reserved for "2"',
    "write /var/lib: no space left on device",
    "rpc error: code = Unavailable desc = x",
    "dial unix /run/containerd.sock: connection refused",
    "connection error: desc = x",
    "device or resource busy",
    "input/output error",
    "too many open files",
    "fork: cannot allocate memory",
    "resource temporarily unavailable",
    "failed to write to cgroup.procs",
]


def reason_at_the_deadline(word: str, message: str) -> Reason:
    verdict = judge_rollout(deployment(), [pod(waiting(word, message))], {}, RULES, START, at(60))
    assert isinstance(verdict, Failed)
    return verdict.problem.reason


@pytest.mark.parametrize("message", NOT_THERE.values(), ids=NOT_THERE)
def test_an_image_is_not_there(message: str) -> None:
    assert reason_at_the_deadline("ImagePullBackOff", message) is Reason.ImageNotFound


@pytest.mark.parametrize("message", MAYBE_THERE.values(), ids=MAYBE_THERE)
def test_an_image_may_be_there(message: str) -> None:
    assert reason_at_the_deadline("ImagePullBackOff", message) is Reason.ImagePullBackOff


@pytest.mark.parametrize("message", NODE_TROUBLE)
@pytest.mark.parametrize("word", ["CreateContainerError", "RunContainerError"])
def test_a_runtime_speaks_of_itself(word: str, message: str) -> None:
    assert reason_at_the_deadline(word, message) is Reason.ContainerRuntimeError
