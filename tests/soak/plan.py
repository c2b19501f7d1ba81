"""Which request and which fault comes when: a pure function of the seed and the size of the run."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final, TypeVar

from soak.truth import Behaviour

Kind = TypeVar("Kind")


class Ask(StrEnum):
    """What people and CI ask for. Each is carried out by soak.driver, and its end judged there."""

    Release = "release"
    Supersede = "supersede"
    Suspend = "suspend"
    RollbackTo = "rollbackTo"
    Abort = "abort"
    Recreate = "recreate"
    Malformed = "malformed"


class Mend(StrEnum):
    """How a branch that contains a quarantined commit is made releasable again."""

    Revert = "revert"
    ForcePush = "force push"
    Override = "override"


class Trouble(StrEnum):
    """Faults. Each is carried out by soak.faults."""

    Conflict = "API 409 on writes"
    TooMany = "API 429"
    Internal = "API 500"
    Unavailable = "API 503"
    LostAnswers = "API answers lost after the write"
    LostRequests = "API connections cut before the write"
    Slow = "API answers late"
    Stale = "API reads stale"
    Refused = "API refuses connections"
    WatchesCut = "watches cut"
    WatchesExpired = "watches end with 410"
    WatchesBroken = "watches end with 500"
    WatchesMute = "watches mute"
    EventsLost = "some watch events lost"
    Killed = "operator killed (SIGKILL)"
    Stopped = "operator stopped (SIGTERM)"
    Paused = "operator paused (SIGSTOP)"
    GitDown = "git answers 503"
    GitSlow = "git slow"
    GitDenied = "git answers 401"
    RegistryDown = "registry answers 503"
    RegistryBusy = "registry answers 429"
    RegistrySlow = "registry slow"
    Burst = "burst of events on one object"


RESTARTS: Final = frozenset({Trouble.Killed, Trouble.Stopped})

QUIET_FROM: Final = 0.62
"""Share of the time after which the operator's process is left alone, so that its memory can be looked at for long."""

REQUESTS_UNTIL: Final = 0.84
"""Share of the time after which nothing new is asked for: what is left is for settling, and for the last round."""

AT_ONCE: Final = 3
"""Faults at the same time, at most."""

_ASKS: Final = {
    Ask.Release: 70,
    Ask.Supersede: 8,
    Ask.Suspend: 5,
    Ask.RollbackTo: 5,
    Ask.Abort: 5,
    Ask.Recreate: 3,
    Ask.Malformed: 4,
}
_BEHAVIOURS: Final = {
    Behaviour.Good: 72,
    Behaviour.Crashes: 10,
    Behaviour.NeverReady: 4,
    Behaviour.CrashesLater: 4,
    Behaviour.NotPulled: 2,
    Behaviour.DoesNotBuild: 3,
    Behaviour.BuildIsLost: 3,
    Behaviour.MigrationFails: 2,
}
_RELEASES: Final = {Ask.Malformed: 0, Ask.Supersede: 2}
_TROUBLES: Final = dict.fromkeys(Trouble, 3) | {Trouble.Killed: 6, Trouble.Stopped: 3}
_SECONDS: Final = {
    Trouble.WatchesMute: (10.0, 25.0),
    Trouble.EventsLost: (10.0, 25.0),
    Trouble.Refused: (2.0, 6.0),
    Trouble.GitDenied: (2.0, 5.0),
    Trouble.Paused: (3.0, 12.0),
}
_USUAL_SECONDS: Final = (3.0, 9.0)


@dataclass(frozen=True)
class Step:
    """One thing that is asked for. at: seconds from the start. pause: between its parts, where it has more than one."""

    at: float
    site: int
    ask: Ask
    behaviour: Behaviour = Behaviour.Good
    mend: Mend = Mend.Revert
    pause: float = 1.0
    pick: float = 0.0
    """Chooses among what there will be: an earlier release, a malformed spec."""

    @property
    def releases(self) -> int:
        """How many releases it asks for."""
        return _RELEASES.get(self.ask, 1)

    def __str__(self) -> str:
        what = f" of a commit that {self.behaviour}" if self.behaviour is not Behaviour.Good else ""
        return f"{self.at:7.1f}  site {self.site:3}  {self.ask}{what} ({self.mend}, pause {self.pause:.1f} s)"


@dataclass(frozen=True)
class Fault:
    """One fault. share: of the requests or events that meet it. seed: of the dice that choose them."""

    at: float
    seconds: float
    trouble: Trouble
    share: float
    site: int
    seed: int

    def __str__(self) -> str:
        return f"{self.at:7.1f}  {self.seconds:4.1f} s  {self.trouble} (share {self.share:.2f}, site {self.site})"


@dataclass(frozen=True)
class Plan:
    """Everything that will be done to the operator."""

    seed: int
    seconds: float
    sites: int
    releases: int
    steps: tuple[Step, ...]
    faults: tuple[Fault, ...]

    @property
    def ends_at(self) -> float:
        """When nothing new is asked for any more, in seconds from the start."""
        return self.seconds * REQUESTS_UNTIL

    @property
    def quiet_at(self) -> float:
        """From when on the operator's process is left alone, in seconds from the start."""
        return self.seconds * QUIET_FROM

    def __str__(self) -> str:
        return "\n".join(["requests", *map(str, self.steps), "faults", *map(str, self.faults)])


def plan_of(seed: int, seconds: float, releases: int, sites: int) -> Plan:
    """The plan. The first round and the last, in which each site gets a good release, count as releases too."""
    dice = Random(seed)
    steps = tuple(sorted(_steps(dice, seconds, max(releases - sites, sites), sites), key=lambda step: step.at))
    faults = tuple(_faults(dice, seconds, sites))
    return Plan(seed, seconds, sites, releases, steps, faults)


def _steps(dice: Random, seconds: float, releases: int, sites: int) -> Iterator[Step]:
    """First one good release for each site; then whatever comes, so that the releases are evenly spread."""
    end = seconds * REQUESTS_UNTIL
    spread = end * sites / releases
    for site in dice.sample(range(sites), sites):
        yield Step(dice.uniform(0, spread), site, Ask.Release)
    asked = sites
    while asked < releases:
        step = _step(dice, spread + (end - spread) * (asked - sites) / max(releases - sites, 1), sites)
        asked += step.releases
        yield step


def _step(dice: Random, at: float, sites: int) -> Step:
    ask = _drawn(dice, _ASKS)
    return Step(
        at=at,
        site=dice.randrange(sites),
        ask=ask,
        behaviour=_drawn(dice, _BEHAVIOURS),
        mend=dice.choice(list(Mend)),
        pause=dice.uniform(0.2, 4.0),
        pick=dice.random(),
    )


def _faults(dice: Random, seconds: float, sites: int) -> Iterator[Fault]:
    """A new one every few seconds, as long as there are not too many at the same time."""
    at, ends = min(8.0, seconds * 0.1), [0.0] * AT_ONCE
    last = seconds * REQUESTS_UNTIL
    while at < last:
        trouble = _drawn(dice, _TROUBLES)
        lasts = min(dice.uniform(*_SECONDS.get(trouble, _USUAL_SECONDS)), last - at)
        share = dice.choice((0.2, 0.5, 1.0))
        site, seed = dice.randrange(sites), dice.randrange(2**32)
        free = min(range(AT_ONCE), key=ends.__getitem__)
        if ends[free] <= at and not (trouble in RESTARTS and at > seconds * QUIET_FROM):
            ends[free] = at + lasts
            yield Fault(at, lasts, trouble, share, site, seed)
        at += dice.uniform(3.0, 9.0)


def _drawn(dice: Random, weights: dict[Kind, int]) -> Kind:
    return dice.choices(list(weights), list(weights.values()))[0]
