"""How far a release has come: the parts of `status.current`, each the record of one step."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from brandrelease.apis.model import ApiModel

MESSAGE_LIMIT = 1024
"""Characters of a message; longer ones are cut, since etcd and people both have limits."""

CHANGES_LIMIT = 20
LET_THROUGH_LIMIT = 8
"""More than there are things that an override opens."""

QUARANTINE_LIMIT = 50
SUSPECTS_LIMIT = QUARANTINE_LIMIT + 1
"""What is quarantined, and what is judged at the moment."""

STOPPING_LIMIT = 8
"""Builds that are to be stopped and were not yet; what does not fit ends by its own time limit."""

LOG_TAIL_LIMIT = 2048
"""Characters kept of a log, and bytes too: nobody's log may fill etcd."""


def _whole_seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


Time = Annotated[datetime, AfterValidator(_whole_seconds)]
"""A moment in UTC. Kubernetes keeps whole seconds."""

Message = Annotated[str, Field(max_length=MESSAGE_LIMIT, description="What happened, why, and what to do.")]
Commit = Annotated[str, Field(max_length=64, description="The full commit id.")]
ImageReference = Annotated[str, Field(max_length=512, description="The image, by digest.")]
SeenOn = Annotated[
    str,
    Field(
        max_length=64,
        description="Uid of the Deployment that is known to have taken the change: it is made there once.",
    ),
]
Paused = Annotated[
    bool, Field(description="True while the Deployment is paused; afterwards the progress deadline begins anew.")
]
ReleaseNumber = Annotated[
    int, Field(ge=0, description="Counts up for ever, per BrandRelease; 0 is what was found at adoption.")
]


class Change(ApiModel):
    """A commit that is new against the running release."""

    commit: Commit
    author: str = Field(max_length=128, description="Name of the author.")
    subject: str = Field(max_length=200, description="First line of the commit message.")


class BuildProgress(ApiModel):
    """The build of the current release's image."""

    builder: str = Field(max_length=32, description="Which builder: codeBuild, buildKit or external.")
    key: str = Field(max_length=64, description="Hash of everything that decides the image.")
    attempt: int = Field(ge=1, description="Counts up when a build failed for no fault of the commit.")
    started_at: Time = Field(description="When the build was asked for.")
    finished_at: Time | None = Field(default=None, description="When it ended.")
    id: str | None = Field(
        default=None, max_length=253, description="Name of the build Job, or CodeBuild's id once it is known."
    )
    logs_url: str | None = Field(
        default=None, max_length=1024, alias="logsURL", description="Where a browser shows the log."
    )
    log_tail: str | None = Field(
        default=None, max_length=LOG_TAIL_LIMIT, description="Last lines of the log of a build that failed."
    )


class Rollout(ApiModel):
    """The change-over of the pods."""

    started_at: Time = Field(
        description="When the Deployment was changed or a pause ended; the progress deadline counts from here."
    )
    seen_on: SeenOn | None = None
    paused: Paused | None = None
    finished_at: Time | None = Field(default=None, description="When every pod was new and available.")


class HookProgress(ApiModel):
    """One hook of the current release; it runs once."""

    job: str = Field(max_length=253, description="Name of the Job, in the namespace of the Deployment.")
    started_at: Time = Field(description="When it was asked for.")
    uid: str | None = Field(
        default=None, max_length=64, description="The Job's uid, once it was seen: from then on it is never made anew."
    )
    finished_at: Time | None = Field(default=None, description="When its end was known.")
    succeeded: bool | None = Field(default=None, description="How it ended; absent while it runs.")
    log_tail: str | None = Field(default=None, max_length=LOG_TAIL_LIMIT, description="Last lines of its log.")


class HooksProgress(ApiModel):
    """The hooks of the current release."""

    pre_deploy: HookProgress | None = Field(default=None, description="The hook before the change of the Deployment.")
    post_deploy: HookProgress | None = Field(default=None, description="The hook after it.")


class Invalidation(ApiModel):
    """What CloudFront was asked to forget, after the release was live or rolled back."""

    reference: str = Field(
        max_length=128, description="The CallerReference: CloudFront takes the same one as the same invalidation."
    )
    requested_at: Time = Field(description="When it was asked for first.")
    finished_at: Time | None = Field(default=None, description="When CloudFront had taken it, or it was given up.")
    id: str | None = Field(default=None, max_length=128, description="CloudFront's own name for it.")
    problem: Message | None = Field(default=None, description="Why CloudFront has not taken it.")


class LogTail(ApiModel):
    """What the container that is to blame had to say before it was gone; secrets are taken out."""

    pod: str = Field(max_length=253, description="Name of the pod.")
    container: str = Field(max_length=253, description="Name of the container.")
    exit_code: int | None = Field(
        default=None, ge=-(2**31), le=2**31 - 1, description="How its last run ended, if it ended."
    )
    log_tail: str = Field(max_length=LOG_TAIL_LIMIT, description="The last lines of its log.")


class Retry(ApiModel):
    """A release that failed through no fault of its commit is tried again by itself."""

    number: int = Field(ge=1, description="Which try the next one is.")
    at: Time = Field(description="When the commit is tried again.")


class Rollback(ApiModel):
    """The way back to a release that was good."""

    number: ReleaseNumber
    commit: Commit | None = None
    image: ImageReference
    started_at: Time = Field(description="When the failure was seen and the way back chosen, or a pause ended.")
    wanted: int = Field(default=1, ge=0, description="How many pods were wanted then.")
    seen_on: SeenOn | None = None
    paused: Paused | None = None
    finished_at: Time | None = Field(default=None, description="When the old pods had taken over again.")
