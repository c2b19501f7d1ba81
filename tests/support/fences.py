"""Fences in every state, for adapters that ask them."""

from collections.abc import Iterator
from contextlib import contextmanager

from brandrelease.ports import NotLeading


class LetsThrough:
    """Lets so many questions through, and nothing after that. `held` is how many writes are under way."""

    def __init__(self, questions: int) -> None:
        self._left, self.held = questions, 0

    def ask(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise NotLeading

    @contextmanager
    def write(self) -> Iterator[None]:
        self.ask()
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1
