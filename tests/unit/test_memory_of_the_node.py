"""A node that runs out of memory kills what has no limit, and nobody knows whether the commit was to blame."""

from dataclasses import replace

import pytest

from brandrelease.apis.brandrelease import Blame
from brandrelease.core.snapshot import PodView
from support.simulation import Behaviour
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")


class WithoutLimits(Story):
    """The Deployment limits no memory."""

    async def pods(self, namespace: str, release_name: str, release_number: int) -> tuple[PodView, ...]:
        pods = await super().pods(namespace, release_name, release_number)
        return tuple(replace(pod, memory_limits={}) for pod in pods)


def test_a_release_that_the_node_has_killed_is_rolled_back_and_neither_quarantined_nor_tried_again_by_itself() -> None:
    world = WithoutLimits()
    world.release("one")
    two = world.release("two", Behaviour.OutOfMemory)
    assert world.headline() == ("RolledBack", "NodeOutOfMemory")
    assert (world.current.blame, world.current.retry, world.status.quarantine) == (Blame.Unknown, None, ())
    assert "has no memory limit and was killed twice because its node had no memory left" in world.message
    world.behaviours[two] = Behaviour.Good
    world.ask("master")
    world.play(150)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), two)


def test_with_a_limit_it_is_the_commits_doing() -> None:
    world = Story()
    world.release("one")
    two = world.release("two", Behaviour.OutOfMemory)
    assert world.headline() == ("RolledBack", "OOMKilled")
    assert [entry.commit for entry in world.status.quarantine] == [two]
