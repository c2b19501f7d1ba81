"""One release by the operator beside `kubectl set image` and `kubectl rollout status`, of the same Deployment, in turns.

The site starts at once, so that all that one of them takes longer is seen; `slow_site` is a site that takes its time.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.figures import Curve, Figure, Goal, Kind, Peer, Section, shares
from bench.moments import REST_SECONDS, first, image_of, is_live, is_rolled_out
from bench.stage import say, stage
from e2e.story import Story

RELEASES: Final = 30
REPLICAS: Final = 2
"""As few as a site can have that is never down: its pods change over one after the other."""
SETTLE_SECONDS: Final = 2.0
"""Then the pods that were replaced are gone, so that nothing of one release is left in the time of the next."""
BY_HAND: Final = "kubectl set image, rollout status"


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds from the start of kubectl. told: until whoever wants to know is told that it is well.

    That is `Live` in the status, and by hand the end of `kubectl rollout status`.
    """

    patched: float
    rolled_out: float
    told: float


def measure(out: Path) -> Section:
    """The section `overhead`."""
    ours, theirs = in_turns("overhead", RELEASES)
    return Section(
        title="one release, the image being at hand, of a site of two pods that start at once",
        figures=figures(
            ours, theirs, patched=(Goal(Kind.P50, 0.4), Goal(Kind.P95, 0.8)), rolled_out=(Goal(Kind.Ratio, 1.10),)
        ),
        curves=(curve("overhead", "Rolled out, of a site that starts at once", ours, theirs),),
        words=(
            "The site is ready as soon as its pod runs, so that the ratio is the operator's own share at its largest.",
        ),
    )


def figures(
    ours: list[Took], theirs: list[Took], patched: tuple[Goal, ...] = (), rolled_out: tuple[Goal, ...] = ()
) -> tuple[Figure, ...]:
    """Three figures, each beside the same of the other side."""
    return (
        Figure(
            what="kubectl apply → Deployment patched",
            values=tuple(each.patched for each in ours),
            peer=Peer(BY_HAND, tuple(each.patched for each in theirs)),
            goals=patched,
        ),
        Figure(
            what="kubectl apply → rolled out",
            values=tuple(each.rolled_out for each in ours),
            peer=Peer(BY_HAND, tuple(each.rolled_out for each in theirs)),
            goals=rolled_out,
        ),
        Figure(
            what="kubectl apply → Live",
            values=tuple(each.told for each in ours),
            peer=Peer("kubectl rollout status ends", tuple(each.told for each in theirs)),
        ),
    )


def curve(name: str, title: str, ours: list[Took], theirs: list[Took]) -> Curve:
    """How many releases had come so far, by when."""
    lines = {
        "kubectl apply of a BrandRelease": shares([each.rolled_out for each in ours]),
        BY_HAND: shares([each.rolled_out for each in theirs]),
    }
    return Curve(name=name, title=title, x="seconds", y="% of the releases", lines=lines)


def in_turns(name: str, releases: int, **deployment: Any) -> tuple[list[Took], list[Took]]:
    """Release commits by the operator and by hand, one after the other: what each has taken."""
    with stage() as stand, stand.story(f"bench-{name}") as story:
        story.brand(soakSeconds=0, restartLimit=0)
        story.deployment(replicas=REPLICAS, **deployment)
        story.is_rolled_out()
        story.operator.start()
        story.release(story.push(text="first page"))
        story.becomes("Live")
        both = list(_pairs(story, releases))
        return [ours for ours, _ in both], [theirs for _, theirs in both]


def _pairs(story: Story, releases: int) -> Iterator[tuple[Took, Took]]:
    for number in range(releases):
        commits = [story.push(text=f"page {number} {who}") for who in ("by the operator", "by hand")]
        time.sleep(REST_SECONDS)
        ours = by_the_operator(story, commits[0])
        time.sleep(SETTLE_SECONDS)
        theirs = by_hand(story, commits[1])
        say(f"{number + 1}/{releases}: {ours.rolled_out:.2f} s, by hand {theirs.rolled_out:.2f} s")
        yield ours, theirs


def by_the_operator(story: Story, commit: str) -> Took:
    """`kubectl apply` of the BrandRelease."""
    kubectl = story.kubectl
    with (
        kubectl.watch("deployment", story.deployment_name, story.namespace) as deployments,
        kubectl.watch("brandrelease", story.name, story.namespace) as releases,
    ):
        before = image_of(deployments.get(timeout=30)[1])
        releases.get(timeout=30)
        began = time.monotonic()
        story.release(commit)
        patched = first(deployments, lambda body: image_of(body) != before)
        rolled_out = first(deployments, is_rolled_out)
        live = first(releases, lambda body: is_live(body, commit))
    return Took(patched - began, rolled_out - began, live - began)


def by_hand(story: Story, commit: str) -> Took:
    """`kubectl set image` and `kubectl rollout status`, with the watches that the other side has."""
    image = f"{story.repository_of_images}:{commit}"
    kubectl = story.kubectl
    with (
        kubectl.watch("deployment", story.deployment_name, story.namespace) as deployments,
        kubectl.watch("brandrelease", story.name, story.namespace) as releases,
    ):
        deployments.get(timeout=30)
        releases.get(timeout=30)
        began = time.monotonic()
        kubectl.run("set", "image", f"deployment/{story.deployment_name}", f"app={image}", "-n", story.namespace)
        story.is_rolled_out()
        told = time.monotonic()
        patched = first(deployments, lambda body: image_of(body) == image)
        rolled_out = first(deployments, is_rolled_out)
    return Took(patched - began, rolled_out - began, told - began)
