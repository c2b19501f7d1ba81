"""What was not asked is no evidence: a decision from a snapshot that says little begins nothing and ends nothing."""

import asyncio
from dataclasses import replace

import pytest

from brandrelease.apis.brandrelease import BrandRelease, Phase
from brandrelease.core.actions import Plan
from brandrelease.core.decide import decide
from brandrelease.core.hooks import HookNotYet, run_hook
from brandrelease.core.obstacles import deployment_obstacle
from brandrelease.core.snapshot import Snapshot
from support.simulation import KEY, brand
from support.story import Story


def snapshot(world: Story) -> Snapshot:
    """The object, its Brand and its Deployment, and nothing else."""

    async def look() -> Snapshot:
        release = await world.brand_release(KEY.namespace, KEY.name)
        assert isinstance(release, BrandRelease)
        deployment = await world.deployment(KEY.namespace, "drumeo-production-deployment")
        return Snapshot(world.time, release, world.the_brand, release.name, deployment=deployment)

    return asyncio.run(look())


def begins_nothing(plan: Plan) -> bool:
    return plan.action is None and not any(event.warning for event in plan.announcements)


@pytest.fixture
def migrating(quiet: None) -> Story:
    world = Story(hooks={"preDeploy": {"command": ["migrate"]}})
    world.push("master", "one")
    world.ask("master")
    world.play_until("Migrating")
    world.play(2)
    return world


def test_a_request_whose_ref_was_not_looked_up_is_pending(world: Story) -> None:
    world.push("master", "one")
    world.ask("master")
    plan = decide(snapshot(world))
    assert (plan.status.phase, plan.status.last_handled) == (Phase.Pending, None)
    assert plan.status.conditions[0].message == 'Resolving "master".'
    assert begins_nothing(plan)


def test_a_hook_that_was_not_looked_at_is_neither_started_again_nor_called_lost(migrating: Story) -> None:
    seen = snapshot(migrating)
    plan = decide(seen)
    assert plan.status.phase is Phase.Migrating
    assert plan.status.current == migrating.current
    assert begins_nothing(plan)
    step = run_hook(seen, migrating.current, "preDeploy")
    assert isinstance(step, HookNotYet)


def test_without_an_environment_there_is_no_obstacle_at_the_deployment(migrating: Story) -> None:
    seen = replace(snapshot(migrating), brand=brand(name="staging"))
    assert deployment_obstacle(seen, migrating.current) is None


def test_the_same_snapshot_gives_the_same_plan_twice(migrating: Story) -> None:
    seen = snapshot(migrating)
    assert decide(seen) == decide(seen)
