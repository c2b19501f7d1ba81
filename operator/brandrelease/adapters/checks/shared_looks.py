"""Looks of many brands at the same thing: what is under way, or was asked a moment ago, is not asked again."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from brandrelease.core.checks.measured import Unmeasured

Thing = TypeVar("Thing")
Found = TypeVar("Found")
Ask = Callable[[str, Sequence[Thing]], Awaitable[Mapping[Thing, Found] | Unmeasured]]

FRESH_SECONDS: Final = 2.0
"""How long an answer serves others, from its question on; also one that nothing could be measured."""

GATHER_SECONDS: Final = 0.1
"""What is asked within that time goes into one question, where a question may be about many things."""


@dataclass(slots=True)
class _Batch(Generic[Thing, Found]):
    """A question to one region: still open for more things, under way, or answered."""

    things: list[Thing] = field(default_factory=list)
    asked_at: float | None = None
    answer: "asyncio.Task[Mapping[Thing, Found] | Unmeasured] | None" = None


class SharedLooks(Generic[Thing, Found]):
    """Asks for things by region. most: how many one question may be about."""

    def __init__(self, ask: "Ask[Thing, Found]", most: int) -> None:
        self._ask, self._most = ask, most
        self._last: dict[tuple[str, Thing], _Batch[Thing, Found]] = {}

    async def look(self, region: str, things: Iterable[Thing]) -> dict[Thing, Found] | Unmeasured:
        """Those of the things that exist. Whoever gives up waiting takes nothing from the others."""
        wanted = list(things)
        batches = {id(batch): batch for batch in [self._batch(region, thing) for thing in wanted]}
        found: dict[Thing, Found] = {}
        for batch in batches.values():
            assert batch.answer is not None  # noqa: S101 - made with the batch
            answer = await asyncio.shield(batch.answer)
            if isinstance(answer, Unmeasured):
                return answer
            found |= {thing: answer[thing] for thing in wanted if thing in answer}
        return found

    def _batch(self, region: str, thing: Thing) -> _Batch[Thing, Found]:
        """The question that this thing is in."""
        self._forget_the_old()
        if (region, thing) not in self._last:
            batch = self._open(region) or self._new(region)
            batch.things.append(thing)
            self._last[region, thing] = batch
        return self._last[region, thing]

    def _open(self, region: str) -> _Batch[Thing, Found] | None:
        for (where, _), batch in self._last.items():
            if where == region and batch.asked_at is None and len(batch.things) < self._most:
                return batch
        return None

    def _new(self, region: str) -> _Batch[Thing, Found]:
        batch: _Batch[Thing, Found] = _Batch()
        batch.answer = asyncio.create_task(self._answer(region, batch))
        return batch

    async def _answer(self, region: str, batch: _Batch[Thing, Found]) -> Mapping[Thing, Found] | Unmeasured:
        if self._most > 1:
            await asyncio.sleep(GATHER_SECONDS)
        batch.asked_at = asyncio.get_running_loop().time()
        return await self._ask(region, batch.things)

    def _forget_the_old(self) -> None:
        now = asyncio.get_running_loop().time()
        self._last = {place: batch for place, batch in self._last.items() if _is_good(batch, now)}


def _is_good(batch: _Batch[Thing, Found], now: float) -> bool:
    if batch.asked_at is None or batch.answer is None or not batch.answer.done():
        return True
    return now - batch.asked_at < FRESH_SECONDS
