"""Which BrandReleases and Brands an event concerns."""

from typing import Any

import pytest

from brandrelease.controller.interest import Interest
from brandrelease.controller.reconcile import Reconciler
from brandrelease.controller.work_queue import Again, Key, brand_key
from brandrelease.controller.world import World
from brandrelease.telemetry import Metrics
from support.simulation import KEY
from support.story import Story

PRODUCTION, STAGING, OTHER = Key("drumeo-production", "a"), Key("drumeo-staging", "b"), Key("pianote", "c")
DRUMEO, PIANOTE = brand_key("drumeo"), brand_key("pianote")


@pytest.fixture
def interest() -> Interest:
    known = Interest()
    known.learn(PRODUCTION, "drumeo")
    known.learn(STAGING, "drumeo")
    known.learn(OTHER, "pianote")
    return known


def job(brand: str | None) -> dict[str, Any]:
    return {"name": "br-1", "namespace": "builds"} | ({"labels": {"brandrelease.dev/name": brand}} if brand else {})


CONCERNED: dict[str, tuple[str, dict[str, Any], set[Key]]] = {
    "a Brand": ("brands", {"name": "drumeo"}, {DRUMEO, PRODUCTION, STAGING}),
    "a Brand without releases": ("brands", {"name": "guitareo"}, {brand_key("guitareo")}),
    "a build": ("jobs", job("drumeo"), {PRODUCTION, STAGING}),
    "a hook": (
        "jobs",
        {
            "namespace": "pianote",
            "name": "c-3-pre-0f1e2d3c",
            "labels": {"brandrelease.dev/name": "c", "brandrelease.dev/hook": "preDeploy"},
        },
        {OTHER},
    ),
    "a hook of a BrandRelease that is called like a Brand": (
        "jobs",
        {
            "namespace": "shop",
            "name": "drumeo-3-post-0f1e2d3c",
            "labels": {"brandrelease.dev/name": "drumeo", "brandrelease.dev/hook": "postDeploy"},
        },
        {Key("shop", "drumeo")},
    ),
    "a build of nobody": ("jobs", job(None), set()),
    "a Deployment": (
        "deployments",
        {"namespace": "pianote", "name": "web", "labels": {"brandrelease.dev/name": "c"}},
        {OTHER},
    ),
    "a pod": ("pods", {"namespace": "pianote", "name": "web-1", "labels": {"brandrelease.dev/name": "c"}}, {OTHER}),
    "a pod without our label": ("pods", {"namespace": "pianote", "name": "web-1", "labels": {"app": "x"}}, set()),
    "a pod without labels": ("pods", {"namespace": "pianote", "name": "web-1"}, set()),
    "a BrandRelease": ("brandreleases", {"namespace": "pianote", "name": "c"}, {OTHER, PIANOTE}),
    "a BrandRelease that was never seen": ("brandreleases", {"namespace": "x", "name": "y"}, {Key("x", "y")}),
}


@pytest.mark.parametrize(("kind", "metadata", "keys"), CONCERNED.values(), ids=CONCERNED)
def test_an_event_concerns(interest: Interest, kind: str, metadata: dict[str, Any], keys: set[Key]) -> None:
    assert set(interest.by_kind()[kind](metadata)) == keys


def test_a_brand_release_that_is_gone_makes_place_for_another_of_its_brand_in_its_namespace(interest: Interest) -> None:
    heir = Key("drumeo-production", "heir")
    interest.learn(heir, "drumeo")
    assert set(interest.forget(PRODUCTION)) == {heir, DRUMEO}
    assert set(interest.of_brand({"name": "drumeo"})) == {STAGING, heir, DRUMEO}


def test_a_brand_release_that_was_never_seen_can_be_gone(interest: Interest) -> None:
    assert not list(interest.forget(Key("x", "y")))


def test_learning_the_same_twice_is_learning_it_once(interest: Interest) -> None:
    assert list(interest.learn(OTHER, "pianote")) == []
    assert list(interest.of_brand({"name": "pianote"})) == [PIANOTE, OTHER]


def test_a_brand_tells_of_a_brand_release_that_is_new(interest: Interest) -> None:
    assert list(interest.learn(Key("pianote", "another"), "pianote")) == [PIANOTE]


def test_a_brand_release_that_was_made_again_for_another_brand_is_of_that_one_alone(interest: Interest) -> None:
    assert list(interest.learn(OTHER, "drumeo")) == [PIANOTE, DRUMEO]
    assert list(interest.of_brand({"name": "pianote"})) == [PIANOTE]
    assert OTHER in set(interest.of_brand({"name": "drumeo"}))


def test_releases_of_one_brand_share_their_turns_and_what_was_never_seen_is_for_itself(interest: Interest) -> None:
    assert interest.brand_of(PRODUCTION) == interest.brand_of(STAGING) == "drumeo"
    assert interest.brand_of(Key("x", "y")) == "x/y"


def test_whatever_comes_or_goes_of_a_brand_is_a_change_of_that_brand_alone(interest: Interest) -> None:
    def changes() -> list[int]:
        seen.append(interest.last_change("drumeo"))
        return seen

    seen: list[int] = []
    changes()
    interest.learn(Key("x", "y"), "drumeo")
    changes()
    interest.forget(Key("x", "y"))
    changes()
    interest.learn(Key("x", "y"), "drumeo")
    assert len(set(changes())) == 4
    for key in (Key("x", "y"), PRODUCTION, STAGING):
        interest.forget(key)
    assert len(set(changes())) == 5, "nobody is left, which is not as if there had never been anybody"
    interest.learn(PRODUCTION, "drumeo")
    changes()
    before = interest.last_change("pianote")
    interest.learn(PRODUCTION, "drumeo")  # nothing new
    assert interest.last_change("drumeo") == seen[-1]
    assert interest.last_change("pianote") == before
    assert interest.last_change("guitareo") == 0


def test_each_pass_notes_of_which_brand_its_object_is_or_that_there_is_none(quiet: None) -> None:
    noted: list[tuple[Key, str | None]] = []

    class Noting(Story):
        def new_reconciler(self, world: World) -> Reconciler:
            return Reconciler(world, self, Metrics(), lambda *_: None, self.note)

        def note(self, key: Key, brand: str | None) -> bool:
            noted.append((key, brand))
            return len(noted) == 2

    story = Noting()
    story.ask("master")
    story.one_pass()
    story.delete_release()
    assert story.one_pass().retry is not None, "nobody had told of its end, so the answer may be an old one"
    assert story.one_pass() == Again()
    assert noted == [(KEY, "drumeo"), (KEY, None), (KEY, None)]
