"""Releases that go well, and requests that change nothing."""

import time
from typing import Any

import pytest

from e2e.story import Story
from e2e.trial import RELEASE_LABEL
from support.brand_site import Start
from support.kubectl import eventually


def a_live_site(story: Story, **environment: Any) -> str:
    """A site whose first release is live; returns its commit."""
    story.brand(**environment)
    story.deployment()
    story.is_rolled_out()
    story.operator.start()
    commit = story.push(text="first page")
    story.release()
    story.becomes("Live", commit=commit)
    return commit


def test_first_release_takes_the_site_over(story: Story) -> None:
    story.brand()
    story.deployment()
    story.is_rolled_out()
    by_hand = story.image
    story.operator.start()
    commit = story.push(text="first page")
    story.release()
    status = story.becomes("Live", commit=commit)
    assert story.image == status["running"]["image"]
    assert "@sha256:" in story.image
    assert story.page() == "first page"
    assert by_hand in story.message, "what was found is named"
    assert status["history"][0]["outcome"] == "Succeeded"
    assert story.condition()["status"] == "True"


def test_second_release_shows_what_changed(story: Story) -> None:
    first = a_live_site(story)
    commit = story.push(text="second page")
    story.release()
    status = story.becomes("Live", commit=commit)
    assert story.page() == "second page"
    assert status["running"]["number"] == 2
    assert [change["commit"] for change in status["current"]["changes"]] == [commit]
    assert status["current"]["changesTotal"] == 1
    assert [past["commit"] for past in status["history"]] == [commit, first]


def test_same_commit_again_changes_nothing(story: Story) -> None:
    commit = a_live_site(story)
    before = story.kubectl.get("deployment", story.deployment_name, story.namespace)
    story.release()
    handled = story.object["metadata"]["annotations"]["brandrelease.dev/requestedAt"]
    eventually(lambda: story.status["lastHandled"]["requestedAt"] == handled, 20, lambda: story.status)
    status = story.becomes("Live", commit=commit)
    after = story.kubectl.get("deployment", story.deployment_name, story.namespace)
    assert before is not None
    assert after is not None
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert [past["number"] for past in status["history"]] == [1]


@pytest.mark.builder("buildKit")
def test_built_in_the_cluster(story: Story) -> None:
    commit = a_live_site(story)
    assert story.page() == "first page"
    job = story.job()
    assert job["metadata"]["annotations"]["brandrelease.dev/commit"] == commit
    pod = job["spec"]["template"]["spec"]
    assert pod["hostUsers"] is False, "root of the build is root in its own user namespace only"
    assert pod["automountServiceAccountToken"] is False
    assert job["metadata"]["ownerReferences"][0]["kind"] == "Brand"


def test_slow_start_is_given_its_time(story: Story) -> None:
    a_live_site(story)
    commit = story.push(Start.SlowStart)
    story.release()
    status = story.becomes("Live", commit=commit)
    assert [past["outcome"] for past in status["history"]] == ["Succeeded", "Succeeded"]


def test_one_restart_is_forgiven(story: Story) -> None:
    a_live_site(story)
    commit = story.push(Start.OneRestart)
    story.release()
    status = story.becomes("Live", commit=commit)
    assert status["history"][0]["outcome"] == "Succeeded"


def test_waits_for_its_deployment(story: Story) -> None:
    story.brand()
    story.operator.start()
    commit = story.push(text="first page")
    story.release()
    story.becomes("Blocked", "DeploymentNotFound")
    assert story.deployment_name in story.message
    story.deployment()
    status = story.becomes("Live", commit=commit)
    assert status["running"]["commit"] == commit


def test_two_containers_need_a_name(story: Story) -> None:
    story.brand()
    story.deployment(sidecar=True)
    story.operator.start()
    commit = story.push(text="first page")
    story.release()
    story.becomes("Blocked", "ContainerAmbiguous")
    assert '"app" and "helper"' in story.message
    story.brand(container="app")
    story.becomes("Live", commit=commit)
    deployment = story.kubectl.get("deployment", story.deployment_name, story.namespace)
    assert deployment is not None
    app, helper = deployment["spec"]["template"]["spec"]["containers"]
    assert "by-hand" not in app["image"]
    assert helper["image"].endswith("@" + helper["image"].split("@")[1])


def test_suspended_is_left_alone(story: Story) -> None:
    a_live_site(story)
    image = story.image
    commit = story.push(text="second page")
    story.release(suspend=True)
    story.becomes("Suspended")
    time.sleep(2)  # long enough for a release whose image is there to begin
    assert story.image == image
    story.release(suspend=False)
    story.becomes("Live", commit=commit)


def test_idle_costs_no_request(story: Story) -> None:
    a_live_site(story)
    eventually(lambda: _is_at_rest(story), 60)
    before = story.object["metadata"]["resourceVersion"]
    passes = _passes(story)
    time.sleep(5)
    assert story.object["metadata"]["resourceVersion"] == before
    assert _passes(story) == passes


def _is_at_rest(story: Story) -> bool:
    """The cluster's last words about the rollout have come, those of the pods before too, and the operator has looked at them."""
    pods, passes = story.pods().values(), _passes(story)
    if any("deletionTimestamp" in pod["metadata"] or RELEASE_LABEL not in pod["metadata"]["labels"] for pod in pods):
        return False
    time.sleep(3)
    return _passes(story) == passes


def test_deleted_at_once_even_with_the_operator_down(story: Story) -> None:
    a_live_site(story)
    story.operator.kill()
    image = story.image
    assert "finalizers" not in story.object["metadata"], "kubectl would wait for whoever takes it away"
    story.kubectl.delete("brandrelease", story.name, story.namespace)
    assert story.object == {}
    assert story.image == image


def _passes(story: Story) -> float:
    lines = [
        line for line in story.operator.get("/metrics").splitlines() if line.startswith("brandrelease_passes_total{")
    ]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)
