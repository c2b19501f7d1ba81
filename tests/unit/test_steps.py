"""The steps of a release, as the board and the command line have them."""

from typing import Any

import pytest

from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.core.board.story import story
from brandrelease.core.steps import Step, StepKind, StepState, steps
from support.board import objects
from support.board.objects import GOOD, at

Object = dict[str, Any]


def the_steps(status: Object, **current: Any) -> dict[StepKind, Step]:
    body = objects.release("drumeo", "production", status | {"current": status["current"] | current})
    release = BrandRelease.from_object(body).status.current
    assert release is not None
    return {step.kind: step for step in steps(release)}


def begun(found: dict[StepKind, Step]) -> list[StepKind]:
    return [kind for kind, step in found.items() if step.state is not StepState.Ahead]


def test_the_steps_of_a_good_release_are_done_from_end_to_end() -> None:
    found = the_steps(objects.live("drumeo"))
    assert list(found) == ["asked for", "build", "rollout", "watch", "ended"]
    assert {step.state for step in found.values()} == {StepState.Done}
    assert found[StepKind.Request].note == "refs/heads/master by kubectl"
    assert found[StepKind.Build].link.startswith("https://us-east-2.console.aws.amazon.com/")


def test_what_is_still_to_come_is_ahead_and_not_on_the_board() -> None:
    status = objects.deploying("drumeo")
    found = the_steps(status)
    assert begun(found) == ["asked for", "build", "baseline", "rollout"]
    assert found[StepKind.Rollout].state is StepState.Running
    assert found[StepKind.Watch] == Step(StepKind.Watch, StepState.Ahead)
    assert found[StepKind.Baseline].note == "2 checks looked at before anything was changed"
    work = story(BrandRelease.from_object(objects.release("drumeo", "production", status)), ()).work
    assert work is not None
    assert [step.kind for step in work.steps] == begun(found)


def test_a_release_that_was_rolled_back_says_where_it_failed_and_how_long_that_took() -> None:
    found = the_steps(objects.rolled_back("drumeo"))
    kinds = (StepKind.Build, StepKind.PreDeploy, StepKind.Rollout, StepKind.Watch, StepKind.Rollback, StepKind.End)
    assert [found[kind].state for kind in kinds] == [
        StepState.Done, StepState.Done, StepState.Done, StepState.Failed, StepState.Done, StepState.Failed,
    ]  # fmt: skip
    assert found[StepKind.Rollback].note == f"to release 12 ({GOOD[:12]})"
    assert found[StepKind.Watch].ended == found[StepKind.Rollback].began
    assert found[StepKind.Watch].until is None
    assert [found[kind].took for kind in (StepKind.Build, StepKind.Request)] == ["7 min", ""]


BUILD: Object = {"builder": "external", "key": "k", "attempt": 1, "startedAt": at(2)}
ENDED: Object = {"finishedAt": at(0)}
BACK: Object = {"number": 12, "image": "i", "startedAt": at(0)}
WATCH: Object = {"startedAt": at(2), "endsAt": at(1)}
JOB: Object = {"job": "j", "startedAt": at(1)}


@pytest.mark.parametrize(
    ("current", "kind", "state"),
    [
        ({"image": None, "build": BUILD}, StepKind.Build, StepState.Running),
        ({"image": None, "build": BUILD, "outcome": "Failed"} | ENDED, StepKind.Build, StepState.Failed),
        ({"build": BUILD}, StepKind.Build, StepState.Done),
        ({"build": None}, StepKind.Build, StepState.Done),
        ({"build": None, "image": None}, StepKind.Build, StepState.Ahead),
        ({"rollout": None}, StepKind.Rollout, StepState.Ahead),
        ({"outcome": "Superseded"} | ENDED, StepKind.Rollout, StepState.Stopped),
        ({"outcome": "Aborted"} | ENDED, StepKind.Rollout, StepState.Stopped),
        ({"outcome": "Failed"} | ENDED, StepKind.Rollout, StepState.Failed),
        ({"outcome": "Succeeded"} | ENDED, StepKind.Rollout, StepState.Done),
        ({"rollback": BACK}, StepKind.Rollout, StepState.Failed),
        ({"verification": WATCH}, StepKind.Watch, StepState.Running),
        ({"verification": WATCH, "outcome": "Succeeded"} | ENDED, StepKind.Watch, StepState.Done),
        ({"hooks": {"preDeploy": JOB}}, StepKind.PreDeploy, StepState.Running),
        ({"hooks": {"postDeploy": JOB | ENDED | {"succeeded": False}}}, StepKind.PostDeploy, StepState.Failed),
        ({"hooks": {"postDeploy": JOB | ENDED | {"succeeded": True}}}, StepKind.PostDeploy, StepState.Done),
        ({"rollback": BACK}, StepKind.Rollback, StepState.Running),
        ({"rollback": BACK, "outcome": "Failed"} | ENDED, StepKind.Rollback, StepState.Failed),
        ({"invalidation": {"reference": "r", "requestedAt": at(0)}}, StepKind.Cache, StepState.Running),
        ({"invalidation": {"reference": "r", "requestedAt": at(0)} | ENDED}, StepKind.Cache, StepState.Done),
        ({"invalidation": {"reference": "r", "requestedAt": at(0), "problem": "no"}}, StepKind.Cache, StepState.Failed),
    ],
)
def test_each_step_stands_as_the_status_says(current: Object, kind: StepKind, state: StepState) -> None:
    assert the_steps(objects.deploying("drumeo"), **current)[kind].state is state


def test_a_build_ended_when_its_image_was_seen_or_the_builder_said_so() -> None:
    found = the_steps(
        objects.deploying("drumeo"), image=None, build=BUILD | {"finishedAt": at(1)}, outcome="Failed", **ENDED
    )
    assert found[StepKind.Build].took == "60 s"
    assert the_steps(objects.deploying("drumeo"), build=BUILD)[StepKind.Build].took == ""


def test_the_build_says_where_it_is_and_the_how_manieth() -> None:
    build = BUILD | {"builder": "buildKit", "id": "br-drumeo-2", "attempt": 2}
    assert (
        the_steps(objects.deploying("drumeo"), build=build)[StepKind.Build].note == "buildKit in br-drumeo-2, attempt 2"
    )


def test_an_image_that_was_there_says_where_it_is_from() -> None:
    status = objects.deploying("drumeo")
    assert the_steps(status, build=None)[StepKind.Build].note == "the image was there already"
    assert the_steps(status, build=None, imageOf=9)[StepKind.Build].note == "the image of release 9"


def test_before_anything_is_done_there_is_only_the_request() -> None:
    nothing = dict.fromkeys(("build", "image", "rollout"))
    assert begun(the_steps(objects.deploying("drumeo"), baseline=[], **nothing)) == ["asked for"]


def test_the_request_says_how_often_it_is_tried_and_what_let_it_through() -> None:
    note = the_steps(objects.deploying("drumeo"), tries=2, override="Ada: now")[StepKind.Request].note
    assert note == "refs/heads/master by flux, try 2; let through: Ada: now"
    assert the_steps(objects.deploying("drumeo"), requestedBy=None)[StepKind.Request].note == "refs/heads/master"


def test_a_paused_deployment_is_said() -> None:
    paused = {"startedAt": at(1), "paused": True}
    assert the_steps(objects.deploying("drumeo"), rollout=paused)[StepKind.Rollout].note == "the Deployment is paused"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://logs.example.com", "data:text/html,x", "//x"])
def test_only_an_https_address_becomes_a_link(url: str) -> None:
    build = objects.deploying("drumeo")["current"]["build"] | {"logsURL": url}
    assert the_steps(objects.deploying("drumeo"), build=build)[StepKind.Build].link == ""
