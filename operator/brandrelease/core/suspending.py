"""spec.suspend: while it is true nothing is touched; who has set it, and who has taken it back, is told by an Event."""

from dataclasses import replace

from brandrelease.apis.brandrelease import Phase
from brandrelease.apis.conditions import ConditionType
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import Announcement, Plan
from brandrelease.core.plans import wait
from brandrelease.core.questions import in_flight
from brandrelease.core.snapshot import Snapshot
from brandrelease.core.words import short


def suspended(world: Snapshot) -> Plan:
    """Nothing is done. It leaves no line in the history, since nothing was released: the Event says who wanted it."""
    current = in_flight(world.release)
    name = f"Release {current.number} ({short(current.commit)})" if current else None
    what = f"{name} stands still and is not watched" if name else "Nothing is released"
    text = f"{what} while spec.suspend is true."
    plan = wait(world, world.release.status, Phase.Suspended, Reason.Suspended, text)
    if _was_suspended(world):
        return plan
    told = Announcement(Reason.Suspended, f"Suspended by {_who(world)}. {text}", warning=False)
    return replace(plan, announcements=(told,))


def telling_who_resumed(world: Snapshot, plan: Plan) -> Plan:
    """The plan of any pass; in the first one after a suspension it begins with who has ended that."""
    if world.release.spec.suspend or not _was_suspended(world):
        return plan
    current = in_flight(world.release)
    goes_on = f" Release {current.number} ({short(current.commit)}) goes on where it stood." if current else ""
    told = Announcement(Reason.Resumed, f"Resumed by {_who(world)}.{goes_on}", warning=False)
    return replace(plan, announcements=(told, *plan.announcements))


def _was_suspended(world: Snapshot) -> bool:
    """What people were told last."""
    told = (condition for condition in world.release.status.conditions if condition.type is ConditionType.Ready)
    return any(condition.reason is Reason.Suspended for condition in told)


def _who(world: Snapshot) -> str:
    return world.release.managers.get("spec.suspend", "somebody")[:128]
