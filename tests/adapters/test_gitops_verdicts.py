"""What kstatus, by Flux's own library, and our health script for Argo CD say of every state that there is.

The states that a real cluster was in are judged at the end of `make e2e` (support/gitops_audit.py); here it is every phase
with every reason, and whole releases in the simulated world.
"""

from datetime import UTC, datetime
from itertools import product
from typing import Any, Final

import pytest

from brandrelease.apis.brand_status import BrandCondition, BrandConditionType, BrandStatus
from brandrelease.apis.brandrelease import (
    BrandRelease,
    BrandReleaseStatus,
    CurrentRelease,
    HandledRequest,
    Outcome,
    Phase,
)
from brandrelease.apis.conditions import ConditionStatus
from brandrelease.apis.reasons import Reason
from brandrelease.codegen.crd import UNSEEN
from brandrelease.core.status import Headline, present
from support.gitops_verdicts import Object, expected, judge, wrong_about
from support.simulation import Behaviour
from support.story import Story

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
ASKED: Final = "brandrelease.dev/requestedAt"


def body(status: Object, kind: str = "BrandRelease", generation: int = 3, **annotations: str) -> Object:
    """An object as the API server has it. Annotations are named without their prefix."""
    named = {f"brandrelease.dev/{name}": text for name, text in annotations.items()}
    return {
        "apiVersion": "brandrelease.dev/v1alpha1",
        "kind": kind,
        "metadata": {
            "name": "drumeo",
            "namespace": "drumeo-production",
            "generation": generation,
            "annotations": named,
        },
        "spec": {"brand": "drumeo", "environment": "production", "ref": "master"},
        "status": status,
    }


def status(phase: Phase, reason: Reason, outcome: Outcome | None = None) -> Object:
    """The status that the operator writes of it."""
    current = CurrentRelease(number=1, ref="refs/heads/master", commit="a" * 40, started_at=NOW, outcome=outcome)
    known = BrandReleaseStatus(current=current, last_handled=HandledRequest(ref="master", requested_at="monday"))
    release = BrandRelease.from_object(
        {
            "metadata": {
                "name": "drumeo",
                "namespace": "drumeo-production",
                "uid": "uid",
                "generation": 3,
                "resourceVersion": "1",
                "creationTimestamp": "2026-01-01T00:00:00Z",
            },
            "spec": {"brand": "drumeo", "environment": "production", "ref": "master"},
        }
    )
    return present(release, known, Headline(phase, reason, "What happened, and what to do."), NOW).to_wire()


def test_every_phase_with_every_reason() -> None:
    bodies = [
        body(status(phase, reason, outcome)) for phase, reason, outcome in product(Phase, Reason, (None, *Outcome))
    ]
    assert wrong_about(bodies) == []


def test_whole_releases() -> None:
    """A good one, a bad one, a freeze of everything, a way back, a crash, a build that fails."""
    story = Story()
    for name, behaviour in (("one", Behaviour.Good), ("two", Behaviour.Crashes), ("three", Behaviour.DoesNotBuild)):
        story.push("master", name, behaviour, mends=True)
        story.ask("master")
        story.play(90)
    story.set_image_by_hand("somebody-elses")
    story.play(20)
    story.ask("master", suspend=True)
    story.play(20)
    story.ask("no-such-branch")
    story.play(20)
    bodies = [body(each.to_wire(), generation=each.observed_generation or 0) for each in story.statuses]
    phases = {each["status"]["phase"] for each in bodies}
    assert {"Live", "RolledBack", "Failed", "Suspended", "Blocked", "Building", "RollingBack"} <= phases
    assert wrong_about(bodies) == []


@pytest.mark.parametrize("kind", ["Brand", "BrandRelease"])
def test_an_object_that_nobody_has_looked_at_is_waited_for(kind: str) -> None:
    """Without the default of the CRD, kstatus would take it for well."""
    (verdict,) = judge([body(UNSEEN, kind, generation=1)])
    assert (verdict.kstatus, verdict.health) == ("InProgress", "Progressing")


@pytest.mark.parametrize("phase", Phase)
def test_a_spec_that_nobody_has_looked_at_is_waited_for(phase: Phase) -> None:
    (verdict,) = judge([body(status(phase, Reason.Succeeded), generation=4)])
    assert (verdict.kstatus, verdict.health) == ("InProgress", "Progressing")


@pytest.mark.parametrize(
    ("phase", "asked", "health"),
    [
        (Phase.Live, "monday", "Healthy"),
        (Phase.Live, "tuesday", "Progressing"),
        (Phase.RolledBack, "monday", "Degraded"),
        (Phase.RolledBack, "tuesday", "Progressing"),
        (Phase.Live, "x" * 300, "Healthy"),
    ],
)
def test_argo_cd_waits_for_a_request_that_was_not_taken_up(phase: Phase, asked: str, health: str) -> None:
    """A text that is longer than what is recorded of it cannot be compared, and is not waited for."""
    (verdict,) = judge([body(status(phase, Reason.Succeeded), requestedAt=asked)])
    assert verdict.health == health


READY: Final = BrandConditionType.Ready
BRANDS: Final = {
    "usable": ((READY, ConditionStatus.Yes),),
    "not asked yet": ((READY, ConditionStatus.Unknown), (BrandConditionType.Reconciling, ConditionStatus.Yes)),
    "a server is down": ((READY, ConditionStatus.No), (BrandConditionType.Reconciling, ConditionStatus.Yes)),
    "somebody must do something": ((READY, ConditionStatus.No), (BrandConditionType.Stalled, ConditionStatus.Yes)),
}


@pytest.mark.parametrize("conditions", BRANDS.values(), ids=BRANDS)
def test_brands(conditions: tuple[tuple[BrandConditionType, ConditionStatus], ...]) -> None:
    told: list[BrandCondition] = [
        BrandCondition(
            type=kind,
            status=value,
            reason=Reason.SourceUnreachable,
            message="Git does not answer.",
            last_transition_time=NOW,
            observed_generation=3,
        )
        for kind, value in conditions
    ]
    wire: dict[str, Any] = BrandStatus(observed_generation=3, conditions=tuple(told)).to_wire()
    assert wrong_about([body(wire, "Brand")]) == []


def test_the_rules_can_fail() -> None:
    """A status that says Live without a condition that says so is no success to kstatus and to people."""
    lying = status(Phase.Building, Reason.Building)
    lying["phase"] = "Live"
    assert expected(body(lying)) == ("Current", "Healthy")
    assert len(wrong_about([body(lying)])) == 1
