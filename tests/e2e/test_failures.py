"""Releases that go wrong, and the way back."""

import json

import pytest

from e2e.story import Story
from e2e.test_releases import a_live_site
from support import brand_site, images
from support.brand_site import Start

FAILURES = {
    "crash": (Start.CrashAtStart, "CrashLoopBackOff", "exited with code 255 twice; its log says: PHP Fatal error"),
    "soak-crash": (Start.CrashInSoak, "CrashLoopBackOff", "exited with code 3"),
    "memory": (Start.OutOfMemory, "OOMKilled", "it used more than its memory limit of 64Mi"),
    "unready": (
        Start.NeverReady,
        "ProgressDeadlineExceeded",
        "its readiness probe does not pass; its log says: waiting for the cache",
    ),
    "drop-out": (Start.DropsOut, "PodNotReady", "has dropped out of service again"),
}


@pytest.mark.parametrize(("start", "reason", "words"), FAILURES.values(), ids=FAILURES)
def test_bad(story: Story, start: Start, reason: str, words: str) -> None:
    """Rolled back by itself, told in words, quarantined, and refused when asked for again."""
    good = a_live_site(story)
    good_image, sets = story.image, story.replica_sets()
    story.brand(soakSeconds=30, progressDeadlineSeconds=25)
    bad = story.push(start)
    story.release()
    status = story.becomes("RolledBack", reason, bad)
    story.brand()
    assert words in status["current"]["message"]
    assert status["current"]["blame"] == "Release"
    assert story.image == good_image
    assert story.page() == "first page"
    assert story.replica_sets() == sets + 1, "the old ReplicaSet was taken back, not a new one made"
    assert status["running"]["commit"] == good
    assert [entry["commit"] for entry in status["quarantine"]] == [bad]
    story.release()
    story.becomes("Blocked", "CommitQuarantined", bad)
    assert story.image == good_image
    fixed = story.push(text="fixed page")
    story.release()
    story.becomes("Live", commit=fixed)
    assert story.page() == "fixed page"


def test_first_release_ever_fails(story: Story) -> None:
    """The site found at adoption is restored exactly as it was."""
    story.brand()
    story.deployment()
    story.is_rolled_out()
    found, sets = story.image, story.replica_sets()
    story.operator.start()
    story.push(Start.CrashAtStart)
    story.release()
    status = story.becomes("RolledBack", "CrashLoopBackOff")
    assert status["running"] == {"number": 0, "image": found, "since": status["running"]["since"]}
    assert story.image == found
    assert story.page() == "by hand"
    assert story.replica_sets() == sets + 1


def test_nothing_to_go_back_to(story: Story) -> None:
    story.brand()
    story.deployment(image=f"{story.cluster.registry}/no/such:image")
    story.operator.start()
    story.push(Start.CrashAtStart)
    story.release()
    status = story.becomes("Failed", "CrashLoopBackOff")
    assert "There is nothing to roll back to" in story.message
    assert "running" not in status


def test_image_is_gone(story: Story) -> None:
    """The registry has the manifest and has lost the layer: the node cannot pull it."""
    a_live_site(story)
    good_image = story.image
    commit = story.push(text="about to be lost")
    story.lose_layer(commit)
    story.release()
    status = story.becomes("RolledBack", None, commit)
    assert status["current"]["reason"] in {"ErrImagePull", "ImagePullBackOff"}
    assert status["current"]["blame"] != "Release"
    assert not status["quarantine"], "the commit is not to blame"
    assert story.image == good_image


def test_missing_secret(story: Story) -> None:
    """A reference that is not there: the new pods cannot be configured."""
    a_live_site(story)
    change = {
        "spec": {
            "template": {"spec": {"containers": [{"name": "app", "envFrom": [{"secretRef": {"name": "new-secret"}}]}]}}
        }
    }
    story.operator.stop()
    commit = story.push(text="needs the secret")
    story.kubectl.run(
        "patch",
        "deployment",
        story.deployment_name,
        "-n",
        story.namespace,
        "--type=strategic",
        "--patch",
        json.dumps(change),
    )
    story.operator.start()
    story.release()
    status = story.becomes("Failed", "RollbackFailed", commit, limit=150)
    assert 'secret "new-secret" not found' in status["current"]["message"]


@pytest.mark.builder("buildKit")
def test_build_fails(story: Story) -> None:
    a_live_site(story)
    good_image = story.image
    broken = brand_site.files(Start.Good, "page", images.push(images.BUSYBOX, story.cluster))
    broken["Dockerfile"] += "RUN echo compiling && echo 'main.c:7: error: expected ;' && exit 2\n"
    commit = story.push(files=broken)
    story.release()
    status = story.becomes("Failed", "BuildFailed", commit)
    assert "main.c:7: error: expected ;" in status["current"]["build"]["logTail"]
    assert story.image == good_image
    assert story.page() == "first page"
    assert status["running"]["number"] == 1


def test_replaced_in_the_middle_of_a_rollout(story: Story) -> None:
    a_live_site(story, soakSeconds=8)
    slow = story.push(Start.SlowStart)
    story.release()
    story.becomes("Deploying", commit=slow)
    newer = story.push(text="newer page")
    story.release()
    status = story.becomes("Live", commit=newer)
    assert story.page() == "newer page"
    assert [(past["commit"], past["outcome"]) for past in status["history"]][:2] == [
        (newer, "Succeeded"),
        (slow, "Superseded"),
    ]


@pytest.mark.builder("buildKit")
def test_replaced_in_the_middle_of_a_build(story: Story) -> None:
    a_live_site(story)
    slow = brand_site.files(Start.Good, "slow", images.push(images.BUSYBOX, story.cluster))
    slow["Dockerfile"] += "RUN sleep 60\n"
    older = story.push(files=slow)
    story.release()
    story.becomes("Building", "Building", older)
    build = story.status["current"]["build"]["id"]
    newer = story.push(text="newer page")
    story.release()
    status = story.becomes("Live", commit=newer)
    assert build not in [job["metadata"]["name"] for job in story.jobs()], "nobody waits for that build any more"
    assert status["history"][1]["outcome"] == "Superseded"
    assert story.page() == "newer page"


def test_somebody_elses_image_is_left_alone(story: Story) -> None:
    a_live_site(story)
    other = brand_site.push_image(story.cluster, story.image_repository, "other", Start.Good, "somebody else's page")
    story.kubectl.run("set", "image", f"deployment/{story.deployment_name}", f"app={other}", "-n", story.namespace)
    story.becomes("Blocked", "ImageOverridden")
    assert "kubectl-set" in story.message
    assert story.image == other
    story.release()
    story.becomes("Live")
    assert story.page() == "first page"
