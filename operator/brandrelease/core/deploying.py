"""From image to Live: the preDeploy hook, the change of the Deployment, the rollout, the watch over it, success."""

from dataclasses import replace
from datetime import timedelta
from typing import Final, assert_never

from brandrelease.apis.brandrelease import (
    BrandReleaseStatus,
    CurrentRelease,
    Migration,
    Outcome,
    Phase,
    RunningRelease,
)
from brandrelease.apis.healing import AfterMigration
from brandrelease.apis.progress import Rollout
from brandrelease.apis.reasons import Reason
from brandrelease.apis.verification import Verification
from brandrelease.apis.wellknown import ABORT_ANNOTATION
from brandrelease.core import advice
from brandrelease.core.actions import POST_DEPLOY, PRE_DEPLOY, ApplyRelease, Plan
from brandrelease.core.builds.building import NeverBuilt, obtain_image
from brandrelease.core.builds.images import is_reference
from brandrelease.core.carrying import as_seen, carries
from brandrelease.core.checks.baseline import Held, Known, NotKnown, take_baseline
from brandrelease.core.checks.watch import Hold, failed_check, looked_at, next_look, notes, what_holds
from brandrelease.core.health import (
    Failed,
    Passed,
    Problem,
    Progressing,
    Verdict,
    judge_rollout,
    judge_soak,
    noted,
)
from brandrelease.core.hooks import HookBad, HookDone, HookNotYet, progress_of, run_hook
from brandrelease.core.obstacles import container_of
from brandrelease.core.plain import line
from brandrelease.core.plans import (
    AT_ONCE,
    RETRY_SOON,
    blocked,
    brand_of,
    deployment_of,
    environment_of,
    patch_for,
    wait,
    with_note,
)
from brandrelease.core.quarantine import passed
from brandrelease.core.questions import in_flight, is_asked
from brandrelease.core.rollback import fail, stand
from brandrelease.core.snapshot import DeploymentView, Snapshot
from brandrelease.core.status import finish, with_current
from brandrelease.core.verbs import unheard
from brandrelease.core.waiting.gates import waiting, what_waits
from brandrelease.core.words import cut, one_of, seconds, short

_IMAGE_SHOWN: Final = 120


def prepare(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease) -> Plan:
    """The image is there: first what it may have to wait for, then the preDeploy hook from it, then the Deployment."""
    if gate := what_waits(world, current):
        return waiting(world, status, current, gate)
    step = take_baseline(world, current)
    match step:
        case Known(release):
            release = _waiting_no_more(release)
            return _migrate(world, with_current(status, release), release)
        case NotKnown(release, message, look_again):
            release = _waiting_no_more(release)
            text = f"Release {release.number} ({short(release.commit)}): the image is there. {message}"
            plan = wait(world, with_current(status, release), Phase.Deploying, Reason.TakingBaseline, text)
            return replace(plan, look_again=look_again)
        case Held(release, gate):
            return waiting(world, with_current(status, release), release, gate)
        case _:
            assert_never(step)


def _waiting_no_more(release: CurrentRelease) -> CurrentRelease:
    """The release without what it has waited for until now."""
    return release.model_copy(update={"reason": None, "message": None}) if release.reason is not None else release


def _migrate(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease) -> Plan:
    """The preDeploy hook, and then the Deployment."""
    step = run_hook(world, current, PRE_DEPLOY)
    match step:
        case HookDone(release):
            status = _migrated(world, status, current, release)
            if release is not current and _is_wanted_otherwise(world, with_current(status, release)):
                # Somebody has asked for something else while the hook ran; that is taken up before this one is deployed.
                plan = wait(
                    world, with_current(status, release), Phase.Migrating, Reason.Migrating, _migrating(release, "")
                )
                return replace(plan, look_again=AT_ONCE)
            return _deploy(world, status, release)
        case HookNotYet(release, message, look_again, action):
            text = _migrating(release, message)
            plan = wait(world, with_current(status, release), Phase.Migrating, Reason.Migrating, text)
            return replace(plan, action=action, look_again=look_again)
        case HookBad(release, problem):
            text = f"{problem.message}. The Deployment was not touched. Ask for the release again when the cause is mended."
            failed = release.model_copy(update={"blame": problem.blame})
            return stand(world, with_current(status, failed), problem.reason, text)
        case _:
            assert_never(step)


def _is_wanted_otherwise(world: Snapshot, status: BrandReleaseStatus) -> bool:
    after_hook = world.release.model_copy(update={"status": status})
    return is_asked(after_hook) or unheard(after_hook) is not None


def _migrating(release: CurrentRelease, message: str) -> str:
    return f"Release {release.number} ({short(release.commit)}): {message or 'the preDeploy hook has run.'}"


def _migrated(
    world: Snapshot, status: BrandReleaseStatus, before: CurrentRelease, release: CurrentRelease
) -> BrandReleaseStatus:
    """Once the hook has succeeded, old code may not know the database any more; unless the Brand says that it does."""
    has_run = progress_of(release, PRE_DEPLOY) is not None and release is not before
    if not has_run or environment_of(world).rollback.after_migration is AfterMigration.Rollback:
        return status
    return status.model_copy(update={"migration": Migration(release=release.number, finished_at=world.now)})


def _deploy(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease) -> Plan:
    """Change the Deployment. What it ran until now is where a rollback would go."""
    deployment = deployment_of(world)
    note, adopted = None, None
    never_touched = deployment.applied_release is None or not status.history
    if status.running is None and never_touched:
        note, adopted = _adopt(world, deployment)
    rollout = Rollout(started_at=world.now)
    current = current.model_copy(update={"rollout": rollout, "reason": None, "message": note})
    status = with_current(status.model_copy(update={"running": adopted or status.running}), current)
    message = f"Release {current.number} ({short(current.commit)}): changing Deployment {deployment.name}."
    plan = wait(world, status, Phase.Deploying, Reason.Deploying, with_note(message, note))
    return replace(plan, action=_apply(world, current))


def _apply(world: Snapshot, current: CurrentRelease) -> ApplyRelease:
    return ApplyRelease(patch_for(world, current.number, current.commit, current.image or ""))


def _adopt(world: Snapshot, deployment: DeploymentView) -> tuple[str, RunningRelease | None]:
    """The first release takes the image over from whoever set it, once, and remembers what was found."""
    container = container_of(deployment, environment_of(world)) or ""
    found = deployment.images[container]
    owners = one_of(deployment.image_owners.get(container, ())) or "nobody"
    if not is_reference(found):
        shown = cut(line(found), _IMAGE_SHOWN)
        return (
            f'The image was taken over from {owners}; "{shown}" is no name of an image, so there is nothing to roll back to.',
            None,
        )
    if deployment.available > 0:
        note = f"The image was taken over from {owners}; {found} was found running and is where a rollback goes."
        return note, RunningRelease(number=0, image=found, since=world.now)
    return (
        f"The image was taken over from {owners}; {found} was not running, so there is nothing to roll back to.",
        None,
    )


def follow_rollout(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, rollout: Rollout) -> Plan:
    """The pods change over. A Deployment that does not carry this release yet is changed (again)."""
    deployment = deployment_of(world)
    if not carries(deployment, current.number, rollout):
        text = f"Release {current.number} ({short(current.commit)}): changing Deployment {deployment.name}."
        plan = wait(world, status, Phase.Deploying, Reason.Deploying, with_note(text, current.message))
        return replace(plan, action=_apply(world, current))
    rollout = as_seen(deployment, rollout, world.now)
    current = current.model_copy(update={"rollout": rollout})
    status = with_current(status, current)
    verdict = _rollout_verdict(world, rollout)
    match verdict:
        case Failed(problem):
            return fail(world, status, current, problem)
        case Progressing(message, look_again):
            text = with_note(f"Release {current.number} ({short(current.commit)}): {message}", current.message)
            plan = wait(world, status, Phase.Deploying, Reason.Deploying, text)
            return replace(plan, look_again=RETRY_SOON if deployment.paused else look_again - world.now)
        case Passed():
            ends_at = world.now + timedelta(seconds=environment_of(world).soak_seconds)
            watch_ = Verification(started_at=world.now, ends_at=ends_at)
            done = rollout.model_copy(update={"finished_at": world.now.replace(microsecond=0)})
            current = current.model_copy(update={"rollout": done, "verification": watch_})
            return watch(world, with_current(status, current), current, watch_)
        case _:
            assert_never(verdict)


def watch(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, verification: Verification) -> Plan:
    """Every pod is new and available. Watch on, ready to roll back, until soak, checks and postDeploy hook are through."""
    verification = _noted(world, current, verification)
    current = current.model_copy(update={"verification": verification})
    status = with_current(status, current)
    verdict = _soak_verdict(world, current, verification)
    if isinstance(verdict, Failed):
        return fail(world, status, current, verdict.problem)
    step = run_hook(world, current, POST_DEPLOY)
    match step:
        case HookBad(release, problem):
            return fail(world, with_current(status, release), release, problem)
        case HookNotYet(release, message, look_again, action):
            text = f"Release {release.number} ({short(release.commit)}): all pods are new. {message}"
            plan = wait(world, with_current(status, release), Phase.Verifying, Reason.Verifying, text)
            moments = [verdict.look_again] if isinstance(verdict, Progressing) else []
            moments += [due] if (due := next_look(world, release, verification)) is not None else []
            return replace(plan, action=action, look_again=min([look_again, *(each - world.now for each in moments)]))
        case HookDone(release):
            return _watched(world, with_current(status, release), release, verdict)
        case _:
            assert_never(step)


def _watched(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, verdict: Verdict) -> Plan:
    """Live, unless something is waited for still; what the checks say is told beside it."""
    verification = current.verification
    assert verification is not None, "it is watched"  # noqa: S101
    told, due = notes(world, current, verification), next_look(world, current, verification)
    who = f"Release {current.number} ({short(current.commit)})"
    if isinstance(verdict, Progressing):
        text = with_note(f"{who}: {verdict.message}", told)
        plan = wait(world, status, Phase.Verifying, Reason.Verifying, text)
        moments = (verdict.look_again, due) if due is not None else (verdict.look_again,)
        return replace(plan, look_again=min(moments) - world.now)
    hold = what_holds(world, current, verification)
    current = current.model_copy(update={"reason": hold.reason if hold is not None else None})
    status = with_current(status, current)
    if hold is None:
        return _succeed(world, status, current, told)
    again = due - world.now if due is not None else RETRY_SOON
    if hold.reason is None:
        text = with_note(f"{who}: the watch is over; waiting for the next looks of check {hold.check}.", told)
        return replace(wait(world, status, Phase.Verifying, Reason.Verifying, text), look_again=again)
    told = notes(world, current, verification, first=hold.check)
    text = (
        f"{who} is deployed and its pods are well, but it is not called live. {told} {_ways_out(status, current, hold)}"
    )
    return replace(blocked(world, status, hold.reason, text), look_again=again)


def _ways_out(status: BrandReleaseStatus, current: CurrentRelease, hold: Hold) -> str:
    """What a person can do about a check that keeps a release from being live."""
    until = "answers" if hold.reason is Reason.CheckUnreachable else "is good"
    accept = advice.override(status, current.commit)
    back = f'to roll back, set the annotation {ABORT_ANNOTATION} to "{current.number}"'
    return f"It waits until check {hold.check} {until} again. To accept it as it is, set {accept}; {back}."


def _succeed(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease, told: str) -> Plan:
    """The release is live: from now on it is where a rollback goes."""
    running = RunningRelease(
        number=current.number,
        commit=current.commit,
        revision=short(current.commit),
        image=current.image or "",
        since=world.now,
    )
    took = seconds((world.now - current.started_at).total_seconds())
    what = f", with the image of release {current.image_of}" if current.image_of is not None else ""
    text = f"Release {current.number} ({short(current.commit)}) is live{what}; it took {took}."
    text = with_note(with_note(text, current.message), told)
    # Older code after a migration is no proof that it knows the database: the warning stays.
    migration = status.migration if current.image_of is not None else None
    status = passed(status, current).model_copy(update={"running": running, "migration": migration})
    limit = environment_of(world).revision_history_limit
    status = finish(status, Outcome.Succeeded, Reason.Succeeded, text, world.now, limit)
    return wait(world, status, Phase.Live, Reason.Succeeded, text)


def suspect(world: Snapshot) -> Problem | None:
    """What the release in flight would fail for, so that what is worth knowing can be read before the pods go away."""
    current = in_flight(world.release)
    if not (current and world.deployment and world.environment) or current.rollback:
        return None
    if current.rollout is None:
        return _never_built(world, current) if current.image is None else None
    if current.rollout.finished_at is None or current.verification is None:
        verdict = _rollout_verdict(world, as_seen(world.deployment, current.rollout, world.now))
    else:
        verdict = _soak_verdict(world, current, _noted(world, current, current.verification))
    if isinstance(verdict, Failed):
        return verdict.problem
    step = run_hook(world, current, POST_DEPLOY) if current.verification else None
    return step.problem if isinstance(step, HookBad) else None


def _never_built(world: Snapshot, current: CurrentRelease) -> Problem | None:
    step = obtain_image(world, brand_of(world), current)
    return Problem(step.reason, step.message) if isinstance(step, NeverBuilt) else None


def _rollout_verdict(world: Snapshot, rollout: Rollout) -> Verdict:
    deployment, rules = deployment_of(world), environment_of(world)
    return judge_rollout(deployment, world.pods, world.warnings, rules, rollout.started_at, world.now)


def _noted(world: Snapshot, current: CurrentRelease, verification: Verification) -> Verification:
    """The watch, with what has been seen since of pods and of checks."""
    return looked_at(world, current, noted(verification, world.pods))


def _soak_verdict(world: Snapshot, current: CurrentRelease, verification: Verification) -> Verdict:
    """The pods first: what they say is nearer to the cause than what a check sees from outside."""
    deployment, rules = deployment_of(world), environment_of(world)
    verdict = judge_soak(deployment, world.pods, world.warnings, rules, verification, world.now)
    failed = None if isinstance(verdict, Failed) else failed_check(world, current, verification)
    return Failed(failed) if failed is not None else verdict
