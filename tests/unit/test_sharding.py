"""Which brand is whose, and when a division of the fleet may begin."""

from collections import Counter

import pytest

from brandrelease.controller.interest import Interest
from brandrelease.controller.share import Share
from brandrelease.controller.work_queue import Key, brand_key
from brandrelease.core.leadership import LEASE_SECONDS, NOBODY_YET, Lease, Sighting
from brandrelease.core.resizing import looked, still_held
from brandrelease.core.sharding import MOST, WHOLE, Shard, division_of, shard_of

OLD = "brandrelease-0-of-2"


@pytest.mark.parametrize("count", [1, 2, 3, 7, MOST])
def test_every_brand_is_in_exactly_one_shard_and_no_shard_has_much_more_than_its_part(count: int) -> None:
    brands = [f"brand-{number}" for number in range(200 * count)]
    parts = Counter([index for brand in brands for index in range(count) if Shard(index, count).has(brand)])
    assert parts.total() == len(brands)
    assert set(parts) == set(range(count))
    assert max(parts.values()) < 270


def test_the_shard_of_a_brand_never_changes_between_versions() -> None:
    """A change of it would have two versions lead one brand, in an upgrade."""
    assert [Shard(index, 5).has("drumeo") for index in range(5)].index(True) == 3
    assert [Shard(index, 5).has("singeo") for index in range(5)].index(True) == 1


def test_the_lease_of_a_shard_says_which_and_of_how_many_and_that_of_the_whole_is_as_ever() -> None:
    assert WHOLE.lease == "brandrelease"
    assert Shard(1, 12).lease == "brandrelease-1-of-12"
    assert [division_of(name) for name in ("brandrelease", "brandrelease-1-of-12", OLD)] == [1, 12, 2]
    assert {division_of(name) for name in ("other", "brandrelease-builds", f"{OLD}-x", f"x-{OLD}", "")} == {None}


def test_a_shard_is_written_as_it_is_read() -> None:
    assert shard_of(" 2/3 ") == Shard(2, 3)
    assert str(Shard(2, 3)) == "2/3"
    assert shard_of("0/1") == WHOLE


@pytest.mark.parametrize("text", ["2/2", "1/0", "0/0", "0/65", "-1/2", "a/b", "1", "", "1/2/3", "٠/٢", "0 / 2"])
def test_what_is_no_shard_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="must be i/n with i from 0 to n-1"):
        shard_of(text)


# --- a resize -----------------------------------------------------------------------------------------------------------


def test_a_lease_of_another_division_is_held_until_it_is_let_go_or_has_not_changed_for_long_enough() -> None:
    seen = looked({}, {OLD: Lease("old", transitions=1), "brandrelease": Lease("")}, 100)
    assert still_held(seen, 100 + LEASE_SECONDS - 0.1) == (OLD,)
    assert still_held(seen, 100 + LEASE_SECONDS) == ()
    renewed = looked(seen, {OLD: Lease("old", transitions=2)}, 110)
    assert still_held(renewed, 110 + LEASE_SECONDS - 0.1) == (OLD,)
    assert still_held(looked(renewed, {OLD: Lease("")}, 111), 111) == ()


def test_one_that_is_deleted_is_held_on_as_its_holder_may_not_know_yet() -> None:
    seen = looked(looked({}, {OLD: Lease("old")}, 100), {}, 102)
    assert still_held(seen, 102) == (OLD,)
    assert still_held(seen, 100 + LEASE_SECONDS) == ()


def test_one_that_was_just_laid_out_may_have_been_deleted_under_its_holder_and_counts_as_held() -> None:
    assert still_held(looked({}, {OLD: Lease(NOBODY_YET)}, 100), 101) == (OLD,)


def test_that_there_is_none_holds_nobody_up() -> None:
    assert still_held({OLD: Sighting(None, 0)}, 1) == ()
    assert still_held({}, 1) == ()


# --- what of all events is looked at ------------------------------------------------------------------------------------

SHARD = Shard(3, 5)
MINE, OTHERS = Key("drumeo-production", "a"), Key("singeo-production", "b")


def test_only_brands_of_the_shard_and_what_belongs_to_them_is_looked_at() -> None:
    share = Share(SHARD)
    interest = Interest(share)
    assert list(share.of(interest.learn(MINE, "drumeo"))) == [brand_key("drumeo")]
    assert list(share.of(interest.learn(OTHERS, "singeo"))) == []
    pod = {"namespace": OTHERS.namespace, "name": "pod", "labels": {"brandrelease.dev/name": "b"}}
    build = {"namespace": "builds", "name": "job", "labels": {"brandrelease.dev/name": "singeo"}}
    assert list(share.of(interest.of_marked(pod))) == []
    assert list(share.of(interest.of_job(build))) == []
    assert list(share.of(interest.of_brand({"name": "singeo"}))) == []
    assert list(share.of(interest.of_brand_release({"namespace": OTHERS.namespace, "name": "b"}))) == []
    assert set(share.of(interest.of_brand({"name": "drumeo"}))) == {MINE, brand_key("drumeo")}


def test_what_nobody_knows_yet_is_looked_at_and_what_is_made_anew_for_another_brand_too() -> None:
    share = Share(SHARD)
    interest = Interest(share)
    assert list(share.of([OTHERS])) == [OTHERS], "a list does not tell of which brand it is"
    interest.learn(OTHERS, "singeo")
    interest.learn(OTHERS, "drumeo")
    assert list(share.of([OTHERS])) == [OTHERS]
    interest.learn(OTHERS, "singeo")
    interest.forget(OTHERS)
    assert list(share.of([OTHERS])) == [OTHERS]
