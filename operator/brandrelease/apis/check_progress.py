"""What was seen of a brand's checks: the parts of `status.current` about signals besides the pods."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from brandrelease.apis.checks import ALARMS_LIMIT
from brandrelease.apis.model import ApiModel, list_set
from brandrelease.apis.progress import Message, Time

CheckName = Annotated[str, Field(max_length=63, description="Name of the check in the Brand.")]

BAD_LIMIT = ALARMS_LIMIT
"""What one look can find bad: alarms are the most."""


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
        json_schema_extra=list_set(),
        description="What was bad before: public or pods of an http check, names of alarms, or value.",
    )
    message: Message
    observed_at: Time = Field(description="When it was looked at.")


class CheckProgress(ApiModel):
    """How a check stands while the release is watched."""

    name: CheckName
    state: CheckState = Field(description="How the check stands.")
    bad_looks: int = Field(default=0, ge=0, description="How many looks in a row were bad.")
    message: Message
    observed_at: Time = Field(description="When it was looked at last.")
