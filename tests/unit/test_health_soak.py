"""The watch over a complete rollout: what fails it, what is forgiven, and how dropouts are counted."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest

from brandrelease.apis.brandrelease import Blame
from brandrelease.apis.reasons import Reason
from brandrelease.apis.verification import DROPOUTS_LIMIT, Verification
from brandrelease.core.health import Failed, Passed, Progressing, Verdict, judge_soak, noted
from brandrelease.core.snapshot import ContainerKind, PodView, PodWarning, Running
from support.pods import RULES, START, at, complete, container, crashing, ended, pod, told, waiting, warning, watch

UNREADY = container(Running(START), ready=False)
AGAIN = container(Running(START), ready=False, restarts=1, last=ended())


def soak(
    pods: list[PodView],
    second: float,
    verification: Verification | None = None,
    warnings: Mapping[str, tuple[PodWarning, ...]] | None = None,
    **changes: int,
) -> Verdict:
    return judge_soak(complete(**changes), pods, warnings or {}, RULES, verification or watch(), at(second))


def test_a_soak_passes_when_its_time_is_over_and_not_before() -> None:
    early = soak([pod(), pod()], 39)
    assert isinstance(early, Progressing)
    assert early.look_again == at(40)
    assert early.message == "All 2 new pods are ready; watched until 12:00:40 UTC."
    assert soak([pod(), pod()], 40) == Passed()
    alone = soak([pod()], 39, wanted=1, total=1, updated=1, available=1)
    assert isinstance(alone, Progressing)
    assert alone.message == "The new pod is ready; watched until 12:00:40 UTC."


FAILURES = {
    "a crash": (pod(crashing(3)), 20, Reason.CrashLoopBackOff),
    "a pod that drops out of service": (pod(UNREADY, ready_changed_at=at(20)), 35, Reason.PodNotReady),
    "one that drops out at the very beginning": (pod(UNREADY, ready_changed_at=at(9)), 24, Reason.PodNotReady),
    "a forgiven restart has as long as a first start": (pod(AGAIN, ready_changed_at=at(20)), 80, Reason.PodNotReady),
    "so has one of one container of two": (pod(AGAIN, container(name="proxy"), ready_changed_at=at(20)), 80, Reason.PodNotReady),
    "a later pod that is never ready": (pod(UNREADY, created_at=at(30), ready_changed_at=at(30)), 90, Reason.PodNotReady),
    "a later pod of which one container runs": (
        pod(UNREADY, waiting("ContainerCreating", name="proxy"), created_at=at(30), ready_changed_at=at(30)), 90, Reason.PodNotReady,
    ),
    "a later pod of which no change is known": (pod(UNREADY, created_at=at(30), ready_changed_at=None), 90, Reason.PodNotReady),
    "a pod that was not ready when the watch began": (pod(UNREADY, ready_changed_at=at(8)), 60, Reason.PodNotReady),
    "a pod of which it is not known since when it is not ready": (pod(UNREADY, ready_changed_at=None), 60, Reason.PodNotReady),
    "a later pod that does not start": (pod(waiting("ContainerCreating"), created_at=at(30)), 90, Reason.ProgressDeadlineExceeded),
    "a later pod of which nothing is known": (pod(containers=(), ready=False, created_at=at(30)), 90, Reason.ProgressDeadlineExceeded),
    "a later pod whose init container runs on": (
        pod(container(Running(START), kind=ContainerKind.Init), waiting("PodInitializing"), created_at=at(30)), 90, Reason.ProgressDeadlineExceeded,
    ),
    "a later pod that lacks a Secret": (
        pod(waiting("CreateContainerConfigError", 'secret "db" not found'), created_at=at(30), started_at=at(30)), 60, Reason.CreateContainerConfigError,
    ),
    "a later pod that lacks its image": (
        pod(waiting("ImagePullBackOff", "429"), created_at=at(30), started_at=at(30)), 100, Reason.ImagePullBackOff,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "second", "reason"), FAILURES.values(), ids=FAILURES)
def test_a_watched_release_fails(seen: PodView, second: int, reason: Reason) -> None:
    verdict = soak([seen, pod(name="drumeo-2")], second, available=1)
    assert isinstance(verdict, Failed)
    assert (verdict.problem.reason, verdict.problem.pod) == (reason, "drumeo-1")
    if second > 20:
        early = soak([seen, pod(name="drumeo-2")], second - 1, available=1)
        assert isinstance(early, Progressing)
        assert early.look_again == at(second)


def test_the_container_that_drops_out_is_named_with_the_words_of_its_probe() -> None:
    dropped = pod(container(), replace(UNREADY, name="php"), ready_changed_at=at(20))
    words = told(
        warning("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 500", 21),
        warning("Unhealthy", "Readiness probe failed: connection refused", 3),
        warning("Unhealthy", "Liveness probe failed: no", 22),
    )
    early = soak([dropped], 34, warnings=words)
    assert isinstance(early, Progressing)
    assert early.message == (
        "Pod drumeo-1 was ready and has dropped out of service again: its readiness probe fails; watched until 12:00:40 UTC."
    )
    verdict = soak([dropped], 35, warnings=words)
    assert isinstance(verdict, Failed)
    assert verdict.problem.container == "php"
    assert verdict.problem.message.endswith(
        "its readiness probe fails: Readiness probe failed: HTTP probe failed with statuscode: 500"
    )


NOT_READY = {
    "after a restart": (pod(AGAIN, ready_changed_at=at(20)), "Pod drumeo-1 was ready, had a container started again, and has not become ready since"),
    "never yet": (pod(UNREADY, created_at=at(20), ready_changed_at=at(20)), "Pod drumeo-1, created during the watch, does not become ready"),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "told_of"), NOT_READY.values(), ids=NOT_READY)
def test_a_pod_that_is_not_ready_is_told_of_without_the_words_of_its_probe_until_it_fails(
    seen: PodView, told_of: str
) -> None:
    words = told(warning("Unhealthy", "Readiness probe failed: 500", 21))
    early = soak([seen], 30, warnings=words)
    assert isinstance(early, Progressing)
    assert early.message == f"{told_of}; watched until 12:00:40 UTC."
    verdict = soak([seen], 80, warnings=words)
    assert isinstance(verdict, Failed)
    assert verdict.problem.message == f"{told_of}: Readiness probe failed: 500"


def test_a_pod_that_drops_out_has_its_grace_however_short_the_deadline_is() -> None:
    short = RULES.model_copy(update={"progress_deadline_seconds": 5})
    dropped = [pod(UNREADY, ready_changed_at=at(20)), pod()]
    assert isinstance(judge_soak(complete(), dropped, {}, short, watch(), at(34)), Progressing)
    assert isinstance(judge_soak(complete(), dropped, {}, short, watch(), at(35)), Failed)


def test_a_pod_that_was_ready_and_is_down_has_its_grace_however_old_it_is() -> None:
    down = [pod(waiting("SomethingNew"), ready_changed_at=at(50)), pod()]
    assert isinstance(soak(down, 64, available=1), Progressing)
    assert isinstance(soak(down, 65, available=1), Failed)


def test_a_pod_that_is_ready_is_in_service_whatever_is_known_of_its_containers() -> None:
    seen = [pod(containers=(), ready=True, ready_changed_at=at(20)), pod()]
    early = soak(seen, 39)
    assert isinstance(early, Progressing)
    assert early.message.startswith("All 2 new pods are ready")
    assert soak(seen, 40) == Passed()


def test_a_pod_that_misses_a_probe_and_comes_back_is_forgiven() -> None:
    assert soak([pod(ready_changed_at=at(30)), pod()], 40) == Passed()


def test_the_watch_goes_on_until_every_pod_is_available_again() -> None:
    waits = soak([pod()], 45, available=1)
    assert isinstance(waits, Progressing)
    assert waits.look_again == at(100)
    assert waits.message == "The watch is over, but only 1 of 2 pods are available; waiting for them."
    assert isinstance(soak([pod()], 99, available=1), Progressing)
    verdict = soak([pod()], 100, available=1)
    assert isinstance(verdict, Failed), "but not for ever"
    assert (verdict.problem.reason, verdict.problem.blame) == (Reason.ProgressDeadlineExceeded, Blame.Unknown)


def test_the_watch_does_not_end_while_a_pod_is_out_of_service_though_enough_are_available() -> None:
    assert isinstance(soak([pod(UNREADY, ready_changed_at=at(30)), pod()], 40), Progressing)


def test_the_message_of_a_soak_does_not_change_by_itself() -> None:
    first, second = soak([pod(), pod()], 20), soak([pod(), pod()], 30)
    assert isinstance(first, Progressing)
    assert isinstance(second, Progressing)
    assert first == replace(second, look_again=first.look_again)


NOT_THE_RELEASES_FAULT = {
    "a node that is not heard of: the pod is not ready, but its containers are": pod(ready=False, ready_changed_at=at(20)),
    "a pod that the kubelet would not take": pod(UNREADY, phase="Failed", reason="OutOfcpu", ready_changed_at=at(20)),
    "a pod that somebody deletes": pod(UNREADY, deleting=True, ready_changed_at=at(20)),
}  # fmt: skip


@pytest.mark.parametrize("seen", NOT_THE_RELEASES_FAULT.values(), ids=NOT_THE_RELEASES_FAULT)
def test_trouble_of_a_node_during_the_soak_is_not_charged_to_the_release(seen: PodView) -> None:
    assert isinstance(soak([seen, pod()], 39, available=1), Progressing)
    assert noted(watch(), [seen]) == watch()


def test_a_pod_made_during_the_soak_that_finds_no_node_is_the_platforms_fault_if_anybodys() -> None:
    young = pod(waiting("ContainerCreating"), created_at=at(20), started_at=None, unschedulable="0/1")
    assert isinstance(soak([young, pod()], 99, available=1), Progressing)
    verdict = soak([young, pod()], 100, available=1)
    assert isinstance(verdict, Failed)
    assert verdict.problem.reason is Reason.Unschedulable


# --- flapping ---------------------------------------------------------------------------------------------------------

FLAPS = {
    "twice is forgiven": (2, False),
    "three times is too often": (3, True),
    "and so is more": (4, True),
}


@pytest.mark.parametrize(("times", "fails"), FLAPS.values(), ids=FLAPS)
def test_a_pod_that_flaps(times: int, fails: bool) -> None:
    verdict = soak([pod(), pod(name="drumeo-2")], 30, watch(("drumeo-1", times, 29)))
    assert isinstance(verdict, Failed) is fails


def test_a_pod_that_flaps_is_told_of_with_its_count_and_probe() -> None:
    seen = [pod(name="drumeo-2"), pod(container(kind=ContainerKind.Init), container())]
    verdict = soak(seen, 30, watch(("drumeo-1", 3, 29)), told(warning("Unhealthy", "Readiness probe failed: 500.")))
    assert isinstance(verdict, Failed)
    assert (
        verdict.problem.message
        == "Pod drumeo-1 has left service three times since it was ready: Readiness probe failed: 500"
    )
    assert (verdict.problem.reason, verdict.problem.container) == (Reason.PodNotReady, "app")


def seen_at(second: float, *, ready: bool, restarted_at: float | None = None) -> PodView:
    last = replace(ended(), finished_at=at(restarted_at)) if restarted_at is not None else None
    return pod(container(Running(START), ready=ready, last=last), ready_changed_at=at(second))


LOOKS = {
    "ready since before the watch": ([seen_at(8, ready=True)], 0),
    "ready since the moment in which the watch began": ([seen_at(10, ready=True)], 0),
    "unready since then is no dropout of the watch": ([seen_at(10, ready=False)], 0),
    "unready": ([seen_at(11, ready=False)], 1),
    "unready, seen twice": ([seen_at(11, ready=False)] * 2, 1),
    "unready and back": ([seen_at(11, ready=False), seen_at(13, ready=True)], 1),
    "unready, back, and unready again": ([seen_at(11, ready=False), seen_at(13, ready=True), seen_at(15, ready=False)], 2),
    "unready, and unready again, with no look between": ([seen_at(11, ready=False), seen_at(15, ready=False)], 2),
    "seen only after it came back": ([seen_at(13, ready=True)], 1),
    "seen after it came back, and unready later": ([seen_at(13, ready=True), seen_at(15, ready=False)], 2),
    "unready because a container ended": ([seen_at(20, ready=False, restarted_at=19)], 0),
    "unready because one container of two ended": (
        [pod(container(Running(START), ready=False, last=replace(ended(), finished_at=at(19))), container(name="proxy"), ready_changed_at=at(20))], 0,
    ),
    "unready long after a container ended": ([seen_at(40, ready=False, restarted_at=29)], 1),
    "unready just so long after a container ended": ([seen_at(40, ready=False, restarted_at=30)], 0),
    "ready again after a container was started again": ([seen_at(20, ready=True, restarted_at=15)], 0),
    "a container that ended before the watch explains nothing": ([seen_at(20, ready=True, restarted_at=9)], 1),
    "nothing is known of its readiness": ([pod(ready=False, ready_changed_at=None)], 0),
    "a later pod becomes ready": ([pod(created_at=at(11), ready_changed_at=at(13))], 0),
    "a later pod is not ready yet": ([pod(UNREADY, created_at=at(11), ready_changed_at=at(11))], 0),
    "a pod that was made in the second in which the watch began": ([pod(UNREADY, created_at=at(10), ready_changed_at=at(11))], 1),
    "a container that is down": ([pod(container(replace(ended(), finished_at=at(19))), ready_changed_at=at(20))], 0),
    "an ending of which no time is known": ([pod(container(Running(START), ready=False, last=replace(ended(), finished_at=None)), ready_changed_at=at(20))], 1),
}  # fmt: skip


@pytest.mark.parametrize(("looks", "times"), LOOKS.values(), ids=LOOKS)
def test_dropouts_are_counted_from_look_to_look(looks: list[PodView], times: int) -> None:
    verification = watch()
    for look in looks:
        verification = noted(verification, [look])
        assert noted(verification, [look]) == verification, "seeing the same again adds nothing"
    assert sum(dropout.times for dropout in verification.dropouts) == times


def test_a_dropout_is_kept_with_its_moment() -> None:
    assert noted(watch(), [seen_at(11, ready=False)]) == watch(("drumeo-1", 1, 11))
    assert noted(watch(("drumeo-1", 1, 11)), [seen_at(15, ready=False)]) == watch(("drumeo-1", 2, 15))


def test_a_flapping_pod_fails_the_release_at_its_third_dropout() -> None:
    verification, verdicts = watch(), []
    for look in [seen_at(second, ready=bool(second % 2)) for second in range(12, 18)]:
        verification = noted(verification, [look])
        verdicts.append(isinstance(soak([look, pod(name="drumeo-2")], 18, verification), Failed))
    assert verdicts == [False, False, False, False, True, True]


def test_a_pod_that_is_gone_is_forgotten() -> None:
    assert noted(watch(("drumeo-1", 2, 11)), []) == watch()
    assert noted(watch(("drumeo-1", 2, 11)), [pod(deleting=True)]) == watch()


def test_what_is_noted_is_bounded_and_the_first_ones_stay() -> None:
    crowd = [replace(seen_at(11, ready=False), name=f"drumeo-{number}") for number in range(DROPOUTS_LIMIT + 9)]
    full = noted(watch(), crowd)
    assert [dropout.pod for dropout in full.dropouts] == [seen.name for seen in crowd[:DROPOUTS_LIMIT]]
    assert noted(full, crowd) == full
    assert noted(full, crowd[::-1]) == full, "the order of the pods does not matter"
    assert all(earlier.pod != later.pod for earlier, later in pairwise(full.dropouts))
