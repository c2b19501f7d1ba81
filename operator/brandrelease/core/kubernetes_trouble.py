"""What people are told while the Kubernetes API refuses or fails what a pass needs.

It is never evidence about a release: where that stands, and all that was decided about it, stays as it is. Only the
conditions say why nothing goes on, and the next pass that works takes that back.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseStatus
from brandrelease.apis.conditions import Condition, ConditionStatus, ConditionType
from brandrelease.apis.progress import MESSAGE_LIMIT
from brandrelease.apis.reasons import Reason
from brandrelease.core.words import cut, without_passwords

FORBIDDEN: Final = 403
STATUS: Final = "brandreleases/status"

FAILURES_UNTIL_TOLD: Final = 3
"""Passes in a row that fail before it is told: fewer are over before anybody could read it."""

WORDS_LIMIT: Final = 600
"""Characters of what the API said; the rest of the message says what was asked, and what to do."""

_KSTATUS: Final = frozenset({ConditionType.Ready, ConditionType.Reconciling, ConditionType.Stalled})


@dataclass(frozen=True, slots=True)
class Question:
    """What the Kubernetes API was asked for, in the words of its rights: verb, resource as `pods` or `pods/log`, group.

    namespace: empty where it is of the whole cluster.
    """

    verb: str
    resource: str
    group: str
    namespace: str

    @property
    def where(self) -> str:
        """As the end of a sentence."""
        return f' in namespace "{self.namespace}"' if self.namespace else ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """How it failed. status: of HTTP, 0 where no answer came. said: the API's own words, or a sentence about the silence."""

    asked: Question
    status: int
    said: str

    @property
    def passes_by_itself(self) -> bool:
        """A right that is missing does not come by waiting."""
        return self.status != FORBIDDEN

    def is_like(self, other: "Trouble | None") -> bool:
        """The same trouble, perhaps in other words: it is told once."""
        return other is not None and (self.asked, self.status) == (other.asked, other.status)


def is_told(release: BrandRelease, trouble: Trouble, failures: int) -> bool:
    """Whether people are told now. failures: passes that have failed in a row, this one among them.

    Whoever has suspended a BrandRelease, or has put an image there by hand, waits for nothing; and what they were told
    is what the operator knows it by. That the status cannot be written can only be told by writing it.
    """
    ready = _ready(release.status)
    if release.spec.suspend or (ready and ready.reason is Reason.ImageOverridden) or trouble.asked.resource == STATUS:
        return False
    return failures >= FAILURES_UNTIL_TOLD or not trouble.passes_by_itself


def headline_of(trouble: Trouble) -> tuple[Reason, str]:
    """Reason and message."""
    asked, said = trouble.asked, cut(without_passwords(trouble.said).rstrip("."), WORDS_LIMIT)
    what = f"{asked.verb} {asked.resource}{asked.where}"
    if trouble.passes_by_itself:
        answer = f"The Kubernetes API answers {trouble.status} when it is asked to {what}: {said}"
        message = (
            f"{answer if trouble.status else f'{said}. It was asked to {what}'}. The release stands where it stood and is "
            "looked at again once a minute at least; if this stays, look at the API server."
        )
        return Reason.KubernetesApiFailing, message
    kind = "RoleBinding" if asked.namespace else "ClusterRoleBinding"
    message = (
        f"The operator may not {what}: {said}. Give its service account the verb {asked.verb} on {asked.resource} of API "
        f'group "{asked.group}"{asked.where} by a {kind}; the release goes on by itself within a minute.'
    )
    return Reason.PermissionMissing, message


def with_trouble(
    release: BrandRelease, status: BrandReleaseStatus, trouble: Trouble, now: datetime
) -> BrandReleaseStatus:
    """The status with this in the conditions Ready and Reconciling, or Stalled where waiting does not help."""
    reason, message = headline_of(trouble)
    second = ConditionType.Reconciling if trouble.passes_by_itself else ConditionType.Stalled
    told = (
        _condition(release, ConditionType.Ready, ConditionStatus.No, reason, message, now),
        _condition(release, second, ConditionStatus.Yes, reason, message, now),
    )
    others = tuple(each for each in status.conditions if each.type not in _KSTATUS)
    return status.model_copy(update={"conditions": told + others})


def _condition(
    release: BrandRelease, kind: ConditionType, value: ConditionStatus, reason: Reason, message: str, now: datetime
) -> Condition:
    before = next((each for each in release.status.conditions if each.type is kind), None)
    return Condition(
        type=kind,
        status=value,
        reason=reason,
        message=cut(message, MESSAGE_LIMIT),
        last_transition_time=before.last_transition_time if before and before.status is value else now,
        observed_generation=release.generation,
    )


def _ready(status: BrandReleaseStatus) -> Condition | None:
    return next((each for each in status.conditions if each.type is ConditionType.Ready), None)
