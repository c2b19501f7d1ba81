"""What people and the cluster do to pods in mid-release, and what is not the release's doing: it goes live all the same."""

import json
import time
from collections.abc import Callable

import pytest

from e2e.family import DRAINS, a_live_site
from e2e.story import Object, Story
from e2e.trial import RELEASE_LABEL, Trial, is_ready
from support.brand_site import Start
from support.kubectl import eventually


def deleted(story: Story, pod: str) -> None:
    story.kubectl.delete("pod", pod, story.namespace, wait=False)


def evicted(story: Story, pod: str) -> None:
    """As by `kubectl drain`: the API server asks whether it may be, and deletes it."""
    path = f"/api/v1/namespaces/{story.namespace}/pods/{pod}/eviction"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": story.namespace}}
    story.kubectl.run("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))


@pytest.mark.parametrize("goes", [deleted, evicted], ids=["deleted", "evicted"])
def test_new_pod_is(story: Story, goes: Callable[[Story, str], None]) -> None:
    """In the watch; the pod in its place is watched like the others."""
    a_live_site(story, **DRAINS)
    story.brand(soakSeconds=8)
    with Trial(story) as trial:
        commit = story.push(text="second page")
        story.release()
        story.becomes("Verifying", commit=commit)
        pod = next(iter(pods_of(story, release=2)))
        goes(story, pod)
        status = story.becomes("Live", commit=commit)
    assert_nothing_happened(story, status, trial)
    after = pods_of(story, release=2)
    assert pod not in after or "deletionTimestamp" in after[pod]["metadata"]
    assert sum(is_ready(each) for each in after.values() if "deletionTimestamp" not in each["metadata"]) == 2


def test_scaled_in_while_pods_change_over_and_out_while_they_are_watched(story: Story) -> None:
    a_live_site(story, replicas=3, **DRAINS)
    story.brand(soakSeconds=6)
    with Trial(story) as trial:
        commit = story.push(Start.SlowStart, "second page")
        story.release()
        eventually(lambda: pods_of(story, release=2), 30, lambda: story.status)
        scale(story, 1)
        story.becomes("Verifying", commit=commit)
        scale(story, 3)
        status = story.becomes("Live", commit=commit)
    assert_nothing_happened(story, status, trial)
    new = pods_of(story, release=2).values()
    assert len(new) == 3
    assert all(is_ready(pod) for pod in new)


def test_old_pods_that_go_slowly(story: Story) -> None:
    """They ignore that they are asked to end, and stay beyond the deadline and the watch."""
    deaf = {"command": ["/bin/sh", "-c", 'trap "" TERM; exec /start']}
    a_live_site(story, terminationGracePeriodSeconds=60, container=deaf)
    story.brand(progressDeadlineSeconds=20, soakSeconds=20)
    with Trial(story) as trial:
        commit = story.push(text="second page")
        story.release()
        status = story.becomes("Live", commit=commit)
    assert_nothing_happened(story, status, trial)
    old = pods_of(story, release=1).values()
    assert len(old) == 2, "they are still there"
    assert all("deletionTimestamp" in pod["metadata"] for pod in old)


def test_old_pods_that_go_slowly_before_a_new_one_is_made(story: Story) -> None:
    """The Deployment's strategy is Recreate: the new pods have their time from when the old ones are gone."""
    deaf = {"command": ["/bin/sh", "-c", 'trap "" TERM; exec /start']}
    a_live_site(story, terminationGracePeriodSeconds=24, container=deaf)
    strategy = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}
    story.kubectl.patch("deployment", story.deployment_name, strategy, story.namespace)
    story.brand(progressDeadlineSeconds=20)
    commit = story.push(text="second page")
    story.release()
    status = story.becomes("Live", commit=commit, limit=90)
    assert (status["current"]["number"], status["current"]["outcome"]) == (2, "Succeeded")


def test_paused_for_longer_than_the_deadline(story: Story) -> None:
    """Somebody looks at something first; no deadline counts meanwhile, and all of it afterwards."""
    a_live_site(story, **DRAINS)
    story.brand(progressDeadlineSeconds=20)
    with Trial(story) as trial:
        commit = story.push(text="second page")
        story.release_while_paused(commit, lambda: time.sleep(22))  # the deadline passes
        status = story.becomes("Live", commit=commit, limit=60)
    assert_nothing_happened(story, status, trial)


def scale(story: Story, replicas: int) -> None:
    story.kubectl.run("scale", f"deployment/{story.deployment_name}", "-n", story.namespace, f"--replicas={replicas}")


def pods_of(story: Story, release: int) -> dict[str, Object]:
    pods = story.pods().items()
    return {name: pod for name, pod in pods if pod["metadata"]["labels"].get(RELEASE_LABEL) == str(release)}


def assert_nothing_happened(story: Story, status: Object, trial: Trial) -> None:
    """Release 2 is live in its first try, and nobody was blamed or lost a request."""
    assert (status["current"]["number"], status["current"]["outcome"]) == (2, "Succeeded")
    assert "blame" not in status["current"]
    assert story.page() == "second page"
    trial.proves_that_visitors_noticed()
