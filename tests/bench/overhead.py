"""How long the operator takes, beside plain kubectl in the same run.

1. `kubectl apply` of the BrandRelease -> Deployment patched, the image being at hand; beside it `kubectl set image`.
2. The kubelet reports the decisive state of a pod -> the rollback patch.

Every moment is that of the arrival of a watch event, so both sides pay for the same way. Prints one table.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from queue import Queue
from typing import Any

from cluster import api
from e2e.story import Story
from support import account, images
from support.brand_site import Start
from support.git_server import GitServer
from support.kubectl import Kubectl, Seen

RELEASES, FAILURES = 30, 10
LIMIT_SECONDS = 60.0
CRDS = Path(__file__).parents[2] / "crds"
RELEASE_LABEL = "brandrelease.dev/release"

Object = dict[str, Any]


def main() -> None:
    """Measure on a cluster of its own."""
    cluster = api.up("bench")
    try:
        images.push(images.BUILDER, cluster)
        Kubectl.of(cluster).run("apply", "--server-side", "-f", str(CRDS))
        with tempfile.TemporaryDirectory() as scratch, GitServer(Path(scratch) / "git", cluster.host_address) as git:
            story = Story("bench", cluster, git, Path(scratch))
            story.kubectl.apply(*account.shared(), server_side=True)
            story.namespaces()
            story.brand(soakSeconds=0, restartLimit=0)
            story.deployment(replicas=1)
            story.is_rolled_out()
            story.operator.start()
            try:
                measure(story)
            finally:
                story.operator.kill()
    finally:
        api.down("bench")


def measure(story: Story) -> None:
    """Print the figures."""
    commits = [story.push(text=f"page {number}") for number in range(RELEASES + 1)]
    story.release(commits[0])
    story.becomes("Live", commit=commits[0])
    ours = [patched_by_the_operator(story, commit) for commit in commits[1:]]
    peers = [patched_by_kubectl(story, commit) for commit in commits[1:]]
    tell("kubectl apply -> Deployment patched", ours)
    tell("kubectl set image -> Deployment patched", peers)
    say(f"ratio of the medians: {statistics.median(ours) / statistics.median(peers):.2f}")
    story.release(commits[1])
    story.becomes("Live", commit=commits[1])
    tell("decisive state of the pod -> rollback patch", [verdict(story) for _ in range(FAILURES)])


def patched_by_the_operator(story: Story, commit: str) -> float:
    """Seconds from the start of kubectl to the Deployment with the new image."""
    with story.kubectl.watch("deployment", story.deployment_name, story.namespace) as versions:
        _, before = versions.get(timeout=LIMIT_SECONDS)
        began = time.monotonic()
        story.release(commit)
        seconds = wait_for(versions, lambda body: image_of(body) != image_of(before)) - began
    story.becomes("Live", commit=commit)
    return seconds


def patched_by_kubectl(story: Story, commit: str) -> float:
    """The same change by hand."""
    image = f"{story.cluster.registry}/{story.image_repository}:{commit}"
    with story.kubectl.watch("deployment", story.deployment_name, story.namespace) as versions:
        versions.get(timeout=LIMIT_SECONDS)
        began = time.monotonic()
        story.kubectl.run("set", "image", f"deployment/{story.deployment_name}", f"app={image}", "-n", story.namespace)
        seconds = wait_for(versions, lambda body: image_of(body) == image) - began
    story.is_rolled_out()
    return seconds


def verdict(story: Story) -> float:
    """Seconds from the event in which the kubelet tells of the crash to the event of the rollback patch."""
    status = story.status
    good = status["running"]["number"]
    if stopped := status.get("quarantine"):  # what contains the last bad commit would be refused
        story.push(reverts=max(stopped, key=lambda entry: int(entry["release"]))["commit"])
    bad = story.push(Start.CrashAtStart)
    with (
        story.kubectl.watch("pods", namespace=story.namespace) as pods,
        story.kubectl.watch("deployment", story.deployment_name, story.namespace) as deployments,
    ):
        story.release(bad)
        number = str(story.becomes("RolledBack", commit=bad)["current"]["number"])
        crashed = wait_for(pods, lambda body: labels_of(body).get(RELEASE_LABEL) == number and has_ended(body))
        back = wait_for(deployments, lambda body: labels_of(body).get(RELEASE_LABEL) == number)
        back = wait_for(deployments, lambda body: labels_of(body).get(RELEASE_LABEL) == str(good))
    return back - crashed


def wait_for(versions: "Queue[Seen]", fits: Callable[[Object], bool]) -> float:
    """When the first version that fits arrived."""
    while True:
        arrived, body = versions.get(timeout=LIMIT_SECONDS)
        if fits(body):
            return arrived


def image_of(deployment: Object) -> str:
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def labels_of(body: Object) -> dict[str, str]:
    return dict(body["metadata"].get("labels", {}))


def has_ended(pod: Object) -> bool:
    statuses = pod["status"].get("containerStatuses", [])
    return any("terminated" in entry["state"] or "terminated" in entry.get("lastState", {}) for entry in statuses)


def tell(what: str, seconds: list[float]) -> None:
    """One line of the table."""
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    say(
        f"{what:<45} n={len(ordered):<3} p50 {statistics.median(ordered):6.3f} s   p95 {p95:6.3f} s   max {ordered[-1]:6.3f} s"
    )


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
