"""`BrandRelease`: which ref of a brand runs in an environment. It belongs to whoever deploys.

Its spec holds nothing that could point the operator at another brand's workload, another image or another command.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from brandrelease.apis.model import ApiModel, list_atomic, list_map, rules
from brandrelease.apis.reasons import Reason
from brandrelease.apis.wellknown import REQUESTED_AT_ANNOTATION

MESSAGE_LIMIT = 1024
"""Characters of a message; longer ones are cut, since etcd and people both have limits."""

CHANGES_LIMIT = 20
QUARANTINE_LIMIT = 50


def _whole_seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


Time = Annotated[datetime, AfterValidator(_whole_seconds)]
"""A moment in UTC. Kubernetes keeps whole seconds."""

Message = Annotated[str, Field(max_length=MESSAGE_LIMIT, description="What happened, why, and what to do.")]
Commit = Annotated[str, Field(max_length=64, description="The full commit id.")]
ImageReference = Annotated[str, Field(max_length=512, description="The image, by digest.")]
ReleaseNumber = Annotated[
    int, Field(ge=0, description="Counts up for ever, per BrandRelease; 0 is what was found at adoption.")
]


class Phase(StrEnum):
    """Where a BrandRelease stands, in one word; derived from the rest of the status and never read back."""

    Pending = "Pending"
    Building = "Building"
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
    suspend: bool = Field(default=False, description="While true, the operator touches nothing.")


class Change(ApiModel):
    """A commit that is new against the running release."""

    commit: Commit
    author: str = Field(max_length=128, description="Name of the author.")
    subject: str = Field(max_length=200, description="First line of the commit message.")


class BuildProgress(ApiModel):
    """The build of the current release's image."""

    builder: str = Field(max_length=32, description="Which builder: buildKit or external.")
    key: str = Field(max_length=64, description="Hash of everything that decides the image.")
    attempt: int = Field(ge=1, description="Counts up when a build failed for no fault of the commit.")
    started_at: Time = Field(description="When the build was asked for.")
    finished_at: Time | None = Field(default=None, description="When it ended.")
    id: str | None = Field(default=None, max_length=253, description="Name of the build Job.")
    log_tail: str | None = Field(
        default=None, max_length=2048, description="Last lines of the log of a build that failed."
    )


class Rollout(ApiModel):
    """The change-over of the pods."""

    started_at: Time = Field(description="When the Deployment was changed; the progress deadline counts from here.")
    finished_at: Time | None = Field(default=None, description="When every pod was new and available.")


class Verification(ApiModel):
    """The watch over a complete rollout, ready to roll back."""

    started_at: Time = Field(description="When the watch began.")
    ends_at: Time = Field(description="When the release is called Live if nothing has gone wrong.")


class Rollback(ApiModel):
    """The way back to the release that ran before."""

    number: ReleaseNumber
    started_at: Time = Field(description="When the failure was seen and the way back chosen.")
    finished_at: Time | None = Field(default=None, description="When the old pods had taken over again.")


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
    build: BuildProgress | None = Field(default=None, description="The build of the image.")
    rollout: Rollout | None = Field(default=None, description="The change-over of the pods.")
    verification: Verification | None = Field(default=None, description="The watch over the complete rollout.")
    rollback: Rollback | None = Field(default=None, description="The way back.")


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
    started_at: Time = Field(description="When the release was asked for.")
    finished_at: Time = Field(description="When its outcome was known.")


class QuarantinedCommit(ApiModel):
    """A commit that was to blame for a failed release and will not be released again."""

    commit: Commit
    reason: Reason
    release: ReleaseNumber
    since: Time = Field(description="When the failure was seen.")


class HandledRequest(ApiModel):
    """The last request that was looked at; each is handled once."""

    ref: str | None = Field(default=None, max_length=255, description="What spec.ref was.")
    requested_at: str | None = Field(
        default=None, max_length=255, description="The annotation brandrelease.dev/requestedAt as it was."
    )


class ConditionStatus(StrEnum):
    """Kubernetes spells booleans so."""

    Yes = "True"
    No = "False"
    Unknown = "Unknown"


class ConditionType(StrEnum):
    """Ready, Reconciling and Stalled are kstatus's; the others are ours."""

    Ready = "Ready"
    Reconciling = "Reconciling"
    Stalled = "Stalled"
    Built = "Built"
    Deployed = "Deployed"
    Healthy = "Healthy"
    Quarantined = "Quarantined"


class Condition(ApiModel):
    """metav1.Condition."""

    type: ConditionType
    status: ConditionStatus
    reason: Reason
    message: Message
    last_transition_time: Time = Field(description="When status changed last.")
    observed_generation: int = Field(ge=0, description="The generation of the spec that this condition speaks of.")


class BrandReleaseStatus(ApiModel):
    """What the operator knows."""

    observed_generation: int | None = Field(
        default=None, ge=0, description="The generation of the spec that this status speaks of."
    )
    phase: Phase | None = Field(default=None, description="Where it stands, in one word.")
    conditions: tuple[Condition, ...] = Field(
        default=(),
        max_length=16,
        json_schema_extra=list_map("type"),
        description="Ready, Reconciling and Stalled as kstatus knows them, and Built, Deployed, Healthy, Quarantined.",
    )
    current: CurrentRelease | None = Field(default=None, description="The release being worked on, or the last one.")
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
    last_handled: HandledRequest | None = Field(default=None, description="The last request that was looked at.")


class BrandRelease(ApiModel):
    """Which ref of a brand runs in an environment."""

    name: str
    namespace: str
    uid: str
    generation: int
    resource_version: str
    created_at: datetime
    requested_at: str | None
    spec: BrandReleaseSpec
    status: BrandReleaseStatus

    @classmethod
    def from_object(cls, body: dict[str, Any]) -> "BrandRelease":
        """Read an API object; raises pydantic.ValidationError if a stored object breaks today's rules."""
        metadata = body["metadata"]
        return cls(
            name=metadata["name"],
            namespace=metadata["namespace"],
            uid=metadata["uid"],
            generation=metadata["generation"],
            resource_version=metadata["resourceVersion"],
            created_at=metadata["creationTimestamp"],
            requested_at=metadata.get("annotations", {}).get(REQUESTED_AT_ANNOTATION),
            spec=body["spec"],
            status=body.get("status") or {},
        )
