"""What a release that is built may have to wait for before it changes anything. The first closed gate is told.

A release that has begun to change something is stopped by none: half a change is worse than one at a bad hour. An
older image that is taken again meets none either: it is the way out.
"""

from dataclasses import replace
from typing import Final

from brandrelease.apis.brandrelease import BrandReleaseStatus, CurrentRelease
from brandrelease.apis.reasons import Reason
from brandrelease.core import advice
from brandrelease.core.actions import Plan
from brandrelease.core.checks.baseline import closed_gate, may_hold
from brandrelease.core.checks.watch import what_holds
from brandrelease.core.plans import blocked
from brandrelease.core.snapshot import Snapshot
from brandrelease.core.status import with_current
from brandrelease.core.waiting.freezing import freeze, may_freeze
from brandrelease.core.waiting.gate import Gate
from brandrelease.core.words import cut, short

GATE_REASONS: Final = frozenset(
    {
        Reason.FrozenUntil,
        Reason.WindowInvalid,
        Reason.AlarmActive,
        Reason.CheckUnreachable,
        Reason.CheckFailed,
        Reason.CheckFailedWithoutBaseline,
        Reason.EdgeFailed,
        Reason.AlarmRaised,
        Reason.MetricExceeded,
    }
)
"""What a release may wait for that an override lets it pass: before anything is changed, or before it is called live."""

_WHY_LIMIT: Final = 700
"""Characters of why a release waits. What to do about it stands behind it and must not be cut off."""


def what_waits(world: Snapshot, current: CurrentRelease) -> Gate | None:
    """The first gate that is closed to the release; None if it may go on."""
    if _has_begun(current):
        return None
    gates = (freeze(world),)
    return next((gate for gate in gates if gate and gate.reason not in current.let_through), None)


def what_to_open(world: Snapshot, current: CurrentRelease) -> tuple[Reason, ...]:
    """What an override of the release opens: the gate that is closed to it, else each that may be when it comes there.

    So one can be given together with the request, in the last minutes before a freeze.
    """
    if current.verification is not None:
        hold = what_holds(world, current, current.verification)
        return (hold.reason,) if hold is not None and hold.reason is not None else ()
    if _has_begun(current):
        return ()
    gate = what_waits(world, current) or closed_gate(world, current)
    return (gate.reason,) if gate else (*may_freeze(world), *may_hold(world))


def waits_at_a_gate(current: CurrentRelease) -> bool:
    """Whether the release was seen to wait for something that an override lets it pass."""
    return current.outcome is None and current.rollback is None and current.reason in GATE_REASONS


def waiting(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, gate: Gate) -> Plan:
    """The release stands before the gate, and goes on by itself when it opens."""
    text = (
        f"Release {current.number} ({short(current.commit)}) is built and waits: {cut(gate.why, _WHY_LIMIT)}. "
        f"To release it now, set {advice.override(status, current.commit)}."
    )
    stands = current.model_copy(update={"reason": gate.reason, "message": text})
    plan = blocked(world, with_current(status, stands), gate.reason, text, gate.retry)
    return replace(plan, look_again=gate.look_again)


def _has_begun(current: CurrentRelease) -> bool:
    """Whether it was decided to start the preDeploy hook or to change the Deployment, or there is nothing to wait with."""
    hook = current.hooks.pre_deploy if current.hooks else None
    return current.image_of is not None or current.rollout is not None or hook is not None
