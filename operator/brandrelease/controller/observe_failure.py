"""Observe what a failure needs: the last words of the release, who else fails so, and where to go back to."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Final

from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import Blame
from brandrelease.apis.reasons import Reason
from brandrelease.controller.world import World
from brandrelease.core.builds.images import host_of, split_reference
from brandrelease.core.builds.seen import (
    ImageAbsent,
    ImageArchived,
    ImageFound,
    ImageUnknown,
)
from brandrelease.core.deploying import suspect
from brandrelease.core.health import Problem
from brandrelease.core.provenance import may_deploy
from brandrelease.core.questions import (
    in_flight,
)
from brandrelease.core.snapshot import (
    Evidence,
    Fellow,
    Snapshot,
    Target,
)
from brandrelease.core.targets import Candidate
from brandrelease.core.verbs import where_to, wish

TARGET_SECONDS: Final = 3.0
"""How long a rollback waits for the registry's word that the old image is still there. Silence is no evidence."""

FELLOWS_WITHIN: Final = timedelta(minutes=15)
"""Failures of the platform that are told together."""


async def what_a_failure_needs(world: World, snapshot: Snapshot, brand: Brand) -> Snapshot:
    """Before a release fails: its last words, who else fails so, and where to go back to. Read before the pods go."""
    problem = suspect(snapshot)
    known = where_to(snapshot.release, failed=problem is not None)
    backwards = tuple(each for each in known if may_deploy(snapshot, each.image))
    wished = wish(snapshot.release)
    if wished and not may_deploy(snapshot, wished.image):
        wished = None
    evidence, fellows, targets, named = await asyncio.gather(
        _evidence(world, snapshot, problem),
        _fellows(world, snapshot, problem),
        _targets(world, brand, backwards),
        _targets(world, brand, (wished,) if wished else ()),
    )
    return replace(snapshot, evidence=evidence, fellows=fellows, targets=targets, wish=next(iter(named), None))


async def _evidence(world: World, snapshot: Snapshot, problem: Problem | None) -> Evidence | None:
    """The log of the container that is to blame, before the rollback takes its pod away."""
    if problem is None or problem.pod is None or problem.container is None:
        return None
    namespace = snapshot.release.namespace
    tail = await world.cluster.log_tail(namespace, problem.pod, problem.container, previous=problem.previous)
    return Evidence(problem.pod, problem.container, problem.exit_code, tail)


async def _fellows(world: World, snapshot: Snapshot, problem: Problem | None) -> tuple[Fellow, ...]:
    """Also on the way back: who fails in the same moment has not written it down yet when this release is judged."""
    current = in_flight(snapshot.release)
    left = current if current and current.rollback and current.blame is Blame.Platform else None
    reason = problem.reason if problem and problem.blame is Blame.Platform else left.reason if left else None
    if reason is None:
        return ()
    since = snapshot.now - FELLOWS_WITHIN
    return await world.cluster.platform_failures(reason, since, but=snapshot.release.uid)


async def _targets(world: World, brand: Brand, wished: tuple[Candidate, ...]) -> tuple[Target, ...]:
    """Each candidate with the registry's word on it, up to the first that can be used."""
    asked: list[Target] = []
    for candidate in wished:
        found = await _is_there(world, brand, candidate.image)
        asked.append(Target(candidate.number, candidate.commit, candidate.image, found))
        if found is not False:
            break
    return tuple(asked)


async def _is_there(world: World, brand: Brand, image: str) -> bool | None:
    """Whether the registry has the image; None where it does not say. Credentials go to the Brand's registry only."""
    repository, reference = split_reference(image)
    known = host_of(repository) == host_of(brand.spec.image.repository)
    secret = await world.secret(brand.spec.image.secret_name) if known else None
    try:
        async with asyncio.timeout(TARGET_SECONDS):
            answer = await world.registry.look_up(repository, reference, secret)
    except TimeoutError:
        return None
    match answer:
        case ImageFound():
            return True
        case ImageArchived() | ImageUnknown(Reason.RepositoryNotFound):
            return False
        case ImageAbsent():
            return False if known else None
        case _:
            return None
