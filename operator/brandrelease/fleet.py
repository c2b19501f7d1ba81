"""How each BrandRelease stands, as metrics: read at each scrape from what the last pass over it has seen.

As kube-state-metrics does it: names of objects are labels of series of their own, and counters have none of them. What is
one of several (a phase, a reason) has one series, with the value 1, for the one that is so; the others are not there.
Eleven phases with a 0 or 1 each, as kube_pod_status_phase has them, would be ten idle series an object.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseStatus
from brandrelease.apis.conditions import ConditionType
from brandrelease.core.recovery import is_unrecovered

OBJECT: Final = ("namespace", "name")


@dataclass(frozen=True, slots=True)
class Standing:
    """What is told of one BrandRelease. An empty text: nothing is known yet."""

    brand: str
    environment: str
    ref: str
    revision: str
    phase: str
    ready: str
    reason: str
    unrecovered: bool


class Fleet(Collector):
    """One standing for each BrandRelease that exists, so that series of what was or is gone go away."""

    def __init__(self) -> None:
        self._standings: dict[tuple[str, str], Standing] = {}
        self._onlooker: Callable[[BrandRelease, BrandReleaseStatus], None] | None = None

    def tell(self, onlooker: Callable[[BrandRelease, BrandReleaseStatus], None]) -> None:
        """Somebody else wants to know what passes see, too."""
        self._onlooker = onlooker

    def see(self, release: BrandRelease, status: BrandReleaseStatus) -> None:
        """The BrandRelease stands so now."""
        if self._onlooker is not None:
            self._onlooker(release, status)
        ready = next((each for each in status.conditions if each.type is ConditionType.Ready), None)
        self._standings[release.namespace, release.name] = Standing(
            brand=release.spec.brand,
            environment=release.spec.environment,
            ref=release.spec.ref,
            revision=(status.running.revision or "") if status.running else "",
            phase=status.phase or "",
            ready=ready.status if ready else "",
            reason=ready.reason if ready else "",
            unrecovered=is_unrecovered(status),
        )

    def forget(self, namespace: str, name: str) -> None:
        """The BrandRelease is gone."""
        self._standings.pop((namespace, name), None)

    def describe(self) -> Iterator[Metric]:
        """The metrics without any series."""
        return iter(_families())

    def collect(self) -> Iterator[Metric]:
        """The metrics with a series for each object."""
        info, phase, ready, unrecovered = families = _families()
        for key, standing in self._standings.copy().items():  # it is read in a thread, while passes go on
            info.add_metric((*key, standing.brand, standing.environment, standing.ref, standing.revision), 1)
            if standing.phase:
                phase.add_metric((*key, standing.phase), 1)
            if standing.ready:
                ready.add_metric((*key, standing.ready, standing.reason), 1)
            unrecovered.add_metric(key, standing.unrecovered)
        return iter(families)


def _families() -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
    return (
        GaugeMetricFamily(
            "brandrelease_info",
            "What a BrandRelease is about, and the commit that runs (12 characters); always 1.",
            labels=(*OBJECT, "brand", "environment", "ref", "revision"),
        ),
        GaugeMetricFamily(
            "brandrelease_phase", "The phase that a BrandRelease is in; always 1.", labels=(*OBJECT, "phase")
        ),
        GaugeMetricFamily(
            "brandrelease_ready_condition",
            "The condition Ready of a BrandRelease, with its reason; always 1.",
            labels=(*OBJECT, "status", "reason"),
        ),
        GaugeMetricFamily(
            "brandrelease_unrecovered",
            "1 while a release is known to be bad, has changed the Deployment, and nothing good has taken its place.",
            labels=OBJECT,
        ),
    )
