"""`Brand.status`: whether what every release needs can be reached, and which BrandReleases hold the environments."""

from enum import StrEnum

from pydantic import Field

from brandrelease.apis.conditions import ConditionStatus
from brandrelease.apis.model import ApiModel, list_map
from brandrelease.apis.progress import Message, Time
from brandrelease.apis.reasons import Reason


class BrandConditionType(StrEnum):
    """Ready, Reconciling and Stalled are kstatus's; the others are ours, in the order in which a release needs them."""

    Ready = "Ready"
    Reconciling = "Reconciling"
    Stalled = "Stalled"
    SourceReachable = "SourceReachable"
    RegistryReachable = "RegistryReachable"
    BuilderUsable = "BuilderUsable"
    ChecksReachable = "ChecksReachable"
    NotificationsReachable = "NotificationsReachable"
    SoakTooShort = "SoakTooShort"
    """A warning: stands there only while it is true."""


class BrandCondition(ApiModel):
    """metav1.Condition."""

    type: BrandConditionType
    status: ConditionStatus
    reason: Reason
    message: Message
    last_transition_time: Time = Field(description="When status changed last.")
    observed_generation: int = Field(ge=0, description="The generation of the spec that this condition speaks of.")


class EnvironmentStatus(ApiModel):
    """Who releases to an environment."""

    name: str = Field(max_length=63, description="Name of the environment.")
    namespace: str = Field(
        max_length=127, description="Namespace in which its BrandRelease must be, the default filled in."
    )
    release: str | None = Field(
        default=None, max_length=253, description="Name of the BrandRelease that holds it; absent where there is none."
    )


class BrandStatus(ApiModel):
    """What the operator knows."""

    observed_generation: int | None = Field(
        default=None,
        ge=-1,
        description="The generation of the spec that this status speaks of; -1 before anybody has looked at it.",
    )
    conditions: tuple[BrandCondition, ...] = Field(
        default=(),
        max_length=16,
        json_schema_extra=list_map("type"),
        description="Ready, Reconciling and Stalled as kstatus knows them, and SourceReachable, RegistryReachable, "
        "BuilderUsable, ChecksReachable, NotificationsReachable, SoakTooShort. No release waits for any of them.",
    )
    environments: tuple[EnvironmentStatus, ...] = Field(
        default=(),
        max_length=32,
        json_schema_extra=list_map("name"),
        description="The environments, and the BrandRelease that holds each.",
    )

    def condition(self, kind: BrandConditionType) -> BrandCondition | None:
        """The condition of this type, if there is one."""
        return next((condition for condition in self.conditions if condition.type is kind), None)
