"""The simulated world with the troubles of single stories, and shorthands for telling them.

The real reconciler runs in it. It is woken exactly as by the real world: by events, by the times that a plan names, and
never by the operator's own writes.
"""

import copy
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Self

from brandrelease.adapters.builders.external import External
from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import BrandRelease, CurrentRelease, PastRelease, RunningRelease
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import Announcement, DeploymentPatch
from brandrelease.core.builds.images import BuildOrder, build_order
from brandrelease.core.builds.seen import BuildFailed, BuildState, BuildSucceeded, ImageLookup
from brandrelease.core.snapshot import DeploymentView, PodView, Refusal, Resolution, Resolved
from brandrelease.ports import Builder, Refused, Secret
from support.simulation import (
    REPOSITORY,
    Behaviour,
    Deployment,
    Killed,
    SimulatedCaches,
    SimulatedHooks,
    Simulation,
    brand,
)

STEPS = frozenset(
    {
        Reason.Resolving,
        Reason.Building,
        Reason.Migrating,
        Reason.Deploying,
        Reason.Verifying,
        Reason.Succeeded,
    }
)


class Story(Simulation):
    """The simulated world, with the troubles of single stories; arguments are fields of the Brand's environment."""

    def __init__(self, **environment: object) -> None:
        self.registry_says: ImageLookup | None = None
        self.build_ends: dict[int, BuildState] = {}
        self.refusal: Refusal | None = None
        self.refuses_builds = False
        self.oldest: str | None = None
        self.waited_for_elsewhere: frozenset[str] = frozenset()
        self.reachable_from: dict[str, tuple[str, ...]] = {}
        self.sidecars: Mapping[str, str] = {}
        self.controller_is_down = False
        self.is_paused = False
        self.attempts_to_apply = 0
        super().__init__()
        self.the_brand = brand(**environment)

    def builders(self) -> dict[str, Builder]:
        return {"codeBuild": self, "buildKit": self, "external": External()}

    # --- troubles -------------------------------------------------------------------------------------------------------

    async def resolve(self, url: str, secret: Secret | None, ref: str, *, list_containing: bool) -> Resolution:
        found = await super().resolve(url, secret, ref, list_containing=list_containing)
        if isinstance(found, Resolved) and found.ref == found.commit:
            return replace(found, contained_in=self.reachable_from.get(ref, ()) if list_containing else ())
        return found

    async def look_up(self, repository: str, reference: str, secret: Secret | None) -> ImageLookup:
        return self.registry_says or await super().look_up(repository, reference, secret)

    async def state(self, order: BuildOrder) -> BuildState:
        state = await super().state(order)
        if isinstance(state, BuildSucceeded | BuildFailed):
            return self.build_ends.get(order.attempt, state)
        return state

    async def start(self, order: BuildOrder) -> None:
        if self.refusal and self.refuses_builds:
            raise Refused(self.refusal)
        await super().start(order)

    async def apply(self, patch: DeploymentPatch) -> None:
        self.attempts_to_apply += 1
        if self.refusal and not self.refuses_builds:
            raise Refused(self.refusal)
        await super().apply(patch)

    async def holder(self, release: BrandRelease) -> str:
        return self.oldest or release.name

    async def commits_being_built(self, brand: str, *, but: str) -> frozenset[str]:
        return self.waited_for_elsewhere

    async def deployment(self, namespace: str, name: str) -> DeploymentView | None:
        view = await super().deployment(namespace, name)
        return view and replace(view, images={**view.images, **self.sidecars}, paused=self.is_paused)

    async def pods(self, namespace: str, release_name: str, release_number: int) -> tuple[PodView, ...]:
        return await super().pods(namespace, release_name, release_number) if self.site else ()

    def _deployment_controller(self, d: Deployment) -> None:
        if self.is_paused:
            d.observed = d.generation
        elif not self.controller_is_down:
            super()._deployment_controller(d)

    # --- deaths ---------------------------------------------------------------------------------------------------------

    def dies_at(self, deed: int, *, after: bool) -> None:
        """The operator is killed just before or just after the n-th change that it makes from now on."""
        self.kill_in, self.kill_after_deed = deed, after

    def play_through_death(self, seconds: int) -> None:
        """Time passes; an operator that dies is started again at once."""
        for _ in range(seconds):
            try:
                self.play(1)
            except Killed:
                self.restart()
                self.settle()

    # --- beginnings that many stories share ------------------------------------------------------------------------------

    def copied(self) -> Self:
        """This world once more, as it stands now, with an operator that has just been started."""
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, dict | list | set):
                setattr(twin, name, copy.copy(value))
        twin.site = copy.deepcopy(self.site)
        twin.hooks, twin.caches = SimulatedHooks(twin), SimulatedCaches(twin)
        twin.hooks.jobs, twin.hooks.runs = dict(self.hooks.jobs), list(self.hooks.runs)
        twin.caches.made, twin.caches.calls = dict(self.caches.made), list(self.caches.calls)
        twin.caches.refusal = self.caches.refusal
        twin.restart()
        return twin

    # --- shorthands -----------------------------------------------------------------------------------------------------

    def release(
        self, name: str, behaviour: Behaviour = Behaviour.Good, seconds: int = 150, *, mends: bool = True
    ) -> str:
        """Somebody pushes a commit and asks for it; then time passes. A good one reverts what was bad before it."""
        commit = self.push("master", name, behaviour, mends=mends and behaviour is Behaviour.Good)
        self.ask("master")
        self.play(seconds)
        return commit

    def play_until(self, phase: str, limit: int = 300) -> None:
        for _ in range(limit):
            self.play(1)
            if self.status.phase == phase:
                return
        raise AssertionError(f"{phase} was never reached: {self.headline()} {self.message}")

    def pause(self, *, on: bool) -> None:
        """As by `kubectl rollout pause`: the Deployment controller sees every change and replaces no pod."""
        self.is_paused = on
        self.the_site.generation += 1

    def phases(self) -> list[str]:
        """The phases in the order in which they were written, each once in a row."""
        found: list[str] = []
        for status in self.statuses:
            if not found or found[-1] != status.phase:
                found.append(str(status.phase))
        return found

    @property
    def announced(self) -> list[Announcement]:
        """The Events, without those that tell of nothing but the next step."""
        return [event for event in self.told if event.reason not in STEPS]

    @property
    def current(self) -> CurrentRelease:
        assert self.status.current is not None
        return self.status.current

    @property
    def running(self) -> RunningRelease:
        assert self.status.running is not None
        return self.status.running

    @property
    def last(self) -> PastRelease:
        return self.status.history[0]

    @property
    def the_site(self) -> Deployment:
        assert self.site is not None
        return self.site

    def image_of(self, commit: str) -> str:
        return f"{REPOSITORY}@sha256:{sha256(commit.encode()).hexdigest()}"

    def order(self, commit: str, attempt: int = 1) -> BuildOrder:
        assert isinstance(self.the_brand, Brand)
        return build_order(self.the_brand, commit, attempt)

    def job(self, commit: str, attempt: int = 1) -> str:
        return self.order(commit, attempt).name
