"""When a release has failed: what is to blame is written down, and the way back is chosen and followed to its end.

A rollback is never rolled back. It goes only to an image that was good once and that the registry still has.
"""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Final, assert_never

from brandrelease.apis.brandrelease import Blame, BrandReleaseStatus, CurrentRelease, Outcome, Phase, RunningRelease
from brandrelease.apis.healing import AfterMigration, RollbackMode
from brandrelease.apis.progress import MESSAGE_LIMIT, LogTail, Rollback
from brandrelease.apis.reasons import Reason
from brandrelease.core import advice
from brandrelease.core.actions import Announcement, Plan, RollBack
from brandrelease.core.blame import blame_of
from brandrelease.core.carrying import as_seen, carries
from brandrelease.core.health import Failed, Passed, Problem, Progressing, judge_return
from brandrelease.core.obstacles import Obstacle
from brandrelease.core.plans import RETRY_SOON, deployment_of, environment_of, patch_for, wait
from brandrelease.core.provenance import leads_elsewhere, may_deploy, not_allowed
from brandrelease.core.quarantine import is_quarantined, quarantine
from brandrelease.core.retrying import when_retried
from brandrelease.core.snapshot import Snapshot, Target
from brandrelease.core.status import finish, with_current
from brandrelease.core.targets import gone, name_of, usable
from brandrelease.core.words import cut, seconds, short, telling_line

THE_SAME: Final = "The same has happened to"


def fail(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, problem: Problem) -> Plan:
    """The release is bad. What is to blame is written down first; then back to what ran before, if that may be."""
    current = _with_cause(world, current, problem)
    status = quarantine(with_current(status, current), problem.reason, problem.blame, world.now)
    plan = _way_out(world, status, current, problem.reason)
    return replace(plan, announcements=(_announcement(current), *plan.announcements))


def _way_out(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, reason: Reason) -> Plan:
    """What a failed release leads to: the first of these that applies."""
    policy, why, running = environment_of(world).rollback, current.message or "", status.running
    if running is None:
        text = f"{why}. There is nothing to roll back to: no release was live before. Release a fixed ref."
        return stand(world, status, reason, text)
    if current.image_of is not None:
        text = f"{why}. It is the image of release {current.image_of}, which was gone back to, and a rollback is not rolled back. {_ways_on(world, status, running)}"
        return stand(world, status, Reason.RollbackFailed, text)
    if status.migration is not None and policy.after_migration is AfterMigration.Hold:
        text = (
            f"{cut(why, 450)}. Not rolled back: the preDeploy hook of release {status.migration.release} changed the database, which {name_of(running)} may not know "
            f"(rollback.afterMigration is Hold). {_ways_on(world, status, running)}"
        )
        return stand(world, status, reason, text)
    if policy.mode is RollbackMode.Manual:
        text = f"{why}. Not rolled back, since rollback.mode is Manual. {_ways_on(world, status, running)}"
        return stand(world, status, reason, text)
    if target := usable(world):
        return go_back(world, status, current, target)
    return stand(world, status, Reason.MissingRollbackTarget, f"{why}. Not rolled back: {_nowhere(world, running)}")


_ADVICE: Final = re.compile(
    r"\. (?:Not rolled back|It is the image of release|There is nothing to roll back to).*", re.DOTALL
)
"""What `_way_out` adds to a cause: it is over when somebody has found the way on."""


def cause_in(message: str) -> str:
    """The message of a release that stands failed, without the advice behind its cause and without its full stop."""
    return _ADVICE.sub("", message).rstrip(".")


def _nowhere(world: Snapshot, running: RunningRelease) -> str:
    """Why there is no target, and the ways on."""
    if not may_deploy(world, running.image):
        return f"{not_allowed(world, running.image)} Nothing was touched. Release a fixed ref."
    if not gone(world):
        return f"the commit of {name_of(running)} is quarantined, and no older release was good. Nothing was touched. Release a fixed ref."
    way = advice.rollback_to(world.release, world.release.status, running.number)
    return (
        f"the registry has no good image any more; it has lost {gone(world)}. Nothing was touched. "
        f"Push one of these images again (status has their full names) and set {way}, or to the number of another of them; or release a fixed ref."
    )


def _ways_on(world: Snapshot, status: BrandReleaseStatus, running: RunningRelease) -> str:
    way = f"set {advice.rollback_to(world.release, status, running.number)}; or release a fixed ref."
    if running.commit and is_quarantined(status, running.commit):
        first = f"set {advice.override(status, running.commit)}"
        return f"To go back to {name_of(running)}, whose commit is quarantined, first {first}; then {way}"
    return f"To go back to {name_of(running)}, {way}"


def stand(world: Snapshot, status: BrandReleaseStatus, reason: Reason, text: str) -> Plan:
    """The release has failed and stays where it stands; for a failure of the platform, it is tried again later."""
    limit = environment_of(world).revision_history_limit
    status, text = _retried(world, status, reason, text)
    plan = wait(world, finish(status, Outcome.Failed, reason, text, world.now, limit), Phase.Failed, reason, text)
    retry = plan.status.current.retry if plan.status.current else None
    told = Announcement(reason, text)
    return replace(plan, announcements=(told,), look_again=retry.at - world.now if retry else None)


def _retried(world: Snapshot, status: BrandReleaseStatus, reason: Reason, text: str) -> tuple[BrandReleaseStatus, str]:
    """As `when_retried`; a try is a release, so its hook runs again, which not everybody wants."""
    status, text = when_retried(status, reason, text, world.now)
    if environment_of(world).hooks.pre_deploy is None or status.current is None or status.current.retry is None:
        return status, text
    return status, f"{text} The preDeploy hook then runs again: set spec.suspend to true to stop that."


def never_built(
    world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, reason: Reason, message: str
) -> Plan:
    """There will be no image. The Deployment was not touched, so there is nothing to go back from."""
    text = f"{message.rstrip('.')}{others}." if (others := cut(_others_too(world), 250)) else message
    current = current.model_copy(update={"blame": blame_of(reason)})
    return stand(world, with_current(status, current), reason, text)


def go_back(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, target: Target) -> Plan:
    """The way back begins. `current` says why; and why not to the release that ran last, if its image is gone."""
    rollback = Rollback(
        number=target.number,
        commit=target.commit,
        image=target.image,
        started_at=world.now,
        wanted=deployment_of(world).wanted,
    )
    why = f"{current.message}. The registry has lost {gone(world)}" if gone(world) else current.message or ""
    current = current.model_copy(
        update={
            "rollback": rollback,
            "outcome": None,
            "finished_at": None,
            "retry": None,
            "message": cut(why, MESSAGE_LIMIT),
        },
    )
    text = f"Rolling back to {name_of(target)}: {current.message}."
    plan = wait(world, with_current(status, current), Phase.RollingBack, current.reason or Reason.RollingBack, text)
    return replace(plan, action=RollBack(patch_for(world, target.number, target.commit, target.image)))


def follow_rollback(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, rollback: Rollback) -> Plan:
    """The old pods take over again. If they do not, a person must look."""
    if elsewhere := leads_elsewhere(world, rollback):
        return give_up_rollback(world, status, current, elsewhere)
    deployment = deployment_of(world)
    target = Target(rollback.number, rollback.commit, rollback.image, found=None)
    reason, why = current.reason or Reason.RollingBack, current.message or ""
    if not carries(deployment, rollback.number, rollback):
        plan = wait(world, status, Phase.RollingBack, reason, f"Rolling back to {name_of(target)}: {why}.")
        return replace(plan, action=RollBack(patch_for(world, rollback.number, rollback.commit, rollback.image)))
    rollback = as_seen(deployment, rollback, world.now)
    current = _told_of_others(world, current.model_copy(update={"rollback": rollback}))
    status = with_current(status, current)
    rules, count = environment_of(world), f"{deployment.available} of {deployment.wanted} pods are available"
    verdict = judge_return(deployment, world.pods, world.warnings, rules, rollback, world.now)
    match verdict:
        case Passed():
            return _back(world, status, current, rollback)
        case Failed(problem):
            return _not_back(
                world,
                status,
                current,
                f"{name_of(target)} did not come to its end, {count}: {cut(problem.message, 400)}",
            )
        case Progressing(message, look_again):
            told = f". {message} {_because(current)}" if message else f": {why}."
            text = f"Rolling back to {name_of(target)}, {count}{told}"
            plan = wait(world, status, Phase.RollingBack, reason, text)
            soon = RETRY_SOON if deployment.paused else max(look_again - world.now, timedelta(seconds=5))
            return replace(plan, look_again=soon)
        case _:
            assert_never(verdict)


def _not_back(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, what: str) -> Plan:
    """The old pods did not take over in time, and there is nowhere else to go: a person must look."""
    text = (
        f"The rollback to {what}. Look at the pods of Deployment {deployment_of(world).name}; nothing more is tried until a ref is asked for. "
        f"{_because(current)}"
    )
    limit = environment_of(world).revision_history_limit
    status = finish(status, Outcome.Failed, Reason.RollbackFailed, text, world.now, limit)
    plan = wait(world, status, Phase.Failed, Reason.RollbackFailed, text)
    return replace(plan, announcements=(Announcement(Reason.RollbackFailed, text),))


def _back(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, rollback: Rollback) -> Plan:
    """The old pods serve again. What was gone back to is what runs now."""
    took = seconds((world.now - rollback.started_at).total_seconds())
    outcome = Outcome.Aborted if current.reason is Reason.Aborted else Outcome.RolledBack
    target = Target(rollback.number, rollback.commit, rollback.image, found=None)
    text = f"Rolled back to {name_of(target)} in {took}: {current.message}.{_not_all(world)}{_database(world, status, target)} {_what_now(status, current)}"
    done = rollback.model_copy(update={"finished_at": world.now.replace(microsecond=0)})
    reason = current.reason or Reason.RollingBack
    status = with_current(status, current.model_copy(update={"rollback": done}))
    status, text = _retried(world, status, reason, text)
    limit = environment_of(world).revision_history_limit
    status = finish(_running(world, status, rollback), outcome, reason, text, world.now, limit)
    phase = Phase.Failed if outcome is Outcome.Aborted else Phase.RolledBack
    retry = status.current.retry if status.current else None
    plan = wait(world, status, phase, reason, text)
    told = Announcement(reason, text, warning=outcome is not Outcome.Aborted)
    return replace(plan, announcements=(told,), look_again=retry.at - world.now if retry else None)


def _running(world: Snapshot, status: BrandReleaseStatus, rollback: Rollback) -> BrandReleaseStatus:
    """What runs after a rollback: as a rule what `running` says already, or the older one that was gone back to."""
    if status.running is not None and status.running.number == rollback.number:
        return status
    running = RunningRelease(
        number=rollback.number,
        commit=rollback.commit,
        revision=short(rollback.commit) if rollback.commit else None,
        image=rollback.image,
        since=world.now,
    )
    return status.model_copy(update={"running": running})


def give_up_rollback(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, obstacle: Obstacle) -> Plan:
    """Somebody has changed or removed the Deployment during the rollback: it is theirs now, and the release is over."""
    text = f"The rollback was not finished. {obstacle.message} {_because(current)}"
    limit = environment_of(world).revision_history_limit
    outcome = Outcome.Aborted if current.reason is Reason.Aborted else Outcome.Failed
    status = finish(status, outcome, obstacle.reason, text, world.now, limit)
    plan = wait(world, status, Phase.Failed, obstacle.reason, text)
    return replace(plan, announcements=(Announcement(obstacle.reason, text),))


# --- in words ---------------------------------------------------------------------------------------------------------


def _with_cause(world: Snapshot, current: CurrentRelease, problem: Problem) -> CurrentRelease:
    """The release with what is to blame, and with the evidence of it, as it was before the pods go away."""
    message, evidence = problem.message, None
    if world.evidence and world.evidence.log_tail:
        seen = world.evidence
        evidence = LogTail(pod=seen.pod, container=seen.container, exit_code=seen.exit_code, log_tail=seen.log_tail)
        message = f"{message}; its log says: {cut(telling_line(seen.log_tail), 300)}"
    return current.model_copy(
        update={
            "reason": problem.reason,
            "message": f"{cut(message, 600)}{cut(_others_too(world), 250)}",
            "blame": problem.blame,
            "evidence": evidence,
        }
    )


def _others_too(world: Snapshot) -> str:
    """Two brands that fail for the same cause of the platform at the same time: that is worth knowing at once."""
    if not world.fellows:
        return ""
    names = ", ".join(
        f"{fellow.brand}/{fellow.environment} (release {fellow.number}, {fellow.failed_at:%H:%M} UTC)"
        for fellow in world.fellows
    )
    return f". {THE_SAME} {names}, so look at the platform and not at the commit"


def _told_of_others(world: Snapshot, current: CurrentRelease) -> CurrentRelease:
    """The release with who fails alike, if that was not known yet when it failed itself: both may fail in one moment."""
    others = cut(_others_too(world), 250)
    if not others or THE_SAME in (current.message or ""):
        return current
    return current.model_copy(update={"message": f"{cut(current.message or '', 600)}{others}"})


def _announcement(current: CurrentRelease) -> Announcement:
    """The Event that keeps the evidence where `kubectl describe` shows it."""
    log = f"\n{current.evidence.log_tail}" if current.evidence else ""
    text = f"Release {current.number} ({short(current.commit)}) has failed: {current.message}.{log}"
    return Announcement(current.reason or Reason.RollingBack, text)


def _because(current: CurrentRelease) -> str:
    """Why the way back was gone, as a sentence: not each release that is left has failed."""
    if current.reason in {Reason.Aborted, Reason.RollbackRequested}:
        return f"{current.message}."
    return f"The release had failed because: {current.message}."


def _not_all(world: Snapshot) -> str:
    """Where not all pods could be replaced: for want of room, or for what somebody has changed besides the image."""
    deployment = deployment_of(world)
    if deployment.complete:
        return ""
    others = max(deployment.total - deployment.updated, 0)
    still = f", {others} of them from before the way back" if others else ""
    return (
        f" As many pods serve as when the way back began; {deployment.available} of the {deployment.wanted} that are wanted now are available{still}. "
        f"Look at the pods of Deployment {deployment.name} if it stays so."
    )


def _database(world: Snapshot, status: BrandReleaseStatus, target: Target) -> str:
    """Where a person went back after a migration, though nothing would have been by itself."""
    if status.migration is None or environment_of(world).rollback.after_migration is not AfterMigration.Hold:
        return ""
    return (
        f" The preDeploy hook of release {status.migration.release} has changed the database, and that was not undone: "
        f"look whether {name_of(target)} serves with it."
    )


def _what_now(status: BrandReleaseStatus, current: CurrentRelease) -> str:
    if is_quarantined(status, current.commit):
        return (
            f"Commit {short(current.commit)} is quarantined, and so is what contains it: undo it with git revert, "
            "or let a fix through with the annotation brandrelease.dev/override."
        )
    if current.reason is Reason.Aborted:
        return "The commit is not quarantined."
    if current.blame is Blame.Platform:
        return "The commit is not quarantined: the platform is to blame."
    return "The commit is not quarantined, since it may not be to blame; ask for it again when the cause is mended."
