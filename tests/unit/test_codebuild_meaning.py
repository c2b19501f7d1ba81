"""What CodeBuild's words mean: every error and every end has one class, and every class one treatment."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from brandrelease.apis.reasons import Reason
from brandrelease.core.blame import BLAME
from brandrelease.core.builds.codebuild import (
    TREATMENT,
    BuildPhase,
    CodeBuildView,
    FailureClass,
    class_of_end,
    class_of_error,
    state_of,
)
from brandrelease.core.builds.seen import BuildFailed, BuildRunning, BuildState, BuildSucceeded
from support.orders import COMMIT, ORDER

VIEW = CodeBuildView(
    id="drumeo:1",
    status="IN_PROGRESS",
    phases=(),
    current_phase="BUILD",
    started_at=datetime(2026, 1, 1, 12, 0, 5, tzinfo=UTC),
    ended_at=None,
    logs_url="https://console.aws.amazon.com/logs",
    digest=None,
    commit=COMMIT,
)


def bad(status: str, phase: str, message: str = "", **more: object) -> CodeBuildView:
    """A build that ended so, in this phase."""
    phases = (
        BuildPhase("SUBMITTED", "SUCCEEDED", ""),
        BuildPhase(phase, status, message),
        BuildPhase("COMPLETED", "", ""),
    )
    return replace(VIEW, status=status, phases=phases, current_phase="COMPLETED", **more)  # type: ignore[arg-type]


ERRORS = [
    ("AccountLimitExceededException", 400, FailureClass.Quota),
    ("ThrottlingException", 400, FailureClass.Transient),
    ("ExpiredTokenException", 400, FailureClass.Transient),
    ("InternalFailure", 500, FailureClass.Transient),
    ("SomethingNew", 503, FailureClass.Transient),
    ("SomethingNew", 500, FailureClass.Transient),
    ("NoAnswer", 0, FailureClass.Transient),
    ("SomethingNew", 499, FailureClass.Config),
    ("AccessDeniedException", 400, FailureClass.Config),
    ("InvalidInputException", 400, FailureClass.Config),
    ("ResourceNotFoundException", 400, FailureClass.Config),
]


@pytest.mark.parametrize(("code", "status", "expected"), ERRORS)
def test_each_error_of_the_api_has_its_class(code: str, status: int, expected: FailureClass) -> None:
    assert class_of_error(code, status) is expected


BEFORE = ["SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE"]
DURING = ["INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"]
AFTER = ["UPLOAD_ARTIFACTS", "FINALIZING"]
ENDS = [
    *(("FAULT", phase, FailureClass.Infrastructure) for phase in [*BEFORE, *DURING, *AFTER]),
    *(("STOPPED", phase, FailureClass.ForeignStop) for phase in [*BEFORE, *DURING, *AFTER]),
    *(("FAILED", phase, FailureClass.Infrastructure) for phase in [*BEFORE, *AFTER]),
    *(("FAILED", phase, FailureClass.User) for phase in DURING),
    *(("TIMED_OUT", phase, FailureClass.Infrastructure) for phase in [*BEFORE, *AFTER]),
    *(("TIMED_OUT", phase, FailureClass.TooLong) for phase in DURING),
]


@pytest.mark.parametrize(("status", "phase", "expected"), ENDS)
def test_each_end_of_a_build_has_its_class(status: str, phase: str, expected: FailureClass) -> None:
    assert class_of_end(bad(status, phase)) is expected


def test_a_failure_in_no_phase_is_the_commits_and_a_timeout_too_long() -> None:
    assert class_of_end(replace(VIEW, status="FAILED")) is FailureClass.User
    assert class_of_end(replace(VIEW, status="TIMED_OUT")) is FailureClass.TooLong


def test_each_class_has_a_treatment_whose_reason_has_a_blame() -> None:
    assert set(TREATMENT) == set(FailureClass)
    assert all(treatment.reason in BLAME and treatment.action for treatment in TREATMENT.values())
    assert [each for each in FailureClass if TREATMENT[each].another_attempt] == [FailureClass.Infrastructure]


RUNNING = {
    "SUBMITTED": "is queued since 12:00:05 UTC.",
    "QUEUED": "is queued since 12:00:05 UTC.",
    "PROVISIONING": "gets its machine.",
    "DOWNLOAD_SOURCE": "takes the source.",
    "INSTALL": "runs its buildspec.",
    "BUILD": "runs its buildspec.",
    "UPLOAD_ARTIFACTS": "ends.",
    "COMPLETED": "ends.",
}


@pytest.mark.parametrize(("phase", "words"), RUNNING.items())
def test_a_build_that_runs_says_what_it_does(phase: str, words: str) -> None:
    state = state_of(replace(VIEW, current_phase=phase), ORDER)
    assert isinstance(state, BuildRunning)
    assert state.message == f"Build drumeo:1 of commit 0123456789ab in CodeBuild project drumeo {words}"
    assert state.trace is not None
    assert (state.trace.id, state.trace.logs_url) == ("drumeo:1", "https://console.aws.amazon.com/logs")


def test_a_build_in_the_queue_says_how_many_of_ours_stand_before_it() -> None:
    queued = replace(VIEW, current_phase="QUEUED", queued_before=3)
    assert message(state_of(queued, ORDER)).endswith(
        "is queued since 12:00:05 UTC, behind 3 more of the operator's builds."
    )
    assert message(state_of(replace(queued, started_at=None, queued_before=0), ORDER)).endswith(" is queued.")


def message(state: BuildState) -> str:
    assert isinstance(state, BuildRunning | BuildFailed)
    return state.message


MESSAGES = {
    "FAULT": (bad("FAULT", "PROVISIONING", "an issue"), "ended in phase PROVISIONING by a fault of CodeBuild: an issue."),
    "FAILED": (bad("FAILED", "BUILD", "exit status 1", log_tail="no"), "failed in phase BUILD: exit status 1. The last lines of its log are in status.current.build.logTail."),
    "FAILED without words": (bad("FAILED", "BUILD"), "failed in phase BUILD."),
    "FAILED without a phase": (replace(VIEW, status="FAILED"), "failed."),
    "TIMED_OUT": (bad("TIMED_OUT", "BUILD"), "took longer than 30 min (spec.build.timeoutSeconds) in phase BUILD."),
    "TIMED_OUT in the queue": (bad("TIMED_OUT", "QUEUED"), "waited too long in phase QUEUED."),
    "STOPPED": (bad("STOPPED", "BUILD"), "was stopped by somebody in AWS. Ask for the release again if it is wanted."),
    "words on many lines": (bad("FAILED", "BUILD", "a\nb\x1b[31m c."), "failed in phase BUILD: a b c."),
}  # fmt: skip


@pytest.mark.parametrize(("view", "words"), MESSAGES.values(), ids=MESSAGES)
def test_a_build_that_ended_badly_says_how(view: CodeBuildView, words: str) -> None:
    assert message(state_of(view, ORDER)) == f"Build drumeo:1 in CodeBuild project drumeo {words}"


def test_a_build_that_succeeded_tells_its_digest() -> None:
    state = state_of(replace(VIEW, status="SUCCEEDED", digest="sha256:1"), ORDER)
    assert isinstance(state, BuildSucceeded)
    assert state.digest == "sha256:1"
    assert isinstance(state_of(replace(VIEW, status="SUCCEEDED", commit=None), ORDER), BuildSucceeded)


def test_a_project_that_builds_another_commit_deploys_nothing() -> None:
    state = state_of(replace(VIEW, status="SUCCEEDED", digest="sha256:1", commit="f" * 40), ORDER)
    assert isinstance(state, BuildFailed)
    assert (state.reason, state.retriable) == (Reason.DigestMismatch, False)
    assert "built commit ffffffffffff and not 0123456789ab" in state.message


def test_only_ecrs_word_that_the_tag_is_taken_makes_a_failure_a_success() -> None:
    taken = "denied: The image tag '0123456789ab-ffffffffff' already exists in the 'drumeo' repository and cannot be overwritten"
    assert isinstance(state_of(bad("FAILED", "POST_BUILD", log_tail=taken), ORDER), BuildSucceeded)
    assert isinstance(state_of(bad("FAILED", "POST_BUILD", log_tail="denied: no right"), ORDER), BuildFailed)
