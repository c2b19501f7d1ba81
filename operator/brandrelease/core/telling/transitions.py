"""A Kubernetes Event for each change of phase or reason, where nothing else in the plan tells of it already."""

from dataclasses import replace

from brandrelease.apis.brandrelease import BrandReleaseStatus, Outcome, Phase
from brandrelease.apis.conditions import Condition, ConditionType
from brandrelease.core.actions import Announcement, Plan


def announcing_transition(before: BrandReleaseStatus, plan: Plan) -> Plan:
    """The plan, and in it what has changed for who reads `kubectl describe`. A message that only counts is no change."""
    ready, was = _ready(plan.status), _ready(before)
    if ready is None or (before.phase, was and was.reason) == (plan.status.phase, ready.reason):
        return plan
    if any(told.reason is ready.reason for told in plan.announcements):
        return plan
    told = Announcement(ready.reason, ready.message, warning=_is_bad(plan.status))
    return replace(plan, announcements=(*plan.announcements, told))


def _is_bad(status: BrandReleaseStatus) -> bool:
    """Somebody must look: it stands still until somebody does something, or a release went wrong."""
    match status.phase:
        case Phase.RolledBack:
            return True
        case Phase.Failed:  # what a person has given up is no failure
            return status.current is None or status.current.outcome is not Outcome.Aborted
        case Phase.Blocked:
            return any(condition.type is ConditionType.Stalled for condition in status.conditions)
        case _:
            return False


def _ready(status: BrandReleaseStatus) -> Condition | None:
    return next((condition for condition in status.conditions if condition.type is ConditionType.Ready), None)
