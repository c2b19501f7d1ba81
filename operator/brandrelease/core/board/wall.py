"""The whole board: a row for each brand, a column for each environment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from brandrelease.apis.brand_status import BrandConditionType, BrandStatus
from brandrelease.apis.conditions import ConditionStatus
from brandrelease.core.board.glance import Glance
from brandrelease.core.tone import Tone

FIRST: Final = ("production", "staging")
"""Environments that come first, where there are any of these names; the others follow by name."""


@dataclass(frozen=True, slots=True)
class BrandSight:
    """What a Brand says of itself. trouble: why the next release would fail, with the reason; both empty where it would not."""

    name: str
    environments: tuple[str, ...] = ()
    reason: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A brand in an environment. known: the Brand has that environment. Nothing in it: nobody has asked for a release."""

    environment: str
    known: bool
    glances: tuple[Glance, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A brand, and its cell for every column."""

    brand: BrandSight
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many environments stand how."""

    good: int = 0
    busy: int = 0
    stuck: int = 0
    bad: int = 0
    off: int = 0


@dataclass(frozen=True, slots=True)
class Wall:
    """Brands by environments."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def brand_sight(name: str, status: BrandStatus) -> BrandSight:
    """What the board says of a Brand."""
    ready = status.condition(BrandConditionType.Ready)
    environments = tuple(each.name for each in status.environments)
    if ready is None or ready.status is not ConditionStatus.No:
        return BrandSight(name, environments)
    return BrandSight(name, environments, ready.reason, ready.message)


def counts(glances: Iterable[Glance]) -> Counts:
    """How many stand how."""
    found = dict.fromkeys(Tone, 0)
    for each in glances:
        found[each.tone] += 1
    return Counts(**{tone.value: count for tone, count in found.items()})


def wall(brands: Mapping[str, BrandSight], glances: Iterable[Glance]) -> Wall:
    """The board; a brand that only BrandReleases name has a row too, and so has one that nobody has released."""
    by_place: dict[str, dict[str, list[Glance]]] = {name: {} for name in brands}
    for each in glances:
        by_place.setdefault(each.brand, {}).setdefault(each.environment, []).append(each)
    names = {environment for sight in brands.values() for environment in sight.environments}
    names |= {environment for places in by_place.values() for environment in places}
    columns = tuple(sorted(names, key=_column))
    sights = {name: brands.get(name, BrandSight(name)) for name in by_place}
    return Wall(columns, tuple(_row(sights[name], by_place[name], columns) for name in sorted(by_place)))


def _column(name: str) -> tuple[int, str]:
    return FIRST.index(name) if name in FIRST else len(FIRST), name


def _row(sight: BrandSight, places: Mapping[str, list[Glance]], columns: Iterable[str]) -> Row:
    cells = (
        Cell(
            environment=column,
            known=column in sight.environments or column in places,
            glances=tuple(sorted(places.get(column, ()), key=lambda each: each.key)),
        )
        for column in columns
    )
    return Row(sight, tuple(cells))
