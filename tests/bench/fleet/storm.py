"""A storm: many BrandReleases want a new commit at once, by `spec.ref`, and CI has pushed the images before."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.fleet.meter import Request, Used, metrics_of
from bench.fleet.population import Brands, Site
from bench.fleet.stage import Stage
from support.operator_process import OperatorProcess

SLOWEST: Final = 1.5
"""Releases a second, below which a storm is given up."""

LOOK_EVERY: Final = 5.0
"""Seconds. To tell of thousands costs the operator a tenth of a second; Prometheus asks two or three times a minute, or less."""

TELL_EVERY: Final = 10.0


@dataclass(frozen=True)
class Storm:
    """What came of one. used: until the last release had ended. late: percent of the event loop's timers, by more than 50 ms."""

    asked: dict[Site, float]
    used: Used
    outcomes: Counter[str]
    late: float

    @property
    def count(self) -> int:
        return len(self.asked)

    @property
    def seconds(self) -> float:
        """From the first wish to the last word in a status."""
        return max(self._last_words().values()) - min(self.asked.values())

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    @property
    def reads(self) -> float:
        """Of the API, for each release."""
        return self.used.reads / self.count

    @property
    def writes(self) -> float:
        return self.used.writes / self.count

    @property
    def milliseconds(self) -> float:
        """Processor time of the operator and of its git processes, for each release."""
        return self.used.operator / self.count * 1000

    @property
    def waits(self) -> list[float]:
        """Seconds from the wish to the first thing that the operator asked or said of the object."""
        first: dict[tuple[str, str], float] = {}
        for request in self._of_objects():
            first.setdefault((request.namespace, request.name), request.at)
        return [first[site.namespace, site.name] - at for site, at in self.asked.items()]

    @property
    def took(self) -> dict[Site, float]:
        """Seconds from the wish to the end."""
        last = self._last_words()
        return {site: last[site] - at for site, at in self.asked.items()}

    def _last_words(self) -> dict[Site, float]:
        last = {(each.namespace, each.name): each.at for each in self._of_objects() if not each.is_read}
        return {site: last[site.namespace, site.name] for site in self.asked}

    def _of_objects(self) -> list[Request]:
        began = min(self.asked.values())
        return [
            each
            for each in self.used.requests
            if each.resource.startswith("brandreleases") and each.name and each.at >= began
        ]


async def storm(stage: Stage, operator: OperatorProcess, brands: Brands, sites: Sequence[Site]) -> Storm:
    """Make one of these sites, and wait until every release has ended."""
    commits = await brands.commit(site.brand for site in sites)
    meter, before = stage.meter(operator), metrics_of(operator)
    meter.begin()
    asked = await brands.ask(sites, commits)
    limit, told = time.monotonic() + 60 + len(sites) / SLOWEST, time.monotonic()
    while True:
        metrics, now = metrics_of(operator), time.monotonic()
        count = metrics.ended - before.ended
        # Others' releases are counted too: whether all are these is asked of the API, once or twice.
        if count >= len(sites) and len(outcomes := await _outcomes(stage, sites, commits)) == len(sites):
            return Storm(asked, meter.end(), Counter(outcomes), metrics.late_since(before))
        if now > limit:
            message = f"Only {count} of {len(sites)} releases have ended.\n{operator.last_lines()}"
            raise AssertionError(message)
        if now - told > TELL_EVERY:
            print(f"{count} of {len(sites)} releases have ended.", flush=True)
            told = now
        await asyncio.sleep(LOOK_EVERY)


async def _outcomes(stage: Stage, sites: Sequence[Site], commits: dict[str, str]) -> list[str]:
    """Of those releases that have ended."""
    items = (await stage.kube.get("/apis/brandrelease.dev/v1alpha1/brandreleases", resourceVersion="0"))["items"]
    current = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): each.get("status", {}).get("current", {})
        for each in items
    }
    mine = [(current[site.namespace, site.name], commits[site.brand]) for site in sites]
    return [each["outcome"] for each, commit in mine if each.get("commit") == commit and "outcome" in each]
