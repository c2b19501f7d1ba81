"""Conditions of a BrandRelease: how things stand, as `kubectl wait` and GitOps tools read it."""

from enum import StrEnum

from pydantic import Field

from brandrelease.apis.model import ApiModel
from brandrelease.apis.progress import Message, Time
from brandrelease.apis.reasons import Reason


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
    RollbackUnsafe = "RollbackUnsafe"
    CacheInvalidated = "CacheInvalidated"


class Condition(ApiModel):
    """metav1.Condition."""

    type: ConditionType
    status: ConditionStatus
    reason: Reason
    message: Message
    last_transition_time: Time = Field(description="When status changed last.")
    observed_generation: int = Field(ge=0, description="The generation of the spec that this condition speaks of.")
