"""One trouble of the platform has many names: who fails for it under any of them is told of the others."""

from datetime import UTC, datetime
from itertools import combinations, permutations
from typing import Any

import pytest

from brandrelease.adapters.kube.fellows import fellows, platform_failures
from brandrelease.apis.brandrelease import Blame
from brandrelease.apis.reasons import Reason
from brandrelease.core.blame import blame_of
from brandrelease.core.builds.seen import ImageAbsent
from brandrelease.core.causes import CAUSES, alike
from brandrelease.core.snapshot import Fellow
from support.simulation import Behaviour
from support.story import Story

NOON = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
REGISTRY = (Reason.ErrImagePull, Reason.ImagePullBackOff, Reason.RegistryUnavailable, Reason.ImageMissingAfterBuild)


def failed(reason: Reason, blame: Blame = Blame.Platform) -> dict[str, Any]:
    current = {"number": 7, "outcome": "Failed", "finishedAt": "2026-01-01T12:01:00Z", "reason": reason, "blame": blame}
    return {
        "metadata": {"uid": "other"},
        "spec": {"brand": "pianote", "environment": "production"},
        "status": {"current": current},
    }


@pytest.mark.parametrize(("mine", "theirs"), list(permutations(REGISTRY, 2)))
def test_a_dead_registry_is_one_cause_whoever_says_it_and_in_which_words(mine: Reason, theirs: Reason) -> None:
    assert [found.brand for found in fellows(platform_failures([failed(theirs)]), mine, NOON, but="me")] == ["pianote"]


@pytest.mark.parametrize("theirs", [Reason.Unschedulable, Reason.BuildInfrastructureFailed, Reason.FailedMount])
def test_another_cause_is_another_matter(theirs: Reason) -> None:
    assert fellows(platform_failures([failed(theirs)]), Reason.ImagePullBackOff, NOON, but="me") == ()


def test_who_fails_for_the_same_reason_is_a_fellow_as_ever() -> None:
    assert alike(Reason.Unschedulable) == {Reason.Unschedulable}
    assert fellows(platform_failures([failed(Reason.Unschedulable)]), Reason.Unschedulable, NOON, but="me")
    assert not fellows(
        platform_failures([failed(Reason.ErrImagePull, Blame.Unknown)]), Reason.ErrImagePull, NOON, but="me"
    )


def test_each_reason_has_one_cause_and_each_is_the_platforms() -> None:
    assert all(not one & other for one, other in combinations(CAUSES, 2))
    assert {blame_of(reason) for cause in CAUSES for reason in cause} == {Blame.Platform}


class Shared(Story):
    """Another brand has failed just now."""

    asked: tuple[Reason, ...] = ()

    async def platform_failures(self, reason: Reason, since: datetime, *, but: str) -> tuple[Fellow, ...]:
        self.asked = (*self.asked, reason)
        return (Fellow("pianote", "production", 7, datetime(2026, 1, 1, 0, 1, tzinfo=UTC)),)


SAME = ". The same has happened to pianote/production (release 7, 00:01 UTC), so look at the platform and not at the commit."


def test_a_build_that_the_platform_failed_is_told_together_with_others(quiet: None) -> None:
    world = Shared()
    world.builder_is_ill = True
    world.release("one", seconds=70)
    assert world.headline() == ("Failed", "BuildInfrastructureFailed")
    assert f"The builder's disk was full. The Deployment was not touched{SAME} It is tried again" in world.message
    assert SAME in world.last.message
    assert world.asked == (Reason.BuildInfrastructureFailed,)


def test_an_image_that_the_registry_has_lost_is_told_together_with_others(quiet: None) -> None:
    world = Shared()
    world.registry_says = ImageAbsent()
    world.release("one", seconds=60)
    assert world.headline() == ("Failed", "ImageMissingAfterBuild")
    assert SAME in world.message
    assert world.asked == (Reason.ImageMissingAfterBuild,)


def test_of_a_build_that_its_own_dockerfile_failed_nobody_is_asked(quiet: None) -> None:
    world = Shared()
    world.release("one", Behaviour.DoesNotBuild, seconds=60)
    assert (world.headline(), world.asked) == (("Failed", "BuildFailed"), ())
    assert "pianote" not in world.message


class SameMoment(Shared):
    """The other brand fails in the very second in which this one does: it is known only afterwards."""

    async def platform_failures(self, reason: Reason, since: datetime, *, but: str) -> tuple[Fellow, ...]:
        found = await super().platform_failures(reason, since, but=but)
        return found if len(self.asked) > 1 else ()


def test_who_fails_in_the_same_moment_is_told_of_on_the_way_back(quiet: None) -> None:
    world = SameMoment()
    world.release("one")
    world.room_on_nodes = False
    world.push("master", "two", Behaviour.FindsNoNode)
    world.ask("master")
    world.play_until("RolledBack")
    assert world.last.message.count("The same has happened to pianote/production") == 1
    assert set(world.asked) == {Reason.Unschedulable}
