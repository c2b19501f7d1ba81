"""The steps of a release, its pods and its checks, as they are drawn in 80 columns."""

import io
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console

from brandrelease.adapters.kube.views import pod_view
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.cli.new_pods import NewPods, new_pods
from brandrelease.cli.step_lines import StepLine, step_lines
from brandrelease.cli.view import facts, live_view
from brandrelease.core.steps import StepState
from brandrelease.core.tone import Tone
from support.released import BAD, IMAGE, NOW, ago, current, past, released, running

BUILD = {"builder": "buildKit", "key": "k", "attempt": 1, "startedAt": ago(minutes=8), "id": "build-drumeo-1"}
BUILT = {**BUILD, "finishedAt": ago(minutes=4)}
ROLLOUT = {"startedAt": ago(minutes=3)}
COMPLETE = {**ROLLOUT, "finishedAt": ago(minutes=2)}
CHECKS = [
    {"name": "home", "state": "Passed", "message": "200 within 35 ms", "observedAt": ago(seconds=5)},
    {"name": "errors", "state": "Failing", "badLooks": 1, "message": "412, at most 40", "observedAt": ago(seconds=5)},
]
WATCH = {"startedAt": ago(minutes=2), "endsAt": (NOW + timedelta(minutes=3)).isoformat()}
BACK = {"number": 11, "commit": BAD, "image": IMAGE, "startedAt": ago(minutes=1)}


def pod(name: str, *, ready: bool = True, restarts: int = 0, waiting: str = "", **metadata: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    return {
        "metadata": {
            "name": f"drumeo-production-deployment-6d4cf56db6-{name}",
            "creationTimestamp": ago(minutes=3),
            **metadata,
        },
        "spec": {"containers": []},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "app", "restartCount": restarts, "state": state}],
        },
    }


def of(release: BrandRelease, pods: NewPods | None = None) -> dict[str, StepLine]:
    return {line.name: line for line in step_lines(release.status, NOW, pods)}


def pods_of(bodies: list[dict[str, Any]], wanted: int | None) -> NewPods:
    return new_pods(map(pod_view, bodies), wanted)


def drawn(release: BrandRelease, pods: NewPods | None = None, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(live_view(release, NOW, pods, "The cluster does not answer."))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_build_that_goes_on_says_where_and_for_how_long() -> None:
    found = of(released("Building", current=current(build=BUILD)))
    assert found["build"] == StepLine("build", StepState.Running, "buildKit in build-drumeo-1, for 8 min")
    assert found["rollout"].state is StepState.Ahead
    assert (
        of(released("Building", current=current(build={**BUILD, "id": None})))["build"].detail == "buildKit, for 8 min"
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"image": IMAGE}, StepLine("build", StepState.Done, "the image was there already")),
        ({"image": IMAGE, "build": BUILT}, StepLine("build", StepState.Done, "buildKit in build-drumeo-1, took 4 min")),
        (
            {"outcome": "Failed", "finishedAt": ago(), "build": BUILT},
            StepLine("build", StepState.Failed, "buildKit in build-drumeo-1, took 4 min"),
        ),
        ({}, StepLine("build", StepState.Ahead)),
    ],
)
def test_the_build_step(fields: dict[str, Any], expected: StepLine) -> None:
    assert of(released("Pending", current=current(**fields)))["build"] == expected


def test_hooks_have_a_step_where_they_were_run() -> None:
    hooks: dict[str, dict[str, Any]] = {
        "preDeploy": {"job": "pre-12", "startedAt": ago(minutes=3), "finishedAt": ago(minutes=2), "succeeded": True},
        "postDeploy": {"job": "post-12", "startedAt": ago(seconds=30)},
    }
    found = of(released("Verifying", current=current(image=IMAGE, hooks=hooks)))
    assert list(found) == ["build", "preDeploy", "rollout", "watch", "postDeploy"]
    assert found["preDeploy"] == StepLine("preDeploy", StepState.Done, "Job pre-12, took 60 s")
    assert found["postDeploy"] == StepLine("postDeploy", StepState.Running, "Job post-12, for 30 s")
    hooks["preDeploy"]["succeeded"] = False
    assert of(released("Failed", current=current(hooks=hooks)))["preDeploy"].state is StepState.Failed


def test_the_rollout_counts_its_pods_and_names_those_that_are_not_ready_first() -> None:
    pods = pods_of(
        [
            pod("aaaaa"),
            pod("bbbbb", ready=False, restarts=2, waiting="CrashLoopBackOff"),
            pod("ccccc", deletionTimestamp=ago()),
        ],
        3,
    )
    found = of(released("Deploying", current=current(image=IMAGE, rollout=ROLLOUT)), pods)["rollout"]
    assert found.detail == "1 of 3 new pods ready, for 3 min"
    assert found.share == pytest.approx(1 / 3)
    assert [(part.tone, part.name, part.detail) for part in found.below] == [
        (Tone.Bad, "CrashLoopBackOff (container app), 2 restarts", "6d4cf56db6-bbbbb"),
        (Tone.Good, "Ready", "6d4cf56db6-aaaaa"),
    ]


def test_pods_that_are_ready_are_no_news_once_the_rollout_is_done() -> None:
    work = current(image=IMAGE, rollout=COMPLETE, verification=WATCH)
    quiet = of(released("Verifying", current=work), pods_of([pod("aaaaa")], 1))["rollout"]
    assert quiet == StepLine("rollout", StepState.Done, "took 60 s")
    ill = of(released("Verifying", current=work), pods_of([pod("bbbbb", ready=False)], 1))["rollout"]
    assert [part.detail for part in ill.below] == ["6d4cf56db6-bbbbb"]


def test_of_many_pods_six_have_a_line() -> None:
    pods = pods_of([pod(f"{number:05}") for number in range(20)], 20)
    found = of(released("Deploying", current=current(rollout=ROLLOUT)), pods)["rollout"]
    assert len(found.below) == 7
    assert found.below[-1].name == "and 14 more"


def test_a_deployment_that_may_not_be_read_has_no_share() -> None:
    pods = pods_of([pod("aaaaa")], None)
    assert pods.share is None
    assert pods.told() == "1 new pod ready"


def test_the_watch_shows_what_is_left_and_how_each_check_stands() -> None:
    work = current(image=IMAGE, rollout=COMPLETE, verification={**WATCH, "checks": CHECKS})
    found = of(released("Verifying", current=work))["watch"]
    assert found.detail == "3 min left of 5 min"
    assert found.share == pytest.approx(0.4)
    assert [(part.name, part.tone) for part in found.below] == [("home", Tone.Good), ("errors", Tone.Stuck)]


def test_a_watch_whose_time_is_over_waits_for_the_last_look() -> None:
    over = {**WATCH, "endsAt": ago(seconds=1)}
    found = of(released("Verifying", current=current(image=IMAGE, rollout=COMPLETE, verification=over)))["watch"]
    assert (found.detail, found.share) == ("over, waiting for the last look", 1.0)
    none = {**WATCH, "endsAt": WATCH["startedAt"]}
    found = of(released("Verifying", current=current(image=IMAGE, rollout=COMPLETE, verification=none)))["watch"]
    assert found.share is None


def test_the_way_back_is_a_step_and_what_failed_before_it_is_marked() -> None:
    work = current(image=IMAGE, rollout=ROLLOUT, rollback=BACK)
    found = of(released("RollingBack", current=work))
    assert found["rollout"].state is StepState.Failed
    assert found["rollback"] == StepLine("rollback", StepState.Running, "to release 11 (bad0bad0bad0), for 60 s")
    over = current(image=IMAGE, outcome="RolledBack", finishedAt=ago(), rollback={**BACK, "finishedAt": ago()})
    assert of(released("RolledBack", current=over))["rollback"].state is StepState.Done
    lost = current(image=IMAGE, outcome="Failed", finishedAt=ago(), rollback=BACK)
    assert of(released("Failed", current=lost))["rollback"].state is StepState.Failed


def test_the_release_that_is_prepared_is_the_one_that_is_shown() -> None:
    assert (
        of(released("Verifying", current=current(image=IMAGE), next=current(13, build=BUILD)))["build"].state
        is StepState.Running
    )
    assert step_lines(released("Pending").status, NOW) == ()


LONG = "Container app of pod drumeo-production-deployment-6d4cf56db6-bbbbb exited with code 255 three times: " * 3


@pytest.mark.parametrize("width", [80, 50, 200])
def test_nothing_is_drawn_beyond_the_edge_of_the_terminal(width: int) -> None:
    work = current(image=IMAGE, rollout=ROLLOUT, verification={**WATCH, "checks": CHECKS})
    pods = pods_of([pod("aaaaa"), pod("bbbbb", ready=False, restarts=2, waiting="CrashLoopBackOff")], 3)
    lines = drawn(released("Deploying", says=LONG, current=work), pods, width)
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("drumeo production   Deploying")
    assert [line.strip() for line in lines[-3:]] == [
        "The cluster does not answer.",
        "",
        "Ctrl-C leaves; the release goes on.",
    ]


def test_words_of_others_cannot_steer_the_terminal_or_be_taken_for_markup() -> None:
    shown = "\n".join(drawn(released("Failed", says="\x1b[2J[red]x[/red]\x07\u202e", current=current())))
    assert "[red]x[/red]" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_what_is_known_of_one_environment_is_told() -> None:
    changes = [{"commit": f"{number}" * 40, "author": "ada", "subject": f"Change {number}"} for number in range(7)]
    release = released(
        "Blocked",
        spec={"trackIntervalSeconds": 60},
        running=running(),
        current=current(requestedBy="ada", changes=changes, changesTotal=30),
        history=[past(11)],
        quarantine=[{"commit": BAD, "reason": "CrashLoopBackOff", "release": 10, "since": ago(hours=2)}],
        lastHandled={"answer": "It was not carried out."},
    )
    told = list(facts(release, NOW))
    assert ("running", "release 11, 01d001d001d0, for 48 h") in told
    assert ("ref", "master, looked at every 60 s") in told
    assert ("release", "12, 4e3d4e3d4e3d of refs/heads/master, asked for by ada at 2026-11-27 02:50:00 UTC") in told
    assert next(text for name, text in told if name == "change") == "000000000000 ada: Change 0"
    assert ("", "and 25 more") in told
    assert ("quarantine", "bad0bad0bad0: CrashLoopBackOff in release 10") in told
    assert ("answer", "It was not carried out.") in told
