"""What a rule is: something to look for, from when on it counts, and the reason that it gives."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, assert_never

from brandrelease.apis.reasons import Reason
from brandrelease.core.health.scene import Scene
from brandrelease.core.health.verdict import Problem

AT_ONCE: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Decisive:
    """Counts as soon as it is seen: no waiting makes it better."""


@dataclass(frozen=True, slots=True)
class Patient:
    """Counts when it has lasted for the grace: it may pass, but not for much longer."""

    grace: timedelta


@dataclass(frozen=True, slots=True)
class AtDeadline:
    """Counts only when the time of the whole rollout is over. told_after: since when people are told; None: never before."""

    told_after: timedelta | None = timedelta()


@dataclass(frozen=True, slots=True)
class InTime:
    """Counts when the time that a first start may take (progressDeadlineSeconds) has passed once more."""


Timing = Decisive | Patient | AtDeadline | InTime


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something a rule has seen. since: from when a grace counts. meanwhile: what is told until it counts, if not message.

    A message that changes by itself would be written again and again, so words that change belong into `message`, which
    is told once, when the release fails.
    """

    message: str
    since: datetime
    pod: str | None = None
    container: str | None = None
    previous: bool = False
    exit_code: int | None = None
    meanwhile: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, the moment from which it counts (None: only at the deadline), and from which people are told of it."""

    problem: Problem
    counts_from: datetime | None
    told_from: datetime | None
    meanwhile: str


Look = Callable[[Scene], Iterable[Sighting]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the chain. name: what is seen, in words; docs/verdicts.md is made from it."""

    name: str
    look: Look
    timing: Timing
    reason: Reason

    def findings(self, scene: Scene) -> Iterator[Finding]:
        """What this rule finds wrong."""
        for seen in self.look(scene):
            problem = Problem(self.reason, seen.message, seen.pod, seen.container, seen.previous, seen.exit_code)
            counts_from, told_from = self._moments(seen.since, scene)
            yield Finding(problem, counts_from, told_from, seen.meanwhile or seen.message)

    def _moments(self, since: datetime, scene: Scene) -> tuple[datetime | None, datetime | None]:
        match self.timing:
            case Decisive():
                return AT_ONCE, AT_ONCE
            case Patient(grace):
                return since + grace, AT_ONCE
            case InTime():
                return since + timedelta(seconds=scene.rules.progress_deadline_seconds), AT_ONCE
            case AtDeadline(told_after):
                return None, since + told_after if told_after is not None else None
            case _:
                assert_never(self.timing)
