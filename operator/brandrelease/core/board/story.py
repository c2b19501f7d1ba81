"""One BrandRelease in full: what a brand's page says of an environment."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from brandrelease.apis.brandrelease import BrandRelease, CurrentRelease, Outcome, PastRelease
from brandrelease.apis.conditions import ConditionStatus, ConditionType
from brandrelease.apis.progress import LogTail
from brandrelease.core.board.glance import Glance, glance
from brandrelease.core.pod_line import PodLine
from brandrelease.core.steps import Step, StepState, steps, who_asked
from brandrelease.core.tone import CHECK_TONES, Tone
from brandrelease.core.words import short

OUTCOMES: Final = {
    Outcome.Succeeded: Tone.Good,
    Outcome.RolledBack: Tone.Bad,
    Outcome.Failed: Tone.Bad,
    Outcome.Superseded: Tone.Off,
    Outcome.Aborted: Tone.Off,
}
_WARNINGS: Final = {ConditionType.Quarantined, ConditionType.RollbackUnsafe}


@dataclass(frozen=True, slots=True)
class Log:
    """The end of a log, without secrets. title: whose."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class CheckLine:
    """How a check stands. before: it was looked at before the release, and not since."""

    name: str
    state: str
    tone: Tone
    message: str
    observed_at: datetime
    before: bool


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that is new."""

    revision: str
    author: str
    subject: str


@dataclass(frozen=True, slots=True)
class Work:
    """The release that is worked on, or was last. changes_more: how many new commits are not listed."""

    number: int
    revision: str
    commit: str
    image: str
    outcome: str
    blame: str
    steps: tuple[Step, ...]
    changes: tuple[Commit, ...]
    changes_more: int


@dataclass(frozen=True, slots=True)
class Past:
    """A release that has ended."""

    number: int
    revision: str
    outcome: str
    tone: Tone
    reason: str
    message: str
    blame: str
    who: str
    override: str
    began: datetime
    ended: datetime
    log: Log | None


@dataclass(frozen=True, slots=True)
class Story:
    """All that the board tells of one BrandRelease. warnings: what else a person should know, as sentences."""

    glance: Glance
    ref: str
    tracking: int
    warnings: tuple[str, ...]
    work: Work | None
    upcoming: Work | None
    checks: tuple[CheckLine, ...]
    logs: tuple[Log, ...]
    past: tuple[Past, ...]
    pods: tuple[PodLine, ...]


def story(release: BrandRelease, pods: Iterable[PodLine]) -> Story:
    """All that is told of a BrandRelease and its pods."""
    status = release.status
    current = status.current
    return Story(
        glance=glance(release),
        ref=release.spec.ref,
        tracking=release.spec.track_interval_seconds or 0,
        warnings=tuple(_warnings(release)),
        work=_work(current) if current else None,
        upcoming=_work(status.next) if status.next else None,
        checks=_checks(current) if current else (),
        logs=tuple(_logs(current)) if current else (),
        past=tuple(_past(each) for each in status.history if current is None or each.number != current.number),
        pods=tuple(sorted(pods, key=lambda pod: (pod.created_at, pod.name), reverse=True)),
    )


def untold(glance: Glance) -> Story:
    """The story of an object that cannot be read."""
    return Story(glance, "", 0, (), None, None, (), (), (), ())


def _warnings(release: BrandRelease) -> Iterator[str]:
    for each in release.status.conditions:
        holds = each.status is ConditionStatus.Yes
        if (each.type in _WARNINGS and holds) or (each.type is ConditionType.CacheInvalidated and not holds):
            yield each.message


def _work(current: CurrentRelease) -> Work:
    listed = current.changes or ()
    return Work(
        number=current.number,
        revision=short(current.commit),
        commit=current.commit,
        image=current.image or "",
        outcome=current.outcome or "",
        blame=current.blame or "",
        steps=tuple(step for step in steps(current) if step.state is not StepState.Ahead),
        changes=tuple(Commit(short(each.commit), each.author, each.subject) for each in listed),
        changes_more=max(0, (current.changes_total or 0) - len(listed)),
    )


def _checks(current: CurrentRelease) -> tuple[CheckLine, ...]:
    """How the checks stand; where nothing is watched yet, how they stood before."""
    if current.verification is not None and current.verification.checks:
        watched = current.verification.checks
        return tuple(
            CheckLine(each.name, each.state, CHECK_TONES[each.state], each.message, each.observed_at, before=False)
            for each in watched
        )
    return tuple(
        CheckLine(each.name, each.state, CHECK_TONES[each.state], each.message, each.observed_at, before=True)
        for each in current.baseline
    )


def _logs(current: CurrentRelease) -> Iterator[Log]:
    if current.evidence is not None:
        yield _log(current.evidence)
    if current.build is not None and current.build.log_tail:
        yield Log(f"Build by {current.build.builder}, attempt {current.build.attempt}", current.build.log_tail)
    hooks = current.hooks
    for title, hook in (("preDeploy", hooks.pre_deploy), ("postDeploy", hooks.post_deploy)) if hooks else ():
        if hook is not None and hook.log_tail:
            yield Log(f"Hook {title}, Job {hook.job}", hook.log_tail)


def _log(tail: LogTail) -> Log:
    code = "" if tail.exit_code is None else f", exit code {tail.exit_code}"
    return Log(f"Pod {tail.pod}, container {tail.container}{code}", tail.log_tail)


def _past(entry: PastRelease) -> Past:
    return Past(
        number=entry.number,
        revision=short(entry.commit),
        outcome=entry.outcome,
        tone=OUTCOMES[entry.outcome],
        reason=entry.reason,
        message=entry.message,
        blame=entry.blame or "",
        who=who_asked(entry),
        override=entry.override or "",
        began=entry.started_at,
        ended=entry.finished_at,
        log=_log(entry.evidence) if entry.evidence else None,
    )
