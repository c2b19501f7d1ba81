"""What git has said of commits. It never changes: a commit is what it is, and contains what it contains."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

KEPT = 100
"""Answers about one repository. Brands of one repository ask the same within minutes; more would only be memory."""

T = TypeVar("T")


class Findings(Generic[T]):
    """The last answers to one kind of question."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, question: Hashable) -> T | None:
        """The answer, if the question was asked of late."""
        if question in self._kept:
            self._kept.move_to_end(question)
        return self._kept.get(question)

    def keep(self, question: Hashable, answer: T) -> T:
        """Remember the answer, in place of the one that was asked for the longest time ago."""
        self._kept[question] = answer
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return answer
