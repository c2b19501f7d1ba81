"""Whose build is next: production, then the brand with the fewest builds, then who has waited longest."""

import pytest

from brandrelease.core.builds.fairness import Line, next_line


def line(brand: str, *, production: bool = False, building: int = 0, since: int = 1) -> Line:
    return Line(brand, production, building, since)


LINES: dict[str, tuple[list[Line], str]] = {
    "the only one": ([line("a", building=3)], "a"),
    "production before the others": ([line("a"), line("b", production=True, since=9)], "b"),
    "production even of a brand that has many builds": ([line("a"), line("b", production=True, building=3)], "b"),
    "among production the brand with the fewest builds": (
        [line("a", production=True, building=1), line("b", production=True, since=9)],
        "b",
    ),
    "the brand with the fewest builds, however long another has waited": (
        [line("a", building=1), line("b", since=9)],
        "b",
    ),
    "of brands with as many builds the one that has waited longest": ([line("a", since=5), line("b", since=4)], "b"),
}


@pytest.mark.parametrize(("lines", "brand"), LINES.values(), ids=LINES)
def test_next_is(lines: list[Line], brand: str) -> None:
    for order in (lines, lines[::-1]):
        chosen = next_line(order)
        assert chosen is not None
        assert chosen.brand == brand


def test_nobody_is_next_where_nobody_waits() -> None:
    assert next_line([]) is None
