"""The steps of a release, for everybody who looks at it: what has been done, what is being done, what failed, what is to come."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from brandrelease.apis.brandrelease import CurrentRelease, Outcome, PastRelease
from brandrelease.apis.progress import BuildProgress, HookProgress, Rollback
from brandrelease.core.words import seconds, several, short


class StepKind(StrEnum):
    """Which step it is, in the word that people read."""

    Request = "asked for"
    Build = "build"
    Baseline = "baseline"
    PreDeploy = "preDeploy"
    Rollout = "rollout"
    Watch = "watch"
    PostDeploy = "postDeploy"
    Rollback = "rollback"
    End = "ended"
    Cache = "CloudFront"


class StepState(StrEnum):
    """How a step stands."""

    Ahead = "ahead"
    Running = "running"
    Done = "done"
    Failed = "failed"
    Stopped = "stopped"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. until: when its time will be over, where that is known. link: an https address of more about it, or empty."""

    kind: StepKind
    state: StepState
    began: datetime | None = None
    ended: datetime | None = None
    note: str = ""
    until: datetime | None = None
    link: str = ""

    @property
    def took(self) -> str:
        """How long it took, in words; empty where that is not known, or it was a moment."""
        if self.began is None or self.ended is None or self.ended <= self.began:
            return ""
        return seconds((self.ended - self.began).total_seconds())


def steps(release: CurrentRelease) -> tuple[Step, ...]:
    """The steps in the order in which they are made; a hook only where it was run."""
    return tuple(_steps(release))


def who_asked(release: CurrentRelease | PastRelease) -> str:
    """Who asked for a release: the name of the client, or tracking. Empty where nobody knows."""
    if isinstance(release, CurrentRelease) and release.tracked:
        return "tracking"
    return release.requested_by or ""


def _steps(release: CurrentRelease) -> Iterator[Step]:
    yield Step(StepKind.Request, StepState.Done, release.started_at, release.started_at, _request(release))
    yield _build(release)
    if release.baseline:
        looked = max(each.observed_at for each in release.baseline)
        note = f"{several(len(release.baseline), 'check')} looked at before anything was changed"
        yield Step(StepKind.Baseline, StepState.Done, looked, looked, note)
    hooks = release.hooks
    if hooks and hooks.pre_deploy:
        yield _hook(release, StepKind.PreDeploy, hooks.pre_deploy)
    yield _rollout(release)
    yield _watch(release)
    if hooks and hooks.post_deploy:
        yield _hook(release, StepKind.PostDeploy, hooks.post_deploy)
    if release.rollback:
        yield _rollback(release, release.rollback)
    if release.outcome:
        state = StepState.Done if release.outcome is Outcome.Succeeded else StepState.Failed
        yield Step(StepKind.End, state, release.finished_at, release.finished_at, release.message or "")
    yield from _cache(release)


def _request(release: CurrentRelease) -> str:
    who = who_asked(release)
    by = f" by {who}" if who else ""
    again = f", try {release.tries}" if release.tries > 1 else ""
    through = f"; let through: {release.override}" if release.override else ""
    return f"{release.ref}{by}{again}{through}"


def _build(release: CurrentRelease) -> Step:
    build = release.build
    if build is None and release.image is None:
        return Step(StepKind.Build, StepState.Ahead)
    if build is None:
        again = release.image_of
        note = "the image was there already" if again is None else f"the image of release {again}"
        return Step(StepKind.Build, StepState.Done, note=note)
    done = build.finished_at or build.started_at if release.image else None
    where = f" in {build.id}" if build.id else ""
    attempt = f", attempt {build.attempt}" if build.attempt > 1 else ""
    note = f"{build.builder}{where}{attempt}"
    begun = Step(StepKind.Build, StepState.Running, build.started_at, note=note, link=_link(build))
    return _by_now(release, begun, done, build.finished_at)


def _link(build: BuildProgress) -> str:
    """Only what a browser can be sent to without harm."""
    url = build.logs_url or ""
    return url if url.startswith("https://") else ""


def _hook(release: CurrentRelease, kind: StepKind, hook: HookProgress) -> Step:
    note = f"Job {hook.job}"
    if hook.finished_at is None:
        return _by_now(release, Step(kind, StepState.Running, hook.started_at, note=note), None)
    state = StepState.Done if hook.succeeded else StepState.Failed
    return Step(kind, state, hook.started_at, hook.finished_at, note)


def _rollout(release: CurrentRelease) -> Step:
    rollout = release.rollout
    if rollout is None:
        return Step(StepKind.Rollout, StepState.Ahead)
    note = "the Deployment is paused" if rollout.paused else ""
    begun = Step(StepKind.Rollout, StepState.Running, rollout.started_at, note=note)
    return _by_now(release, begun, rollout.finished_at)


def _watch(release: CurrentRelease) -> Step:
    watch = release.verification
    if watch is None:
        return Step(StepKind.Watch, StepState.Ahead)
    passed = watch.ends_at if release.outcome is Outcome.Succeeded else None
    return _by_now(release, Step(StepKind.Watch, StepState.Running, watch.started_at, until=watch.ends_at), passed)


def _rollback(release: CurrentRelease, back: Rollback) -> Step:
    note = f"to release {back.number}" + (f" ({short(back.commit)})" if back.commit else "")
    if back.finished_at:
        return Step(StepKind.Rollback, StepState.Done, back.started_at, back.finished_at, note)
    state = StepState.Failed if release.outcome else StepState.Running
    return Step(StepKind.Rollback, state, back.started_at, None, note)


def _cache(release: CurrentRelease) -> Iterator[Step]:
    asked = release.invalidation
    if asked is None:
        return
    state = StepState.Failed if asked.problem else StepState.Done if asked.finished_at else StepState.Running
    yield Step(StepKind.Cache, state, asked.requested_at, asked.finished_at, asked.problem or "")


def _by_now(release: CurrentRelease, step: Step, done: datetime | None, stopped: datetime | None = None) -> Step:
    """The step that has begun, as it stands. One that was not done has ended where the release did, if not at `stopped`."""
    if done is not None:
        return replace(step, state=StepState.Done, ended=done, until=None)
    state = _state_without_end(release)
    if state is StepState.Running:
        return step
    ended = stopped or (release.rollback.started_at if release.rollback else release.finished_at)
    return replace(step, state=state, ended=ended, until=None)


def _state_without_end(release: CurrentRelease) -> StepState:
    match release.outcome:
        case Outcome.Succeeded:
            return StepState.Done
        case Outcome.Superseded | Outcome.Aborted:
            return StepState.Stopped
        case None if release.rollback is None:
            return StepState.Running
        case _:
            return StepState.Failed
