"""Releases that go wrong, and the way back."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from e2e.family import Told
from e2e.story import Story
from e2e.test_releases import a_live_site
from e2e.trial import Trial, Verdict, a_job_fails, container_has_ended, container_waits_for, the_change
from support import brand_site, images
from support.brand_site import Start
from support.kubectl import eventually


def test_bad_commit_from_rollback_to_revert(story: Story) -> None:
    """Rolled back by itself, told in words, quarantined; refused, also with more commits on top, until it is reverted."""
    good = a_live_site(story)
    good_image, sets = story.image, story.replica_sets()
    bad = story.push(Start.CrashAtStart)
    story.release()
    status = story.becomes("RolledBack", "CrashLoopBackOff", bad)
    assert "exited with code 255 twice; its log says: PHP Fatal error" in status["current"]["message"]
    assert status["history"][0]["evidence"]["exitCode"] == 255
    assert "PHP Fatal error" in status["history"][0]["evidence"]["logTail"]
    events = story.kubectl.list("events", story.namespace)
    assert any(e["reason"] == "CrashLoopBackOff" and "PHP Fatal error" in e["message"] for e in events)
    assert story.image == good_image
    assert story.page() == "first page"
    assert story.replica_sets() == sets + 1, "the old ReplicaSet was taken back, not a new one made"
    assert status["running"]["commit"] == good
    assert [entry["commit"] for entry in status["quarantine"]] == [bad]
    story.release()
    story.becomes("Blocked", "CommitQuarantined", bad)
    on_top = story.push(text="built on the bad one")
    story.release()
    story.becomes("Blocked", "CommitQuarantined", on_top)
    assert story.image == good_image
    reverted = story.push(text="fixed page", reverts=bad)
    story.release()
    status = story.becomes("Live", commit=reverted)
    assert story.page() == "fixed page"
    assert not status["quarantine"], "what runs now contains it and reverts it"


def test_override_lets_a_quarantined_commit_through(story: Story) -> None:
    """A person takes the responsibility, with a reason that stays in the history."""
    a_live_site(story)
    bad = story.push(Start.CrashAtStart)
    story.release()
    story.becomes("RolledBack", "CrashLoopBackOff", bad)
    fixed = story.push(text="fixed on top")
    story.release()
    story.becomes("Blocked", "CommitQuarantined", fixed)
    story.annotate("override", f"{bad[:12]} the class is back")
    status = story.becomes("Live", commit=fixed)
    assert story.page() == "fixed on top"
    assert "the class is back (kubectl-annotate)" in status["history"][0]["override"]


def test_roll_back_to_an_earlier_release(story: Story) -> None:
    """By its number, without a build; what is left is not released again."""
    first = a_live_site(story)
    second = story.push(text="second page")
    story.release()
    story.becomes("Live", commit=second)
    story.annotate("rollbackTo", "1")
    status = story.becomes("Live", commit=first)
    assert story.page() == "first page"
    assert (status["current"]["number"], status["current"]["imageOf"]) == (3, 1)
    assert status["history"][0]["requestedBy"] == "kubectl-annotate"
    assert [entry["commit"] for entry in status["quarantine"]] == [second]
    story.annotate("rollbackTo", "99")
    eventually(lambda: "was not carried out" in story.message, 20, lambda: story.status)
    assert story.page() == "first page"


def test_aborted_in_the_middle_of_a_rollout(story: Story) -> None:
    first = a_live_site(story)
    slow = story.push(Start.SlowStart)
    story.release()
    story.becomes("Deploying", commit=slow)
    story.annotate("abort", "2")
    status = story.becomes("Failed", "Aborted", slow)
    assert status["history"][0]["outcome"] == "Aborted"
    assert "kubectl-annotate" in status["history"][0]["message"]
    assert not status["quarantine"]
    assert status["running"]["commit"] == first
    assert story.page() == "first page"


def test_tracked_branch_is_released_by_itself(story: Story) -> None:
    a_live_site(story)
    story.release(trackIntervalSeconds=5)
    commit = story.push(text="nobody has asked for it")
    story.becomes("Live", commit=commit)
    assert story.page() == "nobody has asked for it"


def test_lost_image_is_not_gone_back_to(story: Story) -> None:
    """The image before is not in the registry any more: the older good one is."""
    first = a_live_site(story)
    second = story.push(text="second page")
    story.release()
    story.becomes("Live", commit=second)
    story.lose_manifest(story.image)
    bad = story.push(Start.CrashAtStart)
    story.release()
    status = story.becomes("RolledBack", "CrashLoopBackOff", bad)
    assert status["running"]["commit"] == first
    eventually(lambda: story.shows("first page"), 10, "The first page is not back")


def test_what_others_change_meanwhile_stays(story: Story) -> None:
    """A rollback restores our fields and nobody else's."""
    a_live_site(story)
    bad = story.push(Start.NeverReady)
    story.release()
    story.becomes("Deploying", commit=bad)
    where = (f"deployment/{story.deployment_name}", "-n", story.namespace)
    story.kubectl.run("set", "env", *where, "COLOUR=green")
    story.kubectl.run("set", "resources", *where, "--requests=memory=20Mi")
    story.kubectl.run("scale", *where, "--replicas=3")
    story.annotate("abort", "2")
    story.becomes("Failed", "Aborted", bad)
    deployment = story.kubectl.get("deployment", story.deployment_name, story.namespace) or {}
    [app] = deployment["spec"]["template"]["spec"]["containers"]
    assert deployment["spec"]["replicas"] == 3
    assert app["env"] == [{"name": "COLOUR", "value": "green"}]
    assert app["resources"]["requests"]["memory"] == "20Mi"
    assert story.page() == "first page"


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
    assert status["current"]["reason"] == "ImageNotFound"
    assert status["current"]["blame"] != "Release"
    assert not status["quarantine"], "the commit is not to blame"
    assert story.image == good_image


def test_missing_secret(story: Story, record_property: Told) -> None:
    """Somebody names it in the Deployment and forgets to create it. No pod can be made so, neither forwards nor back."""
    story.withholds_logs()
    a_live_site(story)
    story.brand(progressDeadlineSeconds=10)
    reference = {"secretRef": {"name": "new-secret"}}
    verdict = Verdict(
        reason="CreateContainerConfigError",
        blame="Unknown",
        words='secret "new-secret" not found',
        since=the_change,
        grace=10,
    )
    fails_with_its_deployment(
        story, {"containers": [{"name": "app", "envFrom": [reference]}]}, verdict, record_property
    )


def test_image_name_that_is_none(story: Story, record_property: Told) -> None:
    """Of a container that somebody adds to the Deployment in mid-release."""
    a_live_site(story)
    story.brand(progressDeadlineSeconds=10)
    helper = {"name": "helper", "image": "Registry.example.com/Helper:1"}
    verdict = Verdict(
        reason="InvalidImageName",
        blame="Unknown",
        words='nit container "helper"',
        since=container_waits_for("InvalidImageName"),
    )
    fails_with_its_deployment(story, {"initContainers": [helper]}, verdict, record_property)


def fails_with_its_deployment(story: Story, pods: Mapping[str, Any], verdict: Verdict, told: Told) -> None:
    """What somebody changes stays, so no new pod comes on the way back either; the old ones serve, and that is told."""
    with Trial(story) as trial:
        commit = story.push(text="second page")
        story.release_while_paused(commit, lambda: story.patch_pods(pods))
        status = story.becomes("RolledBack", commit=commit)
    trial.proves(verdict, commit, told=told)
    assert verdict.words in status["current"]["message"]
    assert "As many pods serve as when the way back began" in status["current"]["message"]
    assert status["current"]["blame"] == verdict.blame
    assert not status["quarantine"]
    eventually(lambda: story.shows("first page"), 10)


def test_every_old_image_is_gone(story: Story, record_property: Told) -> None:
    """There is no way back: nothing is touched, and who runs goes on."""
    first = a_live_site(story)
    lost = [story.image]
    second = story.push(text="second page")
    story.release()
    story.becomes("Live", commit=second)
    lost.append(story.image)
    for image in lost:
        story.lose_manifest(image)
    served = set(story.pods())
    with Trial(story) as trial:
        bad = story.push(Start.CrashAtStart)
        story.release()
        status = story.becomes("Failed", "MissingRollbackTarget", bad)
        generation = story.generation
        time.sleep(3)  # long enough for a rollback to begin
    verdict = Verdict(
        reason="MissingRollbackTarget",
        blame="Release",
        words="exited with code 255 twice",
        since=container_has_ended(2),
    )
    trial.proves(verdict, bad, told=record_property)
    for told in ("no good image any more", f"release 2 ({second[:12]})", f"release 1 ({first[:12]})", "rollbackTo"):
        assert told in status["current"]["message"]
    assert (story.generation, story.image) == (generation, status["current"]["image"])
    assert served < set(story.pods()), "every pod that served is still there"
    assert status["running"]["commit"] == second
    assert [entry["commit"] for entry in status["quarantine"]] == [bad]
    assert story.page() == "second page"


@pytest.mark.builder("buildKit")
def test_build_fails(story: Story, record_property: Told) -> None:
    a_live_site(story)
    good_image, generation = story.image, story.generation
    broken = brand_site.files(Start.Good, "page", images.push(images.BUSYBOX, story.cluster))
    broken["Dockerfile"] += "RUN echo compiling && echo 'main.c:7: error: expected ;' && exit 2\n"
    with Trial(story, jobs_in=story.builds) as trial:
        commit = story.push(files=broken)
        story.release()
        status = story.becomes("Failed", "BuildFailed", commit)
    verdict = Verdict(reason="BuildFailed", blame="Release", words="expected ;", since=a_job_fails)
    trial.proves(verdict, commit, told=record_property)
    assert "main.c:7: error: expected ;" in status["current"]["build"]["logTail"]
    assert (story.image, story.generation) == (good_image, generation)
    assert story.page() == "first page"
    assert status["running"]["number"] == 1
    assert not status["quarantine"], "it has never run"


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
