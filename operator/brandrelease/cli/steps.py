"""The steps of a release as people follow them: build, preDeploy, rollout, watch, postDeploy, rollback. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Final

from brandrelease.apis.brandrelease import BrandReleaseStatus, CurrentRelease, Outcome, Phase
from brandrelease.apis.progress import HookProgress
from brandrelease.apis.verification import CheckProgress, CheckState
from brandrelease.cli.pods import Pods
from brandrelease.core.words import seconds, short


class State(Enum):
    """How far a step is."""

    Ahead = "ahead"
    Running = "running"
    Done = "done"
    Failed = "failed"
    Doubtful = "doubtful"
    """Of a check: it is bad, and nothing follows from that yet."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the view. share: how much of it is over, from 0 to 1, where its end is known. below: what it consists of."""

    name: str
    state: State
    detail: str = ""
    share: float | None = None
    below: tuple["Step", ...] = ()


BUILD: Final = "build"
PRE_DEPLOY: Final = "preDeploy"
ROLLOUT: Final = "rollout"
WATCH: Final = "watch"
POST_DEPLOY: Final = "postDeploy"
ROLLBACK: Final = "rollback"


CHECK_STATES: Final = {
    CheckState.Passed: State.Done,
    CheckState.Failing: State.Doubtful,
    CheckState.Failed: State.Failed,
    CheckState.NotCharged: State.Doubtful,
    CheckState.Error: State.Doubtful,
}


def steps(status: BrandReleaseStatus, now: datetime, pods: Pods | None = None) -> tuple[Step, ...]:
    """The steps of the release that is worked on: of the one that is prepared, where there is one.

    pods: those of the release, where they may be seen.
    """
    release = status.next or status.current
    return tuple(_steps(release, status.phase, now, pods)) if release else ()


def _steps(release: CurrentRelease, phase: Phase | None, now: datetime, pods: Pods | None) -> Iterator[Step]:
    yield _build(release, now)
    hooks = release.hooks
    if hooks and hooks.pre_deploy:
        yield _hook(PRE_DEPLOY, hooks.pre_deploy, now)
    yield _with_pods(_rollout(release, now), pods)
    yield _watch(release, now)
    if hooks and hooks.post_deploy:
        yield _hook(POST_DEPLOY, hooks.post_deploy, now)
    if release.rollback or phase in {Phase.RollingBack, Phase.RolledBack}:
        yield _rollback(release, now)


def _with_pods(rollout: Step, pods: Pods | None) -> Step:
    """The pods are told of for as long as they may still be bad."""
    if pods is None or rollout.state in {State.Ahead, State.Failed}:
        return rollout
    shown, more = pods.shown()
    below = [Step(pod.says, State.Done if pod.ready else State.Running, pod.name) for pod in shown]
    if more:
        below.append(Step(f"and {more} more", State.Done))
    if rollout.state is State.Done:  # what is ready is no news any more
        return replace(rollout, below=tuple(each for each in below if each.state is State.Running))
    detail = f"{pods.told()}, {rollout.detail}"
    return replace(rollout, detail=detail, share=pods.share, below=tuple(below))


def _build(release: CurrentRelease, now: datetime) -> Step:
    build = release.build
    if release.image:
        if build is None:
            return Step(BUILD, State.Done, "the image was there already")
        return Step(BUILD, State.Done, _took(build.started_at, build.finished_at or now))
    if release.outcome:
        return Step(BUILD, State.Failed, build.id or "" if build else "")
    if build is None:
        return Step(BUILD, State.Ahead)
    where = f" in {build.id}" if build.id else ""
    return Step(BUILD, State.Running, f"{build.builder}{where}, {_since(build.started_at, now)}")


def _hook(name: str, hook: HookProgress, now: datetime) -> Step:
    if hook.finished_at is None:
        return Step(name, State.Running, f"Job {hook.job}, {_since(hook.started_at, now)}")
    state = State.Done if hook.succeeded else State.Failed
    return Step(name, state, f"Job {hook.job}, {_took(hook.started_at, hook.finished_at)}")


def _rollout(release: CurrentRelease, now: datetime) -> Step:
    rollout = release.rollout
    if rollout is None:
        return Step(ROLLOUT, State.Ahead)
    if rollout.finished_at:
        return Step(ROLLOUT, State.Done, _took(rollout.started_at, rollout.finished_at))
    if _has_failed(release):
        return Step(ROLLOUT, State.Failed, _took(rollout.started_at, _end(release, now)))
    if rollout.paused:
        return Step(ROLLOUT, State.Running, "the Deployment is paused")
    return Step(ROLLOUT, State.Running, _since(rollout.started_at, now))


def _watch(release: CurrentRelease, now: datetime) -> Step:
    watch = release.verification
    if watch is None:
        return Step(WATCH, State.Ahead)
    checks = tuple(map(_check, watch.checks))
    if _has_failed(release):
        return Step(WATCH, State.Failed, below=checks)
    if release.outcome is Outcome.Succeeded or (now >= watch.ends_at and release.hooks and release.hooks.post_deploy):
        return Step(WATCH, State.Done, _took(watch.started_at, watch.ends_at), below=checks)
    whole, left = (watch.ends_at - watch.started_at).total_seconds(), (watch.ends_at - now).total_seconds()
    share = min(max(1 - left / whole, 0.0), 1.0) if whole else None
    detail = f"{seconds(left)} left of {seconds(whole)}" if left > 0 else "over, waiting for the last look"
    return Step(WATCH, State.Running, detail, share, checks)


def _check(check: CheckProgress) -> Step:
    said = f"{check.state}: {check.message}" if check.state is not CheckState.Passed else check.message
    return Step(check.name, CHECK_STATES[check.state], said)


def _rollback(release: CurrentRelease, now: datetime) -> Step:
    way = release.rollback
    if way is None:
        return Step(ROLLBACK, State.Ahead)
    goal = f"to release {way.number} ({short(way.commit)})" if way.commit else f"to release {way.number}"
    if way.finished_at:
        return Step(ROLLBACK, State.Done, f"{goal}, {_took(way.started_at, way.finished_at)}")
    if release.outcome is not None:
        return Step(ROLLBACK, State.Failed, goal)
    return Step(ROLLBACK, State.Running, f"{goal}, {_since(way.started_at, now)}")


def _has_failed(release: CurrentRelease) -> bool:
    return release.rollback is not None or release.outcome not in {None, Outcome.Succeeded}


def _end(release: CurrentRelease, now: datetime) -> datetime:
    return (release.rollback.started_at if release.rollback else release.finished_at) or now


def _took(begin: datetime, end: datetime) -> str:
    return f"took {seconds(max((end - begin).total_seconds(), 0))}"


def _since(begin: datetime, now: datetime) -> str:
    return f"for {seconds(max((now - begin).total_seconds(), 0))}"
