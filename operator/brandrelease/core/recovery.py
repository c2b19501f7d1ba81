"""Whether a site still waits to be brought back from a release that is known to be bad."""

from brandrelease.apis.brandrelease import BrandReleaseStatus, Outcome
from brandrelease.apis.conditions import ConditionType
from brandrelease.apis.reasons import Reason


def is_unrecovered(status: BrandReleaseStatus) -> bool:
    """Whether a release that is known to be bad has changed the Deployment, and nothing has taken its place.

    It ends when the way back is finished, another release begins, or somebody puts an image there by hand.
    """
    current = status.current
    if current is None or _in_other_hands(status):
        return False
    if current.rollback is not None:
        return current.rollback.finished_at is None
    changed = current.rollout is not None and current.rollout.seen_on is not None
    return changed and current.outcome is Outcome.Failed


def _in_other_hands(status: BrandReleaseStatus) -> bool:
    return any(each.type is ConditionType.Ready and each.reason is Reason.ImageOverridden for each in status.conditions)
