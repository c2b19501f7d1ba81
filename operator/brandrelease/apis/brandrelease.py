"""`BrandRelease`: which ref of a brand runs in an environment. It belongs to whoever deploys.

Its spec holds nothing that could point the operator at another brand's workload, another image or another command.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from brandrelease.apis.checks import CHECKS_LIMIT
from brandrelease.apis.conditions import Condition
from brandrelease.apis.model import ApiModel, list_atomic, list_map, list_set, rules
from brandrelease.apis.notifications import NOTIFICATIONS_LIMIT, Told
from brandrelease.apis.ownership import managers
from brandrelease.apis.progress import (
    CHANGES_LIMIT,
    LET_THROUGH_LIMIT,
    QUARANTINE_LIMIT,
    STOPPING_LIMIT,
    SUSPECTS_LIMIT,
    BuildProgress,
    Change,
    Commit,
    HooksProgress,
    ImageReference,
    Invalidation,
    LogTail,
    Message,
    ReleaseNumber,
    Retry,
    Rollback,
    Rollout,
    Time,
)
from brandrelease.apis.reasons import Reason
from brandrelease.apis.verification import CheckBaseline, Verification
from brandrelease.apis.wellknown import (
    ABORT_ANNOTATION,
    OVERRIDE_ANNOTATION,
    REQUESTED_AT_ANNOTATION,
    ROLLBACK_TO_ANNOTATION,
)


class Phase(StrEnum):
    """Where a BrandRelease stands, in one word; derived from the rest of the status and never read back."""

    Pending = "Pending"
    Building = "Building"
    Migrating = "Migrating"
    Deploying = "Deploying"
    Verifying = "Verifying"
    Live = "Live"
    RollingBack = "RollingBack"
    RolledBack = "RolledBack"
    Failed = "Failed"
    Blocked = "Blocked"
    Suspended = "Suspended"


class Outcome(StrEnum):
    """How a release ended."""

    Succeeded = "Succeeded"
    RolledBack = "RolledBack"
    Failed = "Failed"
    Superseded = "Superseded"
    Aborted = "Aborted"


class Blame(StrEnum):
    """Whose doing a failure is. Only a commit that is to blame itself is quarantined."""

    Release = "Release"
    Platform = "Platform"
    Unknown = "Unknown"


class BrandReleaseSpec(ApiModel):
    """What is asked for."""

    brand: str = Field(
        max_length=63,
        description="Name of the Brand. It cannot be changed.",
        json_schema_extra=rules(
            (
                "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
                "must be the name of a Brand, for example 'drumeo'; 'kubectl get brands' lists them",
            ),
            ("self == oldSelf", "cannot be changed; create another BrandRelease for the other brand"),
        ),
    )
    environment: str = Field(
        max_length=63,
        description="Name of one of the Brand's environments. It cannot be changed.",
        json_schema_extra=rules(
            (
                "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
                "must be the name of one of the Brand's environments, for example 'production'",
            ),
            ("self == oldSelf", "cannot be changed; create another BrandRelease for the other environment"),
        ),
    )
    ref: str = Field(
        max_length=255,
        description="What to release: a branch, a tag, a full ref name (refs/...) or a full commit id.",
        json_schema_extra=rules(
            ("!self.startsWith('-')", "must not begin with '-'; write a branch, a tag, refs/... or a full commit id"),
            (
                "self.matches('^[A-Za-z0-9._/@+=#%,!{}-]+$')",
                (
                    "must be the name of a branch or tag, or a full commit id: English letters, digits and "
                    ". _ / @ + = # % , ! - without spaces, '~', '^', ':', '?', '*', '[' or '\\', "
                    "for example 'master' or 'refs/tags/v1.2'"
                ),
            ),
            (
                "!self.matches('[.][.]|[{}]|//|^@$')",
                (
                    "must not contain '..', '{', '}' or '//', nor be '@' alone; write a branch, a tag, refs/... "
                    "or a full commit id"
                ),
            ),
            (
                "!self.matches('(^|/)[.]|^/|[/.]$|[.]lock(/|$)')",
                (
                    "must not begin with '/' or end with '/' or '.', and no part of it may begin with '.' or end with "
                    "'.lock': git does not allow that in a ref name"
                ),
            ),
            (
                "!self.matches('^[0-9a-fA-F]{7,39}$')",
                (
                    "looks like a shortened commit id; write the full id of 40 characters ('git rev-parse' prints it), "
                    "or refs/heads/... if it is a branch, refs/tags/... if it is a tag"
                ),
            ),
        ),
    )
    track_interval_seconds: int | None = Field(
        default=None,
        ge=5,
        le=86400,
        description="Resolve the ref again this often, in seconds, and release what is new; absent = only when asked.",
    )
    suspend: bool = Field(default=False, description="While true, the operator touches nothing.")


class CurrentRelease(ApiModel):
    """The release being worked on, or the last one."""

    number: ReleaseNumber
    ref: str = Field(max_length=300, description="The full name of the ref that was asked for, or the commit id.")
    commit: Commit
    started_at: Time = Field(description="When the release was asked for.")
    finished_at: Time | None = Field(default=None, description="When its outcome was known.")
    image: ImageReference | None = None
    outcome: Outcome | None = Field(default=None, description="How it ended; absent while it runs.")
    reason: Reason | None = Field(default=None, description="Why it failed or waits, in one word.")
    message: Message | None = Field(default=None, description="What happened, why, and what to do.")
    blame: Blame | None = Field(default=None, description="Whose doing a failure is.")
    changes: tuple[Change, ...] | None = Field(
        default=None,
        max_length=CHANGES_LIMIT,
        json_schema_extra=list_atomic(),
        description="What is new against the running release, newest first.",
    )
    changes_total: int | None = Field(
        default=None, ge=0, description="How many commits are new; changes lists the newest of them."
    )
    requested_by: str | None = Field(
        default=None,
        max_length=128,
        description="Who asked for it: the field manager of the change, if known; absent where tracking began it.",
    )
    tracked: bool = Field(default=False, description="Tracking has found the commit; nobody has asked for it.")
    image_of: int | None = Field(
        default=None, ge=0, description="Number of the release whose image is released again (rollbackTo): no build."
    )
    first_attempt: int = Field(
        default=1, ge=1, description="The attempt that its build begins with; those before were an earlier release's."
    )
    tries: int = Field(default=1, ge=1, description="Which try of this commit it is, after failures of the platform.")
    retry: Retry | None = Field(default=None, description="When it is tried again by itself.")
    contains: tuple[Commit, ...] = Field(
        default=(),
        max_length=SUSPECTS_LIMIT,
        json_schema_extra=list_set(),
        description="Commits that this one contains and that are quarantined, or were still judged when it began.",
    )
    reverts: tuple[Commit, ...] = Field(
        default=(),
        max_length=SUSPECTS_LIMIT,
        json_schema_extra=list_set(),
        description="Those among them that it also reverts.",
    )
    override: str | None = Field(
        default=None, max_length=255, description="Why it was let through what would have stopped it, and by whom."
    )
    let_through: tuple[Reason, ...] = Field(
        default=(),
        max_length=LET_THROUGH_LIMIT,
        json_schema_extra=list_set(),
        description="What it was let through: CommitQuarantined, or what a built release waits for.",
    )
    evidence: LogTail | None = Field(default=None, description="What the log said of the failure.")
    build: BuildProgress | None = Field(default=None, description="The build of the image.")
    hooks: HooksProgress | None = Field(default=None, description="The hooks that were run.")
    baseline: tuple[CheckBaseline, ...] = Field(
        default=(),
        max_length=CHECKS_LIMIT,
        json_schema_extra=list_map("name"),
        description="How the Brand's checks stood before the Deployment was changed.",
    )
    rollout: Rollout | None = Field(default=None, description="The change-over of the pods.")
    verification: Verification | None = Field(default=None, description="The watch over the complete rollout.")
    rollback: Rollback | None = Field(default=None, description="The way back.")
    invalidation: Invalidation | None = Field(
        default=None, description="What CloudFront was asked to forget afterwards; only where the Brand has cloudFront."
    )


class RunningRelease(ApiModel):
    """The last release that passed verification: where a rollback goes."""

    number: ReleaseNumber
    commit: Commit | None = Field(default=None, description="Absent for number 0: nobody knows what it was built from.")
    revision: str | None = Field(
        default=None, max_length=12, description="The first 12 characters of the commit, for `kubectl get`."
    )
    image: ImageReference
    since: Time = Field(description="When it was called Live, or found at adoption.")


class PastRelease(ApiModel):
    """How an earlier release went."""

    number: ReleaseNumber
    commit: Commit
    image: ImageReference | None = None
    outcome: Outcome
    reason: Reason
    message: Message
    blame: Blame | None = None
    requested_by: str | None = Field(default=None, max_length=128, description="Who asked for it, if known.")
    override: str | None = Field(
        default=None, max_length=255, description="Why it was let through what would have stopped it, and by whom."
    )
    evidence: LogTail | None = Field(default=None, description="What the log said of the failure.")
    started_at: Time = Field(description="When the release was asked for.")
    finished_at: Time = Field(description="When its outcome was known.")


class QuarantinedCommit(ApiModel):
    """A commit that was to blame for a failed release and will not be released again."""

    commit: Commit
    reason: Reason
    release: ReleaseNumber
    since: Time = Field(description="When the failure was seen.")
    base: Commit | None = Field(
        default=None, description="What ran before: the fault is in the commit or between it and this one."
    )
    override: str | None = Field(
        default=None, max_length=255, description="Why it is let through nevertheless, and by whom."
    )


class Migration(ApiModel):
    """A preDeploy hook that has changed the database since the running release went live."""

    release: ReleaseNumber
    finished_at: Time = Field(description="When the hook had succeeded.")


class UnneededBuild(ApiModel):
    """A build that nobody waits for any more, until it is known to have stopped."""

    commit: Commit
    key: str = Field(max_length=64, description="Hash of everything that decides the image.")
    attempt: int = Field(ge=1, description="Which attempt.")


class HandledRequest(ApiModel):
    """The last request that was looked at; each is handled once."""

    ref: str | None = Field(default=None, max_length=255, description="What spec.ref was.")
    requested_at: str | None = Field(
        default=None, max_length=255, description="The annotation brandrelease.dev/requestedAt as it was."
    )
    rollback_to: str | None = Field(
        default=None, max_length=255, description="The annotation brandrelease.dev/rollbackTo as it was."
    )
    abort: str | None = Field(
        default=None, max_length=255, description="The annotation brandrelease.dev/abort as it was."
    )
    override: str | None = Field(
        default=None, max_length=255, description="The annotation brandrelease.dev/override as it was."
    )
    answer: Message | None = Field(default=None, description="Why the last annotation could not be carried out.")


class BrandReleaseStatus(ApiModel):
    """What the operator knows."""

    observed_generation: int | None = Field(
        default=None,
        ge=-1,
        description="The generation of the spec that this status speaks of; -1 before anybody has looked at it.",
    )
    phase: Phase | None = Field(default=None, description="Where it stands, in one word.")
    conditions: tuple[Condition, ...] = Field(
        default=(),
        max_length=16,
        json_schema_extra=list_map("type"),
        description="Ready, Reconciling and Stalled as kstatus knows them, and Built, Deployed, Healthy, Quarantined, RollbackUnsafe, CacheInvalidated.",
    )
    current: CurrentRelease | None = Field(default=None, description="The release being worked on, or the last one.")
    next: CurrentRelease | None = Field(
        default=None,
        description="The release that is prepared while the pods of the current one are still judged: it takes over as "
        "soon as it can change the Deployment.",
    )
    running: RunningRelease | None = Field(
        default=None, description="The last release that passed verification: where a rollback goes."
    )
    history: tuple[PastRelease, ...] = Field(
        default=(), max_length=50, json_schema_extra=list_atomic(), description="Past releases, newest first."
    )
    quarantine: tuple[QuarantinedCommit, ...] = Field(
        default=(),
        max_length=QUARANTINE_LIMIT,
        json_schema_extra=list_map("commit"),
        description="Commits that will not be released again.",
    )
    migration: Migration | None = Field(
        default=None, description="The database was changed for a release that did not go live: a rollback is unsafe."
    )
    stopping: tuple[UnneededBuild, ...] = Field(
        default=(),
        max_length=STOPPING_LIMIT,
        json_schema_extra=list_atomic(),
        description="Builds that are being stopped.",
    )
    last_handled: HandledRequest | None = Field(default=None, description="The last request that was looked at.")
    notifications: tuple[Told, ...] = Field(
        default=(),
        max_length=NOTIFICATIONS_LIMIT,
        json_schema_extra=list_map("name"),
        description="What each endpoint of the Brand's notifications knows.",
    )


class BrandRelease(ApiModel):
    """Which ref of a brand runs in an environment."""

    name: str
    namespace: str
    uid: str
    generation: int
    resource_version: str
    created_at: datetime
    requested_at: str | None
    rollback_to: str | None = None
    abort: str | None = None
    override: str | None = None
    managers: Mapping[str, str] = Field(default_factory=dict)
    """Field manager that last wrote spec.ref, spec.suspend and each verb's annotation, by the name that people write it under."""
    spec: BrandReleaseSpec
    status: BrandReleaseStatus

    @classmethod
    def from_object(cls, body: dict[str, Any]) -> "BrandRelease":
        """Read an API object; raises pydantic.ValidationError if a stored object breaks today's rules."""
        metadata = body["metadata"]
        annotations = metadata.get("annotations", {})
        return cls(
            name=metadata["name"],
            namespace=metadata["namespace"],
            uid=metadata["uid"],
            generation=metadata["generation"],
            resource_version=metadata["resourceVersion"],
            created_at=metadata["creationTimestamp"],
            requested_at=annotations.get(REQUESTED_AT_ANNOTATION),
            rollback_to=annotations.get(ROLLBACK_TO_ANNOTATION),
            abort=annotations.get(ABORT_ANNOTATION),
            override=annotations.get(OVERRIDE_ANNOTATION),
            managers=managers(metadata),
            spec=body["spec"],
            status=body.get("status") or {},
        )
