"""What the board says of a BrandRelease, of a Brand, and of all of them."""

from datetime import timedelta
from typing import Any

import pytest

from brandrelease.adapters.kube.views import pod_view
from brandrelease.apis.brand_status import BrandStatus
from brandrelease.apis.brandrelease import BrandRelease, Outcome, Phase
from brandrelease.core.board.glance import TONES, Glance, glance, unreadable
from brandrelease.core.board.story import OUTCOMES, story, untold
from brandrelease.core.board.wall import BrandSight, Counts, brand_sight, counts, wall
from brandrelease.core.pod_line import PodLine, pod_line
from brandrelease.core.tone import Tone
from support.board import objects
from support.board.objects import BAD, GOOD, NEW, NOW, at

Object = dict[str, Any]


def read(status: Object, **spec: Any) -> BrandRelease:
    body = objects.release("drumeo", "production", status)
    body["spec"] |= spec
    return BrandRelease.from_object(body)


def seen(status: Object) -> Glance:
    return glance(read(status))


# --- at a glance ------------------------------------------------------------------------------------------------------


def test_a_live_release_says_what_runs_since_when_and_who_asked_for_it() -> None:
    told = seen(objects.live("drumeo"))
    assert (told.phase, told.tone, told.who) == ("Live", Tone.Good, "kubectl")
    assert told.running is not None
    assert (told.running.number, told.running.revision) == (12, GOOD[:12])
    assert told.since == told.running.since
    assert told.target is None, "what was asked for is what runs"
    assert told.key == ("drumeo-production", "drumeo")


def test_a_release_under_way_says_what_it_goes_to_and_what_runs_meanwhile() -> None:
    told = seen(objects.deploying("drumeo"))
    assert (told.phase, told.tone, told.reason) == ("Deploying", Tone.Busy, "Deploying")
    assert told.target is not None
    assert (told.target.number, told.target.revision, told.target.who) == (13, NEW[:12], "flux")
    assert told.since == told.target.asked_at
    assert told.running is not None
    assert told.running.number == 12


def test_a_release_that_is_prepared_beside_another_is_the_target() -> None:
    status = objects.deploying("drumeo")
    later = {"number": 14, "ref": "refs/heads/master", "commit": BAD, "startedAt": at(1), "tracked": True}
    told = seen(status | {"next": later})
    assert told.target is not None
    assert (told.target.number, told.target.who) == (14, "tracking")


def test_a_release_that_was_rolled_back_says_since_when_and_why() -> None:
    told = seen(objects.rolled_back("drumeo"))
    assert (told.phase, told.tone, told.reason) == ("RolledBack", Tone.Bad, "CrashLoopBackOff")
    assert "exited with code 255 three times" in told.message
    assert told.since == (NOW - timedelta(minutes=17)).replace(microsecond=0)
    assert told.target is not None
    assert told.target.number == 13


def test_a_way_back_counts_from_its_beginning() -> None:
    status = objects.rolled_back("drumeo") | {"phase": "RollingBack"}
    assert seen(status).since == (NOW - timedelta(minutes=19)).replace(microsecond=0)


def test_what_waits_counts_from_the_condition() -> None:
    assert seen(objects.blocked("drumeo")).since == (NOW - timedelta(minutes=240)).replace(microsecond=0)
    assert seen({"phase": "Blocked"}).since is None


def test_what_no_pass_has_seen_yet_is_pending() -> None:
    told = seen({})
    assert (told.phase, told.tone, told.reason, told.running, told.target, told.who) == (
        "Pending", Tone.Busy, "", None, None, "",
    )  # fmt: skip
    assert '"master" was asked for' in told.message


def test_who_released_what_runs_is_empty_where_nobody_knows() -> None:
    status = objects.live("drumeo")
    adopted = {"number": 0, "image": "registry.example.com/drumeo:by-hand", "since": at(5)}
    told = seen(status | {"running": adopted})
    assert told.who == ""
    assert told.running is not None
    assert told.running.revision == "unknown commit"


def test_every_phase_has_a_tone_and_every_outcome_too() -> None:
    assert set(TONES) == set(Phase)
    assert set(OUTCOMES) == set(Outcome)


# --- one brand --------------------------------------------------------------------------------------------------------


def test_a_story_has_pods_checks_logs_commits_and_what_was_before() -> None:
    young, old = (
        PodLine(name, "13", "Ready", Tone.Good, 0, NOW - timedelta(minutes=age)) for name, age in (("y", 1), ("o", 9))
    )
    status = objects.rolled_back("drumeo")
    told = story(read(status, trackIntervalSeconds=60), [old, young])
    assert (told.ref, told.tracking) == ("master", 60)
    assert [pod.name for pod in told.pods] == ["y", "o"]
    assert [(check.name, check.tone, check.before) for check in told.checks] == [
        ("home", Tone.Bad, False),
        ("errors", Tone.Good, False),
    ]
    assert [log.title for log in told.logs] == [
        "Pod drumeo-production-deployment-5c9-kq, container app, exit code 255",
        "Hook preDeploy, Job drumeo-13-pre",
    ]
    assert told.work is not None
    assert (told.work.blame, told.work.changes[0].author, told.work.changes_more) == ("Release", "Ada Lovelace", 22)
    assert [each.number for each in told.past] == [12, 11, 10, 9, 8], "13 is what is told of above"
    assert (told.past[-1].outcome, told.past[-1].log) == ("Superseded", None)
    crashed = status["history"][0] | {"number": 7}
    [last] = story(read(status | {"history": [crashed]}), ()).past
    assert last.log is not None
    assert last.log.text == objects.CRASH
    assert told.warnings == (f"Commit {BAD} was to blame for a failed release and will not be released again.",)


def test_before_anything_is_watched_the_checks_are_those_before_the_release() -> None:
    told = story(read(objects.deploying("drumeo")), ())
    assert [(check.name, check.tone, check.before) for check in told.checks] == [
        ("home", Tone.Good, True),
        ("aurora-load", Tone.Off, True),
    ]


def test_the_end_of_a_failed_builds_log_is_told() -> None:
    status = objects.deploying("drumeo")
    build = status["current"]["build"] | {"logTail": "npm ERR!"}
    evidence = {"pod": "p", "container": "c", "logTail": "never ended"}
    hooks = {"preDeploy": {"job": "j", "startedAt": at(1)}}
    current = status["current"] | {"build": build, "evidence": evidence, "hooks": hooks}
    told = story(read(status | {"current": current, "next": current | {"number": 14}}), ())
    assert [(log.title, log.text) for log in told.logs] == [
        ("Pod p, container c", "never ended"),
        ("Build by buildKit, attempt 1", "npm ERR!"),
    ]
    assert told.upcoming is not None
    assert told.upcoming.number == 14


def test_a_cache_that_was_not_invalidated_is_a_warning_and_one_that_was_is_none() -> None:
    stale, fresh = (
        objects.ready(status, "InvalidationFailed", f"CloudFront {status}", 1) | {"type": "CacheInvalidated"}
        for status in ("False", "True")
    )
    lifted = objects.ready("False", "Succeeded", "lifted", 1) | {"type": "Quarantined"}
    assert story(read({"conditions": [stale, lifted]}), ()).warnings == ("CloudFront False",)
    assert story(read({"conditions": [fresh]}), ()).warnings == ()


def test_an_object_that_cannot_be_read_says_so() -> None:
    told = unreadable("drumeo-production", "drumeo", "drumeo", "production", "ref must not be empty")
    assert (told.phase, told.tone) == ("Unreadable", Tone.Stuck)
    assert "ref must not be empty" in told.message
    assert untold(told).glance == told


def test_a_story_of_nothing_has_nothing() -> None:
    told = story(read({}), ())
    assert (told.work, told.upcoming, told.checks, told.logs, told.past, told.pods) == (None, None, (), (), (), ())


# --- pods -------------------------------------------------------------------------------------------------------------


def line(**status: Any) -> tuple[str, Tone, int]:
    body = objects.pod("drumeo", "production", "p", 13)
    body["status"] |= status
    told = pod_line(pod_view(body))
    return told.words, told.tone, told.restarts


def container(state: Object, restarts: int = 0) -> Object:
    return {"containerStatuses": [{"name": "app", "ready": False, "restartCount": restarts, "state": state}]}


NOT_READY: Object = {"conditions": [{"type": "Ready", "status": "False"}]}
UNSCHEDULABLE: Object = {
    "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]
}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, ("Ready", Tone.Good, 0)),
        (NOT_READY, ("Not ready", Tone.Busy, 0)),
        (NOT_READY | {"phase": "Pending"}, ("Pending", Tone.Busy, 0)),
        (NOT_READY | {"phase": ""}, ("Pending", Tone.Busy, 0)),
        (UNSCHEDULABLE, ("Unschedulable: 0/3 nodes", Tone.Stuck, 0)),
        ({"reason": "Evicted"}, ("Evicted", Tone.Bad, 0)),
        (container({"waiting": {"reason": "CrashLoopBackOff"}}, 3), ("CrashLoopBackOff (container app)", Tone.Bad, 3)),
        (NOT_READY | container({"waiting": {"reason": "ContainerCreating"}}), ("Not ready", Tone.Busy, 0)),
        (container({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}), ("OOMKilled, exit code 137 (container app)", Tone.Bad, 0)),
        (container({"terminated": {"exitCode": 1}}), ("Error, exit code 1 (container app)", Tone.Bad, 0)),
        (container({"terminated": {"exitCode": 0}}), ("Ready", Tone.Good, 0)),
    ],
)  # fmt: skip
def test_a_pod_stands_as_the_kubelet_says(status: Object, expected: tuple[str, Tone, int]) -> None:
    assert line(**status) == expected


def test_a_pod_that_is_being_deleted_is_terminating() -> None:
    body = objects.pod("drumeo", "production", "p", 13)
    body["metadata"]["deletionTimestamp"] = at(0)
    assert pod_line(pod_view(body)).words == "Terminating"


# --- all of them ------------------------------------------------------------------------------------------------------


def test_the_wall_has_a_row_for_each_brand_and_production_comes_first() -> None:
    brands = {"pianote": BrandSight("pianote", ("canary", "staging", "production"))}
    told = wall(brands, [seen(objects.live("drumeo"))])
    assert told.columns == ("production", "staging", "canary")
    drumeo, pianote = told.rows
    assert [len(cell.glances) for cell in drumeo.cells] == [1, 0, 0]
    assert [cell.known for cell in drumeo.cells] == [True, False, False]
    assert [(len(cell.glances), cell.known) for cell in pianote.cells] == [(0, True)] * 3


def test_two_brandreleases_of_one_environment_stand_in_one_cell() -> None:
    one = objects.release("drumeo", "production", objects.live("drumeo"))
    other = objects.release("drumeo", "production", objects.blocked("drumeo"))
    other["metadata"]["name"] = "copy"
    told = wall({}, [glance(BrandRelease.from_object(body)) for body in (one, other)])
    assert [each.name for each in told.rows[0].cells[0].glances] == ["copy", "drumeo"]


def test_they_are_counted_by_how_they_stand() -> None:
    statuses = (objects.live("a"), objects.live("b"), objects.rolled_back("c"), objects.suspended("d"))
    assert counts(seen(each) for each in statuses) == Counts(good=2, bad=1, off=1)


def test_a_brand_that_is_not_ready_says_why() -> None:
    def sight(body: Object) -> BrandSight:
        return brand_sight("drumeo", BrandStatus.model_validate(body.get("status", {})))

    bad = sight(objects.brand("drumeo", "production", trouble="No such repository."))
    assert (bad.reason, bad.trouble, bad.environments) == ("SourceUnreachable", "No such repository.", ("production",))
    assert sight(objects.brand("drumeo", "production")) == BrandSight("drumeo", ("production",))
    assert sight({}) == BrandSight("drumeo")
