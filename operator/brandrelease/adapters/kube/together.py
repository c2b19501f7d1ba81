"""One answer for all who ask the same at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Together(Generic[T]):
    """Asks once for everybody who waits. An answer is never older than the question of anybody who gets it.

    So whoever comes while an answer is under way waits for the next one, together with all who come until that begins.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        self._ask = ask
        self._under_way: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        """The answer, or the error that whoever asks for all of them met."""
        if self._next is None:
            self._next = asyncio.create_task(self._ask_after(self._under_way))
        return await asyncio.shield(self._next)  # one who gives up waiting does not take the answer from the others

    async def _ask_after(self, before: asyncio.Task[T] | None) -> T:
        if before is not None:
            await asyncio.wait([before])
        self._under_way, self._next = self._next, None
        return await self._ask()
