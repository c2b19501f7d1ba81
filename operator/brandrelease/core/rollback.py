"""When a release has failed: what is to blame is written down, and the way back is followed to its end."""

from dataclasses import replace
from datetime import timedelta

from brandrelease.apis.brandrelease import BrandReleaseStatus, CurrentRelease, Outcome, Phase
from brandrelease.apis.progress import Rollback
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import Plan, RollBack
from brandrelease.core.health import Problem
from brandrelease.core.obstacles import Obstacle
from brandrelease.core.plans import deployment_of, environment_of, name_of, patch_for, wait
from brandrelease.core.snapshot import Snapshot
from brandrelease.core.status import finish, is_quarantined, quarantine, with_current
from brandrelease.core.words import cut, seconds, short, telling_line


def fail(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, problem: Problem) -> Plan:
    """The release is bad. What is to blame is written down first; then back to what ran before, if there is that."""
    message = problem.message
    if world.evidence and (line := telling_line(world.evidence.log_tail)):
        message = f"{message}; its log says: {cut(line, 300)}"
    current = current.model_copy(
        update={"reason": problem.reason, "message": cut(message, 900), "blame": problem.blame}
    )
    status = quarantine(with_current(status, current), problem.reason, problem.blame, world.now)
    running = status.running
    if running is None:
        text = f"{message}. There is nothing to roll back to: no release was live before. Release a fixed ref."
        status = finish(
            status, Outcome.Failed, problem.reason, text, world.now, environment_of(world).revision_history_limit
        )
        return wait(world, status, Phase.Failed, problem.reason, text)
    current = current.model_copy(update={"rollback": Rollback(number=running.number, started_at=world.now)})
    plan = wait(
        world,
        with_current(status, current),
        Phase.RollingBack,
        problem.reason,
        f"Rolling back to {name_of(running)}: {message}.",
    )
    return replace(plan, action=RollBack(patch_for(world, running.number, running.commit, running.image)))


def follow_rollback(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, rollback: Rollback) -> Plan:
    """The old pods take over again. A rollback is never rolled back: if it fails, a person must look."""
    deployment, running, limit = deployment_of(world), status.running, environment_of(world).revision_history_limit
    assert running is not None, "a rollback has somewhere to go"  # noqa: S101 - written together with it
    reason, why = current.reason or Reason.RollingBack, current.message or ""
    if deployment.applied_release != rollback.number:
        plan = wait(world, status, Phase.RollingBack, reason, f"Rolling back to {name_of(running)}: {why}.")
        return replace(plan, action=RollBack(patch_for(world, running.number, running.commit, running.image)))
    if deployment.complete:
        took = seconds((world.now - rollback.started_at).total_seconds())
        text = f"Rolled back to {name_of(running)} in {took}: {why}. {_what_now(status, current)}"
        done = rollback.model_copy(update={"finished_at": world.now.replace(microsecond=0)})
        status = finish(
            with_current(status, current.model_copy(update={"rollback": done})),
            Outcome.RolledBack,
            reason,
            text,
            world.now,
            limit,
        )
        return wait(world, status, Phase.RolledBack, reason, text)
    deadline = deployment.changed_at(rollback.started_at) + timedelta(
        seconds=environment_of(world).progress_deadline_seconds
    )
    if world.now >= deadline and deployment.observed_generation >= deployment.generation:
        text = (
            f"The rollback to {name_of(running)} did not come to its end: {deployment.available} of {deployment.wanted} pods are available. "
            f"Look at the pods of Deployment {deployment.name}; nothing more is tried until a ref is asked for. The release had failed because: {why}."
        )
        status = finish(status, Outcome.Failed, Reason.RollbackFailed, text, world.now, limit)
        return wait(world, status, Phase.Failed, Reason.RollbackFailed, text)
    text = (
        f"Rolling back to {name_of(running)}, {deployment.available} of {deployment.wanted} pods are available: {why}."
    )
    return replace(
        wait(world, status, Phase.RollingBack, reason, text),
        look_again=max(deadline - world.now, timedelta(seconds=5)),
    )


def give_up_rollback(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, obstacle: Obstacle) -> Plan:
    """Somebody has changed or removed the Deployment during the rollback: it is theirs now, and the release is over."""
    text = f"The rollback was not finished. {obstacle.message} The release had failed because: {current.message}."
    limit = environment_of(world).revision_history_limit
    status = finish(status, Outcome.Failed, obstacle.reason, text, world.now, limit)
    return wait(world, status, Phase.Failed, obstacle.reason, text)


def _what_now(status: BrandReleaseStatus, current: CurrentRelease) -> str:
    if is_quarantined(status, current.commit):
        return f"Commit {short(current.commit)} is quarantined; release a fixed one."
    return "The commit is not quarantined, since it may not be to blame; ask for it again when the cause is mended."
