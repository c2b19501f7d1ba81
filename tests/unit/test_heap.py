"""What stays is spared by the garbage collector, and a cycle in it that nobody holds any more is found in the next round."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from brandrelease.controller.heap import spare_what_stays


class Node:
    """Refers to itself: only the garbage collector can free it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _looked_at_as_before() -> Iterator[None]:
    yield
    gc.unfreeze()


async def test_what_is_there_at_the_start_is_spared_and_what_comes_later_is_not() -> None:
    stays, spared = Node(), asyncio.create_task(spare_what_stays())
    await asyncio.sleep(0)
    later = Node()
    looked_through = {id(each) for each in gc.get_objects()}
    assert id(later) in looked_through
    assert id(stays) not in looked_through
    spared.cancel()


async def test_what_has_come_while_the_fleet_became_known_is_spared_too() -> None:
    spared = asyncio.create_task(spare_what_stays(known=0.01))
    await asyncio.sleep(0)
    of_fleet = Node()
    await asyncio.sleep(0.1)
    assert id(of_fleet) not in {id(each) for each in gc.get_objects()}
    spared.cancel()


async def test_a_cycle_that_nobody_holds_any_more_goes_in_the_next_round() -> None:
    node = Node()
    there, spared = weakref.ref(node), asyncio.create_task(spare_what_stays(known=0.05, every=0.05))
    await asyncio.sleep(0)
    del node
    gc.collect()
    assert there() is not None, "it is spared"
    async with asyncio.timeout(10):
        while there() is not None:
            await asyncio.sleep(0.01)
    spared.cancel()
