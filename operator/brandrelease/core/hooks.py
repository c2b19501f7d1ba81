"""Hooks: one Job before the change of the Deployment and one after it, each run once for a release.

The Job's name is made from release and number, so a second start finds the first. That it was seen is written down:
from then on a Job that is gone is not made anew, since nobody could say whether it had run.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from brandrelease.apis.brandrelease import CurrentRelease, Outcome
from brandrelease.apis.healing import Hook
from brandrelease.apis.progress import HookProgress, HooksProgress
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import POST_DEPLOY, PRE_DEPLOY, HookOrder, StartHook
from brandrelease.core.health import Problem
from brandrelease.core.obstacles import container_of
from brandrelease.core.plans import deployment_of, environment_of
from brandrelease.core.snapshot import HookAbsent, HookFailed, HookRunning, HookSucceeded, Snapshot
from brandrelease.core.words import telling_line

LATE: Final = timedelta(seconds=90)
"""The kubelet ends a hook at its time and the Job controller a minute later; then it is looked at without an event."""

FAILED: Final = {PRE_DEPLOY: Reason.PreDeployFailed, POST_DEPLOY: Reason.PostDeployFailed}


@dataclass(frozen=True, slots=True)
class HookDone:
    """There is no such hook, or it has run and succeeded."""

    release: CurrentRelease


@dataclass(frozen=True, slots=True)
class HookNotYet:
    """The hook has to be started or to come to its end. look_again: even if no event comes."""

    release: CurrentRelease
    message: str
    look_again: timedelta
    action: StartHook | None = None


@dataclass(frozen=True, slots=True)
class HookBad:
    """The release fails by its hook."""

    release: CurrentRelease
    problem: Problem


HookStep = HookDone | HookNotYet | HookBad


def run_hook(world: Snapshot, current: CurrentRelease, kind: str) -> HookStep:
    """The next step of a hook of the current release. A release of an older image has none: it has run them once."""
    hook, progress = _hook_of(world, kind), progress_of(current, kind)
    if current.image_of is not None or (progress is None and hook is None):
        return HookDone(current)
    if progress is not None and progress.succeeded:
        return HookDone(current)
    order = hook_order(world, current, kind, hook or Hook(command=("true",)))
    if hook is None and progress is not None and progress.uid is None and isinstance(world.hook, HookAbsent):
        return HookDone(_with(current, kind, None))  # taken out of the Brand before its Job was made
    if progress is None:
        begun = _with(current, kind, HookProgress(job=order.name, started_at=world.now))
        return HookNotYet(begun, _starting(order), _until(world.now, order, world.now), StartHook(order))
    return _follow(world, current, order, progress)


def _follow(world: Snapshot, current: CurrentRelease, order: HookOrder, progress: HookProgress) -> HookStep:
    kind, look_again = order.kind, _until(progress.started_at, order, world.now)
    match world.hook:
        case None:
            return HookNotYet(current, _starting(order), look_again)
        case HookAbsent() if progress.uid is not None:
            message = (
                f"Job {order.name} of the {kind} hook is gone, and nobody can say whether it had come to its end. "
                "Look at the database, then ask for the release again"
            )
            return HookBad(ended(current, kind, progress, world.now), Problem(Reason.HookLost, message))
        case HookAbsent():
            return HookNotYet(current, _starting(order), look_again, StartHook(order))
        case HookRunning(uid, message):
            running = progress.model_copy(update={"uid": uid})
            return HookNotYet(_with(current, kind, running), message, look_again)
        case HookSucceeded(uid, log):
            seen = progress.model_copy(update={"uid": uid})
            return HookDone(ended(current, kind, seen, world.now, log, succeeded=True))
        case HookFailed(uid, message, log):
            seen = progress.model_copy(update={"uid": uid})
            line = telling_line(log)
            text = f"The {kind} hook has failed: {message}{f'; its log says: {line[:300]}' if line else ''}"
            return HookBad(ended(current, kind, seen, world.now, log), Problem(FAILED[kind], text))
        case _:
            assert_never(world.hook)


def hook_in_flight(current: CurrentRelease | None) -> str | None:
    """The kind of the hook that has been started and has not ended, if there is one; also that of an aborted release."""
    if current is None or current.rollback is not None or current.outcome not in {None, Outcome.Aborted}:
        return None
    for kind in (PRE_DEPLOY, POST_DEPLOY):
        progress = progress_of(current, kind)
        if progress is not None and progress.finished_at is None:
            return kind
    return None


def progress_of(current: CurrentRelease, kind: str) -> HookProgress | None:
    """How far the hook of this kind has come."""
    if current.hooks is None:
        return None
    return current.hooks.pre_deploy if kind == PRE_DEPLOY else current.hooks.post_deploy


def hook_order(world: Snapshot, current: CurrentRelease, kind: str, hook: Hook) -> HookOrder:
    """What the Job is made from, but for what is taken over from the Deployment."""
    deployment, environment, release = deployment_of(world), environment_of(world), world.release
    return HookOrder(
        namespace=release.namespace,
        release_name=release.name,
        owner_uid=release.uid,
        number=current.number,
        commit=current.commit,
        kind=kind,
        deployment=deployment.name,
        container=container_of(deployment, environment) or "",
        image=current.image or "",
        command=hook.command,
        timeout_seconds=hook.timeout_seconds,
    )


def _hook_of(world: Snapshot, kind: str) -> Hook | None:
    hooks = environment_of(world).hooks
    return hooks.pre_deploy if kind == PRE_DEPLOY else hooks.post_deploy


def _starting(order: HookOrder) -> str:
    return f"Starting the {order.kind} hook as Job {order.name}."


def _until(started_at: datetime, order: HookOrder, now: datetime) -> timedelta:
    return max(started_at + timedelta(seconds=order.timeout_seconds) + LATE - now, LATE)


def _with(current: CurrentRelease, kind: str, progress: HookProgress | None) -> CurrentRelease:
    field = "pre_deploy" if kind == PRE_DEPLOY else "post_deploy"
    hooks = (current.hooks or HooksProgress()).model_copy(update={field: progress})
    return current.model_copy(update={"hooks": hooks})


def ended(
    current: CurrentRelease, kind: str, progress: HookProgress, now: datetime, log: str = "", *, succeeded: bool = False
) -> CurrentRelease:
    """The release with the hook at its end."""
    how = {"finished_at": now.replace(microsecond=0), "succeeded": succeeded, "log_tail": log or None}
    return _with(current, kind, progress.model_copy(update=how))
