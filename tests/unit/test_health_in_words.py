"""What people read of a verdict: whole sentences with names, and the same ones as long as nothing changes."""

from dataclasses import replace

import pytest

from brandrelease.core.health import Failed, Problem, Progressing, judge_rollout
from brandrelease.core.health.quoting import quoted
from brandrelease.core.snapshot import ContainerKind, ContainerView, DeploymentView, PodView, Running
from support.pods import RULES, START, at, container, crashing, deployment, ended, pod, told, waiting, warning

UNREADY = container(Running(START), ready=False)


def problem(seen: PodView, second: int = 60, *events: tuple[str, str]) -> Problem:
    warnings = told(*(warning(reason, message) for reason, message in events))
    verdict = judge_rollout(deployment(), [seen], warnings, RULES, START, at(second))
    assert isinstance(verdict, Failed)
    return verdict.problem


def meanwhile(seen: list[PodView], second: int = 5, view: DeploymentView | None = None) -> str:
    verdict = judge_rollout(view or deployment(), seen, {}, RULES, START, at(second))
    assert isinstance(verdict, Progressing)
    return verdict.message


ENDINGS = {
    "exit code": (crashing(3), 'Container "app" of pod drumeo-1 exited with code 255 three times'),
    "a command that is no program": (crashing(3, exit_code=126), 'Container "app" of pod drumeo-1 exited with code 126 (the command cannot be executed) three times'),
    "a command that is not there": (crashing(4, exit_code=127), 'Container "app" of pod drumeo-1 exited with code 127 (a command was not found) four times'),
    "signal": (crashing(3, exit_code=139), 'Container "app" of pod drumeo-1 was killed by SIGSEGV three times'),
    "init container": (crashing(3, exit_code=1, kind=ContainerKind.Init), 'Init container "app" of pod drumeo-1 exited with code 1 three times'),
    "command not started": (
        waiting("CrashLoopBackOff", restarts=2, last=ended(128, "StartError", message='exec: "php": not found')),
        'Container "app" of pod drumeo-1 could not be started three times: exec: "php": not found',
    ),
    "memory": (
        crashing(3, exit_code=137, reason="OOMKilled"),
        'Container "app" of pod drumeo-1 was killed three times because it used more than its memory limit of 64Mi',
    ),
    "memory of another": (
        replace(crashing(3, exit_code=137, reason="OOMKilled"), name="cron"),
        'Container "cron" of pod drumeo-1 has no memory limit and was killed three times because its node had no memory left. Look at the node, and give the container a limit and a request',
    ),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "message"), ENDINGS.values(), ids=ENDINGS)
def test_an_ending_is_told_in_words_with_its_exit_code(seen: ContainerView, message: str) -> None:
    found = problem(pod(seen, memory_limits={"app": "64Mi"}), 0)
    assert found.message == message
    assert found.container == seen.name
    assert seen.last is not None
    assert found.exit_code == seen.last.exit_code


def test_the_previous_log_has_the_cause_once_the_container_is_held_back_and_the_present_one_before() -> None:
    assert problem(pod(crashing(3)), 0).previous
    assert not problem(pod(container(ended(), restarts=2)), 0).previous


def test_what_never_ended_has_no_exit_code_and_its_present_log() -> None:
    found = problem(pod(UNREADY))
    assert (found.exit_code, found.previous) == (None, False)


PROBES = {
    "liveness": ("Unhealthy", "Liveness probe failed: 500", 'Container "app" of pod drumeo-1 was stopped by the kubelet three times: Liveness probe failed: 500'),
    "postStart": ("FailedPostStartHook", "exit 1", 'Container "app" of pod drumeo-1 was stopped by the kubelet three times, because its postStart hook fails: exit 1'),
}  # fmt: skip


@pytest.mark.parametrize(("reason", "words", "message"), PROBES.values(), ids=PROBES)
def test_why_the_kubelet_stops_a_container_is_told_in_its_words(reason: str, words: str, message: str) -> None:
    found = problem(pod(crashing(3, exit_code=137)), 0, (reason, words))
    assert found.message == message
    assert (found.exit_code, found.previous) == (137, True)


NONE_OF_TWO = "None of 2 new pods was ready after 60 s (progressDeadlineSeconds)"
LATE = {
    "runs": (pod(UNREADY), NONE_OF_TWO + ': container "app" of pod drumeo-1 runs, but its readiness probe does not pass'),
    "not ready though its containers are": (pod(ready=False), NONE_OF_TWO + ": pod drumeo-1 is not"),
    "not even looked at": (pod(containers=(), ready=False), NONE_OF_TWO + ": pod drumeo-1 is not"),
    "not started, and nothing is said": (pod(waiting("")), NONE_OF_TWO + ': container "app" of pod drumeo-1 has not started'),
    "not started, and a word is said": (pod(waiting("SomethingNew")), NONE_OF_TWO + ': container "app" of pod drumeo-1 has not started: SomethingNew'),
    "not started, and more is said": (pod(waiting("SomethingNew", "all of it")), NONE_OF_TWO + ': container "app" of pod drumeo-1 has not started: all of it'),
    "ended": (pod(container(ended(1), restarts=1)), NONE_OF_TWO + ': container "app" of pod drumeo-1 exited with code 1 and was not started again'),
    "ended well": (pod(container(ended(0), restarts=1)), NONE_OF_TWO + ': container "app" of pod drumeo-1 exited with code 0 and was not started again'),
    "an init container runs on": (
        pod(container(ended(0), kind=ContainerKind.Init), container(Running(START), name="wait", kind=ContainerKind.Init, ready=False), waiting("PodInitializing")),
        NONE_OF_TWO + ': init container "wait" of pod drumeo-1 has not come to its end',
    ),
    "an init container ended badly": (
        pod(container(ended(1), kind=ContainerKind.Init), waiting("PodInitializing")),
        NONE_OF_TWO + ': init container "app" of pod drumeo-1 exited with code 1 and was not started again',
    ),
    "a sidecar is there, the site is not": (
        pod(container(name="proxy", kind=ContainerKind.Sidecar), waiting("PodInitializing")),
        NONE_OF_TWO + ': container "app" of pod drumeo-1 has not started: PodInitializing',
    ),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "message"), LATE.values(), ids=LATE)
def test_lateness_is_told_with_what_is_known(seen: PodView, message: str) -> None:
    assert problem(seen).message == message


CAUSES = {
    "image gone": (waiting("ImagePullBackOff", "x: not found"), 'The image of container "app" of pod drumeo-1 is not in the registry: x: not found. If it was deleted there, ask for the release again, so that it is built anew'),
    "configuration": (waiting("CreateContainerConfigError", 'secret "db" not found'), 'Container "app" of pod drumeo-1 cannot be configured: secret "db" not found. Mend the Deployment or create what is missing, then release again'),
    "creation": (waiting("CreateContainerError", "no"), 'Container "app" of pod drumeo-1 cannot be created: no'),
    "start": (waiting("RunContainerError", "no"), 'Container "app" of pod drumeo-1 cannot be started: no'),
    "hook": (waiting("PostStartHookError", "no"), 'The postStart hook of container "app" of pod drumeo-1 fails: no'),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "message"), CAUSES.values(), ids=CAUSES)
def test_a_cause_is_told_in_a_whole_sentence_before_and_when_it_counts(seen: ContainerView, message: str) -> None:
    assert meanwhile([pod(seen)]) == f"{message}."
    assert problem(pod(seen)).message == message


def test_volumes_are_told_of_in_whole_sentences() -> None:
    creating = pod(waiting("ContainerCreating"))
    missing, slow = 'secret "db" not found', "mount.nfs: timed out"
    assert problem(creating, 30, ("FailedMount", missing)).message == (
        f"Pod drumeo-1 mounts something that does not exist: {missing}. Create it or mend the Deployment, then release again"
    )
    assert problem(creating, 60, ("FailedMount", slow)).message.startswith(
        f"A volume of pod drumeo-1 does not come: {slow}; given up"
    )


def test_a_pod_that_has_not_started_is_told_of_and_not_a_ready_one_before_it() -> None:
    verdict = judge_rollout(deployment(), [pod(name="ready-1"), pod(waiting(""))], {}, RULES, START, at(60))
    assert isinstance(verdict, Failed)
    assert verdict.problem.pod == "drumeo-1"


def test_the_readiness_probes_words_are_told() -> None:
    found = problem(pod(UNREADY), 60, ("Unhealthy", "Readiness probe failed: 503"), ("BackOff", "readiness probe"))
    assert found.message.endswith("its readiness probe does not pass: Readiness probe failed: 503")


def test_of_several_words_of_a_probe_the_latest_are_told_and_those_without_a_time_last() -> None:
    timeless = replace(warning("Unhealthy", "Readiness probe failed: timeless"), last_seen=None)
    old, new = (warning("Unhealthy", f"Readiness probe failed: {second}", second) for second in (4, 30))
    for events in ((timeless, old, new), (new, old, timeless)):
        verdict = judge_rollout(deployment(), [pod(UNREADY)], told(*events), RULES, START, at(60))
        assert isinstance(verdict, Failed)
        assert verdict.problem.message.endswith("Readiness probe failed: 30")


def test_of_two_words_of_a_probe_in_one_second_the_same_are_told_in_whichever_order_they_come() -> None:
    events = [warning("Unhealthy", f"Readiness probe failed: {code}") for code in (500, 503)]
    messages = set()
    for order in (events, events[::-1]):
        verdict = judge_rollout(deployment(), [pod(UNREADY)], told(*order), RULES, START, at(60))
        assert isinstance(verdict, Failed)
        messages.add(verdict.problem.message)
    assert len(messages) == 1


def test_the_startup_probes_words_are_told_too() -> None:
    found = problem(pod(UNREADY), 60, ("Unhealthy", "Startup probe failed: 503"))
    assert found.message.endswith("its readiness probe does not pass: Startup probe failed: 503")


def test_the_container_that_holds_a_pod_up_is_named_if_there_is_one() -> None:
    assert problem(pod(container(name="proxy"), waiting("SomethingNew"))).container == "app"
    assert problem(pod(containers=(), ready=False)).container is None


def test_a_pod_that_is_ready_is_not_told_of() -> None:
    verdict = judge_rollout(deployment(), [pod(name="ready-1"), pod(UNREADY)], {}, RULES, START, at(60))
    assert isinstance(verdict, Failed)
    assert verdict.problem.message.startswith("Only 1 of 2 new pods was ready after 60 s ")
    assert verdict.problem.pod == "drumeo-1"


def test_of_several_pods_that_are_ready_the_sentence_is_right_too() -> None:
    pods = [pod(name="ready-1"), pod(name="ready-2"), pod(UNREADY)]
    verdict = judge_rollout(deployment(wanted=3), pods, {}, RULES, START, at(60))
    assert isinstance(verdict, Failed)
    assert verdict.problem.message.startswith("Only 2 of 3 new pods were ready after 60 s ")


def test_a_pod_that_was_lost_is_told_of_and_does_not_count() -> None:
    evicted = pod(crashing(9), name="drumeo-9", phase="Failed", reason="Evicted")
    gone = pod(crashing(9), name="drumeo-8", phase="Unknown", deleting=True)
    assert meanwhile([gone, evicted]) == (
        "0 of 2 new pods are ready, 2 old pods are still there. Pod drumeo-9 was lost to its node (Evicted) and does not count."
    )
    assert meanwhile([replace(evicted, reason="")]).endswith("lost to its node (Failed) and does not count.")
    verdict = judge_rollout(deployment(), [evicted], {}, RULES, START, at(60))
    assert isinstance(verdict, Failed)
    assert verdict.problem.message == NONE_OF_TWO + "; pod drumeo-9 was lost to its node (Evicted)"


def test_of_many_pods_that_were_lost_one_is_told_of() -> None:
    lost = [pod(name=f"drumeo-{number}", phase="Failed", reason="Evicted") for number in (8, 9)]
    assert meanwhile(lost).endswith("still there. Pod drumeo-8 was lost to its node (Evicted) and does not count.")
    verdict = judge_rollout(deployment(), lost, {}, RULES, START, at(60))
    assert isinstance(verdict, Failed)
    assert verdict.problem.message == NONE_OF_TWO + "; pod drumeo-8 was lost to its node (Evicted)"


def test_how_far_the_change_over_is() -> None:
    assert meanwhile([pod()], view=deployment(total=2)) == "1 of 2 new pods are ready, 1 old pod is still there."
    counted_anew = deployment(total=1, updated=2, available=1)
    assert meanwhile([pod()], view=counted_anew) == "1 of 2 new pods are ready, no old pod is left."


def test_of_a_site_with_one_pod_there_is_the_new_one_and_the_old_one() -> None:
    alone = deployment(wanted=1, total=2, updated=1, available=1)
    assert meanwhile([], view=alone) == "The new pod is not ready yet, 1 old pod is still there."
    assert meanwhile([pod()], view=alone) == "The new pod is ready, 1 old pod is still there."


def test_a_pod_without_a_node_is_told_of_after_a_while_in_the_schedulers_words() -> None:
    seen = [pod(waiting("ContainerCreating"), unschedulable="0/1 nodes are available: 1 Insufficient memory.")]
    verdict = judge_rollout(deployment(), seen, {}, RULES, START, at(14))
    assert isinstance(verdict, Progressing)
    assert "memory" not in verdict.message
    assert verdict.look_again == at(15), "and it is looked at again when it is to be told"
    assert meanwhile(seen, 15) == "Pod drumeo-1 finds no node: 0/1 nodes are available: 1 Insufficient memory."


def test_what_was_given_up_says_so() -> None:
    found = problem(pod(waiting("ImagePullBackOff", "429")))
    assert (
        found.message
        == 'The node cannot pull the image of container "app" of pod drumeo-1: 429; given up after 60 s (progressDeadlineSeconds)'
    )


def test_trouble_of_a_runtime_is_told_with_its_reason_and_its_words_if_it_has_any() -> None:
    start = 'The node\'s container runtime has trouble with container "app" of pod drumeo-1: ImageInspectError'
    assert meanwhile([pod(waiting("ImageInspectError"))]) == f"{start}."
    assert meanwhile([pod(waiting("ImageInspectError", "oh"))]) == f"{start}: oh."


def test_a_sandbox_that_is_not_made_is_told_with_the_reason_where_there_are_no_words() -> None:
    assert (
        meanwhile([pod(waiting("CreatePodSandboxError"))])
        == "The node cannot make the sandbox of pod drumeo-1: CreatePodSandboxError."
    )


ID = "0123456789abcdef" * 4
UUID = "6f1cdd41-3c3d-4a3e-9c4b-0d6f2b8f6a11"
QUOTES = {
    "as it is": ("secret not found", "secret not found"),
    "on one line": (" a\n\tb  c ", "a b c"),
    "without its full stop": ("No room.", "No room"),
    "without the id of a sandbox": (f'sandbox "{ID}": no', 'sandbox "…": no'),
    "with the digest of an image": (f"image x@sha256:{ID}", f"image x@sha256:{ID}"),
    "without the id of a request": (f"429, request {UUID}", "429, request …"),
    "without the port that a connection goes out from": ("read tcp 10.0.0.1:45678->10.0.0.2:443: x", "read tcp 10.0.0.1:…->10.0.0.2:443: x"),
    "without the kubelet's frame": ('Back-off pulling image "x": ErrImagePull: 429', "429"),
    "without another frame": ('Back-off pulling image "x": 429', "429"),
    "with a frame that is all there is": ('Back-off pulling image "x"', 'Back-off pulling image "x"'),
    "without passwords": ("mysql://app:secret@db", "mysql://db"),
    "cut in the middle": ("x" * 500, "x" * 148 + " … " + "x" * 147),
}  # fmt: skip


@pytest.mark.parametrize(("text", "quote"), QUOTES.values(), ids=QUOTES)
def test_somebodys_words_are_quoted(text: str, quote: str) -> None:
    assert quoted(text) == quote


def test_a_message_does_not_change_from_one_try_of_the_kubelet_to_the_next() -> None:
    first = meanwhile([pod(waiting("ErrImagePull", "rpc error: read tcp 10.0.0.1:1->10.0.0.2:443"))])
    then = meanwhile(
        [
            pod(
                waiting(
                    "ImagePullBackOff",
                    'Back-off pulling image "x": ErrImagePull: rpc error: read tcp 10.0.0.1:2->10.0.0.2:443',
                )
            )
        ]
    )
    assert first == then


def test_of_several_warnings_the_same_one_is_told_whichever_came_last() -> None:
    events = [
        warning("FailedMount", "Unable to attach or mount volumes: timed out"),
        warning("FailedMount", "MountVolume.SetUp failed: timed out"),
    ]
    told_first = [
        judge_rollout(deployment(), [pod(waiting("ContainerCreating"))], told(*order), RULES, START, at(5))
        for order in (events, events[::-1])
    ]
    assert told_first[0] == told_first[1]
    assert isinstance(told_first[0], Progressing)
    assert "MountVolume.SetUp failed" in told_first[0].message
