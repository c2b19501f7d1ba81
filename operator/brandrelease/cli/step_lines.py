"""The steps of a release as lines of a terminal: with the time that goes on, and what a step consists of below it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from brandrelease.apis.brandrelease import BrandReleaseStatus, CurrentRelease
from brandrelease.apis.verification import CheckProgress, CheckState
from brandrelease.cli.new_pods import NewPods
from brandrelease.core.steps import Step, StepKind, StepState, steps
from brandrelease.core.tone import CHECK_TONES, Tone
from brandrelease.core.words import seconds

BESIDE: Final = {StepKind.Request, StepKind.Baseline, StepKind.End}
"""Steps that are told of above and below the lines."""


@dataclass(frozen=True, slots=True)
class Part:
    """A pod or a check: what a step consists of."""

    name: str
    tone: Tone
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StepLine:
    """One line. share: how much of it is over, from 0 to 1, where its end is known."""

    name: str
    state: StepState
    detail: str = ""
    share: float | None = None
    below: tuple[Part, ...] = ()


def step_lines(status: BrandReleaseStatus, now: datetime, pods: NewPods | None = None) -> tuple[StepLine, ...]:
    """The steps of the release that is worked on: of the one that is prepared, where there is one.

    pods: those of the release, where they may be seen.
    """
    release = status.next or status.current
    return tuple(_lines(release, now, pods)) if release else ()


def _lines(release: CurrentRelease, now: datetime, pods: NewPods | None) -> Iterator[StepLine]:
    for step in steps(release):
        if step.kind in BESIDE:
            continue
        line = StepLine(step.kind, step.state, _detail(step, now), _share(step, now))
        if step.kind is StepKind.Rollout and pods is not None:
            line = _with_pods(line, pods)
        if step.kind is StepKind.Watch and release.verification:
            line = replace(line, below=tuple(map(_check, release.verification.checks)))
        yield line


def _detail(step: Step, now: datetime) -> str:
    return ", ".join(filter(None, (step.note, _time(step, now))))


def _time(step: Step, now: datetime) -> str:
    if step.began is None or step.state is not StepState.Running:
        return f"took {step.took}" if step.took else ""
    if step.until is None:
        return f"for {seconds(max((now - step.began).total_seconds(), 0))}"
    left = (step.until - now).total_seconds()
    whole = (step.until - step.began).total_seconds()
    return f"{seconds(left)} left of {seconds(whole)}" if left > 0 else "over, waiting for the last look"


def _share(step: Step, now: datetime) -> float | None:
    if step.until is None or step.began is None or step.until <= step.began:
        return None
    return min(max((now - step.began) / (step.until - step.began), 0.0), 1.0)


def _with_pods(rollout: StepLine, pods: NewPods) -> StepLine:
    """The pods are told of for as long as they may still be bad."""
    if rollout.state not in {StepState.Running, StepState.Done}:
        return rollout
    shown, more = pods.shown()
    if rollout.state is StepState.Done:  # what is ready is no news any more
        ill = tuple(pod for pod in shown if pod.tone is not Tone.Good)
        return replace(rollout, below=tuple(Part(pod.words, pod.tone, pod.name) for pod in ill))
    below = [Part(pod.words, pod.tone, pod.name) for pod in shown]
    if more:
        below.append(Part(f"and {more} more", Tone.Off))
    detail = f"{pods.told()}, {rollout.detail}"
    return replace(rollout, detail=detail, share=pods.share, below=tuple(below))


def _check(check: CheckProgress) -> Part:
    said = f"{check.state}: {check.message}" if check.state is not CheckState.Passed else check.message
    return Part(check.name, CHECK_TONES[check.state], said)
