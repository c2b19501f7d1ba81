"""The verdict over new pods, row by row: what is seen, when, and what follows."""

from dataclasses import replace

import pytest

from brandrelease.apis.brand import Environment
from brandrelease.apis.brandrelease import Blame
from brandrelease.apis.reasons import Reason
from brandrelease.core.health import Failed, Passed, Progressing, Verdict, judge_rollout, judge_soak
from brandrelease.core.snapshot import ContainerKind, ContainerView, PodView, Running
from support.pods import START, at, complete, container, crashing, deployment, ended, pod, waiting

RULES = Environment(name="production", progress_deadline_seconds=60, soak_seconds=30, restart_limit=2)
NOT_FOUND = 'Back-off pulling image "x": rpc error: code = NotFound desc = x: not found'
TOO_MANY = "unexpected status from HEAD request: 429 Too Many Requests"
UNREADY = container(Running(START), ready=False)


FAILURES = {
    "a malformed image name fails at once": (
        pod(waiting("InvalidImageName", "bad")),
        0,
        Reason.InvalidImageName,
        Blame.Unknown,
    ),
    "an image that the registry does not have fails after a moment": (
        pod(waiting("ImagePullBackOff", NOT_FOUND)),
        10,
        Reason.ImagePullBackOff,
        Blame.Unknown,
    ),
    "an image that a busy registry withholds fails at the deadline": (
        pod(waiting("ErrImagePull", TOO_MANY)),
        60,
        Reason.ImagePullBackOff,
        Blame.Platform,
    ),
    "a missing Secret fails after a grace": (
        pod(waiting("CreateContainerConfigError", 'secret "db" not found')),
        30,
        Reason.CreateContainerConfigError,
        Blame.Unknown,
    ),
    "a container that cannot be created fails after a grace": (
        pod(waiting("CreateContainerError", "no such file")),
        60,
        Reason.CreateContainerError,
        Blame.Release,
    ),
    "one ending more than restartLimit fails at once": (pod(crashing(3)), 5, Reason.CrashLoopBackOff, Blame.Release),
    "a third ending is seen before the kubelet calls it a loop": (
        pod(container(ended(), restarts=2, ready=False)),
        5,
        Reason.CrashLoopBackOff,
        Blame.Release,
    ),
    "a container that exits with 0 too often fails too": (
        pod(crashing(3, exit_code=0, reason="Completed")),
        5,
        Reason.CrashLoopBackOff,
        Blame.Release,
    ),
    "a container that has come back after too many endings still fails": (
        pod(container(Running(START), restarts=3, last=ended())),
        5,
        Reason.CrashLoopBackOff,
        Blame.Release,
    ),
    "too much memory is told as such": (
        pod(crashing(3, exit_code=137, reason="OOMKilled")),
        5,
        Reason.OOMKilled,
        Blame.Release,
    ),
    "an init container that fails counts like any other": (
        pod(crashing(3, kind=ContainerKind.Init)),
        5,
        Reason.CrashLoopBackOff,
        Blame.Release,
    ),
    "a sidecar that fails counts like any other": (
        pod(crashing(3, kind=ContainerKind.Sidecar)),
        5,
        Reason.CrashLoopBackOff,
        Blame.Release,
    ),
    "a pod that runs and is never ready fails at the deadline": (
        pod(UNREADY),
        60,
        Reason.ProgressDeadlineExceeded,
        Blame.Release,
    ),
    "a pod without a node fails at the deadline, and the platform is to blame": (
        pod(waiting("ContainerCreating"), unschedulable="0/1 nodes: too little memory"),
        60,
        Reason.Unschedulable,
        Blame.Platform,
    ),
    "a pod that waits for a volume fails at the deadline": (
        pod(waiting("ContainerCreating")),
        60,
        Reason.ProgressDeadlineExceeded,
        Blame.Unknown,
    ),
}


@pytest.mark.parametrize(("seen", "after", "reason", "blame"), FAILURES.values(), ids=FAILURES)
def test_a_rollout_fails(seen: PodView, after: int, reason: Reason, blame: Blame) -> None:
    verdict = judge_rollout(deployment(), [seen], RULES, START, at(after))
    assert isinstance(verdict, Failed)
    assert (verdict.problem.reason, verdict.problem.blame) == (reason, blame)
    assert seen.name in verdict.problem.message
    if after > 5:
        early = judge_rollout(deployment(), [seen], RULES, START, at(after - 1))
        assert isinstance(early, Progressing), "one second earlier it had not failed yet"
        assert early.look_again <= at(after), "and it is looked at again when it does"


PATIENCE = {
    "two endings are forgiven": pod(crashing(2)),
    "one restart and then fine": pod(container(Running(START), restarts=1, last=ended())),
    "an init container that ended well is no ending": pod(
        container(ended(0, "Completed"), kind=ContainerKind.Init), UNREADY
    ),
    "an init container that runs for long": pod(
        container(Running(START), kind=ContainerKind.Init, ready=False), waiting("PodInitializing")
    ),
    "the kubelet's cache lags": pod(waiting("CreateContainerConfigError", "failed to sync secret cache: timed out")),
    "the registry limits the rate": pod(waiting("ImagePullBackOff", TOO_MANY)),
    "a slow start": pod(UNREADY),
    "no node has room yet": pod(waiting("ContainerCreating"), unschedulable="0/1 nodes are available"),
}


@pytest.mark.parametrize("seen", PATIENCE.values(), ids=PATIENCE)
def test_a_rollout_goes_on_until_the_deadline(seen: PodView) -> None:
    assert isinstance(judge_rollout(deployment(), [seen], RULES, START, at(59)), Progressing)


NO_EVIDENCE = {
    "a pod that goes away": pod(crashing(9), deleting=True),
    "an evicted pod": pod(crashing(9), phase="Failed", reason="Evicted"),
    "a pod whose node was lost": pod(crashing(9), reason="NodeLost"),
    "a pod that was preempted": pod(crashing(9), reason="Preempting"),
}


@pytest.mark.parametrize("seen", NO_EVIDENCE.values(), ids=NO_EVIDENCE)
def test_it_says_nothing_about_the_release(seen: PodView) -> None:
    assert isinstance(judge_rollout(deployment(), [seen], RULES, START, at(30)), Progressing)
    assert isinstance(judge_rollout(complete(), [seen, pod(), pod()], RULES, START, at(30)), Passed)


def test_a_complete_rollout_passes() -> None:
    assert judge_rollout(complete(), [pod(), pod()], RULES, START, at(5)) == Passed()


def test_a_deployment_scaled_to_nothing_passes() -> None:
    assert judge_rollout(complete(wanted=0, total=0, updated=0, available=0), [], RULES, START, at(5)) == Passed()


def test_a_rollout_is_not_complete_before_the_deployment_controller_has_seen_the_change() -> None:
    verdict = judge_rollout(complete(observed_generation=1), [], RULES, START, at(5))
    assert isinstance(verdict, Progressing)
    assert "waiting for the Deployment controller" in verdict.message


def test_a_deployment_controller_that_is_down_is_no_evidence_even_after_the_deadline() -> None:
    assert isinstance(judge_rollout(deployment(observed_generation=1), [], RULES, START, at(600)), Progressing)


def test_old_pods_that_drain_slowly_do_not_fail_a_release_whose_new_pods_are_all_ready() -> None:
    draining = deployment(total=3, updated=2, available=3)
    assert isinstance(judge_rollout(draining, [pod(), pod()], RULES, START, at(600)), Progressing)


def test_pods_that_cannot_be_created_fail_at_the_deadline_with_the_api_servers_words() -> None:
    refused = deployment(updated=0, failure='pods "x" is forbidden: exceeded quota: brand')
    verdict = judge_rollout(refused, [], RULES, START, at(60))
    assert isinstance(verdict, Failed)
    assert verdict.problem.reason is Reason.FailedCreate
    assert verdict.problem.blame is Blame.Platform
    assert "exceeded quota" in verdict.problem.message


def test_the_previous_log_has_the_cause_once_the_container_is_held_back_and_the_present_one_before() -> None:
    held_back = judge_rollout(deployment(), [pod(crashing(3))], RULES, START, at(5))
    just_ended = judge_rollout(deployment(), [pod(container(ended(), restarts=2))], RULES, START, at(5))
    assert isinstance(held_back, Failed)
    assert isinstance(just_ended, Failed)
    assert (held_back.problem.previous, just_ended.problem.previous) == (True, False)


MESSAGES = {
    "exit code": (crashing(3), 'Container "app" of pod drumeo-1 exited with code 255 three times'),
    "signal": (crashing(3, exit_code=139), 'Container "app" of pod drumeo-1 was killed by SIGSEGV three times'),
    "init container": (
        crashing(3, exit_code=1, kind=ContainerKind.Init),
        'Init container "app" of pod drumeo-1 exited with code 1 three times',
    ),
    "command not there": (
        waiting("CrashLoopBackOff", restarts=2, last=ended(128, "StartError", message='exec: "php": not found')),
        'Container "app" of pod drumeo-1 could not be started three times: exec: "php": not found',
    ),
    "memory": (
        crashing(3, exit_code=137, reason="OOMKilled"),
        'Container "app" of pod drumeo-1 was killed three times because it used more than its memory limit of 64Mi',
    ),
}


@pytest.mark.parametrize(("seen", "message"), MESSAGES.values(), ids=MESSAGES)
def test_an_ending_is_told_in_words(seen: ContainerView, message: str) -> None:
    verdict = judge_rollout(deployment(), [pod(seen, memory_limits={"app": "64Mi"})], RULES, START, at(5))
    assert isinstance(verdict, Failed)
    assert verdict.problem.message == message


# --- the soak ---------------------------------------------------------------------------------------------------------

BEGIN, END = at(10), at(40)


def soak(pods: list[PodView], seconds: int, **changes: int) -> Verdict:
    return judge_soak(complete(**changes), pods, RULES, BEGIN, END, at(seconds))


def test_a_soak_passes_when_its_time_is_over_and_not_before() -> None:
    assert isinstance(soak([pod(), pod()], 39), Progressing)
    assert soak([pod(), pod()], 40) == Passed()


def test_a_crash_during_the_soak_fails_the_release() -> None:
    verdict = soak([pod(crashing(3)), pod()], 20)
    assert isinstance(verdict, Failed)
    assert verdict.problem.reason is Reason.CrashLoopBackOff


def test_a_pod_that_drops_out_of_service_fails_the_release_after_a_grace() -> None:
    dropped = pod(UNREADY, ready_changed_at=at(20))
    early = soak([dropped, pod()], 34)
    assert isinstance(early, Progressing)
    assert early.look_again == at(35)
    verdict = soak([dropped, pod()], 35)
    assert isinstance(verdict, Failed)
    assert verdict.problem.reason is Reason.PodNotReady
    assert verdict.problem.container == "app"


def test_a_pod_that_misses_a_probe_and_comes_back_is_forgiven() -> None:
    assert soak([pod(ready_changed_at=at(30)), pod()], 40) == Passed()


def test_a_pod_made_by_the_autoscaler_during_the_soak_has_as_long_to_start_as_any() -> None:
    young = pod(UNREADY, created_at=at(30), ready_changed_at=at(30))
    assert isinstance(soak([young, pod(), pod()], 89, wanted=3), Progressing)
    assert isinstance(soak([young, pod(), pod()], 90, wanted=3), Failed)


def test_the_watch_goes_on_until_every_pod_is_available_again() -> None:
    assert isinstance(soak([pod()], 45, available=1), Progressing)
    verdict = soak([pod()], 100, available=1)
    assert isinstance(verdict, Failed), "but not for ever"


def test_the_message_of_a_soak_does_not_change_by_itself() -> None:
    first, second = soak([pod(), pod()], 20), soak([pod(), pod()], 30)
    assert isinstance(first, Progressing)
    assert isinstance(second, Progressing)
    assert first == replace(second, look_again=first.look_again)


NOT_THE_RELEASES_FAULT = {
    "a node that is not heard of: the pod is not ready, but its containers are": pod(
        ready=False, ready_changed_at=at(20)
    ),
    "a pod that the kubelet would not take": pod(UNREADY, phase="Failed", reason="OutOfcpu", ready_changed_at=at(20)),
}


@pytest.mark.parametrize("seen", NOT_THE_RELEASES_FAULT.values(), ids=NOT_THE_RELEASES_FAULT)
def test_trouble_of_a_node_during_the_soak_is_not_charged_to_the_release(seen: PodView) -> None:
    assert isinstance(soak([seen, pod()], 39, available=1), Progressing)


def test_a_pod_made_during_the_soak_that_finds_no_node_is_the_platforms_fault_if_anybodys() -> None:
    young = pod(
        waiting("ContainerCreating"), created_at=at(20), started_at=None, ready_changed_at=at(20), unschedulable="0/1"
    )
    assert isinstance(soak([young, pod()], 90, available=1), Progressing)
    verdict = soak([young, pod()], 100, available=1)
    assert isinstance(verdict, Failed)
    assert verdict.problem.blame is Blame.Platform


def test_a_forgiven_restart_during_the_soak_has_the_time_of_a_first_start() -> None:
    again = pod(container(Running(START), ready=False, restarts=1, last=ended()), ready_changed_at=at(20))
    assert isinstance(soak([again, pod()], 79), Progressing)
    assert isinstance(soak([again, pod()], 80), Failed)
