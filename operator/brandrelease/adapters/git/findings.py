"""What git has said of commits. It never changes: a commit is what it is, and contains what it contains."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

KEPT: Final = 5
"""Answers of one kind about one repository. Its environments ask the same within minutes; what is new between two commits can
have kilobytes, and a fleet has thousands of repositories."""

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
