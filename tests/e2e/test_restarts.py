"""The operator is killed in the middle of each phase, and another takes over from what is written down."""

import pytest

from e2e.story import Story
from e2e.test_releases import a_live_site
from support import brand_site, images
from support.brand_site import Start
from support.kubectl import eventually


@pytest.mark.parametrize("phase", ["Deploying", "Verifying"])
def test_killed_while(story: Story, phase: str) -> None:
    a_live_site(story, soakSeconds=6)
    commit = story.push(Start.SlowStart)
    story.release()
    story.becomes(phase, commit=commit)
    story.operator.kill()
    story.operator.start()
    status = story.becomes("Live", commit=commit)
    assert [past["number"] for past in status["history"]] == [2, 1]


@pytest.mark.builder("buildKit")
def test_killed_while_building(story: Story) -> None:
    a_live_site(story)
    slow = brand_site.files(Start.Good, "page", images.push(images.BUSYBOX, story.cluster))
    slow["Dockerfile"] += "RUN sleep 5\n"
    commit = story.push(files=slow)
    story.release()
    story.becomes("Building", "Building", commit)
    story.operator.kill()
    story.operator.start()
    story.becomes("Live", commit=commit)
    assert len({job["metadata"]["name"] for job in story.jobs() if not story.failed(job)}) == 2, (
        "one build for each commit"
    )


def test_killed_while_rolling_back(story: Story) -> None:
    good = a_live_site(story)
    bad = story.push(Start.CrashAtStart)
    story.release()
    eventually_failing(story, bad)
    story.operator.kill()
    story.operator.start()
    status = story.becomes("RolledBack", "CrashLoopBackOff", bad)
    assert status["running"]["commit"] == good
    assert story.page() == "first page"
    assert len([past for past in status["history"] if past["commit"] == bad]) == 1


def test_dead_while_the_release_fails(story: Story) -> None:
    """Nobody watched while the pods crashed; whoever comes next sees it at once."""
    a_live_site(story)
    before, bad = story.image, story.push(Start.CrashAtStart)
    story.release()
    story.becomes("Deploying", commit=bad)
    eventually(lambda: story.image != before, 20, lambda: story.status)  # the status is written before it is done
    story.operator.kill()
    story.pods_have_restarted(2)
    story.operator.start()
    story.becomes("RolledBack", "CrashLoopBackOff", bad)


def eventually_failing(story: Story, commit: str) -> None:
    """Wait until the failure is written down; the rollback may be at any point."""
    eventually(
        lambda: story.status.get("current", {}).get("commit") == commit and "rollback" in story.status["current"],
        60,
        lambda: story.status,
    )
