"""The watch over a release: what is noted of its pods, and of the signals besides them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from brandrelease.apis.checks import ALARMS_LIMIT, CHECKS_LIMIT
from brandrelease.apis.model import ApiModel, list_atomic, list_map
from brandrelease.apis.progress import Time
from brandrelease.apis.reasons import Reason

DROPOUTS_LIMIT = 32
"""Pods of which it is noted how often they dropped out of service."""

LOOK_LIMIT = 320
"""Characters of what is said of one look: there are many, and etcd has a limit."""

BAD_LIMIT = ALARMS_LIMIT
"""What one look can find bad: alarms are the most."""

LookMessage = Annotated[str, Field(max_length=LOOK_LIMIT, description="What was seen, and what would be good.")]
CheckName = Annotated[str, Field(max_length=63, description="Name of the check in the Brand.")]


class CheckState(StrEnum):
    """How a check stands."""

    Passed = "Passed"
    """The last look was good."""

    Failing = "Failing"
    """The last look was bad, and not yet as many of them in a row as failureLimit."""

    Failed = "Failed"
    """As many looks in a row were bad as failureLimit."""

    NotCharged = "NotCharged"
    """What is bad was bad before the release."""

    Error = "Error"
    """The source did not answer."""


class CheckBaseline(ApiModel):
    """How a check stood before the Deployment was changed."""

    name: CheckName
    state: CheckState = Field(description="How the check stood.")
    value: str | None = Field(default=None, max_length=64, description="The number that was seen, if it is one.")
    bad: tuple[Annotated[str, Field(max_length=255)], ...] = Field(
        default=(),
        max_length=BAD_LIMIT,
        json_schema_extra=list_atomic(),
        description="What was bad before: public or pods of an http check, names of alarms, or value.",
    )
    message: LookMessage
    observed_at: Time = Field(description="When it was looked at.")


class CheckProgress(ApiModel):
    """How a check stands while the release is watched."""

    name: CheckName
    state: CheckState = Field(description="How the check stands.")
    reason: Reason | None = Field(default=None, description="What a bad look was bad for, in one word.")
    bad_looks: int = Field(default=0, ge=0, description="How many looks in a row were bad.")
    message: LookMessage
    observed_at: Time = Field(description="When it was looked at last.")


class Dropout(ApiModel):
    """How often a pod of the release has left service again after it was ready."""

    pod: str = Field(max_length=253, description="Name of the pod.")
    times: int = Field(ge=1, description="How often it was seen to drop out during the watch.")
    last: Time = Field(description="When its readiness changed the last time that was counted.")


class Verification(ApiModel):
    """The watch over a complete rollout, ready to roll back."""

    started_at: Time = Field(description="When the watch began.")
    ends_at: Time = Field(description="When the release is called Live if nothing has gone wrong.")
    dropouts: tuple[Dropout, ...] = Field(
        default=(),
        max_length=DROPOUTS_LIMIT,
        json_schema_extra=list_map("pod"),
        description="Pods that have dropped out of service meanwhile.",
    )
    checks: tuple[CheckProgress, ...] = Field(
        default=(),
        max_length=CHECKS_LIMIT,
        json_schema_extra=list_map("name"),
        description="How the Brand's checks stand.",
    )
