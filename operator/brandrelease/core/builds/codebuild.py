"""What AWS CodeBuild's words mean for a release: one table of failures, and how a build that it describes stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.images import BuildOrder
from brandrelease.core.builds.seen import BuildFailed, BuildRunning, BuildState, BuildSucceeded, BuildTrace
from brandrelease.core.plain import plain
from brandrelease.core.words import cut, seconds, short


class FailureClass(StrEnum):
    """What kind of failure it is; that alone decides what is done about it."""

    Transient = "Transient"
    Quota = "Quota"
    Config = "Config"
    Infrastructure = "Infrastructure"
    User = "User"
    TooLong = "TooLong"
    Conflict = "Conflict"
    ForeignStop = "ForeignStop"


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done about a class of failures. another_attempt: whether another build of the same commit may help."""

    reason: Reason
    another_attempt: bool
    action: str


# fmt: off
TREATMENT: Final[Mapping[FailureClass, Treatment]] = MappingProxyType({
    FailureClass.Transient: Treatment(Reason.BuilderUnreachable, False, "asked again after growing pauses, within the same attempt"),
    FailureClass.Quota: Treatment(Reason.BuildQuotaExceeded, False, "asked again once a minute, within the same attempt"),
    FailureClass.Config: Treatment(Reason.BuilderMisconfigured, False, "asked again once a minute: it heals when it is mended in AWS or in the Brand"),
    FailureClass.Infrastructure: Treatment(Reason.BuildInfrastructureFailed, True, "another attempt, three in all"),
    FailureClass.User: Treatment(Reason.BuildFailed, False, "the release fails; the commit must be mended"),
    FailureClass.TooLong: Treatment(Reason.BuildTimedOut, False, "the release fails; ask for it again"),
    FailureClass.Conflict: Treatment(Reason.DigestMismatch, False, "the release fails, and nothing is deployed"),
    FailureClass.ForeignStop: Treatment(Reason.BuildStopped, False, "the release fails; whoever stopped it knows why"),
})
# fmt: on
"""What is done about each class, in one place."""

_TRANSIENT_CODES: Final = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestExpired",
        "ExpiredToken",
        "ExpiredTokenException",
        "InternalFailure",
        "InternalServerError",
        "ServerException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
"""What passes by itself. Credentials that have expired are read again, so they are among it."""

_QUOTA_CODES: Final = frozenset(
    {"AccountLimitExceededException", "LimitExceededException", "TooManyInvalidationsInProgress"}
)
_SERVER_ERROR: Final = 500


def class_of_error(code: str, http_status: int) -> FailureClass:
    """What an error of AWS's API means. http_status: 0 where there was no answer at all."""
    if code in _QUOTA_CODES:
        return FailureClass.Quota
    if code in _TRANSIENT_CODES or http_status >= _SERVER_ERROR or http_status == 0:
        return FailureClass.Transient
    return FailureClass.Config


# --- a build ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BuildPhase:
    """One phase of a build. status: empty while it runs. message: CodeBuild's words on how it ended."""

    name: str
    status: str
    message: str


@dataclass(frozen=True, slots=True)
class CodeBuildView:
    """A build as CodeBuild describes it.

    digest: what its buildspec exports as IMAGE_DIGEST. commit: what it really built, once it knows. log_tail: only of
    one that ended badly. queued_before: how many builds of this operator stand in the queue before it.
    """

    id: str
    status: str
    phases: tuple[BuildPhase, ...]
    current_phase: str
    started_at: datetime | None
    ended_at: datetime | None
    logs_url: str | None
    digest: str | None
    commit: str | None
    log_tail: str = ""
    queued_before: int = 0

    @property
    def running(self) -> bool:
        """Whether it is queued or runs."""
        return self.status == "IN_PROGRESS"

    @property
    def queued(self) -> bool:
        """Whether it waits until CodeBuild has room for it."""
        return self.running and self.current_phase in _BEFORE_IT_RUNS


_BEFORE_IT_RUNS: Final = ("SUBMITTED", "QUEUED")
_NOT_THE_COMMITS: Final = (*_BEFORE_IT_RUNS, "PROVISIONING", "DOWNLOAD_SOURCE", "UPLOAD_ARTIFACTS", "FINALIZING")
"""Phases in which nothing of the repository is run: a failure there is not the commit's doing."""

_PHASE_IN_WORDS: Final = {
    "PROVISIONING": "gets its machine",
    "DOWNLOAD_SOURCE": "takes the source",
    "UPLOAD_ARTIFACTS": "ends",
    "FINALIZING": "ends",
    "COMPLETED": "ends",
}

_TAG_IS_TAKEN: Final = ("imagetagalreadyexists", "tag is immutable", "already exists in the")
"""ECR refuses to push a tag again where tags are immutable: the image of this very key is there already."""


def class_of_end(view: CodeBuildView) -> FailureClass:
    """What a build that ended without success means."""
    failed_in = next((phase.name for phase in view.phases if phase.status not in {"", "SUCCEEDED"}), "")
    match view.status:
        case "FAULT":
            return FailureClass.Infrastructure
        case "STOPPED":
            return FailureClass.ForeignStop
        case "TIMED_OUT":
            return FailureClass.Infrastructure if failed_in in _NOT_THE_COMMITS else FailureClass.TooLong
        case _:
            return FailureClass.Infrastructure if failed_in in _NOT_THE_COMMITS else FailureClass.User


def state_of(view: CodeBuildView, order: BuildOrder) -> BuildState:
    """How the build stands, for the release that waits for it."""
    trace = BuildTrace(view.id, view.logs_url)
    if view.running:
        return BuildRunning(_progress(view, order), trace)
    if view.status == "SUCCEEDED":
        if view.commit not in {None, order.commit}:
            return _of_another_commit(view, order, trace)
        return BuildSucceeded(view.digest, trace)
    if any(word in view.log_tail.lower() for word in _TAG_IS_TAKEN):
        return BuildSucceeded(None, trace)
    treatment = TREATMENT[class_of_end(view)]
    return BuildFailed(
        treatment.reason, _ended(view, order), treatment.another_attempt, view.log_tail, view.ended_at, trace
    )


def _progress(view: CodeBuildView, order: BuildOrder) -> str:
    """What the build does now, as a sentence; it changes only when something has changed."""
    what = f"Build {view.id} of commit {short(order.commit)} in {order.place}"
    if not view.queued:
        return f"{what} {_PHASE_IN_WORDS.get(view.current_phase, 'runs its buildspec')}."
    since = f" since {view.started_at:%H:%M:%S} UTC" if view.started_at else ""
    before = f", behind {view.queued_before} more of the operator's builds" if view.queued_before else ""
    return f"{what} is queued{since}{before}."


def _of_another_commit(view: CodeBuildView, order: BuildOrder, trace: BuildTrace) -> BuildFailed:
    message = (
        f"Build {view.id} in {order.place} built commit {short(view.commit)} and not {short(order.commit)}. Its project must take the source "
        "at the version that it is started with. Delete the tag from the registry, mend the project, and ask for the release again."
    )
    treatment = TREATMENT[FailureClass.Conflict]
    return BuildFailed(treatment.reason, message, treatment.another_attempt, "", view.ended_at, trace)


def _ended(view: CodeBuildView, order: BuildOrder) -> str:
    """How the build ended and why, as a sentence."""
    bad = next((phase for phase in view.phases if phase.status not in {"", "SUCCEEDED"}), None)
    where = f" in phase {bad.name}" if bad else ""
    words = cut(" ".join(plain(bad.message).split()), 300).rstrip(".") if bad else ""
    why = f": {words}" if words else ""
    what = f"Build {view.id} in {order.place}"
    log = " The last lines of its log are in status.current.build.logTail." if view.log_tail else ""
    match view.status:
        case "FAULT":
            return f"{what} ended{where} by a fault of CodeBuild{why}."
        case "STOPPED":
            return f"{what} was stopped by somebody in AWS. Ask for the release again if it is wanted."
        case "TIMED_OUT" if bad and bad.name in _NOT_THE_COMMITS:
            return f"{what} waited too long{where}{why}."
        case "TIMED_OUT":
            return f"{what} took longer than {seconds(order.timeout_seconds)} (spec.build.timeoutSeconds){where}.{log}"
        case _:
            return f"{what} failed{where}{why}.{log}"
