"""Freeze windows on the real cluster: a release waits with its hands off the Deployment; a way back never does."""

from e2e.family import a_live_site
from e2e.story import Story
from support.brand_site import Start

ALWAYS = {"kind": "Deny", "schedule": "* * * * *", "durationSeconds": 3600, "timeZone": "America/Vancouver"}


def test_a_release_waits_and_a_person_lets_it_through(story: Story) -> None:
    a_live_site(story)
    good, generation = story.image, story.generation
    story.brand(windows=[ALWAYS | {"reason": "Black Friday"}])
    commit = story.push(text="second page")
    story.release()
    status = story.becomes("Blocked", "FrozenUntil", commit)
    assert status["current"]["image"].startswith(story.repository_of_images), "it is built meanwhile"
    assert "production is frozen" in story.message
    assert "Black Friday" in story.message
    assert (story.image, story.generation) == (good, generation)
    story.annotate("override", f"{commit[:12]} the shop is down")
    status = story.becomes("Live", commit=commit)
    assert status["history"][0]["override"] == "the shop is down (kubectl-annotate)"
    assert story.page() == "second page"


def test_a_release_goes_on_when_the_window_is_taken_away(story: Story) -> None:
    a_live_site(story)
    story.brand(windows=[ALWAYS])
    commit = story.push(text="second page")
    story.release()
    story.becomes("Blocked", "FrozenUntil", commit)
    story.brand()
    story.becomes("Live", commit=commit)


def test_a_bad_release_is_rolled_back_in_a_freeze(story: Story) -> None:
    a_live_site(story)
    good = story.image
    story.brand(soakSeconds=40)
    bad = story.push(Start.CrashInSoak)
    story.release()
    story.becomes("Verifying", commit=bad)
    story.brand(soakSeconds=40, windows=[ALWAYS])
    story.becomes("RolledBack", "CrashLoopBackOff", bad)
    assert story.image == good
