"""One small brand beside all others: how long its releases take is what the others' storms may not change much."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from bench.fleet.population import Brands, Site
from bench.fleet.stage import Stage
from soak.kube import Object

LIMIT: Final = 300.0


@dataclass(frozen=True)
class SmallBrand:
    """A brand with one site."""

    brands: Brands
    site: Site

    @classmethod
    async def made(cls, stage: Stage) -> "SmallBrand":
        brands = Brands(stage, "small", environments=1)
        (site,) = await brands.grow(1)
        return cls(brands, site)

    async def release(self) -> float:
        """Release a new commit; seconds from the wish until it is live."""
        commits = await self.brands.commit([self.site.brand])
        commit, live = commits[self.site.brand], asyncio.Event()

        def seen(kind: str, body: Object) -> None:
            if body.get("status", {}).get("running", {}).get("commit") == commit:
                live.set()

        looking = asyncio.create_task(self.brands.stage.kube.follow(self.site.path.rpartition("/")[0], seen))
        try:
            began = asyncio.get_running_loop().time()
            await self.brands.ask([self.site], commits)
            await asyncio.wait_for(live.wait(), LIMIT)
            return asyncio.get_running_loop().time() - began
        finally:
            looking.cancel()

    async def releases(self, count: int) -> list[float]:
        """So many, one after another."""
        return [await self.release() for _ in range(count)]

    async def releases_during(self, other: asyncio.Task[Any], after: float) -> list[float]:
        """One after another until the other has ended, the first when the other has run for so many seconds."""
        took: list[float] = []
        await asyncio.wait([other], timeout=after)
        while not other.done():
            took.append(await self.release())
        return took
