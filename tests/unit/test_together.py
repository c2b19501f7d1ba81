"""Who asks the same at the same time gets one answer, and nobody one that is older than his question."""

import asyncio

import pytest

from brandrelease.adapters.kube.together import Together


class Source:
    """Answers with how often it was asked, when it is let."""

    def __init__(self) -> None:
        self.asked, self.goes_on = 0, asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.asked += 1
        mine = self.asked
        await self.goes_on.wait()
        if self.error:
            raise self.error
        return mine


async def begin(together: Together[int], times: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(together()) for _ in range(times)]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_a_hundred_who_ask_at_once_are_one_question() -> None:
    source = Source()
    tasks = await begin(Together(source), 100)
    source.goes_on.set()
    assert set(await asyncio.gather(*tasks)) == {1}


async def test_who_asks_while_an_answer_is_under_way_gets_the_next_one() -> None:
    source = Source()
    together = Together(source)
    first = await begin(together, 2)
    late = await begin(together, 3)
    assert source.asked == 1
    source.goes_on.set()
    assert await asyncio.gather(*first, *late) == [1, 1, 2, 2, 2]


async def test_who_asks_after_an_answer_has_come_asks_anew() -> None:
    source = Source()
    source.goes_on.set()
    together = Together(source)
    assert [await together(), await together()] == [1, 2]


async def test_an_error_is_everybodys_and_the_next_question_is_asked_all_the_same() -> None:
    source = Source()
    together = Together(source)
    first, late = await begin(together, 2), await begin(together, 1)
    source.error = OSError("away")
    source.goes_on.set()
    for task in (*first, *late):
        with pytest.raises(OSError, match="away"):
            await task
    assert source.asked == 2


async def test_one_who_gives_up_takes_the_answer_from_nobody() -> None:
    source = Source()
    one, other = await begin(Together(source), 2)
    one.cancel()
    source.goes_on.set()
    assert await other == 1
