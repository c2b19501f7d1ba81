"""The timeline of the release that is worked on, or was last: what has been done, what is being done, what failed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from brandrelease.apis.brandrelease import CurrentRelease, Outcome
from brandrelease.apis.progress import BuildProgress, HookProgress
from brandrelease.core.board.glance import who_asked
from brandrelease.core.words import seconds, several, short


class StepState(StrEnum):
    """How a step stands."""

    Done = "done"
    Running = "running"
    Failed = "failed"
    Stopped = "stopped"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. link: an https address of more about it, or empty. is_end: the title says how it ended."""

    title: str
    state: StepState
    began: datetime | None
    ended: datetime | None
    note: str = ""
    link: str = ""
    is_end: bool = False

    @property
    def took(self) -> str:
        """How long it took, in words; empty where that is not known, or it was a moment."""
        if self.began is None or self.ended is None or self.ended <= self.began:
            return ""
        return seconds((self.ended - self.began).total_seconds())


def steps(current: CurrentRelease) -> tuple[Step, ...]:
    """The steps in the order in which they were begun."""
    return tuple(_steps(current))


def _steps(current: CurrentRelease) -> Iterator[Step]:
    yield Step("Asked for", StepState.Done, current.started_at, current.started_at, _request(current))
    if (image := _image(current)) is not None:
        yield image
    if current.baseline:
        looked = max(each.observed_at for each in current.baseline)
        note = f"{several(len(current.baseline), 'check')} looked at before anything was changed."
        yield Step("Baseline", StepState.Done, looked, looked, note)
    hooks = current.hooks
    if hooks is not None and hooks.pre_deploy is not None:
        yield _hook(current, "Hook preDeploy", hooks.pre_deploy)
    if (rollout := current.rollout) is not None:
        note = "The Deployment is paused." if rollout.paused else ""
        yield _step(current, "Change-over of the pods", rollout.started_at, rollout.finished_at, note)
    if hooks is not None and hooks.post_deploy is not None:
        yield _hook(current, "Hook postDeploy", hooks.post_deploy)
    if (watch := current.verification) is not None:
        passed = watch.ends_at if current.outcome is Outcome.Succeeded else None
        yield _step(current, "Watch", watch.started_at, passed, f"Until {watch.ends_at:%Y-%m-%d %H:%M:%S} UTC.")
    yield from _way_back(current)
    if current.outcome is not None:
        state = StepState.Done if current.outcome is Outcome.Succeeded else StepState.Failed
        ended = current.finished_at
        yield Step(f"Ended: {current.outcome}", state, ended, ended, current.message or "", is_end=True)
    yield from _cache(current)


def _request(current: CurrentRelease) -> str:
    who = who_asked(current)
    by = f" by {who}" if who else ""
    again = f", try {current.tries}" if current.tries > 1 else ""
    through = f" Let through: {current.override}" if current.override else ""
    return f"{current.ref}{by}{again}.{through}"


def _image(current: CurrentRelease) -> Step | None:
    build = current.build
    if build is not None:
        ended = build.finished_at or (build.started_at if current.image else None)
        state = _state(current, ended if current.image else None)
        attempt = f", attempt {build.attempt}" if build.attempt > 1 else ""
        return Step("Build", state, build.started_at, ended, f"{build.builder}{attempt}.", _link(build))
    if current.image is None:
        return None
    again = current.image_of
    note = "It was built before." if again is None else f"That of release {again}, without a build."
    return Step("Image", StepState.Done, None, None, note)


def _link(build: BuildProgress) -> str:
    """Only what a browser can be sent to without harm."""
    url = build.logs_url or ""
    return url if url.startswith("https://") else ""


def _hook(current: CurrentRelease, title: str, hook: HookProgress) -> Step:
    ended = hook.finished_at
    if ended is not None:
        return Step(title, StepState.Done if hook.succeeded else StepState.Failed, hook.started_at, ended, hook.job)
    return _step(current, title, hook.started_at, None, hook.job)


def _way_back(current: CurrentRelease) -> Iterator[Step]:
    back = current.rollback
    if back is None:
        return
    failed = current.outcome is Outcome.Failed and back.finished_at is None
    state = StepState.Failed if failed else StepState.Done if back.finished_at else StepState.Running
    note = f"To release {back.number}, {short(back.commit)}."
    yield Step("Rollback", state, back.started_at, back.finished_at, note)


def _cache(current: CurrentRelease) -> Iterator[Step]:
    asked = current.invalidation
    if asked is None:
        return
    state = StepState.Done if asked.finished_at else StepState.Running
    if asked.problem is not None:
        state = StepState.Failed
    yield Step("CloudFront", state, asked.requested_at, asked.finished_at, asked.problem or "")


def _step(current: CurrentRelease, title: str, began: datetime, ended: datetime | None, note: str) -> Step:
    return Step(title, _state(current, ended), began, ended, note)


def _state(current: CurrentRelease, ended: datetime | None) -> StepState:
    """A step without an end is one that failed where the release did, and one that was stopped where that was."""
    if ended is not None:
        return StepState.Done
    if current.outcome in {Outcome.Superseded, Outcome.Aborted}:
        return StepState.Stopped
    return StepState.Failed if current.outcome is not None or current.rollback is not None else StepState.Running
