"""The new pods of the release in flight, for as long as somebody looks on."""

import asyncio
import contextlib
from contextlib import aclosing
from typing import Final

from brandrelease.adapters.kube.api import DEPLOYMENTS, PODS, ApiError
from brandrelease.adapters.kube.following import follow_all
from brandrelease.adapters.kube.views import pod_view
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.apis.wellknown import NAME_LABEL, RELEASE_LABEL
from brandrelease.cli.ended import ended
from brandrelease.cli.exits import Problem
from brandrelease.cli.finding import home_of
from brandrelease.cli.new_pods import NewPods, new_pods
from brandrelease.cli.session import Session

AGAIN: Final = 5.0
"""Pause after the API server did not answer."""


class SeenPods:
    """Watched as soon as a release has changed the Deployment. Whoever may not see pods is shown none."""

    def __init__(self, at: Session, release: BrandRelease) -> None:
        self._at, self._release = at, release
        self._number: int | None = None
        self._pods: NewPods | None = None
        self._watching: asyncio.Task[None] | None = None
        self._left: list[asyncio.Task[None]] = []

    def of(self, release: BrandRelease) -> NewPods | None:
        """The pods of what is rolled out, as far as they are known by now."""
        current = None if release.status.next else release.status.current
        number = current.number if current and current.rollout and not current.outcome else None
        if number != self._number:
            self._leave()
            self._number, self._pods = number, None
            self._watching = asyncio.create_task(self._watch(number)) if number is not None else None
        return self._pods

    async def close(self) -> None:
        """Look no more."""
        self._leave()
        await ended(*self._left)

    def _leave(self) -> None:
        if self._watching:
            self._watching.cancel()
            self._left.append(self._watching)

    async def _watch(self, number: int) -> None:
        select = {"labelSelector": f"{NAME_LABEL}={self._release.name},{RELEASE_LABEL}={number}"}
        while True:
            with contextlib.suppress(ApiError):
                wanted = await self._wanted()
                async with aclosing(follow_all(self._at.api, PODS, self._release.namespace, select)) as looks:
                    async for found in looks:
                        self._pods = new_pods(map(pod_view, found.values()), wanted)
            await asyncio.sleep(AGAIN)

    async def _wanted(self) -> int | None:
        """Of the Deployment's spec; None where it may not be read."""
        spec = self._release.spec
        try:
            home = await home_of(self._at.api, spec.brand, spec.environment)
            body = await self._at.api.get(DEPLOYMENTS, home.namespace, home.deployment)
        except (ApiError, Problem):
            return None
        return int(body["spec"].get("replicas", 1)) if body else None
