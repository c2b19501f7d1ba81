"""An image is of the Brand's repository, or the Deployment itself bears witness of it; what a status says is no witness."""

from datetime import timedelta

import pytest

from brandrelease.apis.brandrelease import CurrentRelease, Outcome, PastRelease, RunningRelease
from brandrelease.apis.progress import Rollback, Rollout
from brandrelease.apis.reasons import Reason
from support.simulation import Behaviour, commit_id
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")

EVIL = "registry.evil.example/rootkit@sha256:" + "e" * 64
FOREIGN = "quay.example.com/by-hand:1"


@pytest.fixture
def live() -> Story:
    world = Story()
    world.release("one")
    return world


def forge(world: Story, **status: object) -> None:
    world.status = world.status.model_copy(update=status)
    world.version += 1
    world.settle()


def in_flight(world: Story, **more: object) -> CurrentRelease:
    return CurrentRelease.model_validate(
        {
            "number": 7,
            "ref": "refs/heads/master",
            "commit": commit_id("one"),
            "started_at": world.time,
            "image": EVIL,
            **more,
        }
    )


def is_never_deployed(world: Story) -> bool:
    return EVIL not in [image for _, image in world.applied_images] and world.the_site.image != EVIL


@pytest.mark.parametrize("hook", [None, {"command": ["true"]}])
def test_a_built_image_from_elsewhere_is_neither_deployed_nor_run_as_a_hook(hook: object) -> None:
    world = Story(hooks={"preDeploy": hook} if hook else {})
    world.release("one")
    forge(world, current=in_flight(world))
    assert world.headline() == ("Blocked", "ImageNotAllowed")
    assert world.message.startswith(
        f"The image {EVIL} is not in registry.example.com/drumeo, the repository of the Brand"
    )
    assert is_never_deployed(world)
    assert all(order.image != EVIL for order, _ in world.hooks.jobs.values())
    world.release("two")
    assert world.headline() == ("Live", "Succeeded")


def test_a_rollback_to_an_image_from_elsewhere_is_over_and_the_next_request_is_heard(live: Story) -> None:
    back = Rollback(number=0, image=EVIL, started_at=live.time)
    forge(live, current=in_flight(live, rollout=Rollout(started_at=live.time), rollback=back))
    assert live.headline() == ("Failed", "ImageNotAllowed")
    assert is_never_deployed(live)
    live.release("two")
    assert live.headline() == ("Live", "Succeeded")


def test_a_release_that_fails_goes_not_back_to_an_image_from_elsewhere(live: Story) -> None:
    running = RunningRelease(number=1, commit=commit_id("one"), image=EVIL, since=live.time)
    forge(live, running=running)
    live.release("two", Behaviour.Crashes)
    assert live.headline() == ("Failed", "MissingRollbackTarget")
    assert "is not in registry.example.com/drumeo" in live.message
    assert is_never_deployed(live)


def test_rollback_to_does_not_deploy_an_image_from_elsewhere(live: Story) -> None:
    evil = PastRelease(
        number=3,
        commit=commit_id("x"),
        image=EVIL,
        outcome=Outcome.Succeeded,
        reason=Reason.Succeeded,
        message="It was live.",
        started_at=live.time,
        finished_at=live.time,
    )
    forge(live, history=(evil, *live.status.history))
    live.say("rollback_to", "3")
    live.play(30)
    assert is_never_deployed(live)
    assert live.status.last_handled is not None
    assert "is not in registry.example.com/drumeo" in (live.status.last_handled.answer or "")


def test_what_was_found_elsewhere_at_adoption_is_gone_back_to() -> None:
    world = Story()
    world.set_image_by_hand(FOREIGN)
    world.release("bad", Behaviour.Crashes)
    assert world.headline() == ("RolledBack", "CrashLoopBackOff")
    assert (world.the_site.image, world.the_site.found) == (FOREIGN, FOREIGN)
    world.release("good")
    assert world.the_site.found == FOREIGN
    world.play(timedelta(minutes=1).seconds)
    assert world.headline() == ("Live", "Succeeded")


def test_without_the_deployment_nothing_from_elsewhere_is_known() -> None:
    world = Story()
    world.release("one")
    forge(world, running=RunningRelease(number=1, commit=commit_id("one"), image=EVIL, since=world.time))
    world.site = None
    world.say("rollback_to", "1")
    world.play(10)
    assert world.status.last_handled is not None
    assert f"{EVIL} is not in registry.example.com/drumeo" in (world.status.last_handled.answer or "")
