"""What rests is looked at with the Brand as it was read before. Nothing comes of that but that there is nothing to do."""

import asyncio
from collections.abc import Callable

import pytest

from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import Outcome, UnneededBuild
from brandrelease.apis.progress import HookProgress, HooksProgress
from brandrelease.core.rest import rests
from brandrelease.core.snapshot import BrandInvalid
from support.story import Story


class TwoBrands(Story):
    """The Brand as it was read before may be another one than that which is there."""

    before: Brand | BrandInvalid | None = None
    reads_before, live_reads = 0, 0

    async def brand(self, name: str, *, may_be_old: bool = False) -> Brand | BrandInvalid | None:
        if may_be_old:
            self.reads_before += 1
            return self.before
        self.live_reads += 1
        return await super().brand(name)


@pytest.fixture
def world(quiet: None) -> TwoBrands:
    """Release 1 is live, and the Brand was read."""
    story = TwoBrands()
    story.release("one")
    assert story.headline() == ("Live", "Succeeded")
    story.before, story.reads_before, story.live_reads = story.the_brand, 0, 0
    return story


def test_the_brand_is_not_read_anew_where_there_is_nothing_to_do(world: TwoBrands) -> None:
    status = world.status
    world.one_pass()
    assert (world.reads_before, world.live_reads) == (1, 0)
    assert world.status == status


def test_nothing_comes_of_a_brand_that_was_there_before(world: TwoBrands) -> None:
    world.before, status = None, world.status
    world.one_pass()
    assert (world.reads_before, world.live_reads) == (1, 1)
    assert world.status == status


def test_what_is_told_is_told_of_the_brand_as_it_is(world: TwoBrands) -> None:
    world.before, world.the_brand = BrandInvalid("It was wrong."), BrandInvalid("It is wrong.")
    world.one_pass()
    assert (world.reads_before, world.live_reads) == (1, 1)
    assert "It is wrong." in world.message


def test_nobody_is_told_anything_by_a_brand_that_was_there_before(quiet: None) -> None:
    world = TwoBrands(notifications=[{"name": "slack", "slack": {"channel": "#releases", "secretName": "slack"}}])
    world.deliveries.down.add("slack")
    world.release("one")
    world.before, world.live_reads = world.the_brand, 0
    world.one_pass()
    assert world.deliveries.wanted, "it is tried again, until the endpoint takes it"
    assert world.live_reads == 1


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda world: world.ask("two"), id="a request"),
        pytest.param(lambda world: world.say("rollback_to", "previous"), id="a verb"),
        pytest.param(lambda world: world.track(60), id="tracking"),
    ],
)
def test_whoever_asks_for_something_is_heard_with_the_brand_as_it_is(
    world: TwoBrands, ask: Callable[[TwoBrands], None]
) -> None:
    ask(world)
    world.one_pass()
    assert (world.reads_before, world.live_reads) == (0, 1)


def test_a_release_in_flight_is_followed_with_the_brand_as_it_is(world: TwoBrands) -> None:
    world.push("master", "two")
    world.ask("master")
    world.play_until("Deploying")
    assert world.reads_before == 0


async def test_a_prepared_release_a_build_to_be_stopped_and_a_hook_that_has_not_ended_are_no_rest(quiet: None) -> None:
    world = Story()
    await asyncio.to_thread(world.release, "one")
    release = await world.brand_release("drumeo", "drumeo")
    assert release is not None
    assert rests(release)
    hook = HookProgress(job="migrate", started_at=world.time)
    aborted = {"outcome": Outcome.Aborted, "hooks": HooksProgress(pre_deploy=hook)}
    for begun in (
        {"next": world.current},
        {"stopping": (UnneededBuild(key="key", commit=world.current.commit, attempt=1),)},
        {"current": world.current.model_copy(update=aborted)},
    ):
        assert not rests(release.model_copy(update={"status": release.status.model_copy(update=begun)})), begun
