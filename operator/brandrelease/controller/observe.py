"""Observe: gather everything that one decision needs into a Snapshot. All reads of a pass are here and in `observe_failure`."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import BrandRelease, CurrentRelease
from brandrelease.apis.healing import Hook
from brandrelease.apis.reasons import Reason
from brandrelease.controller.observe_failure import what_a_failure_needs
from brandrelease.controller.work_queue import Key
from brandrelease.controller.world import World
from brandrelease.core.builds.images import BuildOrder, build_order
from brandrelease.core.builds.seen import (
    BuildAbsent,
    BuildState,
    BuildSucceeded,
    ImageLookup,
)
from brandrelease.core.checks.orders import asks_pods, looks, order_of, serving_before
from brandrelease.core.health import needs_warnings
from brandrelease.core.hooks import hook_in_flight, hook_order
from brandrelease.core.invalidating import unanswered
from brandrelease.core.obstacles import misconfiguration
from brandrelease.core.quarantine import suspects
from brandrelease.core.questions import (
    commit_without_image,
    in_flight,
    is_allowed,
    may_track,
    must_resolve,
    order_in_flight,
    prepared,
    stop_orders,
    to_release,
    watches_pods,
)
from brandrelease.core.snapshot import (
    Changes,
    HookState,
    Lineage,
    PodView,
    PodWarning,
    Refusal,
    Resolution,
    Resolved,
    Snapshot,
    Taken,
    Unresolved,
)
from brandrelease.core.verbs import unheard

SOURCE_SECONDS_BESIDE_A_ROLLOUT: Final = 5.0
"""While pods are watched, git may hold a pass up for this long at most: the watch must go on."""

CHANGES_SECONDS: Final = 30.0
"""What is new is worth knowing, but not worth a long wait."""


async def observe(
    world: World, release: BrandRelease, refusal: Refusal | None, taken: Taken | None, *, old_brand: bool = False
) -> Snapshot:
    """What is the case, as far as the decision needs to know. refusal, taken: how the last pass's action fared.

    old_brand: the Brand may be an earlier answer, so nothing may come of what is decided.
    """
    brand, holder = await asyncio.gather(
        world.cluster.brand(release.spec.brand, may_be_old=old_brand), world.cluster.holder(release)
    )
    delivered = world.deliveries.results(release.namespace, release.name)
    snapshot = Snapshot(
        now=world.clock.now(),
        release=release,
        brand=brand,
        holder=holder,
        refusal=refusal,
        taken=taken,
        deliveries=delivered,
    )
    if not isinstance(brand, Brand) or misconfiguration(snapshot) or release.spec.suspend:
        return snapshot
    snapshot = await _source(world, snapshot, brand)
    snapshot = await _history_and_image(world, snapshot, brand)
    # The time of the decision is that of the last reads: git and the registry may have taken theirs.
    snapshot = replace(await _deployment_and_pods(world, snapshot), now=world.clock.now())
    snapshot = await _rival(world, snapshot)
    snapshot = await _hooks(world, snapshot)
    snapshot = await _checks(world, snapshot)
    snapshot = await _cache(world, snapshot)
    return await what_a_failure_needs(world, snapshot, brand)


# --- the source -------------------------------------------------------------------------------------------------------


async def _source(world: World, snapshot: Snapshot, brand: Brand) -> Snapshot:
    """What the ref points to: asked once for a request, and again and again where it is tracked."""
    release = snapshot.release
    key, interval = Key(release.namespace, release.name), release.spec.track_interval_seconds
    if must_resolve(release):
        world.tracking.forget(key)  # this answer is newer than what is kept
        return replace(snapshot, resolution=await _resolve(world, release, brand))
    if interval is None or not may_track(release):
        world.tracking.forget(key)
        return snapshot
    every = timedelta(seconds=interval)
    tracked = await world.tracking.look(
        key, release.spec.ref, every, snapshot.now, lambda: _resolve(world, release, brand)
    )
    return replace(snapshot, resolution=tracked.found, track_at=tracked.due)


async def _resolve(world: World, release: BrandRelease, brand: Brand) -> Resolution:
    environment = brand.environment(release.spec.environment)
    secret = await world.secret(brand.spec.source.secret_name)
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
        return _slow_git()


def _slow_git() -> Unresolved:
    message = "The git server has not answered in time; it is asked again, and the rollout is watched meanwhile."
    return Unresolved(Reason.SourceUnreachable, message, passing=True)


async def _changes(world: World, snapshot: Snapshot, brand: Brand, wanted: Resolved | None) -> Changes | None:
    """What is new against the running release: asked once, when a release begins."""
    running = snapshot.release.status.running
    if wanted is None or running is None or running.commit in {None, wanted.commit}:
        return None
    secret = await world.secret(brand.spec.source.secret_name)
    try:
        async with asyncio.timeout(_patience(snapshot)):
            return await world.git.changes(brand.spec.source.url, secret, running.commit or "", wanted.commit)
    except TimeoutError:
        return None


async def _lineage(
    world: World, snapshot: Snapshot, brand: Brand, wanted: Resolved | None
) -> Lineage | Unresolved | None:
    """Which quarantined commits the commit contains: asked once, when a release begins."""
    suspected = suspects(snapshot.release.status)
    if wanted is None or not suspected:
        return None
    secret = await world.secret(brand.spec.source.secret_name)
    try:
        async with asyncio.timeout(_patience(snapshot)):
            return await world.git.lineage(brand.spec.source.url, secret, wanted.commit, suspected)
    except TimeoutError:
        return _slow_git()


def _patience(snapshot: Snapshot) -> float:
    return SOURCE_SECONDS_BESIDE_A_ROLLOUT if watches_pods(snapshot.release) else CHANGES_SECONDS


# --- the image --------------------------------------------------------------------------------------------------------


async def _history_and_image(world: World, snapshot: Snapshot, brand: Brand) -> Snapshot:
    release, environment = snapshot.release, snapshot.environment
    wanted = to_release(release, snapshot.resolution)
    if wanted and environment and not is_allowed(wanted, environment):
        wanted = None  # it will be refused, and the release in flight goes on with an image of its own
    awaited = prepared(release)
    order = order_in_flight(brand, awaited) if awaited else None
    (build, image), changes, lineage, elsewhere, stopping = await asyncio.gather(
        _build_and_image(world, snapshot, brand, order, wanted),
        _changes(world, snapshot, brand, wanted),
        _lineage(world, snapshot, brand, wanted),
        _elsewhere(world, release, order, wanted),
        _stopping(world, release, brand),
    )
    return replace(
        snapshot,
        build=build,
        image=image,
        changes=changes,
        lineage=lineage,
        built_elsewhere=elsewhere,
        stopping=stopping,
    )


async def _build_and_image(
    world: World, snapshot: Snapshot, brand: Brand, order: BuildOrder | None, wanted: Resolved | None
) -> tuple[BuildState | None, ImageLookup | None]:
    """The builder is asked only about a build that was asked for, the registry only where there may be an image."""
    commit = commit_without_image(snapshot.release, wanted)
    if commit is None:
        return None, None
    ours = order if order and order.commit == commit else None
    build = await world.builders[ours.builder].state(ours) if ours else None
    if not isinstance(build, BuildAbsent | BuildSucceeded | None):
        return build, None
    first = build_order(brand, commit, attempt=1)
    secret = await world.secret(first.registry_secret)
    return build, await world.registry.look_up(first.repository, first.tag, secret)


async def _elsewhere(world: World, release: BrandRelease, order: BuildOrder | None, wanted: Resolved | None) -> bool:
    """Whether somebody else needs the build that a new request or an annotation would make superfluous."""
    leaves = unheard(release) is not None or (
        wanted is not None and order is not None and wanted.commit != order.commit
    )
    if order is None or not leaves:
        return False
    return order.commit in await world.cluster.commits_being_built(order.brand, but=release.uid)


async def _stopping(world: World, release: BrandRelease, brand: Brand) -> Mapping[str, BuildState]:
    orders = stop_orders(brand, release.status)
    states = await asyncio.gather(*(world.builders[order.builder].state(order) for order in orders))
    return {order.name: state for order, state in zip(orders, states, strict=True)}


# --- the Deployment ---------------------------------------------------------------------------------------------------


async def _deployment_and_pods(world: World, snapshot: Snapshot) -> Snapshot:
    release, environment = snapshot.release, snapshot.environment
    name = (environment.deployment if environment else None) or ""
    current = in_flight(release)
    if current is None or not watches_pods(release):
        return replace(snapshot, deployment=await world.cluster.deployment(release.namespace, name))
    # Pods first: a Deployment read later can only be further on, so "complete" is never said of pods not yet seen.
    number = current.rollback.number if current.rollback else current.number
    pods = await world.cluster.pods(release.namespace, release.name, number)
    unclear = needs_warnings(pods)
    deployment, warnings = await asyncio.gather(
        world.cluster.deployment(release.namespace, name), _warnings(world, release.namespace, unclear)
    )
    return replace(snapshot, pods=pods, deployment=deployment, warnings=warnings)


async def _rival(world: World, snapshot: Snapshot) -> Snapshot:
    """Whether the BrandRelease that has changed the Deployment last is another one, and still there."""
    marked_by, release = snapshot.deployment and snapshot.deployment.marked_by, snapshot.release
    if not marked_by or marked_by == release.name:
        return snapshot
    is_there = await world.cluster.brand_release(release.namespace, marked_by) is not None
    return replace(snapshot, rival=marked_by) if is_there else snapshot


async def _warnings(world: World, namespace: str, pods: tuple[str, ...]) -> Mapping[str, tuple[PodWarning, ...]]:
    return await world.cluster.warnings(namespace, pods) if pods else {}


async def _hooks(world: World, snapshot: Snapshot) -> Snapshot:
    """How the hooks stand that were started and have not ended."""
    status = snapshot.release.status
    hook, next_hook = await asyncio.gather(_hook(world, snapshot, status.current), _hook(world, snapshot, status.next))
    return replace(snapshot, hook=hook, next_hook=next_hook)


async def _hook(world: World, snapshot: Snapshot, current: CurrentRelease | None) -> HookState | None:
    kind = hook_in_flight(current)
    if kind is None or current is None or snapshot.deployment is None:
        return None
    return await world.hooks.state(hook_order(snapshot, current, kind, Hook(command=("true",))))


async def _checks(world: World, snapshot: Snapshot) -> Snapshot:
    """What the looks have found that are due. They are made in the background, and a pass follows each."""
    release, due = snapshot.release, looks(snapshot)
    if not due:
        world.measurements.forget(release.namespace, release.name)
        return snapshot
    before = await _pods_before(world, release) if asks_pods(look for look in due if not look.in_watch) else ()
    found = {}
    for look in due:
        order = order_of(look, snapshot.pods if look.in_watch else before)
        found[look.number, look.check.name] = world.measurements.last(release, look.number, order, look.since)
    return replace(snapshot, measured=found)


async def _pods_before(world: World, release: BrandRelease) -> tuple[PodView, ...]:
    """The pods that serve before the next release is deployed."""
    number = serving_before(release.status)
    return await world.cluster.pods(release.namespace, release.name, number) if number is not None else ()


async def _cache(world: World, snapshot: Snapshot) -> Snapshot:
    """How the invalidation stands that was asked for and not answered yet."""
    order = unanswered(snapshot)
    return replace(snapshot, invalidation=await world.caches.state(order)) if order else snapshot
