"""Observe: gather everything that one decision needs into a Snapshot. All reads of a pass are here, and nothing else."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.apis.reasons import Reason
from brandrelease.core.decide import suspect
from brandrelease.core.images import BuildOrder, build_order
from brandrelease.core.obstacles import misconfiguration
from brandrelease.core.questions import (
    commit_without_image,
    in_flight,
    is_allowed,
    must_resolve,
    order_in_flight,
    watches_pods,
)
from brandrelease.core.snapshot import (
    BuildFailed,
    BuildRunning,
    BuildState,
    Changes,
    Evidence,
    ImageLookup,
    Refusal,
    Resolution,
    Resolved,
    Snapshot,
    Unresolved,
)
from brandrelease.ports import Builder, Clock, Cluster, GitRemote, Registry, Secret

SOURCE_SECONDS_BESIDE_A_ROLLOUT: Final = 5.0
"""While pods are watched, git may hold a pass up for this long at most: the watch must go on."""

CHANGES_SECONDS: Final = 30.0
"""What is new is worth knowing, but not worth a long wait."""


@dataclass(frozen=True, slots=True)
class World:
    """The ports of a pass."""

    cluster: Cluster
    git: GitRemote
    registry: Registry
    builders: Mapping[str, Builder]
    clock: Clock
    build_namespace: str


async def observe(world: World, release: BrandRelease, refusal: Refusal | None) -> Snapshot:
    """What is the case, as far as the decision needs to know."""
    brand, holder = await asyncio.gather(world.cluster.brand(release.spec.brand), world.cluster.holder(release))
    snapshot = Snapshot(now=world.clock.now(), release=release, brand=brand, holder=holder, refusal=refusal)
    if not isinstance(brand, Brand) or misconfiguration(snapshot) or release.spec.suspend:
        return snapshot
    snapshot = replace(snapshot, resolution=await _resolution(world, release, brand))
    snapshot = await _source_and_image(world, snapshot, brand)
    # The time of the decision is that of the last reads: git and the registry may have taken theirs.
    snapshot = replace(await _deployment_and_pods(world, snapshot), now=world.clock.now())
    return replace(snapshot, evidence=await _evidence(world, snapshot))


async def _resolution(world: World, release: BrandRelease, brand: Brand) -> Resolution | None:
    if not must_resolve(release):
        return None
    environment = brand.environment(release.spec.environment)
    secret = await _secret(world, brand.spec.source.secret_name)
    if secret is None and brand.spec.source.secret_name:
        message = (
            f'There is no Secret "{brand.spec.source.secret_name}" in namespace "{world.build_namespace}", which Brand '
            f"{brand.name} names for its source. Create it, or correct spec.source.secretName."
        )
        return Unresolved(Reason.SourceAuthenticationFailed, message, passing=False)
    only_some = environment is not None and bool(environment.allowed_refs)
    try:
        async with asyncio.timeout(SOURCE_SECONDS_BESIDE_A_ROLLOUT if watches_pods(release) else None):
            return await world.git.resolve(brand.spec.source.url, secret, release.spec.ref, list_containing=only_some)
    except TimeoutError:
        message = "The git server has not answered in time; it is asked again, and the rollout is watched meanwhile."
        return Unresolved(Reason.SourceUnreachable, message, passing=True)


async def _source_and_image(world: World, snapshot: Snapshot, brand: Brand) -> Snapshot:
    release = snapshot.release
    current = in_flight(release)
    order = order_in_flight(brand, current) if current else None
    (build, image), changes, elsewhere = await asyncio.gather(
        _build_and_image(world, snapshot, brand, order),
        _changes(world, snapshot, brand),
        _elsewhere(world, snapshot, order),
    )
    return replace(snapshot, build=build, image=image, changes=changes, built_elsewhere=elsewhere)


async def _build_and_image(
    world: World, snapshot: Snapshot, brand: Brand, order: BuildOrder | None
) -> tuple[BuildState | None, ImageLookup | None]:
    """The builder is asked only about a build that was asked for, the registry only where there may be an image."""
    resolution, environment = snapshot.resolution, snapshot.environment
    if isinstance(resolution, Resolved) and environment and not is_allowed(resolution, environment):
        resolution = None  # it will be refused, and the release in flight goes on with an image of its own
    commit = commit_without_image(snapshot.release, resolution)
    if commit is None:
        return None, None
    build = await world.builders[order.builder].state(order) if order and order.commit == commit else None
    if isinstance(build, BuildRunning | BuildFailed):
        return build, None
    wanted = build_order(brand, commit, attempt=1)
    secret = await _secret(world, wanted.registry_secret)
    return build, await world.registry.look_up(wanted.repository, wanted.tag, secret)


async def _changes(world: World, snapshot: Snapshot, brand: Brand) -> Changes | None:
    """What is new against the running release: asked once, when a release begins."""
    running, resolution = snapshot.release.status.running, snapshot.resolution
    if not isinstance(resolution, Resolved) or running is None or running.commit in {None, resolution.commit}:
        return None
    secret = await _secret(world, brand.spec.source.secret_name)
    limit = SOURCE_SECONDS_BESIDE_A_ROLLOUT if watches_pods(snapshot.release) else CHANGES_SECONDS
    try:
        async with asyncio.timeout(limit):
            return await world.git.changes(brand.spec.source.url, secret, running.commit or "", resolution.commit)
    except TimeoutError:
        return None


async def _elsewhere(world: World, snapshot: Snapshot, order: BuildOrder | None) -> bool:
    """Whether somebody else needs the build that a new request would make superfluous."""
    if order is None or not isinstance(snapshot.resolution, Resolved) or snapshot.resolution.commit == order.commit:
        return False
    return order.commit in await world.cluster.commits_being_built(order.brand, but=snapshot.release.uid)


async def _deployment_and_pods(world: World, snapshot: Snapshot) -> Snapshot:
    release, environment = snapshot.release, snapshot.environment
    name = (environment.deployment if environment else None) or ""
    current = in_flight(release)
    if current is None or not watches_pods(release):
        return replace(snapshot, deployment=await world.cluster.deployment(release.namespace, name))
    # Pods first: a Deployment read later can only be further on, so "complete" is never said of pods not yet seen.
    pods = await world.cluster.pods(release.namespace, release.name, current.number)
    return replace(snapshot, pods=pods, deployment=await world.cluster.deployment(release.namespace, name))


async def _evidence(world: World, snapshot: Snapshot) -> Evidence | None:
    """The log of the container that is to blame, before the rollback takes its pod away."""
    problem = suspect(snapshot)
    if problem is None or problem.pod is None or problem.container is None:
        return None
    namespace = snapshot.release.namespace
    tail = await world.cluster.log_tail(namespace, problem.pod, problem.container, previous=problem.previous)
    return Evidence(problem.pod, problem.container, tail)


async def _secret(world: World, name: str | None) -> Secret | None:
    return await world.cluster.secret(world.build_namespace, name) if name else None
