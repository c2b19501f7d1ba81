"""Places for builds: never more than the limit, fair between brands, and whoever waits is woken when it is its turn."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.controller.build_turns import BuildTurns
from brandrelease.controller.work_queue import Key
from brandrelease.core.builds.fairness import BuildInFlight
from brandrelease.core.builds.images import BuildOrder
from brandrelease.core.builds.seen import Turn

Release = tuple[str, str]
"""Brand and environment."""


class Place:
    """Turns, and who was woken by them."""

    def __init__(self, limit: int) -> None:
        self.woken: list[Key] = []
        self.turns = BuildTurns(limit, self.woken.append)

    def ask(self, brand: str, environment: str = "staging", commit: str = "1") -> Turn:
        return self.turns.ask(brand_release(brand, environment), build(brand, commit))

    def tell(self, brand: str, environment: str = "staging", commit: str | None = None) -> None:
        self.turns.tell(brand_release(brand, environment), build(brand, commit) if commit else None)

    def wakes(self) -> list[str]:
        """Who was woken since the last question."""
        names = [key.name for key in self.woken]
        self.woken.clear()
        return names


def brand_release(brand: str, environment: str) -> BrandRelease:
    return BrandRelease.from_object(
        {
            "metadata": {
                "name": f"{brand}-{environment}",
                "namespace": "sites",
                "uid": f"uid-{brand}-{environment}",
                "generation": 1,
                "resourceVersion": "1",
                "creationTimestamp": "2026-01-01T00:00:00Z",
            },
            "spec": {"brand": brand, "environment": environment, "ref": "master"},
        }
    )


def build(brand: str, commit: str, attempt: int = 1, builder: str = "buildKit") -> BuildOrder:
    return BuildOrder(
        brand=brand,
        brand_uid=f"uid-{brand}",
        builder=builder,
        source_url=f"https://git.example.com/{brand}.git",
        source_secret=None,
        commit=commit,
        repository=f"registry.example.com/{brand}",
        registry_secret=None,
        tag=commit,
        key=f"{commit:0>10}",
        attempt=attempt,
        timeout_seconds=1800,
    )


GRANTED, WAITS = True, False


def test_the_limit_is_kept_and_the_next_is_woken_when_a_build_has_ended_and_not_before() -> None:
    place = Place(2)
    assert [place.ask(brand).granted for brand in "abc"] == [GRANTED, GRANTED, WAITS]
    place.tell("a", commit="1")
    assert place.wakes() == []
    place.tell("a")
    assert place.wakes() == ["c-staging"]
    assert place.ask("c") == Turn(granted=True, limit=2)
    assert place.wakes() == []


def test_a_grant_holds_its_place_for_a_pass_that_fails_and_asks_again() -> None:
    place = Place(1)
    assert place.ask("a").granted
    assert not place.ask("b").granted
    assert place.ask("a").granted
    assert (place.turns.building(), place.turns.waiting()) == (1, 1)


def test_the_place_of_the_one_that_was_woken_cannot_be_taken_by_one_that_asks_in_between() -> None:
    place = Place(1)
    place.ask("a")
    place.ask("b")
    place.tell("a")
    assert place.wakes() == ["b-staging"]
    assert not place.ask("c", "production").granted
    assert place.ask("b").granted


def test_one_that_was_woken_and_needs_no_build_any_more_gives_the_turn_on() -> None:
    place = Place(1)
    for brand in "abc":
        place.ask(brand)
    place.tell("a")
    place.tell("b")
    assert place.wakes() == ["b-staging", "c-staging"]


def test_one_that_waits_no_more_is_not_woken() -> None:
    place = Place(1)
    for brand in "abc":
        place.ask(brand)
    place.tell("b")
    place.tell("a")
    assert place.wakes() == ["c-staging"]


def test_one_that_is_gone_gives_up_its_place_and_its_waiting() -> None:
    place = Place(1)
    for brand in "abc":
        place.ask(brand)
    place.turns.forget("sites", "b-staging")
    place.turns.forget("sites", "a-staging")
    place.turns.forget("sites", "never-seen")
    assert place.wakes() == ["c-staging"]
    assert (place.turns.building(), place.turns.waiting()) == (1, 0)


# --- the same build for two environments ------------------------------------------------------------------------------


def test_a_build_that_is_under_way_is_joined_without_a_place() -> None:
    place = Place(1)
    assert place.ask("a", "staging") == Turn(granted=True, limit=1)
    assert place.ask("a", "production") == Turn(granted=True, limit=1, joins=True)
    assert place.turns.building() == 1


def test_a_build_keeps_its_place_until_nobody_waits_for_it() -> None:
    place = Place(1)
    place.ask("a", "staging")
    place.ask("a", "production")
    place.ask("b")
    place.tell("a", "staging")
    assert place.wakes() == []
    assert not place.ask("a", "production").joins, "it is the first of those that are left"
    place.tell("a", "production")
    assert place.wakes() == ["b-staging"]


def test_those_that_wait_for_the_same_build_are_woken_together() -> None:
    place = Place(1)
    for brand, environment in [("a", "staging"), ("b", "staging"), ("b", "production")]:
        place.ask(brand, environment)
    place.tell("a")
    assert place.wakes() == ["b-production", "b-staging"]
    assert not place.ask("b", "production").joins
    assert place.ask("b", "staging") == Turn(granted=True, limit=1, joins=True)


def test_those_that_wait_for_a_build_that_turns_out_to_run_are_woken_to_join_it() -> None:
    place = Place(1)
    place.ask("a")
    place.ask("b", "staging")
    place.tell("b", "production", commit="1")
    assert place.wakes() == ["b-staging"]
    assert place.ask("b", "staging") == Turn(granted=True, limit=1, joins=True)


# --- what a release does meanwhile ------------------------------------------------------------------------------------


def test_another_attempt_keeps_the_place() -> None:
    place = Place(1)
    place.ask("a")
    place.ask("b")
    place.turns.tell(brand_release("a", "staging"), build("a", "1", attempt=2))
    assert place.wakes() == []
    assert place.turns.building() == 1


def test_a_release_that_builds_another_commit_instead_stands_in_line_for_it() -> None:
    place = Place(1)
    place.ask("a")
    place.ask("b")
    assert not place.ask("a", commit="2").granted, "or a brand with many pushes would keep its place for ever"
    assert place.wakes() == ["b-staging"]
    place.tell("b")
    assert place.wakes() == ["a-staging"]
    assert place.ask("a", commit="2").granted


def test_a_release_that_waits_and_is_asked_for_another_commit_keeps_its_place_in_the_line() -> None:
    place = Place(1)
    for brand in "abc":
        place.ask(brand)
    place.ask("b", commit="2")
    place.tell("a")
    assert place.wakes() == ["b-staging"]
    assert place.ask("b", commit="2").granted


def test_waiting_for_ci_takes_no_place() -> None:
    place = Place(1)
    place.ask("a")
    ours, theirs = brand_release("b", "staging"), build("b", "1", builder="external")
    assert place.turns.ask(ours, theirs) == Turn(granted=True, limit=1)
    place.turns.tell(ours, theirs)
    assert (place.turns.building(), place.turns.waiting()) == (1, 0)


# --- fair -------------------------------------------------------------------------------------------------------------


def order_of_turns(place: Place, releases: list[Release]) -> list[str]:
    """Each asks for a build of its own; they end one at a time, in the order in which they began. The turns, in order."""
    running = [release for release in releases if place.ask(*release, commit=release[1]).granted]
    by_name = {"-".join(release): release for release in releases}
    for brand, environment in running:
        place.tell(brand, environment)
        running += [by_name[name] for name in place.wakes()]
    return ["-".join(release) for release in running]


ONE_AND_MANY = [*(("many", f"e{number}") for number in range(1000)), ("one", "staging")]


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_a_brand_with_one_release_does_not_wait_for_the_thousand_of_another(limit: int) -> None:
    turns = order_of_turns(Place(limit), ONE_AND_MANY)
    assert len(turns) == 1001
    assert turns.index("one-staging") <= limit + 1


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_brands_alternate_however_many_places_there_are(limit: int) -> None:
    few, many = [("few", f"e{number}") for number in range(5)], [("many", f"e{number}") for number in range(50)]
    turns = order_of_turns(Place(limit), many + few)
    brands = [name.split("-")[0] for name in turns[limit : limit + 11]]
    assert brands.count("few") == 5


def test_production_goes_before_all_others_that_wait() -> None:
    turns = order_of_turns(Place(1), [("a", "staging"), ("b", "staging"), ("c", "production"), ("d", "production")])
    assert turns == ["a-staging", "c-production", "d-production", "b-staging"]


def test_within_a_brand_the_first_to_ask_is_the_first() -> None:
    releases = [("a", f"e{number}") for number in range(6)]
    assert order_of_turns(Place(2), releases) == [f"a-e{number}" for number in range(6)]


# --- after a restart --------------------------------------------------------------------------------------------------


def seeded(limit: int, *brands: str) -> Place:
    place = Place(limit)
    place.turns.seed(BuildInFlight("sites", f"{brand}-staging", brand, build(brand, "1").name) for brand in brands)
    return place


def test_a_restart_forgets_no_place_that_is_taken() -> None:
    place = seeded(2, "a", "b")
    assert not place.ask("c").granted
    place.tell("a", commit="1")
    place.tell("b", commit="1")
    assert place.turns.building() == 2


def test_each_build_found_at_a_restart_is_looked_at_so_that_none_holds_a_place_for_one_that_is_gone() -> None:
    place = seeded(2, "a", "b")
    assert place.wakes() == ["a-staging", "b-staging"]


def test_more_builds_than_a_lowered_limit_allows_end_before_another_begins() -> None:
    place = seeded(1, "a", "b")
    place.wakes()
    place.ask("c")
    place.tell("a")
    assert place.wakes() == []
    place.tell("b")
    assert place.wakes() == ["c-staging"]


# --- whatever happens, in whatever order ------------------------------------------------------------------------------

RELEASES = [(brand, environment) for brand in "abc" for environment in ("production", "staging", "e1")]


class Histories(RuleBasedStateMachine):
    """Passes ask, tell, fail and come again; objects are deleted. A pass of one that was woken comes at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.limit = 2
        self.place = Place(self.limit)
        self.wanted: dict[Release, str] = {}
        self.builds: dict[Release, str] = {}
        self.asked: dict[Release, str] = {}
        self.woken: set[Release] = set()
        self.again: set[Release] = set()

    def take_in(self) -> None:
        self.woken |= {next(each for each in RELEASES if "-".join(each) == name) for name in self.place.wakes()}

    @rule(release=st.sampled_from(RELEASES), commit=st.sampled_from("12"))
    def a_release_is_asked_for(self, release: Release, commit: str) -> None:
        if release not in self.builds:
            self.wanted[release] = commit
            self.look(release)

    @rule(release=st.sampled_from(RELEASES))
    def a_pass(self, release: Release) -> None:
        self.look(release)

    def look(self, release: Release) -> None:
        """A pass: it tells of the build in flight, or asks for a turn, or has nothing to build."""
        was_woken = release in self.woken
        self.woken.discard(release)
        self.again.discard(release)
        if release in self.builds:
            self.place.tell(*release, commit=self.builds[release])
        elif release in self.wanted:
            before = self.place.turns.building()
            turn = self.place.ask(*release, commit=self.wanted[release])
            assert turn.granted or before == self.limit, "nobody waits while a place is free"
            if was_woken and self.asked[release] == self.wanted[release]:
                assert turn.granted, "it was woken because its turn has come"
            self.asked[release] = self.wanted[release]
            if turn.granted:
                self.builds[release] = self.wanted.pop(release)
        else:
            self.place.tell(*release)
        self.take_in()

    @rule(release=st.sampled_from(RELEASES), commit=st.sampled_from("12"))
    def a_pass_fails_after_it_has_asked(self, release: Release, commit: str) -> None:
        if release not in self.builds:
            self.wanted[release] = self.asked[release] = commit
            self.woken.discard(release)
            self.place.ask(*release, commit=commit)
            self.take_in()
            self.again.add(release)

    @rule(release=st.sampled_from(RELEASES))
    def a_build_ends(self, release: Release) -> None:
        """For everybody who waits for it, as the event of its Job does."""
        if commit := self.builds.get(release):
            for each in [each for each, what in self.builds.items() if (each[0], what) == (release[0], commit)]:
                del self.builds[each]
                self.look(each)

    @rule(release=st.sampled_from(RELEASES))
    def a_release_is_superseded(self, release: Release) -> None:
        if self.builds.pop(release, None):
            self.wanted[release] = "2"
            self.look(release)

    @rule(release=st.sampled_from(RELEASES))
    def a_release_is_given_up(self, release: Release) -> None:
        self.wanted.pop(release, None)
        self.builds.pop(release, None)
        self.look(release)

    @rule(release=st.sampled_from(RELEASES))
    def an_object_is_deleted(self, release: Release) -> None:
        self.wanted.pop(release, None)
        self.builds.pop(release, None)
        self.woken.discard(release)
        self.again.discard(release)
        self.place.turns.forget("sites", "-".join(release))
        self.take_in()

    @invariant()
    def never_more_builds_than_the_limit(self) -> None:
        assert len({(release[0], commit) for release, commit in self.builds.items()}) <= self.limit
        assert self.place.turns.building() <= self.limit

    @invariant()
    def nobody_waits_while_a_place_is_free(self) -> None:
        assert not self.place.turns.waiting() or self.place.turns.building() == self.limit

    def teardown(self) -> None:
        """Nobody waits for ever: as builds end and the woken come, everybody has had a turn, and all places are free."""
        for _ in range(100):
            for release in sorted(self.woken | self.again):
                self.look(release)
            for release in list(self.builds):
                self.a_build_ends(release)
        assert not self.wanted
        assert (self.place.turns.building(), self.place.turns.waiting()) == (0, 0)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
