"""A family of failures, and the one way in which each is proved on real kubelets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from e2e.story import Object, Story
from e2e.trial import Trial, Verdict
from support import brand_site
from support.brand_site import Start
from support.kubectl import eventually

Given = dict[str, Any]
Told = Callable[[str, object], None]

DRAINS: Given = {
    "container": {"lifecycle": {"preStop": {"sleep": {"seconds": 3}}}},
    "terminationGracePeriodSeconds": 5,
}
"""Pods that end stay until the Service has stopped sending to them: where new pods take over, nobody notices."""


def nothing(story: Story) -> None:
    """For the families that are in the image alone."""


def no_more(story: Story) -> Given:
    """The Deployment is the usual one."""
    return {}


@dataclass(frozen=True, kw_only=True)
class Family:
    """A way to fail, and what is said of it."""

    verdict: Verdict
    start: Start = Start.Good
    text: str = ""
    """The page of the bad release, where that is what is bad."""
    image: Mapping[str, Any] = field(default_factory=dict)
    """The configuration of the bad release's image."""
    good_image: Mapping[str, Any] = field(default_factory=dict)
    deployment: Callable[[Story], Given] = no_more
    meanwhile: Callable[[Story], None] = nothing
    """What somebody does between the good release and the bad one."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    layer_is_lost: bool = False


def prove(story: Story, family: Family, told: Told) -> None:
    """Back by itself and in time; only a commit that is to blame is quarantined; visitors notice nothing."""
    good = a_live_site(story, family.good_image, **family.deployment(story))
    good_image = story.image
    family.meanwhile(story)
    story.brand(**family.environment)
    with Trial(story) as trial:
        bad = story.push(family.start, family.text, **family.image)
        if family.layer_is_lost:
            story.lose_layer(bad)
        story.release()
        status = story.becomes("RolledBack", commit=bad)
    trial.proves(family.verdict, bad, told=told)
    assert (status["running"]["commit"], story.image) == (good, good_image)
    eventually(lambda: story.shows("first page"), 15)
    blame = family.verdict.blame
    assert quarantined(status) == ([bad] if blame == "Release" else [])
    assert ("retry" in status["current"]) == (blame == "Platform")
    assert ("It is tried again by itself" in status["current"]["message"]) == (blame == "Platform")


def a_live_site(story: Story, image: Mapping[str, Any] | None = None, **deployment: Any) -> str:
    """A site whose first release is live; ``image`` is the configuration of its images. Returns its commit."""
    config = dict(image or {})
    story.brand(soakSeconds=0)
    by_hand = brand_site.push_image(story.cluster, story.image_repository, "by-hand", Start.Good, "by hand", **config)
    story.deployment(image=by_hand, **deployment)
    story.is_rolled_out()
    if not story.operator.runs:
        story.operator.start()
    commit = story.push(text="first page", **config)
    story.release()
    story.becomes("Live", commit=commit)
    return commit


def quarantined(status: Object) -> list[str]:
    return [entry["commit"] for entry in status.get("quarantine", [])]
