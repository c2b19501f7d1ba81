"""The way back, judged from its pods: when it is enough, until when it is waited for, and what is said of it."""

from collections.abc import Sequence
from datetime import datetime

import pytest

from brandrelease.apis.progress import Rollback
from brandrelease.apis.reasons import Reason
from brandrelease.core.health import Failed, Passed, Progressing, Verdict, judge_return, judge_rollout
from brandrelease.core.snapshot import DeploymentView, PodView, Running
from support.pods import RULES, START, at, complete, container, deployment, ended, pod, waiting

DEADLINE = RULES.progress_deadline_seconds
LONG_AFTER = 10 * DEADLINE
UNREADY = pod(container(Running(START), ready=False))
REFUSED = 'pods "drumeo-1-abcde" is forbidden: exceeded quota: brand, requested: pods=1'


def judged(view: DeploymentView, second: float, pods: Sequence[PodView] = (), wanted: int = 2) -> Verdict:
    """wanted: how many pods were wanted when the way back began, at the second 0."""
    rollback = Rollback(number=1, image="registry.example.com/drumeo@sha256:1", started_at=START, wanted=wanted)
    return judge_return(view, pods, {}, RULES, rollback, at(second))


def progress(verdict: Verdict) -> tuple[str, datetime]:
    """What is told, and when it is looked at again."""
    assert isinstance(verdict, Progressing), verdict
    return verdict.message, verdict.look_again


def given_up(verdict: Verdict) -> tuple[Reason, str]:
    assert isinstance(verdict, Failed), verdict
    return verdict.problem.reason, verdict.problem.message


def test_it_is_over_as_soon_as_all_pods_are_old_ones_that_serve() -> None:
    assert judged(complete(), 1, [pod(), pod(name="drumeo-2")]) == Passed()
    assert progress(judged(deployment(), 1, [pod()])) == ("", at(DEADLINE))


ENOUGH: dict[str, tuple[DeploymentView, list[PodView], int]] = {
    "as many as were wanted, of more that are wanted now": (
        deployment(wanted=5, total=5, updated=5, available=0), [pod(), pod(name="drumeo-2"), UNREADY], 2,
    ),
    "as many, in the words of the Deployment alone": (deployment(wanted=5, total=2, updated=2, available=2), [], 2),
    "as many as are wanted now": (deployment(wanted=1, total=2, updated=1, available=1), [pod()], 2),
}  # fmt: skip


@pytest.mark.parametrize(("view", "pods", "wanted"), ENOUGH.values(), ids=ENOUGH)
def test_at_the_deadline_it_is_enough_that_as_many_serve_as_when_it_began(
    view: DeploymentView, pods: list[PodView], wanted: int
) -> None:
    assert isinstance(judged(view, DEADLINE - 1, pods, wanted), Progressing)
    assert judged(view, DEADLINE, pods, wanted) == Passed()


TOO_FEW: dict[str, tuple[DeploymentView, list[PodView], int]] = {
    "one of two": (deployment(wanted=5, total=5, updated=5, available=1), [pod(), UNREADY], 2),
    "two of which one may be new": (deployment(wanted=5, total=3, updated=2, available=2), [], 2),
    "more new ones than serve": (deployment(wanted=5, total=4, updated=2, available=1), [], 2),
    "none, where none were wanted": (deployment(total=2, updated=2, available=0), [], 0),
}


@pytest.mark.parametrize(("view", "pods", "wanted"), TOO_FEW.values(), ids=TOO_FEW)
def test_at_the_deadline_it_has_failed_with_fewer(view: DeploymentView, pods: list[PodView], wanted: int) -> None:
    assert isinstance(judged(view, DEADLINE - 1, pods, wanted), Progressing)
    assert given_up(judged(view, DEADLINE, pods, wanted))


CANNOT_GO_ON = {
    "it is paused": (
        deployment(paused=True),
        "Deployment drumeo-production-deployment is paused, so no pod changes over and no deadline counts; ",
    ),
    "its controller has not seen the change": (
        deployment(generation=3),
        "Deployment drumeo-production-deployment is changed; waiting for the Deployment controller to act on it.",
    ),
    "no pod may be made before the last one is gone": (
        deployment(recreates=True, wanted=1, total=1, updated=0, available=0),
        "Waiting for the old pods of Deployment drumeo-production-deployment to end, as its strategy is Recreate.",
    ),
}


@pytest.mark.parametrize(("view", "told"), CANNOT_GO_ON.values(), ids=CANNOT_GO_ON)
def test_no_deadline_counts_while_the_controller_cannot_go_on(view: DeploymentView, told: str) -> None:
    message, _ = progress(judged(view, LONG_AFTER))
    assert message.startswith(told)


def test_where_no_pod_is_wanted_none_is_waited_for() -> None:
    scaled_down = deployment(recreates=True, wanted=0, total=1, updated=0, available=0)
    assert progress(judged(scaled_down, DEADLINE - 1)) == ("", at(DEADLINE))
    assert given_up(judged(scaled_down, DEADLINE))


LATER = (pod(created_at=at(30)), pod(name="drumeo-2", created_at=at(20)))
BEGINNINGS = {"its pods come one by one": (deployment(), DEADLINE), "Recreate": (deployment(recreates=True), 80)}


@pytest.mark.parametrize(("view", "second"), BEGINNINGS.values(), ids=BEGINNINGS)
def test_the_time_counts_from_the_change_and_where_old_pods_go_first_from_the_first_new_one(
    view: DeploymentView, second: int
) -> None:
    not_yet = [
        pod(container(Running(START), ready=False), name=each.name, created_at=each.created_at) for each in LATER
    ]
    for moment, verdict in ((second - 1, Progressing), (second, Failed)):
        assert isinstance(judged(view, moment, not_yet), verdict)
        assert isinstance(judge_rollout(view, not_yet, {}, RULES, START, at(moment)), verdict), "so has a rollout"


# --- what is said -------------------------------------------------------------------------------------------------------

LACKS_A_SECRET = pod(waiting("CreateContainerConfigError", 'secret "db" not found'))


def test_what_the_rules_find_is_told_at_once_and_counts_at_the_deadline_only() -> None:
    view, told = deployment(updated=1, total=3, available=0), 'secret "db" not found'
    message, _ = progress(judged(view, DEADLINE - 1, [LACKS_A_SECRET]))
    assert told in message
    assert message.endswith(".")
    reason, message = given_up(judged(view, DEADLINE, [LACKS_A_SECRET]))
    assert reason is Reason.CreateContainerConfigError
    assert told in message
    assert message.endswith("; given up after 60 s (progressDeadlineSeconds)")


def test_what_keeps_the_pods_from_being_made_is_told_too() -> None:
    view = deployment(total=0, updated=0, available=0, failure=REFUSED, failing_since=START)
    message, _ = progress(judged(view, DEADLINE - 1))
    assert "exceeded quota" in message
    assert given_up(judged(view, DEADLINE))[0] is Reason.ExceededQuota


def test_of_pods_of_which_nothing_is_known_nothing_is_guessed() -> None:
    assert given_up(judged(deployment(), DEADLINE)) == (
        Reason.ProgressDeadlineExceeded,
        "given up after 60 s (progressDeadlineSeconds)",
    )


def test_of_pods_with_which_nothing_is_wrong_it_is_said_that_old_ones_were_waited_for() -> None:
    reason, message = given_up(judged(deployment(), DEADLINE, [UNREADY]))
    assert reason is Reason.PodNotReady
    assert message.startswith("None of 2 old pods was ready after 60 s (progressDeadlineSeconds): ")


def test_what_a_pod_that_serves_has_gone_through_explains_nothing() -> None:
    serves = pod(container(restarts=7, last=ended()))
    assert progress(judged(deployment(), 10, [serves])) == ("", at(DEADLINE))


def test_while_a_pod_does_not_begin_and_nobody_says_why_it_is_looked_at_again_soon() -> None:
    assert progress(judged(deployment(), 10, [pod(waiting("ContainerCreating"), started_at=None)])) == ("", at(15))
