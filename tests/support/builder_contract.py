"""What every builder promises, as one suite.

A module of tests imports it and has two fixtures: `workshop` for each of its builders, and `factory` for each of those
that build themselves, which can fail and be stopped.

from support.builder_contract import *  # noqa: F403 - the contract
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Final, Protocol

from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.images import BuildOrder
from brandrelease.core.builds.seen import (
    BuildAbsent,
    BuildFailed,
    BuildRunning,
    BuildState,
    BuildSucceeded,
    BuildUnseen,
    ImageFound,
    ImageLookup,
)
from brandrelease.ports import Builder

LAST_WORDS: Final = "the template of the home page is not there"
"""What a Dockerfile that fails prints last."""


class Source(StrEnum):
    """What becomes of a commit."""

    Good = "good"
    Broken = "broken"
    Slow = "slow"
    Missing = "missing"
    Endless = "endless"


class Workshop(Protocol):
    """A builder with all that it needs. many: how many builds it takes at once in a test."""

    many: int
    builds_itself: bool

    async def process(self) -> Builder:
        """The builder as a process has it that was just started: it remembers nothing."""
        ...

    def order(self, source: Source, number: int = 1) -> BuildOrder:
        """The order for a commit of this kind; each number is a commit of its own."""
        ...

    async def starts(self, order: BuildOrder) -> int:
        """How many builds of this order there have ever been."""
        ...

    async def look_up(self, order: BuildOrder) -> ImageLookup: ...

    async def is_at_work(self, order: BuildOrder) -> bool:
        """Whether anything still builds it, whatever the builder says."""
        ...


__all__ = [
    "test_a_build_that_fails_by_its_dockerfile_says_so_and_keeps_the_end_of_the_log",
    "test_a_build_that_is_asked_for_twice_is_started_once",
    "test_a_build_that_is_cancelled_stops_and_leaves_nothing_at_work",
    "test_a_build_that_takes_too_long_is_ended_and_says_so",
    "test_a_build_that_was_never_started_is_absent_and_can_be_cancelled",
    "test_a_process_that_is_killed_after_the_start_finds_its_build_again",
    "test_a_source_that_is_not_there_is_no_fault_of_the_commit",
    "test_cancelling_a_build_that_is_done_changes_nothing",
    "test_many_builds_at_once_are_each_built_once",
    "test_the_digest_that_a_build_reports_is_that_of_the_registry",
]


async def test_a_build_that_was_never_started_is_absent_and_can_be_cancelled(workshop: Workshop) -> None:
    builder, order = await workshop.process(), workshop.order(Source.Good)
    assert await builder.state(order) == BuildAbsent()
    await builder.cancel(order)
    assert await builder.state(order) == BuildAbsent()
    assert await workshop.starts(order) == 0


async def test_a_build_that_is_asked_for_twice_is_started_once(workshop: Workshop) -> None:
    builder, order = await workshop.process(), workshop.order(Source.Good)
    await builder.start(order)
    await builder.start(order)
    await asyncio.gather(*(builder.start(order) for _ in range(5)))
    await ended(builder, order)
    assert await workshop.starts(order) == int(workshop.builds_itself)


async def test_the_digest_that_a_build_reports_is_that_of_the_registry(workshop: Workshop) -> None:
    builder, order = await workshop.process(), workshop.order(Source.Good)
    await builder.start(order)
    state = await ended(builder, order)
    image = await workshop.look_up(order)
    assert isinstance(image, ImageFound)
    if workshop.builds_itself:
        assert isinstance(state, BuildSucceeded), state
        assert state.digest == image.digest


async def test_a_process_that_is_killed_after_the_start_finds_its_build_again(workshop: Workshop) -> None:
    order = workshop.order(Source.Good)
    await (await workshop.process()).start(order)
    later = await workshop.process()
    assert isinstance(await later.state(order), BuildAbsent) is not workshop.builds_itself
    await later.start(order)
    await ended(later, order)
    last = await workshop.process()
    assert isinstance(await ended(last, order), BuildSucceeded) is workshop.builds_itself
    assert await workshop.starts(order) == int(workshop.builds_itself)


async def test_a_build_that_fails_by_its_dockerfile_says_so_and_keeps_the_end_of_the_log(factory: Workshop) -> None:
    builder, order = await factory.process(), factory.order(Source.Broken)
    await builder.start(order)
    state = await ended(builder, order)
    assert isinstance(state, BuildFailed), state
    assert (state.reason, state.retriable) == (Reason.BuildFailed, False)
    assert LAST_WORDS in state.log_tail
    assert len(state.log_tail.encode()) <= 2048
    assert not isinstance(await factory.look_up(order), ImageFound)
    assert await factory.starts(order) == 1, "another attempt would fail alike"


async def test_a_source_that_is_not_there_is_no_fault_of_the_commit(factory: Workshop) -> None:
    builder, order = await factory.process(), factory.order(Source.Missing)
    await builder.start(order)
    state = await ended(builder, order)
    assert isinstance(state, BuildFailed), state
    told = {
        (Reason.BuildInfrastructureFailed, True),
        (Reason.CommitGone, False),
    }  # nobody asks for a commit that is gone again
    assert (state.reason, state.retriable) in told, state


async def test_a_build_that_takes_too_long_is_ended_and_says_so(factory: Workshop) -> None:
    builder, order = await factory.process(), factory.order(Source.Endless)
    await builder.start(order)
    state = await ended(builder, order)
    assert isinstance(state, BuildFailed), state
    assert (state.reason, state.retriable) == (Reason.BuildTimedOut, False), state
    assert "spec.build.timeoutSeconds" in state.message
    await eventually(lambda: is_not(factory.is_at_work(order)))


async def test_a_build_that_is_cancelled_stops_and_leaves_nothing_at_work(factory: Workshop) -> None:
    builder, order = await factory.process(), factory.order(Source.Slow)
    await builder.start(order)
    await eventually(lambda: factory.is_at_work(order))
    await builder.cancel(order)
    await builder.cancel(order)
    state = await ended(builder, order)
    assert not isinstance(state, BuildSucceeded), state
    assert not isinstance(await factory.look_up(order), ImageFound)
    await eventually(lambda: is_not(factory.is_at_work(order)))


async def test_cancelling_a_build_that_is_done_changes_nothing(factory: Workshop) -> None:
    builder, order = await factory.process(), factory.order(Source.Good)
    await builder.start(order)
    await ended(builder, order)
    before = await factory.look_up(order)
    await builder.cancel(order)
    assert await factory.look_up(order) == before
    assert await factory.starts(order) == 1


async def test_many_builds_at_once_are_each_built_once(workshop: Workshop) -> None:
    builder = await workshop.process()
    orders = [workshop.order(Source.Good, number) for number in range(1, workshop.many + 1)]
    await asyncio.gather(*(builder.start(order) for order in orders))
    states = await asyncio.gather(*(ended(builder, order) for order in orders))
    others = [state for state in states if isinstance(state, BuildSucceeded) is not workshop.builds_itself]
    assert not others, others
    assert {await workshop.starts(order) for order in orders} == {int(workshop.builds_itself)}
    assert all([isinstance(await workshop.look_up(order), ImageFound) for order in orders])


# --- what the tests wait for ----------------------------------------------------------------------------------------------

SECONDS: Final = 120.0
"""No build of these tests takes as long."""


async def ended(builder: Builder, order: BuildOrder) -> BuildState:
    """How the build stands when it does not run any more."""

    async def is_over() -> bool:
        return not isinstance(await builder.state(order), BuildRunning | BuildUnseen)

    await eventually(is_over)
    return await builder.state(order)


async def eventually(fact: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SECONDS):
        while not await fact():
            await asyncio.sleep(0.05)


async def is_not(fact: Awaitable[bool]) -> bool:
    return not await fact
