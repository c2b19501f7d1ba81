"""One failure on a real kubelet: how long after the state that decides it the Deployment is patched back, and all serves.

The sites are those of the end-to-end stories; every moment is the arrival of a watch event.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bench.figures import Curve, Figure, Goal, Kind, Peer, Section, shares
from bench.moments import REST_SECONDS, is_rolled_out
from bench.stage import Stage, say, stage
from brandrelease.adapters.system_clock import SystemClock
from e2e.family import Family, a_live_site
from e2e.story import Object, Story
from e2e.trial import RELEASE_LABEL, Trial, is_ready
from support.kubectl import Seen, eventually

RESTORED_WITHIN: Final = 2.0
PATCHED_WITHIN: Final = 1.0


@dataclass(frozen=True, slots=True)
class Failure:
    """Seconds. patched, restored: after the state that decides, and after its grace where it has one.

    pod_starts: how long the pods of the good release took from their creation to being ready. deadline: after how long the
    Deployment itself would have called it a failure; it would not have gone back.
    """

    family: str
    patched: float
    restored: float
    pod_starts: tuple[float, ...]
    deadline: float


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it. lost: families that were not rolled back."""

    failures: tuple[Failure, ...]
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """Families to try, and how often. anew: these need a site of their own each time, because of what they leave behind."""

    families: Mapping[str, Family]
    times: int
    anew: frozenset[str] = frozenset()

    def run(self) -> Tried:
        """All of them, one after the other. One that is not rolled back is told, and is no reason to lose the others."""
        failures: list[Failure] = []
        lost: list[str] = []
        with stage() as stand:
            for name, family in self.families.items():
                try:
                    failures += self._of_a_family(stand, name, family)
                except AssertionError as error:
                    say(f"{name}: {error}")
                    lost.append(name)
        return Tried(tuple(failures), tuple(lost))

    def _of_a_family(self, stand: Stage, name: str, family: Family) -> list[Failure]:
        sites = self.times if name in self.anew else 1
        each = (_on_one_site(stand, f"{name}-{site}", name, family, self.times // sites) for site in range(sites))
        return [failure for failures in each for failure in failures]


def section(title: str, tried: Tried, since: str, words: tuple[str, ...], curve: str) -> Section:
    """All families together, and then each."""
    failures = tried.failures
    patched = tuple(each.patched for each in failures)
    deadline = Peer("the Deployment's deadline", tuple(each.deadline for each in failures))
    starts = Peer("start of a pod", tuple(start for each in failures for start in each.pod_starts))
    together = (
        Figure(
            what=f"{since} → rollback patch",
            values=patched,
            peer=deadline,
            goals=(Goal(Kind.P95, PATCHED_WITHIN),),
        ),
        Figure(
            what=f"{since} → all pods good",
            values=tuple(each.restored for each in failures),
            peer=starts,
            goals=(Goal(Kind.OverAtP95, RESTORED_WITHIN),),
        ),
    )
    families = dict.fromkeys(each.family for each in failures)
    each_family = (_of_a_family(name, [each for each in failures if each.family == name]) for name in families)
    plot = Curve(
        name=curve,
        title=f"Rollback patch, {since}",
        x="seconds",
        y="% of the failures",
        lines={"to the rollback patch": shares(patched)},
    )
    lost = tuple(f"Not in these figures: {name}, which was not rolled back in this run." for name in tried.lost)
    return Section(title=title, figures=(*together, *each_family), curves=(plot,), words=(*words, *lost))


def _of_a_family(name: str, failures: list[Failure]) -> Figure:
    return Figure(what=f"  {name} → rollback patch", values=tuple(each.patched for each in failures))


def _on_one_site(stand: Stage, site: str, name: str, family: Family, times: int) -> list[Failure]:
    failures: list[Failure] = []
    with stand.story(f"bench-{site}") as story:
        starts = _live(story, family)
        family.meanwhile(story)
        story.brand(**family.environment)
        for _ in range(times):
            failure = _fails(story, name, family, starts)
            say(f"{name}: patched after {failure.patched:.3f} s, all good after {failure.restored:.3f} s")
            failures.append(failure)
    return failures


def _live(story: Story, family: Family) -> tuple[float, ...]:
    """Make the site, with its first release live; how long the pods of that took to be ready."""
    with story.kubectl.watch("pods", namespace=story.namespace) as pods:
        a_live_site(story, family.good_image, **family.deployment(story))
        seen: list[Seen] = []
        while not pods.empty():
            seen.append(pods.get())
    return starts_of(seen)


def starts_of(versions: list[Seen]) -> tuple[float, ...]:
    """Seconds from the first that was heard of a pod of a release to its being ready."""
    heard: dict[str, float] = {}
    ready: dict[str, float] = {}
    for at, pod in versions:
        if RELEASE_LABEL in pod["metadata"].get("labels", {}):
            name = pod["metadata"]["name"]
            heard.setdefault(name, at)
            if is_ready(pod):
                ready.setdefault(name, at)
    return tuple(at - heard[name] for name, at in ready.items())


def _fails(story: Story, name: str, family: Family, starts: tuple[float, ...]) -> Failure:
    good = str(story.status["running"]["number"])
    _forgive(story, family)
    time.sleep(REST_SECONDS)
    with Trial(story) as trial:
        bad = story.push(family.start, family.text, **family.image)
        if family.layer_is_lost:
            story.lose_layer(bad)
        story.release()
        story.becomes("RolledBack", commit=bad)
        eventually(lambda: is_back(trial.versions("deployments")[-1][1], good), 30, "The good release is not all there")
    decided = end_of(family.verdict.grace, family.verdict.since(trial, bad))
    number = str(trial.verdict(bad)[1]["status"]["current"]["number"])
    deployments = trial.versions("deployments")
    patched = back_at(deployments, number, good)
    restored = next(at for at, body in deployments if at >= patched and is_back(body, good))
    deadline = float(deployments[-1][1]["spec"]["progressDeadlineSeconds"])
    return Failure(name, patched - decided, restored - decided, starts, deadline)


def end_of(grace: float, since: float) -> float:
    """When it is over, on the monotonic clock. It counts from a time that Kubernetes keeps, which is in whole seconds."""
    if not grace:
        return since
    ahead = SystemClock().now().timestamp() - time.monotonic()
    return math.floor(since + ahead) - ahead + grace


def back_at(deployments: list[Seen], bad: str, good: str) -> float:
    """When the Deployment was first seen with the good release's mark after it had the bad one's."""
    changed = next(at for at, body in deployments if _release_of(body) == bad)
    return next(at for at, body in deployments if at > changed and _release_of(body) == good)


def is_back(deployment: Object, good: str) -> bool:
    """Whether all its pods are of the good release, and in service."""
    return _release_of(deployment) == good and is_rolled_out(deployment)


def _release_of(body: Object) -> str:
    return str(body["metadata"].get("labels", {}).get(RELEASE_LABEL, ""))


def _forgive(story: Story, family: Family) -> None:
    """What contains a quarantined commit would be refused: somebody says that it is undone."""
    if stopped := story.status.get("quarantine"):
        last = max(stopped, key=lambda entry: int(entry["release"]))
        story.push(reverts=last["commit"], **family.good_image)
