"""Looks of checks, made in the background: a source that is slow or hangs delays nobody, and no pass waits for it.

What was found last is kept, by BrandRelease, release and check. It is a cache and nothing else: after a restart what is
due is looked at again.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog

from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.apis.checks import Check as DeclaredCheck
from brandrelease.apis.checks import CloudWatchAlarms, CloudWatchMetric, ElasticsearchCheck, HttpCheck, PrometheusCheck
from brandrelease.controller.work_queue import Key
from brandrelease.core.measured import CheckOrder, Measured, Observation, Unmeasured
from brandrelease.ports import Check, Clock, Cluster, Secret
from brandrelease.telemetry import Metrics

log = structlog.get_logger(__name__)

AT_A_TIME: Final = 32
"""Looks at the same time, of all BrandReleases together: each has a connection or a thread of its own."""

GRACE_SECONDS: Final = 3.0
"""What a look may take beyond the check's own time limit, for its Secret and for coming to its end."""

_Looked = tuple[int, str]
"""Number of the release and name of the check."""


@dataclass
class _Looks:
    """What is known about the checks of one BrandRelease, and the looks that are under way."""

    found: dict[_Looked, Measured] = field(default_factory=dict)
    under_way: dict[_Looked, asyncio.Task[None]] = field(default_factory=dict)


class Measuring:
    """The port `Measurements`. wake: a look has come to its end, so the BrandRelease is to be looked at."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        cluster: Cluster,
        clock: Clock,
        *,
        namespace: str,
        metrics: Metrics,
        wake: Callable[[Key], None],
    ) -> None:
        """checks: by the source that they look at, as it is named in the Brand. namespace: of the operator's Secrets."""
        self._checks, self._cluster, self._clock, self._wake = checks, cluster, clock, wake
        self._namespace, self._metrics = namespace, metrics
        self._by_key: dict[Key, _Looks] = {}
        self._room = asyncio.Semaphore(AT_A_TIME)

    def last(self, release: BrandRelease, number: int, order: CheckOrder, since: datetime) -> Measured | None:
        key, what = Key(release.namespace, release.name), (number, order.check.name)
        looks = self._by_key.setdefault(key, _Looks())
        measured = looks.found.get(what)
        if measured is not None and measured.at >= since:
            return measured
        if what not in looks.under_way:
            task = asyncio.create_task(self._look(key, looks, what, order))
            looks.under_way[what] = task
        return None

    def forget(self, namespace: str, name: str) -> None:
        looks = self._by_key.pop(Key(namespace, name), None)
        for task in looks.under_way.values() if looks is not None else ():
            task.cancel()

    async def _look(self, key: Key, looks: _Looks, what: _Looked, order: CheckOrder) -> None:
        try:
            async with self._room:
                observation = await self._measure(order)
        finally:
            looks.under_way.pop(what, None)
        result = "error" if isinstance(observation, Unmeasured) else "ok"
        self._metrics.check_measurements.labels(source_name(order.check), result).inc()
        looks.found = {known: found for known, found in looks.found.items() if known[0] >= what[0] - 1}
        looks.found[what] = Measured(observation, self._clock.now())
        self._wake(key)

    async def _measure(self, order: CheckOrder) -> Observation:
        """One look. Whatever goes wrong, also in our own code, is an answer: nobody may wait for it for ever."""
        limit = order.check.timeout.total_seconds() + GRACE_SECONDS
        try:
            async with asyncio.timeout(limit):
                secret, missing = await self._secret(order.check)
                return missing or await self._checks[source_name(order.check)].measure(order, secret)
        except TimeoutError:
            return Unmeasured(f"There was no answer within {limit:g} seconds. It is asked again.")
        except Exception as error:
            log.exception("A check could not look.", check=order.check.name)
            kind = type(error).__name__
            return Unmeasured(f"The operator could not look ({kind}); its log says more. It is tried again.")

    async def _secret(self, check: DeclaredCheck) -> tuple[Secret | None, Unmeasured | None]:
        source = check.source
        name = source.secret_name if isinstance(source, PrometheusCheck | ElasticsearchCheck) else None
        if name is None:
            return None, None
        secret = await self._cluster.secret(self._namespace, name)
        if secret is not None:
            return secret, None
        return None, Unmeasured(
            f'There is no Secret "{name}" in namespace "{self._namespace}", which check {check.name} names. '
            "Create it, or correct secretName."
        )


def source_name(check: DeclaredCheck) -> str:
    """The name of the check's source in the Brand, for example cloudWatchAlarms."""
    match check.source:
        case HttpCheck():
            return "http"
        case PrometheusCheck():
            return "prometheus"
        case ElasticsearchCheck():
            return "elasticsearch"
        case CloudWatchAlarms():
            return "cloudWatchAlarms"
        case CloudWatchMetric():
            return "cloudWatchMetric"
