"""Brands take turns at the workers, and within a Brand the first come is served first."""

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from brandrelease.controller.fair_queue import UNDER_WAY_OF, FairQueue

Key = tuple[str, int]


def lane(key: Key) -> str:
    return key[0]


async def served(keys: list[Key]) -> list[Key]:
    queue: FairQueue[Key] = FairQueue(lane)
    for key in keys:
        queue.put(key)
    return [await queue.get() for _ in keys]


async def test_one_release_of_a_small_brand_waits_for_one_of_the_thousand_of_another() -> None:
    keys = [*(("large", number) for number in range(1000)), ("small", 0)]
    assert (await served(keys)).index(("small", 0)) == 1


async def test_brands_of_the_same_size_alternate() -> None:
    assert await served([("a", 1), ("a", 2), ("b", 1), ("b", 2)]) == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]


async def test_a_rollback_waits_for_none_of_a_thousand_releases_that_begin() -> None:
    queue: FairQueue[Key] = FairQueue(lane)
    for number in range(1000):
        queue.put((f"brand-{number}", 0))
    queue.put(("bad", 0), under_way=True)
    assert await queue.get() == ("bad", 0)


async def test_what_begins_gets_its_share_however_much_is_under_way() -> None:
    queue: FairQueue[Key] = FairQueue(lane)
    for number in range(100):
        queue.put((f"brand-{number}", 0), under_way=True)
    queue.put(("new", 0))
    assert ("new", 0) in [await queue.get() for _ in range(UNDER_WAY_OF)]


async def test_brands_take_turns_with_what_is_under_way_too() -> None:
    queue: FairQueue[Key] = FairQueue(lane)
    for key in (("a", 1), ("a", 2), ("b", 1)):
        queue.put(key, under_way=True)
    assert [await queue.get() for _ in range(3)] == [("a", 1), ("b", 1), ("a", 2)]


async def test_who_waits_for_a_key_gets_the_next_that_comes() -> None:
    queue: FairQueue[Key] = FairQueue(lane)
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put(("a", 1))
    assert await waiting == ("a", 1)


async def test_a_worker_that_gives_up_waiting_takes_no_key_with_it() -> None:
    queue: FairQueue[Key] = FairQueue(lane)
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    waiting.cancel()
    queue.put(("a", 1))
    assert await queue.get() == ("a", 1)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), unique=True))
def test_everything_is_served_once_in_its_order_and_nobody_waits_for_two_of_another_brand(keys: list[Key]) -> None:
    order = asyncio.run(served(keys))
    assert sorted(order) == sorted(keys)
    for brand in "abc":
        assert [key for key in order if lane(key) == brand] == [key for key in keys if lane(key) == brand]
    for before, after in pairwise(order):
        if lane(before) == lane(after):  # only where no other has anything left
            rest = order[order.index(after) :]
            assert {lane(key) for key in rest} == {lane(after)}
