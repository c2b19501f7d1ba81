"""The verdict over new pods, row by row: what is seen, when, and what follows."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from brandrelease.apis.brandrelease import Blame
from brandrelease.apis.reasons import Reason
from brandrelease.core.health import Failed, Passed, Problem, Progressing, Verdict, judge_rollout
from brandrelease.core.snapshot import ContainerKind, ContainerView, DeploymentView, PodView, PodWarning, Running
from support.pods import RULES, START, at, complete, container, crashing, deployment, ended, pod, told, waiting, warning

NOT_FOUND = 'Back-off pulling image "x": rpc error: code = NotFound desc = x: not found'
TOO_MANY = "unexpected status from HEAD request: 429 Too Many Requests"
UNREADY = container(Running(START), ready=False)
MISSING = waiting("CreateContainerConfigError", 'secret "db" not found')


Row = tuple[PodView, int, Reason, Blame]

FAILURES: dict[str, Row] = {
    # The image.
    "a malformed image name fails at once": (
        pod(waiting("InvalidImageName", "bad")),
        0,
        Reason.InvalidImageName,
        Blame.Unknown,
    ),
    "an image that may not be pulled and is not there fails at once": (
        pod(waiting("ErrImageNeverPull")),
        0,
        Reason.ErrImageNeverPull,
        Blame.Unknown,
    ),
    "an image whose signature is refused fails at once": (
        pod(waiting("SignatureValidationFailed", "no")),
        0,
        Reason.SignatureValidationFailed,
        Blame.Unknown,
    ),
    "an image that the registry does not have fails after a moment": (
        pod(waiting("ImagePullBackOff", NOT_FOUND)),
        10,
        Reason.ImageNotFound,
        Blame.Unknown,
    ),
    "so does one that it does not have at the first try": (
        pod(waiting("ErrImagePull", "manifest unknown")),
        10,
        Reason.ImageNotFound,
        Blame.Unknown,
    ),
    "an image that a busy registry withholds fails at the deadline": (
        pod(waiting("ErrImagePull", TOO_MANY)),
        60,
        Reason.ErrImagePull,
        Blame.Platform,
    ),
    "and so at a later try": (pod(waiting("ImagePullBackOff", TOO_MANY)), 60, Reason.ImagePullBackOff, Blame.Platform),
    "a registry that may only hide the image fails at the deadline": (
        pod(waiting("ErrImagePull", "repository does not exist or may require authorization")),
        60,
        Reason.ErrImagePull,
        Blame.Platform,
    ),
    "a registry whose name is not found fails at the deadline": (
        pod(waiting("ErrImagePull", "dial tcp: lookup r: host not found")),
        60,
        Reason.ErrImagePull,
        Blame.Platform,
    ),
    "a registry that is away fails at the deadline": (
        pod(waiting("RegistryUnavailable", "503")),
        60,
        Reason.RegistryUnavailable,
        Blame.Platform,
    ),
    # What the container needs.
    "a missing Secret fails after a grace": (
        pod(waiting("CreateContainerConfigError", 'secret "db" not found')),
        30,
        Reason.CreateContainerConfigError,
        Blame.Unknown,
    ),
    "a Deployment that contradicts itself too": (
        pod(waiting("CreateContainerConfigError", "container's runAsUser breaks non-root policy")),
        30,
        Reason.CreateContainerConfigError,
        Blame.Unknown,
    ),
    "a configuration that fails to sync for another cause too": (
        pod(waiting("CreateContainerConfigError", "failed to sync with x")),
        30,
        Reason.CreateContainerConfigError,
        Blame.Unknown,
    ),
    "and one that speaks of another cache": (
        pod(waiting("CreateContainerConfigError", "no cache")),
        30,
        Reason.CreateContainerConfigError,
        Blame.Unknown,
    ),
    "an image that wants to be root fails at once": (
        pod(waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root")),
        0,
        Reason.RunAsNonRoot,
        Blame.Release,
    ),
    "an image that names its user by a word fails at once": (
        pod(waiting("CreateContainerConfigError", "container has runAsNonRoot and image has non-numeric user (www)")),
        0,
        Reason.RunAsNonRoot,
        Blame.Release,
    ),
    "a container that cannot be created fails after a grace": (
        pod(waiting("CreateContainerError", "no command specified")),
        60,
        Reason.CreateContainerError,
        Blame.Release,
    ),
    "a container that cannot be started fails after a grace": (
        pod(waiting("RunContainerError", 'exec: "php": not found')),
        60,
        Reason.RunContainerError,
        Blame.Release,
    ),
    "a postStart hook that fails does so after a grace": (
        pod(waiting("PostStartHookError", "exit 1")),
        60,
        Reason.PostStartHookError,
        Blame.Release,
    ),
    "a node without memory for a container fails at the deadline": (
        pod(waiting("CreateContainerError", "context deadline exceeded")),
        60,
        Reason.ContainerRuntimeError,
        Blame.Platform,
    ),
    "a node that cannot start a container too": (
        pod(waiting("RunContainerError", "no space left on device")),
        60,
        Reason.ContainerRuntimeError,
        Blame.Platform,
    ),
    "a node that cannot give a device too": (
        pod(waiting("PreStartHookError", "no device")),
        60,
        Reason.ContainerRuntimeError,
        Blame.Platform,
    ),
    # Endings.
    "one ending more than restartLimit fails at once": (pod(crashing(3)), 0, Reason.CrashLoopBackOff, Blame.Release),
    "a third ending is seen before the kubelet calls it a loop": (
        pod(container(ended(), restarts=2, ready=False)),
        0,
        Reason.CrashLoopBackOff,
        Blame.Release,
    ),
    "a container that exits with 0 too often fails too": (
        pod(crashing(3, exit_code=0, reason="Completed")),
        0,
        Reason.CrashLoopBackOff,
        Blame.Release,
    ),
    "a container that has come back after too many endings still fails": (
        pod(container(Running(START), restarts=3, last=ended())),
        0,
        Reason.CrashLoopBackOff,
        Blame.Release,
    ),
    "without a limit it need not be the commit that used up the node's memory": (
        pod(crashing(3, exit_code=137, reason="OOMKilled")),
        0,
        Reason.NodeOutOfMemory,
        Blame.Unknown,
    ),
    "too much memory is told as such": (
        pod(crashing(3, exit_code=137, reason="OOMKilled"), memory_limits={"app": "64Mi"}),
        0,
        Reason.OOMKilled,
        Blame.Release,
    ),
    "a command that is not in the image": (
        pod(waiting("CrashLoopBackOff", restarts=2, last=ended(128, "StartError", message='exec: "php": not found'))),
        0,
        Reason.StartError,
        Blame.Release,
    ),
    "a command that docker cannot start": (
        pod(waiting("CrashLoopBackOff", restarts=2, last=ended(127, "ContainerCannotRun", message="no php"))),
        0,
        Reason.StartError,
        Blame.Release,
    ),
    "docker's own trouble": (
        pod(waiting("CrashLoopBackOff", restarts=2, last=ended(128, "ContainerCannotRun", message="oh"))),
        60,
        Reason.ContainerRuntimeError,
        Blame.Platform,
    ),
    "containerd's own trouble": (
        pod(waiting("CrashLoopBackOff", restarts=2, last=ended(128, "StartError", message="cgroup: oh"))),
        60,
        Reason.ContainerRuntimeError,
        Blame.Platform,
    ),
    "an init container that fails counts like any other": (
        pod(crashing(3, kind=ContainerKind.Init)),
        0,
        Reason.CrashLoopBackOff,
        Blame.Release,
    ),
    "a sidecar that fails counts like any other": (
        pod(crashing(3, kind=ContainerKind.Sidecar)),
        0,
        Reason.CrashLoopBackOff,
        Blame.Release,
    ),
    "a sidecar that ends well too often counts too": (
        pod(crashing(3, exit_code=0, kind=ContainerKind.Sidecar)),
        0,
        Reason.CrashLoopBackOff,
        Blame.Release,
    ),
    # The pod.
    "a pod that runs and is never ready fails at the deadline": (pod(UNREADY), 60, Reason.PodNotReady, Blame.Release),
    "a pod without a node fails at the deadline, and the platform is to blame": (
        pod(waiting("ContainerCreating"), unschedulable="0/1 nodes: too little memory"),
        60,
        Reason.Unschedulable,
        Blame.Platform,
    ),
    "a pod that does not begin for no cause that is known fails at the deadline": (
        pod(waiting("ContainerCreating")),
        60,
        Reason.ProgressDeadlineExceeded,
        Blame.Unknown,
    ),
    "so does one that is not ready though its containers are": (
        pod(ready=False),
        60,
        Reason.ProgressDeadlineExceeded,
        Blame.Unknown,
    ),
    "an init container that does not come to its end": (
        pod(container(Running(START), kind=ContainerKind.Init, ready=False), waiting("PodInitializing")),
        60,
        Reason.ProgressDeadlineExceeded,
        Blame.Unknown,
    ),
    "a sandbox that is not made": (
        pod(waiting("CreatePodSandboxError", "no address")),
        60,
        Reason.FailedCreatePodSandBox,
        Blame.Platform,
    ),
}


def judged(
    seen: PodView,
    second: int,
    warnings: dict[str, tuple[PodWarning, ...]] | None = None,
    view: DeploymentView | None = None,
) -> Verdict:
    return judge_rollout(view or deployment(), [seen], warnings or {}, RULES, START, at(second))


def failed_and_not_before(second: int, judge: Callable[[int], Verdict]) -> Problem:
    """The problem at that second; one second earlier there was none, and the look at it was foreseen."""
    verdict = judge(second)
    assert isinstance(verdict, Failed)
    if second:
        early = judge(second - 1)
        assert isinstance(early, Progressing), "one second earlier it had not failed yet"
        assert at(second - 1) < early.look_again <= at(second), "and it is looked at again when it does"
    return verdict.problem


@pytest.mark.parametrize(("seen", "after", "reason", "blame"), FAILURES.values(), ids=FAILURES)
def test_a_rollout_fails(seen: PodView, after: int, reason: Reason, blame: Blame) -> None:
    problem = failed_and_not_before(after, lambda second: judged(seen, second))
    assert (problem.reason, problem.blame) == (reason, blame)
    assert seen.name in problem.message
    assert problem.pod == seen.name


CREATING = pod(waiting("ContainerCreating"))
KILLED = pod(crashing(3, exit_code=137))
EVENTS: dict[str, tuple[PodView, PodWarning, int, Reason, Blame]] = {
    "a Secret that is to be mounted and is missing": (
        CREATING,
        warning("FailedMount", 'MountVolume.SetUp failed for volume "v" : secret "db" not found'),
        30,
        Reason.VolumeSourceNotFound,
        Blame.Unknown,
    ),
    "a ConfigMap that lacks a key": (
        CREATING,
        warning("FailedMount", "configmap references non-existent config key: a"),
        30,
        Reason.VolumeSourceNotFound,
        Blame.Unknown,
    ),
    "a claim that is missing": (
        CREATING,
        warning("FailedMount", 'persistentvolumeclaim "data" not found'),
        30,
        Reason.VolumeSourceNotFound,
        Blame.Unknown,
    ),
    "storage that does not answer": (
        CREATING,
        warning("FailedMount", "mount.nfs: Connection timed out"),
        60,
        Reason.FailedMount,
        Blame.Platform,
    ),
    "a cache of the kubelet that lags": (
        CREATING,
        warning("FailedMount", 'object "ns"/"db" not registered'),
        60,
        Reason.FailedMount,
        Blame.Platform,
    ),
    "a volume that another node holds": (
        CREATING,
        warning("FailedAttachVolume", "Multi-Attach error"),
        60,
        Reason.FailedAttachVolume,
        Blame.Platform,
    ),
    "a node without addresses": (
        CREATING,
        warning("FailedCreatePodSandBox", "no address"),
        60,
        Reason.FailedCreatePodSandBox,
        Blame.Platform,
    ),
    "a pod whose init container waits for a volume": (
        pod(waiting("PodInitializing", kind=ContainerKind.Init), waiting("PodInitializing")),
        warning("FailedMount", 'secret "db" not found'),
        30,
        Reason.VolumeSourceNotFound,
        Blame.Unknown,
    ),
    "a liveness probe that fails": (
        KILLED,
        warning("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500"),
        0,
        Reason.LivenessProbeFailed,
        Blame.Release,
    ),
    "a startup probe that fails": (
        KILLED,
        warning("Unhealthy", "Startup probe failed: refused"),
        0,
        Reason.LivenessProbeFailed,
        Blame.Release,
    ),
    "a container that stops politely when its probe fails": (
        pod(crashing(3, exit_code=0)),
        warning("Unhealthy", "Liveness probe failed: x"),
        0,
        Reason.LivenessProbeFailed,
        Blame.Release,
    ),
    "one that is stopped by SIGTERM": (
        pod(crashing(3, exit_code=143)),
        warning("Unhealthy", "Liveness probe failed: x"),
        0,
        Reason.LivenessProbeFailed,
        Blame.Release,
    ),
    "a crash is a crash, though the probe failed then too": (
        pod(crashing(3, exit_code=255)),
        warning("Unhealthy", "Liveness probe failed: x"),
        0,
        Reason.CrashLoopBackOff,
        Blame.Release,
    ),
    "a readiness probe kills nobody": (
        KILLED,
        warning("Unhealthy", "Readiness probe failed: x"),
        0,
        Reason.CrashLoopBackOff,
        Blame.Release,
    ),
    "an init container has no probes": (
        pod(crashing(3, exit_code=137, kind=ContainerKind.Init)),
        warning("Unhealthy", "Liveness probe failed: x"),
        0,
        Reason.CrashLoopBackOff,
        Blame.Release,
    ),
    "memory is the cause, whatever the probe says": (
        pod(crashing(3, exit_code=137, reason="OOMKilled"), memory_limits={"app": "64Mi"}),
        warning("Unhealthy", "Liveness probe failed: x"),
        0,
        Reason.OOMKilled,
        Blame.Release,
    ),
    "a postStart hook that fails": (
        KILLED,
        warning("FailedPostStartHook", "exit 1"),
        0,
        Reason.PostStartHookError,
        Blame.Release,
    ),
    "a crash while the postStart hook ran": (
        pod(crashing(3, exit_code=1)),
        warning("FailedPostStartHook", "exit 1"),
        0,
        Reason.CrashLoopBackOff,
        Blame.Release,
    ),
}


@pytest.mark.parametrize(("seen", "event", "after", "reason", "blame"), EVENTS.values(), ids=EVENTS)
def test_a_rollout_fails_for_what_events_tell(
    seen: PodView, event: PodWarning, after: int, reason: Reason, blame: Blame
) -> None:
    problem = failed_and_not_before(after, lambda second: judged(seen, second, told(event)))
    assert (problem.reason, problem.blame) == (reason, blame)
    assert "drumeo-1" in problem.message


@pytest.mark.parametrize("reason", ["Unhealthy", "FailedPostStartHook"])
def test_why_the_kubelet_stops_a_container_does_not_count_before_it_has_stopped_it_too_often(reason: str) -> None:
    forgiven = pod(crashing(2, exit_code=137))
    assert isinstance(judged(forgiven, 59, told(warning(reason, "Liveness probe failed: x"))), Progressing)


OVER = {
    "the sandbox is there, so the volumes are too": pod(waiting("ContainerCreating"), sandbox_ready=True),
    "a container has run already": pod(waiting("ContainerCreating", last=ended(), restarts=1)),
    "a container runs": pod(UNREADY),
    "the kubelet says something else": pod(waiting("ImagePullBackOff", TOO_MANY)),
    "nothing is known of its containers": pod(waiting("x"), containers=()),
}


@pytest.mark.parametrize("seen", OVER.values(), ids=OVER)
def test_an_old_event_does_not_count_when_the_pod_has_come_further(seen: PodView) -> None:
    old = told(warning("FailedMount", 'secret "db" not found'))
    verdict = judged(seen, 59, old)
    assert isinstance(verdict, Progressing)
    assert "db" not in verdict.message


GRACE_BEGINS = {
    "when the last init container has ended": pod(
        container(replace(ended(0), finished_at=at(25)), kind=ContainerKind.Init), MISSING
    ),
    "when the sidecar before it has started": pod(container(Running(at(25)), kind=ContainerKind.Sidecar), MISSING),
    "when its own last run has ended": pod(replace(MISSING, restarts=1, last=replace(ended(), finished_at=at(25)))),
    "when the pod has started": pod(MISSING, started_at=at(25)),
    "when the pod was made, if it has not started": pod(MISSING, started_at=None, created_at=at(25)),
}


@pytest.mark.parametrize("seen", GRACE_BEGINS.values(), ids=GRACE_BEGINS)
def test_a_grace_begins(seen: PodView) -> None:
    problem = failed_and_not_before(55, lambda second: judged(seen, second))
    assert problem.reason is Reason.CreateContainerConfigError


MOUNTED_LATER = {
    "when the pod has started": pod(waiting("ContainerCreating"), started_at=at(25)),
    "when the pod was made, if it has not started": pod(
        waiting("ContainerCreating"), started_at=None, created_at=at(25)
    ),
}


@pytest.mark.parametrize("seen", MOUNTED_LATER.values(), ids=MOUNTED_LATER)
def test_the_grace_for_what_is_mounted_begins(seen: PodView) -> None:
    missing = told(warning("FailedMount", 'secret "db" not found'))
    problem = failed_and_not_before(55, lambda second: judged(seen, second, missing))
    assert problem.reason is Reason.VolumeSourceNotFound


TIMELESS = {
    "an init container": container(replace(ended(0), finished_at=None), kind=ContainerKind.Init),
    "a sidecar": container(Running(None), kind=ContainerKind.Sidecar),
    "another container": container(Running(at(25))),
    "another container that has ended": container(replace(ended(), finished_at=at(25)), restarts=0),
}


@pytest.mark.parametrize("other", TIMELESS.values(), ids=TIMELESS)
def test_a_grace_begins_with_the_pod_where_no_time_is_told_or_it_does_not_matter(other: ContainerView) -> None:
    seen = pod(other, replace(MISSING, last=replace(ended(), finished_at=None)))
    failed_and_not_before(30, lambda second: judged(seen, second))


PATIENCE = {
    "two endings are forgiven": pod(crashing(2)),
    "one restart and then fine": pod(container(Running(START), restarts=1, last=ended())),
    "as many restarts as restartLimit forgives, and then fine": pod(
        container(Running(START), restarts=2, last=ended())
    ),
    "an init container that ended well is no ending": pod(
        container(ended(0, "Completed"), kind=ContainerKind.Init), UNREADY
    ),
    "an init container that runs for long": pod(
        container(Running(START), kind=ContainerKind.Init, ready=False), waiting("PodInitializing")
    ),
    "the kubelet's cache lags": pod(waiting("CreateContainerConfigError", "failed to sync secret cache: timed out")),
    "the registry limits the rate": pod(waiting("ImagePullBackOff", TOO_MANY)),
    "a slow start": pod(UNREADY),
    "a node that was started anew": pod(crashing(9, reason="Unknown")),
    "a container that the node has forgotten": pod(crashing(9, exit_code=137, reason="ContainerStatusUnknown")),
    "an init container that was run again and again, and ended well": pod(
        container(ended(0, "Completed"), kind=ContainerKind.Init, restarts=9), UNREADY
    ),
    "no node has room yet": pod(waiting("ContainerCreating"), unschedulable="0/1 nodes are available"),
}


@pytest.mark.parametrize("seen", PATIENCE.values(), ids=PATIENCE)
def test_a_rollout_goes_on_until_the_deadline(seen: PodView) -> None:
    assert isinstance(judge_rollout(deployment(), [seen], {}, RULES, START, at(59)), Progressing)


NO_EVIDENCE = {
    "a pod that goes away": pod(crashing(9), deleting=True),
    "an evicted pod": pod(crashing(9), phase="Failed", reason="Evicted"),
    "a pod whose node was lost": pod(crashing(9), reason="NodeLost"),
    "a pod that the node would not take": pod(crashing(9), phase="Failed", reason="OutOfcpu"),
    "a pod whose node is not heard of": pod(crashing(9), phase="Unknown"),
    "a pod whose node was shut down": pod(crashing(9), reason="NodeShutdown"),
    "a pod that was preempted": pod(crashing(9), reason="Preempting"),
}


@pytest.mark.parametrize("seen", NO_EVIDENCE.values(), ids=NO_EVIDENCE)
def test_it_says_nothing_about_the_release(seen: PodView) -> None:
    assert isinstance(judge_rollout(deployment(), [seen], {}, RULES, START, at(30)), Progressing)
    assert isinstance(judge_rollout(complete(), [seen, pod(), pod()], {}, RULES, START, at(30)), Passed)


def test_a_complete_rollout_passes() -> None:
    assert judge_rollout(complete(), [pod(), pod()], {}, RULES, START, at(5)) == Passed()


def test_a_deployment_scaled_to_nothing_passes() -> None:
    assert judge_rollout(complete(wanted=0, total=0, updated=0, available=0), [], {}, RULES, START, at(5)) == Passed()


def test_a_rollout_is_not_complete_before_the_deployment_controller_has_seen_the_change() -> None:
    verdict = judge_rollout(complete(observed_generation=1), [], {}, RULES, START, at(5))
    assert isinstance(verdict, Progressing)
    assert "waiting for the Deployment controller" in verdict.message


def test_a_deployment_controller_that_is_down_is_no_evidence_even_after_the_deadline() -> None:
    assert isinstance(judge_rollout(deployment(observed_generation=1), [], {}, RULES, START, at(600)), Progressing)


def test_old_pods_that_drain_slowly_do_not_fail_a_release_whose_new_pods_are_all_ready() -> None:
    draining = deployment(total=3, updated=2, available=3)
    assert isinstance(judge_rollout(draining, [pod(), pod()], {}, RULES, START, at(600)), Progressing)


def test_a_deployment_controller_that_is_late_with_counting_does_not_fail_a_release_whose_new_pods_are_all_ready() -> (
    None
):
    late = deployment(total=2, updated=0, available=2)
    assert isinstance(judge_rollout(late, [pod(), pod()], {}, RULES, START, at(600)), Progressing)


LOOKS_AGAIN = {
    "soon while a pod does not begin and nobody has said why": ([pod(waiting("ContainerCreating")), pod()], 25),
    "at the deadline where every pod has begun": ([pod(UNREADY)], 60),
    "at the deadline where somebody has said why": ([pod(waiting("ContainerCreating"), unschedulable="0/1")], 60),
}


@pytest.mark.parametrize(("pods", "second"), LOOKS_AGAIN.values(), ids=LOOKS_AGAIN)
def test_it_is_looked_at_again(pods: list[PodView], second: int) -> None:
    verdict = judge_rollout(deployment(), pods, {}, RULES, START, at(20))
    assert isinstance(verdict, Progressing)
    assert verdict.look_again == at(second)


def test_a_moment_that_has_come_is_not_waited_for_again() -> None:
    verdict = judged(pod(waiting("ContainerCreating"), unschedulable="0/1"), 15)
    assert isinstance(verdict, Progressing)
    assert verdict.look_again == at(60)


def test_the_deadline_counts_while_a_new_pod_is_not_ready_though_no_pod_is_missing() -> None:
    view, pods = deployment(updated=2, total=2, available=1), [pod(), pod(UNREADY, name="drumeo-2")]
    problem = failed_and_not_before(60, lambda second: judge_rollout(view, pods, {}, RULES, START, at(second)))
    assert (problem.reason, problem.pod) == (Reason.PodNotReady, "drumeo-2")


def test_the_deadline_counts_while_somebodys_other_change_makes_the_pods_of_the_release_anew() -> None:
    pods = [pod(), pod(name="drumeo-2"), pod(UNREADY, name="drumeo-3")]
    verdict = judge_rollout(deployment(updated=1, total=3), pods, {}, RULES, START, at(60))
    assert isinstance(verdict, Failed)
    assert verdict.problem.pod == "drumeo-3"


def test_a_paused_deployment_does_not_fail_however_long_it_is_paused() -> None:
    verdict = judged(pod(UNREADY), 6000, view=deployment(paused=True))
    assert isinstance(verdict, Progressing)
    assert "Deployment drumeo-production-deployment is paused" in verdict.message
    assert verdict.look_again == at(6005)


RECREATES = {"recreates": True, "total": 0, "updated": 0, "available": 0}


def test_where_old_pods_have_to_go_first_the_deadline_counts_from_the_first_new_one() -> None:
    view = deployment(**RECREATES)
    verdict = judge_rollout(view, [], {}, RULES, START, at(6000))
    assert isinstance(verdict, Progressing)
    assert verdict.message == (
        "Waiting for the old pods of Deployment drumeo-production-deployment to end, as its strategy is Recreate."
    )
    late = replace(pod(UNREADY), created_at=at(100))
    problem = failed_and_not_before(160, lambda second: judge_rollout(view, [late], {}, RULES, START, at(second)))
    assert problem.reason is Reason.PodNotReady


def test_where_old_pods_have_to_go_first_a_refusal_of_new_ones_counts_all_the_same() -> None:
    view = deployment(**RECREATES, failure="exceeded quota: small", failing_since=START)
    assert isinstance(judge_rollout(view, [], {}, RULES, START, at(60)), Failed)


def test_a_pod_that_its_node_refuses_is_told_of_also_where_old_pods_had_to_go_first() -> None:
    evicted = pod(phase="Failed", reason="Evicted")
    verdict = judge_rollout(deployment(**RECREATES), [evicted], {}, RULES, START, at(5))
    assert isinstance(verdict, Progressing)
    assert "was lost to its node (Evicted)" in verdict.message


def test_what_is_decisive_counts_though_the_deployment_is_paused() -> None:
    assert isinstance(judged(pod(crashing(3)), 5, view=deployment(paused=True)), Failed)


def test_the_deadline_counts_from_when_the_change_was_taken() -> None:
    late = deployment(applied_at=at(100))
    failed_and_not_before(160, lambda second: judged(pod(UNREADY), second, view=late))


def test_an_autoscaler_that_wants_fewer_pods_in_the_middle_of_a_rollout_lets_it_pass() -> None:
    assert (
        judge_rollout(complete(wanted=1, total=1, updated=1, available=1), [pod()], {}, RULES, START, at(5)) == Passed()
    )


def test_pods_that_nobody_misses_are_missing_at_the_deadline() -> None:
    problem = failed_and_not_before(60, lambda second: judge_rollout(deployment(), [], {}, RULES, START, at(second)))
    assert (problem.reason, problem.blame, problem.pod) == (Reason.ProgressDeadlineExceeded, Blame.Unknown, None)


CAUSES_FIRST = {
    "memory before the crashes of another pod": (
        [pod(crashing(3)), pod(crashing(3, exit_code=137, reason="OOMKilled"), memory_limits={"app": "64Mi"})],
        Reason.OOMKilled,
    ),
    "a sure cause before a likely one": ([pod(MISSING), pod(crashing(3))], Reason.CrashLoopBackOff),
    "what a person must mend before what may heal": (
        [pod(waiting("ImagePullBackOff", TOO_MANY)), pod(MISSING)],
        Reason.CreateContainerConfigError,
    ),
    "a known cause before lateness": (
        [pod(UNREADY), pod(waiting("ContainerCreating"), unschedulable="0/1")],
        Reason.Unschedulable,
    ),
    "a container that runs before one that does not": (
        [pod(waiting("ContainerCreating")), pod(UNREADY)],
        Reason.PodNotReady,
    ),
}


@pytest.mark.parametrize(("pods", "reason"), CAUSES_FIRST.values(), ids=CAUSES_FIRST)
def test_the_cause_is_told_and_not_what_follows_from_it(pods: list[PodView], reason: Reason) -> None:
    verdict = judge_rollout(deployment(), pods, {}, RULES, START, at(60))
    assert isinstance(verdict, Failed)
    assert verdict.problem.reason is reason


ECR = "123456789012.dkr.ecr.us-east-2.amazonaws.com/drumeo"
NOT_LET_IN = (
    "pull access denied",
    "no basic auth credentials",
    "unexpected status: 401",
    "unexpected status: 403 Forbidden",
    "unauthorized: authentication required",
    "authorization failed",
    "not authorized to perform: ecr:BatchGetImage",
)


@pytest.mark.parametrize(
    ("words", "is_told"),
    [
        *((f'failed to resolve reference "{ECR}@sha256:1": {words}', True) for words in NOT_LET_IN),
        (f"{ECR}: i/o timeout", False),
        ("registry.example.com/drumeo: pull access denied", False),
    ],
)
def test_where_nodes_may_not_pull_from_ecr_it_is_told_what_kops_wants(words: str, *, is_told: bool) -> None:
    verdict = judged(pod(waiting("ImagePullBackOff", words)), 60)
    assert isinstance(verdict, Failed)
    assert ("spec.iam.allowContainerRegistry" in verdict.problem.message) is is_told
    assert verdict.problem.blame is Blame.Platform
