"""The end of kopf, without kopf: a task that swallows its cancellation keeps nobody waiting, and no error is hidden."""

import asyncio
import gc
from contextlib import suppress
from typing import Any

from structlog.testing import capture_logs

from brandrelease.controller.handlers import AT_ONE_TIME, CANCEL_AGAIN, HandingOver, cancel_the_rest, tell_of_forgotten
from support.virtual_time import on_virtual_time


def guarding() -> asyncio.Task[None]:
    """What cancels all but the test itself and itself."""
    return asyncio.create_task(cancel_the_rest(asyncio.current_task()))


async def swallows(times: int) -> None:
    """A task that goes on when it is cancelled, so many times."""
    for _ in range(times):
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue
    await asyncio.sleep(3600)


@on_virtual_time
async def test_a_task_that_swallows_its_cancellation_is_cancelled_until_it_ends() -> None:
    guard, stubborn = guarding(), asyncio.create_task(swallows(times=3))
    await asyncio.sleep(0)
    stubborn.cancel()
    await asyncio.wait({stubborn}, timeout=10 * CANCEL_AGAIN)
    assert stubborn.cancelled()
    guard.cancel()


@on_virtual_time
async def test_a_task_that_nobody_has_cancelled_is_left_alone() -> None:
    guard, other = guarding(), asyncio.create_task(asyncio.sleep(100 * CANCEL_AGAIN, "done"))
    assert await other == "done"
    guard.cancel()


@on_virtual_time
async def test_a_task_that_is_cancelled_and_cleans_up_is_given_time_for_it() -> None:
    tidied = []

    async def tidies() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(CANCEL_AGAIN / 2)
            tidied.append(True)

    guard, tidy = guarding(), asyncio.create_task(tidies())
    await asyncio.sleep(0)
    tidy.cancel()
    await asyncio.wait({tidy})
    assert tidied == [True]
    guard.cancel()


@on_virtual_time
async def test_what_a_cancelled_task_waits_for_behind_a_shield_is_cancelled_too() -> None:
    """kopf's watcher closes its scheduler so; that never comes to its end when the scheduler's own tasks have ended."""

    async def closes_what_never_closes() -> None:
        closing = asyncio.create_task(asyncio.sleep(3600))
        while not closing.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(closing)

    guard, watcher = guarding(), asyncio.create_task(closes_what_never_closes())
    await asyncio.sleep(0)
    watcher.cancel()
    await asyncio.wait({watcher}, timeout=10 * CANCEL_AGAIN)
    assert watcher.done()
    running = asyncio.current_task()
    assert running
    assert not running.cancelling()
    guard.cancel()


async def raises(error: Exception) -> None:
    raise error


async def test_the_error_of_a_task_that_nobody_asks_for_its_end_is_a_line_of_the_log() -> None:
    asyncio.get_running_loop().set_exception_handler(tell_of_forgotten)
    with capture_logs() as lines:
        asyncio.create_task(raises(ValueError("the stream is broken")))  # noqa: RUF006 - that is what is tested
        await asyncio.sleep(0.01)
        gc.collect()
    assert lines == [
        {"event": "A watch ended together with others.", "error": "the stream is broken", "log_level": "warning"}
    ]


async def test_what_else_the_loop_has_to_tell_is_told_as_ever() -> None:
    loop = asyncio.get_running_loop()
    told: list[dict[str, Any]] = []
    loop.default_exception_handler = told.append  # type: ignore[method-assign, assignment]
    tell_of_forgotten(loop, {"message": "a callback failed", "exception": ValueError("x")})
    assert [each["message"] for each in told] == ["a callback failed"]


async def test_events_of_another_thread_arrive_all_of_them_in_their_order() -> None:
    arrived: list[int] = []
    last, done = 20 * AT_ONE_TIME, asyncio.Event()

    def take(_kind: str, _type: str | None, body: dict[str, Any]) -> None:
        arrived.append(body["number"])
        if body["number"] == last:
            done.set()

    handing_over = HandingOver(asyncio.get_running_loop(), take)

    def tell() -> None:
        for number in range(last + 1):
            handing_over("pods", "ADDED", {"number": number})

    await asyncio.gather(asyncio.to_thread(tell), asyncio.wait_for(done.wait(), 10))
    assert arrived == list(range(last + 1))


async def test_an_event_that_comes_to_grief_holds_up_no_other() -> None:
    loop, arrived, trouble = asyncio.get_running_loop(), list[str](), list[object]()
    loop.set_exception_handler(lambda _loop, context: trouble.append(context.get("exception")))

    def take(kind: str, _type: str | None, _body: dict[str, Any]) -> None:
        if kind == "bad":
            raise ValueError(kind)
        arrived.append(kind)

    handing_over = HandingOver(loop, take)
    for kind in ("first", "bad", "last"):
        handing_over(kind, "ADDED", {})
    async with asyncio.timeout(5):
        while len(arrived) < 2:
            await asyncio.sleep(0)
    assert (arrived, [str(each) for each in trouble]) == (["first", "last"], ["bad"])


async def test_a_flood_of_events_leaves_the_loop_to_others_in_between() -> None:
    arrived: list[int] = []
    handing_over = HandingOver(asyncio.get_running_loop(), lambda *_: arrived.append(1))
    for _ in range(10 * AT_ONE_TIME):
        handing_over("pods", "ADDED", {})
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert 0 < len(arrived) < 10 * AT_ONE_TIME
