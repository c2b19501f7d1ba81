"""What a section of the bench hands over: figures with their peers and goals, curves, and words to read them by."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

Point = tuple[float, float]

ROUGH: Final = 100.0
"""From here on a figure is told in whole numbers."""


class Kind(StrEnum):
    """What of a figure a goal is about."""

    P50 = "p50"
    P95 = "p95"
    Ratio = "ratio"
    """The median beside the peer's."""
    Over = "over"
    """How much more than the peer's the median is, in the unit of the figure."""
    OverAtP95 = "over at p95"
    """How much more than the peer's median p95 is."""


@dataclass(frozen=True, slots=True)
class Goal:
    """At most `limit`; with at_least, no less than that."""

    kind: Kind
    limit: float
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Peer:
    """The same thing done by something else in the same run."""

    what: str
    values: tuple[float, ...]

    @property
    def p50(self) -> float:
        return quantile(self.values, 0.5)

    @property
    def p95(self) -> float:
        return quantile(self.values, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Everything that was measured of one thing, in one unit."""

    what: str
    values: tuple[float, ...]
    unit: str = "s"
    peer: Peer | None = None
    goals: tuple[Goal, ...] = ()

    @property
    def p50(self) -> float:
        return quantile(self.values, 0.5)

    @property
    def p95(self) -> float:
        return quantile(self.values, 0.95)

    @property
    def ratio(self) -> float | None:
        """The medians of both; None where there is nothing to divide by."""
        return self.p50 / self.peer.p50 if self.peer and self.peer.p50 else None

    def reached(self, goal: Goal) -> float | None:
        """What stands beside the goal's limit."""
        match goal.kind:
            case Kind.P50:
                return self.p50
            case Kind.P95:
                return self.p95
            case Kind.Ratio:
                return self.ratio
            case Kind.Over:
                return self.p50 - self.peer.p50 if self.peer else None
            case Kind.OverAtP95:
                return self.p95 - self.peer.p50 if self.peer else None

    def is_met(self, goal: Goal) -> bool:
        """Without a peer nothing that needs one is met."""
        reached = self.reached(goal)
        if reached is None:
            return False
        return reached >= goal.limit if goal.at_least else reached <= goal.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One plot. name: of its file. lines: the points of each, by what it is of."""

    name: str
    title: str
    x: str
    y: str
    lines: dict[str, tuple[Point, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What one part of the bench has found. words: sentences without which its figures would be misread."""

    title: str
    figures: tuple[Figure, ...]
    curves: tuple[Curve, ...] = ()
    words: tuple[str, ...] = ()


def quantile(values: Sequence[float], share: float) -> float:
    """Between the two values that are nearest; of few values p95 is close to the largest, and never beyond it."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def shares(values: Sequence[float]) -> tuple[Point, ...]:
    """For a curve: which percentage of the values was reached by when."""
    ordered = sorted(values)
    return tuple((value, 100.0 * (place + 1) / len(ordered)) for place, value in enumerate(ordered))


def in_digits(value: float | None) -> str:
    """Three digits that count: 0.283, 1.73, 12.4, 5,000; whole numbers as they are."""
    if value is None:
        return ""
    if value.is_integer():
        return f"{value:,.0f}"
    if abs(value) < 0.001:
        return f"{value:.1g}"
    if abs(value) >= ROUGH:
        return f"{value:,.0f}"
    if abs(value) < 1:
        return f"{value:.3f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
