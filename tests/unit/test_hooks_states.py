"""How a hook stands: every state of a Job and its pod, and the sentence that it makes."""

from dataclasses import dataclass
from typing import Any

import pytest

from brandrelease.adapters.kube.hook_states import has_ended, has_run, hook_state
from brandrelease.adapters.kube.views import pod_view
from brandrelease.core.actions import PRE_DEPLOY, HookOrder
from brandrelease.core.snapshot import HookFailed, HookRunning, HookState, HookSucceeded

Json = dict[str, Any]

ORDER = HookOrder(
    namespace="shop",
    release_name="drumeo",
    owner_uid="0f1e2d3c-1",
    number=3,
    commit="c" * 40,
    kind=PRE_DEPLOY,
    deployment="web",
    container="app",
    image="r/d@sha256:1",
    command=("migrate",),
    timeout_seconds=600,
)
JOB, LOG = "Job drumeo-3-pre-0f1e2d3c", "Migrating.\nDone."
DELETING: Json = {"deletionTimestamp": "2026-01-01T12:00:00Z"}


def job(condition: str | None = None, reason: str = "", message: str = "", **metadata: Any) -> Json:
    conditions = [{"type": condition, "status": "True", "reason": reason, "message": message}] if condition else []
    return {"metadata": {"name": ORDER.name, "uid": "job-uid", **metadata}, "status": {"conditions": conditions}}


def failed(reason: str = "BackoffLimitExceeded", message: str = "Job has reached the specified backoff limit") -> Json:
    return job("Failed", reason, message)


LATE = failed("DeadlineExceeded", "Job was active longer than specified deadline")


def pod(state: Json | None = None, *, reason: str = "", started: bool = True, unschedulable: str = "") -> Json:
    status: Json = {"phase": "x", "reason": reason}
    if state is not None:
        status["containerStatuses"] = [{"name": "proxy", "state": {}}, {"name": "app", "state": state}]
    if started:
        status["startTime"] = "2026-01-01T12:00:01Z"
    if unschedulable:
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": unschedulable}
        status["conditions"] = [condition]
    containers = [{"name": "app", "resources": {"limits": {"memory": "64Mi"}}}]
    return {
        "metadata": {"name": "p-1", "creationTimestamp": "2026-01-01T12:00:00Z"},
        "spec": {"containers": containers},
        "status": status,
    }


def ended(code: int, reason: str = "Error", message: str = "", signal: int = 0) -> Json:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message, "signal": signal}}


def waiting(reason: str, message: str = "") -> Json:
    return {"waiting": {"reason": reason, "message": message}}


RUNNING: Json = {"running": {"startedAt": "2026-01-01T12:00:05Z"}}
GOING: Json = pod(RUNNING)
GOING_AWAY = GOING | {"metadata": GOING["metadata"] | DELETING}


@dataclass(frozen=True)
class Case:
    job: Json
    pod: Json | None
    then: str | None
    """The message; None where the hook has succeeded."""
    warnings: tuple[str, ...] = ()


PULL = "Failed to pull image: not found"
QUOTA = "Error creating: pods is forbidden: exceeded quota"
LIMIT = f"{JOB} took longer than 10 min (hooks.preDeploy.timeoutSeconds)"
BACKOFF = "BackoffLimitExceeded: Job has reached the specified backoff limit"

RUNS: dict[str, Case] = {
    "no pod yet": Case(job(), None, f"{JOB} waits for its pod."),
    "the pod is forbidden": Case(job(), None, f"{JOB} cannot make its pod: {QUOTA}.", (QUOTA,)),
    "the Job is deleted": Case(job(**DELETING), GOING, f"{JOB} is being deleted."),
    "the Job is held back": Case(
        job("Suspended"), None, f"{JOB} is suspended and waits until its spec.suspend is false again."
    ),
    "the pod is deleted": Case(job(), GOING_AWAY, f"{JOB} waits for the end of its pod p-1, which is being deleted."),
    "no node yet": Case(job(), pod(started=False), f"{JOB} waits for a node."),
    "no node will do": Case(
        job(),
        pod(started=False, unschedulable="0/1 nodes are available."),
        f"{JOB} waits for a node: 0/1 nodes are available.",
    ),
    "the image is being pulled": Case(
        job(),
        pod(waiting("ContainerCreating")),
        f"{JOB} waits until its image is pulled and its volumes are mounted.",
    ),
    "the kubelet has not reported": Case(
        job(), pod(), f"{JOB} waits until its image is pulled and its volumes are mounted."
    ),
    "a volume does not mount": Case(
        job(),
        pod(waiting("ContainerCreating")),
        f'{JOB} cannot start its pod: secret "db" not found.',
        ('secret "db" not found',),
    ),
    "the image is not there": Case(
        job(), pod(waiting("ErrImagePull", "x")), f"{JOB} cannot start its pod: {PULL}.", ("Error: ErrImagePull", PULL)
    ),
    "the image is still not there": Case(
        job(),
        pod(waiting("ImagePullBackOff", "y")),
        f"{JOB} cannot start its pod: {PULL}.",
        (PULL, "Error: ErrImagePull"),
    ),
    "the image is not there, without Events": Case(
        job(), pod(waiting("ErrImagePull", "not found")), f"{JOB} cannot start its pod: ImagePullBackOff: not found."
    ),
    "a Secret is not there": Case(
        job(),
        pod(waiting("CreateContainerConfigError", 'secret "x" not found')),
        f'{JOB} cannot start its pod: CreateContainerConfigError: secret "x" not found.',
    ),
    "it runs": Case(job(), GOING, f"{JOB} runs since 12:00:05 UTC."),
    "it runs since nobody knows when": Case(job(), pod({"running": {}}), f"{JOB} runs."),
    "the command has ended": Case(
        job(), pod(ended(0)), f"{JOB} has ended its command and waits for the Job controller."
    ),
    "a condition that is not so": Case(
        {"metadata": job()["metadata"], "status": {"conditions": [{"type": "Failed", "status": "False"}]}},
        GOING,
        f"{JOB} runs since 12:00:05 UTC.",
    ),
    "the Job controller has not seen it": Case({"metadata": job()["metadata"]}, None, f"{JOB} waits for its pod."),
}

ENDS: dict[str, Case] = {
    "well": Case(job("Complete"), pod(ended(0)), None),
    "well, and its pod is gone": Case(job("Complete"), None, None),
    "well, and is being cleaned up": Case(job("Complete", **DELETING), None, None),
    "with a code": Case(failed(), pod(ended(1)), f"{JOB} exited with code 1"),
    "by a signal": Case(failed(), pod(ended(137)), f"{JOB} was killed by SIGKILL"),
    "by a signal that the runtime tells": Case(failed(), pod(ended(0, signal=11)), f"{JOB} was killed by SIGSEGV"),
    "for want of memory": Case(
        failed(),
        pod(ended(137, "OOMKilled")),
        f'{JOB} used more memory than it may (64Mi); raise the memory limit of container "app" of Deployment web',
    ),
    "without a program": Case(
        failed(),
        pod(ended(128, "StartError", 'exec: "php": executable file not found in $PATH.')),
        f'{JOB} could not start its command: exec: "php": executable file not found in $PATH',
    ),
    "too late": Case(failed(), pod(ended(143), reason="DeadlineExceeded"), f"{LIMIT} and was stopped"),
    "too late, by the Job controller": Case(LATE, pod(ended(137)), f"{LIMIT} and was stopped"),
    "too late, and never ran for its image": Case(
        failed(),
        pod(ended(137, "ContainerStatusUnknown"), reason="DeadlineExceeded"),
        f"{LIMIT}; its command never started: {PULL}",
        (PULL,),
    ),
    "too late, and never ran for a Secret": Case(
        failed(),
        pod(waiting("CreateContainerConfigError", "no x"), reason="DeadlineExceeded"),
        f"{LIMIT}; its command never started: CreateContainerConfigError: no x",
    ),
    "too late, and never had a node": Case(
        LATE,
        pod(started=False, unschedulable="0/1 nodes are available."),
        f"{LIMIT}; its command never started: 0/1 nodes are available",
    ),
    "too late, and its pod is gone": Case(
        LATE,
        None,
        f"{LIMIT}; no pod of it is left that would say whether its command ran: 0/1 nodes are available",
        ("0/1 nodes are available.",),
    ),
    "evicted": Case(
        failed(), pod(ended(137), reason="Evicted"), f"{JOB} lost its pod, which its node gave up (Evicted)"
    ),
    "with its pod deleted": Case(
        failed(), None, f"{JOB} failed, and no pod of it is left that would say how its command ended ({BACKOFF})"
    ),
    "nobody knows how": Case(
        failed(),
        pod(ended(137, "ContainerStatusUnknown")),
        f"{JOB} failed, and pod p-1 does not say how its command ended ({BACKOFF})",
    ),
}


def state(case: Case) -> HookState:
    return hook_state(ORDER, case.job, pod_view(case.pod) if case.pod else None, case.warnings, LOG)


@pytest.mark.parametrize("case", RUNS.values(), ids=RUNS)
def test_it_goes_on_while(case: Case) -> None:
    assert state(case) == HookRunning("job-uid", case.then or "")
    assert not has_ended(case.job)


@pytest.mark.parametrize("case", ENDS.values(), ids=ENDS)
def test_it_ends(case: Case) -> None:
    expected = HookSucceeded("job-uid", LOG) if case.then is None else HookFailed("job-uid", case.then, LOG)
    assert state(case) == expected
    assert has_ended(case.job)


RAN: dict[str, tuple[Json | None, bool]] = {
    "no pod": (None, False),
    "a pod without a report": (pod(), False),
    "a pod that waits": (pod(waiting("ContainerCreating")), False),
    "a pod that runs": (GOING, True),
    "a pod that has ended": (pod(ended(0)), True),
    "a pod of which the kubelet knows no container": (pod(ended(137, "ContainerStatusUnknown")), False),
}


@pytest.mark.parametrize(("body", "ran"), RAN.values(), ids=RAN)
def test_a_pod_tells_everything_once_its_command_has_run(body: Json | None, ran: bool) -> None:
    assert has_run(ORDER, pod_view(body) if body else None) is ran


SECRETS = ("abcDEF1234567890xyz", "hunter2secret")
WORDS = f"curl failed: Authorization: Bearer {SECRETS[0]} refused; password={SECRETS[1]}"

TALKATIVE: dict[str, tuple[Json, Json | None, tuple[str, ...]]] = {
    "a warning about a pod that cannot start": (job(), pod(waiting("ContainerCreating")), (WORDS,)),
    "a pod that waits": (job(), pod(waiting("CreateContainerError", WORDS)), ()),
    "a pod without a node": (job(), pod(started=False, unschedulable=WORDS), ()),
    "a command that could not be started": (failed(), pod(ended(128, "StartError", WORDS)), ()),
    "a warning about a pod that is gone": (failed(), None, (WORDS,)),
    "the Job's own end": (failed(message=WORDS), None, ()),
}


@pytest.mark.parametrize(("the_job", "the_pod", "warnings"), TALKATIVE.values(), ids=TALKATIVE)
def test_nothing_that_looks_like_a_secret_is_said_of_a_hook(
    the_job: Json, the_pod: Json | None, warnings: tuple[str, ...]
) -> None:
    state = hook_state(ORDER, the_job, pod_view(the_pod) if the_pod else None, warnings, "")
    assert isinstance(state, HookRunning | HookFailed)
    assert "curl failed" in state.message
    assert not any(secret in state.message for secret in SECRETS)
