"""The witness of a soak says of each thing that may not happen that it has happened. Otherwise it would prove nothing."""

import re
from typing import Any
from unittest.mock import sentinel

import pytest

from soak.sites import HISTORY, Site
from soak.truth import Behaviour, Made, Truth
from soak.witness import Witness

GOOD, FIX, BAD, ON_BAD = "a" * 40, "b" * 40, "c" * 40, "d" * 40
IMAGES = {commit: f"sha256:{commit[:1] * 64}" for commit in (GOOD, FIX, BAD, ON_BAD)}
KEY = ("soak-b00", "e0")
NOW = "2026-01-01T00:00:00Z"

Object = dict[str, Any]


@pytest.fixture
def truth() -> Truth:
    truth = Truth()
    truth.made(Made(GOOD, Behaviour.Good))
    truth.made(Made(BAD, Behaviour.Crashes, GOOD))
    truth.made(Made(ON_BAD, Behaviour.Good, BAD))
    truth.made(Made(FIX, Behaviour.Good, BAD, undoes=BAD))
    for commit, digest in IMAGES.items():
        truth.pushed(commit, digest)
    return truth


@pytest.fixture
def witness(truth: Truth) -> Witness:
    witness = Witness(sentinel.kube, truth)
    witness.watch([Site(0, sentinel.repository)], "registry.example.com/sites/by-hand@sha256:0")
    return witness


def image(commit: str) -> str:
    return f"registry.example.com/sites/b00@{IMAGES[commit]}"


def one(number: int, commit: str = GOOD, **more: Any) -> Object:
    """A release as it stands in current or next."""
    return {"number": number, "ref": "refs/heads/e0", "commit": commit, "startedAt": NOW, **more}


def past(number: int, commit: str = GOOD, outcome: str = "Succeeded", **more: Any) -> Object:
    told = {
        "reason": "Succeeded" if outcome == "Succeeded" else "CrashLoopBackOff",
        "message": "It is so.",
        "finishedAt": NOW,
        "image": image(commit),
    }
    return {**one(number, commit), "outcome": outcome, **told, **more}


def tells(witness: Witness, uid: str = "1", **status: Any) -> None:
    """The BrandRelease has this status now."""
    ready = {
        "type": "Ready",
        "status": "False",
        "reason": "Building",
        "message": "It builds.",
        "lastTransitionTime": NOW,
    }
    conditions = [{**ready, "observedGeneration": 1}]
    body = {
        "metadata": {"namespace": KEY[0], "name": KEY[1], "uid": uid, "generation": 1},
        "status": {"observedGeneration": 1, "phase": "Failed", "conditions": conditions, **status},
    }
    witness._on_release("MODIFIED", body)


def succeeded(number: int, commit: str = GOOD) -> Object:
    return one(number, commit, image=image(commit), outcome="Succeeded", finishedAt=NOW)


def test_a_release_and_the_next_are_well(witness: Witness) -> None:
    tells(witness, current=one(1))
    tells(witness, current=succeeded(1), history=[past(1)])
    tells(witness, current=one(2, FIX), history=[past(1)])
    tells(witness, current=succeeded(2, FIX), history=[past(2, FIX), past(1)])
    assert witness.violations == []
    assert witness.ended == 2


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"current": one(1)}, {"current": one(3)}, "release 3 comes after 1"),
        ({"current": one(1)}, {"current": one(1, FIX)}, "was commit"),
        ({"current": one(1, image=image(GOOD))}, {"current": one(1, image=image(FIX))}, "had image"),
        (
            {"current": succeeded(1)},
            {"current": {**succeeded(1), "outcome": "Failed", "reason": "BuildFailed"}},
            "had ended Succeeded and now is Failed",
        ),
        ({"current": one(1, BAD)}, {"current": succeeded(1, BAD)}, "its commit crashes"),
        ({"current": one(1)}, {"current": {**succeeded(1), "image": image(FIX)}}, "of another commit"),
        ({"current": one(1)}, {"current": one(2), "history": []}, r"releases \[1\] are lost"),
        (
            {"current": succeeded(2), "history": [past(2), past(1)]},
            {"current": succeeded(2), "history": [past(2)]},
            r"its history has lost \[1\]",
        ),
        ({}, {"history": [past(1), past(2)]}, "not newest first"),
        ({}, {"history": [past(number) for number in range(HISTORY + 1, 0, -1)]}, "has 11 entries"),
        ({}, {"phase": "Building"}, "not as kstatus wants"),
    ],
)
def test_what_may_not_become_of_releases_is_told(witness: Witness, before: Object, after: Object, said: str) -> None:
    tells(witness, **before)
    assert witness.violations == []
    tells(witness, **after)
    assert any(re.search(said, violation) for violation in witness.violations), witness.violations


@pytest.mark.parametrize(("commit", "is_well"), [(BAD, False), (ON_BAD, False), (FIX, True), (GOOD, True)])
def test_a_quarantined_commit_is_not_deployed_unless_it_is_reverted(
    witness: Witness, commit: str, is_well: bool
) -> None:
    entry = {"commit": BAD, "reason": "CrashLoopBackOff", "release": 1, "since": NOW}
    tells(witness, current=one(2, commit), quarantine=[entry], history=[past(1, BAD, "RolledBack")])
    tells(
        witness,
        current=one(2, commit, rollout={"startedAt": NOW}),
        quarantine=[entry],
        history=[past(1, BAD, "RolledBack")],
    )
    assert (witness.violations == []) == is_well


def test_an_image_in_the_deployment_that_no_status_has_told_of_is_told(witness: Witness) -> None:
    tells(witness, current=one(1, image=image(GOOD)))
    witness._judge_image(KEY, ("1", image(GOOD)))
    assert witness.violations == []
    witness._judge_image(KEY, ("1", image(FIX)))
    assert "which no status has told of" in witness.violations[0]


def test_two_builds_for_a_key_at_the_same_time_are_told(witness: Witness) -> None:
    def job(uid: str, *conditions: str) -> Object:
        metadata = {"uid": uid, "name": uid, "namespace": "builds", "labels": {"brandrelease.dev/build-key": "k"}}
        return {"metadata": metadata, "status": {"conditions": [{"type": each} for each in conditions]}}

    witness._on_job("ADDED", job("1"))
    witness._on_job("MODIFIED", job("1", "Failed"))
    witness._on_job("ADDED", job("2"))
    assert witness.violations == []
    witness._on_job("ADDED", job("3"))
    assert "run at the same time: ['2', '3']" in witness.violations[0]


def test_a_deployment_of_a_bystander_that_is_touched_is_told(witness: Witness) -> None:
    def deployment(image: str) -> Object:
        spec = {"template": {"metadata": {"labels": {}}, "spec": {"containers": [{"image": image}]}}}
        return {
            "metadata": {"namespace": "bystanders", "name": "b00-e0-deployment", "uid": "9", "labels": {}},
            "spec": spec,
        }

    witness._on_deployment("ADDED", deployment("one"))
    witness._on_deployment("MODIFIED", deployment("one"))
    assert witness.violations == []
    witness._on_deployment("MODIFIED", deployment("two"))
    assert "was touched" in witness.violations[0]


def test_the_truth_knows_what_carries_a_bad_commit(truth: Truth) -> None:
    assert [commit for commit in truth.commits if truth.carries(commit, BAD)] == [BAD, ON_BAD]
