"""The whole of the fleet's measures on one cluster: a fleet that grows, storms of it, its rest, its neighbours, its peer."""

import asyncio
import math
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.fleet import parts
from bench.fleet.by_hand import ByHand, by_hand
from bench.fleet.idle import Idle, all_looked_at, idle
from bench.fleet.plan import Plan
from bench.fleet.population import Brands
from bench.fleet.small import SmallBrand
from bench.fleet.stage import Stage, stage
from bench.fleet.storm import Storm, storm
from bench.fleet.watched_loop import Noted, module_of, noted_in

ALONE: Final = 5
"""Releases of the small brand while nothing else happens."""

MOST_ENVIRONMENTS: Final = 32
"""Of one Brand; the CRD takes no more."""

GOOD: Final = 4
"""Releases of each site that go well: its first, the storm's, the profiled one's, the watched one's. All later ones crash."""


@dataclass
class Seen:
    """Everything that was measured. new: storms in which all are new. alone and so on: seconds of the small brand."""

    plan: Plan
    new: dict[int, Storm] = field(default_factory=dict)
    rest: list[Idle] = field(default_factory=list)
    storms: list[Storm] = field(default_factory=list)
    failing: list[Storm] = field(default_factory=list)
    one_brand: list[Storm] = field(default_factory=list)
    """Of one Brand, all of whose releases fail, again and again."""
    alone: list[float] = field(default_factory=list)
    beside_a_storm: list[float] = field(default_factory=list)
    beside_failures: list[float] = field(default_factory=list)
    beside_one_brand: list[float] = field(default_factory=list)
    by_hand: list[ByHand] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=dict)
    blocked: list[Noted] = field(default_factory=list)
    """What blocked the event loop in a storm of the profiled size."""


async def walk(plan: Plan, directory: Path, out: Path) -> Seen:
    """Measure all of it. out: for the profile."""
    seen = Seen(plan)
    async with stage(directory) as ground:
        brands = Brands(ground, "b", good=GOOD)
        small = await SmallBrand.made(ground)
        for size in plan.sizes:
            await _size(ground, brands, size, small, seen, out)
        await _failures(ground, brands, small, seen)
        _say(f"{plan.crowd} Deployments by hand")
        seen.by_hand.append(await by_hand(ground, brands.sites[-plan.crowd :]))
    return seen


async def _size(ground: Stage, brands: Brands, size: int, small: SmallBrand, seen: Seen, out: Path) -> None:
    before = len(brands.sites)
    _say(f"a fleet of {size}")
    new = await brands.grow(size)
    with ground.operator() as operator:
        await all_looked_at(operator, before + bool(before))
        await small.release()
        _say(f"the first release of {len(new)} of {size}")
        seen.new[before + len(new)] = await storm(ground, operator, brands, new)
        if size == seen.plan.crowd:
            _say(f"a storm of {size}")
            seen.alone += await small.releases(ALONE)
            crowd = brands.sites[:size]
            whole = asyncio.create_task(storm(ground, operator, brands, crowd))
            seen.beside_a_storm += await small.releases_during(whole, after=size / 100)
            seen.storms.append(await whole)
            _say(f"a profile of a storm of {seen.plan.profiled}")
            collapsed = out / "storm.collapsed"
            async with parts.profiled(operator.pid, collapsed):
                await storm(ground, operator, brands, crowd[: seen.plan.profiled])
            seen.parts = parts.shares(collapsed)
    if size == seen.plan.crowd:
        seen.blocked.append(await _blocked(ground, brands, size, seen.plan.profiled))
    _say(f"{size} at rest")
    seen.rest.append(await idle(ground, size + 1, seen.plan.rest_of(size)))


async def _blocked(ground: Stage, brands: Brands, size: int, count: int) -> Noted:
    _say(f"a storm of {count} under a watch on the event loop")
    notes = ground.directory / "blocked.jsonl"
    with ground.operator(module_of(notes), PYTHONPATH=os.pathsep.join(sys.path)) as operator:
        await all_looked_at(operator, size + 1)  # the small brand beside them
        before = len(noted_in(notes))
        await storm(ground, operator, brands, brands.sites[:count])
    noted = noted_in(notes, since=before)
    for each in noted:
        print(f"{each.took:.3f} s, {each.processor:.3f} s of a processor: {each.what}", flush=True)
    return Noted.of(noted)


async def _failures(ground: Stage, brands: Brands, small: SmallBrand, seen: Seen) -> None:
    crowd = brands.sites[: seen.plan.crowd]
    _say(f"{len(crowd)} releases that fail")
    with ground.operator() as operator:
        await all_looked_at(operator, len(brands.sites) + 1)  # the small brand beside them
        await small.release()
        failing = asyncio.create_task(storm(ground, operator, brands, crowd))
        seen.beside_failures += await small.releases_during(failing, after=len(crowd) / 100)
        seen.failing.append(await failing)
        _say(f"{len(crowd)} releases of one Brand that fail")
        bad = Brands(ground, "bad", environments=MOST_ENVIRONMENTS, good=1)
        sites = await bad.grow(MOST_ENVIRONMENTS)
        await storm(ground, operator, bad, sites)
        await small.release()

        async def again_and_again() -> list[Storm]:
            rounds = math.ceil(len(crowd) / len(sites))
            return [await storm(ground, operator, bad, sites) for _ in range(rounds)]

        one_brand = asyncio.create_task(again_and_again())
        seen.beside_one_brand += await small.releases_during(one_brand, after=1)
        seen.one_brand += await one_brand


_BEGAN: Final = time.monotonic()


def _say(text: str) -> None:
    print(f"{time.monotonic() - _BEGAN:6.0f} s  {text}", flush=True)
