"""Act: carry one action out. All changes of the outside world, but for the status, are here."""

from typing import assert_never

from brandrelease.controller.world import World
from brandrelease.core.actions import (
    Action,
    ApplyRelease,
    CancelBuild,
    Invalidate,
    RollBack,
    StartBuild,
    StartHook,
    StopHook,
)


async def act(world: World, action: Action) -> None:
    """Carry the action out; raises ports.Refused where the world would not do it."""
    match action:
        case StartBuild(order):
            await world.builders[order.builder].start(order)
        case CancelBuild(order):
            await world.builders[order.builder].cancel(order)
        case ApplyRelease(patch) | RollBack(patch):
            await world.cluster.apply(patch)
        case StartHook(order):
            await world.hooks.start(order)
        case StopHook(namespace, job):
            await world.hooks.stop(namespace, job)
        case Invalidate(order):
            await world.caches.invalidate(order)
        case _:
            assert_never(action)
