"""The lines of the table, as a terminal and the page show them."""

from dataclasses import dataclass
from typing import Final

from bench.figures import Figure, Goal, Kind, in_digits

HEAD: Final = ("What", "n", "p50", "p95", "Beside it", "p50", "p95", "Ratio", "Goal", "")
WORDS: Final = {
    Kind.P50: "p50",
    Kind.P95: "p95",
    Kind.Ratio: "ratio",
    Kind.Over: "over it",
    Kind.OverAtP95: "p95 over it",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. The cells are those of HEAD; more goals than one are told in one cell."""

    cells: tuple[str, ...]
    is_met: bool
    """Also where there is no goal."""


def row_of(figure: Figure) -> Row:
    """What is said of a figure."""
    peer = figure.peer
    met = [figure.is_met(goal) for goal in figure.goals]
    ratio = figure.ratio
    cells = (
        figure.what,
        str(len(figure.values)),
        _with_unit(figure.p50, figure.unit),
        _with_unit(figure.p95, figure.unit) if len(figure.values) > 1 else "",
        peer.what if peer else "",
        _with_unit(peer.p50, figure.unit) if peer else "",
        _with_unit(peer.p95, figure.unit) if peer and len(peer.values) > 1 else "",
        "" if ratio is None else f"{in_digits(ratio)}x",
        ", ".join(_goal(goal, figure.unit) for goal in figure.goals),
        ", ".join("met" if each else "missed" for each in _agreed(met)),
    )
    return Row(cells, all(met))


def _agreed(met: list[bool]) -> list[bool]:
    """One word where all goals have come out alike."""
    return met[:1] if len(set(met)) == 1 else met


def _goal(goal: Goal, unit: str) -> str:
    sign = "≥" if goal.at_least else "≤"
    limit = f"{goal.limit:g}x" if goal.kind is Kind.Ratio else _with_unit(goal.limit, unit, exact=True)
    return f"{WORDS[goal.kind]} {sign} {limit}"


def _with_unit(value: float, unit: str, *, exact: bool = False) -> str:
    return f"{f'{value:g}' if exact else in_digits(value)} {unit}".strip()
