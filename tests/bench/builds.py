"""A commit is pushed: how long until its image is in the registry, by the operator and by `buildctl` in a pod made by hand.

Both have the same BuildKit in the same kind of pod on the same node, and the same registry, with a repository for each. A
registry tells nobody of what comes, so both are asked after in the same way, every few hundredths of a second.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.figures import Curve, Figure, Goal, Kind, Peer, Section, shares
from bench.moments import LIMIT_SECONDS
from bench.registry import arrives, forget_cache
from bench.stage import say, stage
from brandrelease.apis.build import DEFAULT_LIMITS, DEFAULT_REQUESTS
from e2e.story import Story
from support import images
from support.kubectl import eventually

ROUNDS: Final = 3
GOALS: Final = (Goal(Kind.Ratio, 1.15), Goal(Kind.Over, 3.0))
OPERATOR: Final = "by the operator"
HAND: Final = "buildctl by hand"
SCRIPT: Final = Path(__file__).with_name("by_hand.sh")
DOCKERFILE: Final = """\
FROM {base}
COPY dependencies /dependencies
RUN sleep 2; cp /dependencies /installed
COPY www /var/www/html
"""
"""A step that takes long and is in the cache as long as its inputs are the same, and then what changes with each commit."""


@dataclass
class Side:
    """Seconds of each build: cold, without any cache, and warm, after a commit that changes a page only."""

    name: str
    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)


def measure(out: Path) -> Section:
    """The section `builds`."""
    ours, theirs = Side(OPERATOR), Side(HAND)
    with stage() as stand, stand.story("bench-builds", builder="buildKit") as story:
        story.brand(soakSeconds=0, restartLimit=0)
        story.deployment(replicas=1, memory="256Mi")
        story.is_rolled_out()
        story.operator.start()
        play(story, Side(OPERATOR), Side(HAND), "first")  # the node gets the builder's image
        for number in range(ROUNDS):
            play(story, ours, theirs, str(number))
    return Section(
        title="commit pushed → image in the registry",
        figures=(_figure("cold cache", ours.cold, theirs.cold), _figure("warm cache", ours.warm, theirs.warm)),
        curves=(_curve(ours, theirs),),
        words=(
            "The site is of PHP on Apache, on Debian.",
            "By hand is one pod by kubectl apply, which fetches the commit, starts BuildKit and runs buildctl.",
            "A step of the Dockerfile sleeps for 2 seconds, where a site installs what it depends on; warm, it is in the cache.",
        ),
    )


def play(story: Story, ours: Side, theirs: Side, salt: str) -> None:
    """One round: cold and warm, each by both."""
    for side, build in ((ours, by_the_operator), (theirs, by_hand)):
        forget_cache(story.cluster.registry, repository(story, side.name))
        side.cold.append(build(story, _commit(story, side, salt, "cold")))
    for side, build in ((ours, by_the_operator), (theirs, by_hand)):
        side.warm.append(build(story, _commit(story, side, salt, "warm")))
        say(f"{side.name}: cold {side.cold[-1]:.2f} s, warm {side.warm[-1]:.2f} s")


def repository(story: Story, side: str) -> str:
    """Of the images of one side."""
    return story.image_repository if side == OPERATOR else f"{story.image_repository}-by-hand"


def _commit(story: Story, side: Side, salt: str, page: str) -> str:
    return story.repository.commit(
        {
            "Dockerfile": DOCKERFILE.format(base=images.push(images.PHP, story.cluster)),
            "dependencies": f"{salt} {side.name}",
            "www/page.html": f"{page} {salt} {side.name}",
        }
    )


def by_the_operator(story: Story, commit: str) -> float:
    """`kubectl apply` of the BrandRelease."""
    began = time.monotonic()
    story.release(commit)
    seconds = arrives(story.cluster.registry, repository(story, OPERATOR), commit) - began
    story.becomes("Live", commit=commit)
    return seconds


def by_hand(story: Story, commit: str) -> float:
    """`kubectl apply` of a pod."""
    began = time.monotonic()
    story.kubectl.apply(pod(story, commit))
    seconds = arrives(story.cluster.registry, repository(story, HAND), commit) - began

    def is_over() -> bool:
        phase = (story.kubectl.get("pod", f"by-hand-{commit[:12]}", story.namespace) or {})["status"]["phase"]
        assert phase != "Failed", "buildctl has failed"
        return bool(phase == "Succeeded")

    eventually(is_over, LIMIT_SECONDS, "The pod has not ended")  # it pushes the cache after the image
    return seconds


def pod(story: Story, commit: str) -> dict[str, Any]:
    """What the operator gives to a build, in one container."""
    images_at = f"{story.cluster.registry}/{repository(story, HAND)}"
    values = {
        "SOURCE": story.repository.url,
        "COMMIT": commit,
        "REGISTRY": story.cluster.registry,
        "IMAGE": f"{images_at}:{commit}",
        "CACHE": f"{images_at}:cache",
    }
    container = {
        "name": "buildctl",
        "image": images.push(images.BUILDER, story.cluster),
        "command": ["/bin/sh", "-euc", SCRIPT.read_text()],
        "env": [{"name": name, "value": value} for name, value in values.items()],
        "volumeMounts": [{"name": "state", "mountPath": "/state"}],
        "securityContext": {"privileged": True, "runAsUser": 0},
        "resources": {"requests": dict(DEFAULT_REQUESTS), "limits": dict(DEFAULT_LIMITS)},
    }
    spec = {
        "restartPolicy": "Never",
        "hostUsers": False,
        "automountServiceAccountToken": False,
        "volumes": [{"name": "state", "emptyDir": {}}],
        "containers": [container],
    }
    metadata = {"name": f"by-hand-{commit[:12]}", "namespace": story.namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


# --- what came of it ----------------------------------------------------------------------------------------------------


def _figure(cache: str, ours: list[float], theirs: list[float]) -> Figure:
    return Figure(
        what=f"commit pushed → image in the registry, {cache}",
        values=tuple(ours),
        peer=Peer(HAND, tuple(theirs)),
        goals=GOALS,
    )


def _curve(ours: Side, theirs: Side) -> Curve:
    lines = {
        "operator, cold": shares(ours.cold),
        "by hand, cold": shares(theirs.cold),
        "operator, warm": shares(ours.warm),
        "by hand, warm": shares(theirs.warm),
    }
    return Curve(name="builds", title="The image is in the registry", x="seconds", y="% of the builds", lines=lines)
