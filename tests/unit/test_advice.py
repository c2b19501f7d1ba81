"""What a message tells people to write can be written and has its effect, also the second time."""

import re

import pytest

from brandrelease.apis.brandrelease import HandledRequest
from brandrelease.core import advice
from support.simulation import Behaviour, order_of
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")

_ADVISED = re.compile(r'annotation brandrelease\.dev/(rollbackTo|override) to "([^"]*)"')
_FIELDS = {"rollbackTo": "rollback_to", "override": "override"}


def advised(message: str) -> list[tuple[str, str]]:
    """The annotations that a message names, in its order, with a reason in the place of <why>."""
    return [
        (_FIELDS[verb], re.sub(r"<why.*>", "it was not to blame", text)) for verb, text in _ADVISED.findall(message)
    ]


def do_as_advised(world: Story, message: str) -> None:
    """As a tired person does it: copied from the message, in its order."""
    for verb, text in advised(message):
        assert world.verbs[verb] != text, "to set the same text once more is no news to anybody"
        world.say(verb, text)
        world.play(100)


def test_under_manual_the_way_back_that_the_message_names_leads_back_each_time() -> None:
    world = Story(rollback={"mode": "Manual"})
    first = world.release("one")
    for name, text in (("two", "1"), ("three", "1 again"), ("four", "1"), ("five", "1 again")):
        world.release(name, Behaviour.Crashes)
        assert world.headline() == ("Failed", "CrashLoopBackOff")
        assert advised(world.message) == [("rollback_to", text)]
        do_as_advised(world, world.message)
        assert (world.headline(), world.the_site.image) == (("RolledBack", "RollbackRequested"), world.image_of(first))
        world.push("master", f"{name} mended", mends=True)


def test_a_text_that_stands_there_and_one_that_was_handled_are_both_not_advised() -> None:
    world = Story(rollback={"mode": "Manual"})
    world.release("one")
    status = world.status.model_copy(update={"last_handled": HandledRequest(rollback_to="1")})
    world.say("rollback_to", "1 again")
    assert world.spec is not None
    release = world._loop.run_until_complete(world.brand_release("drumeo-production", "drumeo"))
    assert release is not None
    assert advice.rollback_to(release, status, 1) == 'the annotation brandrelease.dev/rollbackTo to "1 once more"'
    assert advice.rollback_to(release, status, 2) == 'the annotation brandrelease.dev/rollbackTo to "2"'


def test_what_the_refusal_of_a_quarantined_release_names_leads_there() -> None:
    world = Story()
    world.release("one")
    two = world.release("two")
    world.say("rollback_to", "1")
    world.play(150)
    world.say("rollback_to", "2")
    world.play(5)
    assert "is quarantined. First set " in world.message
    assert [verb for verb, _ in advised(world.message)] == ["override", "rollback_to"]
    do_as_advised(world, world.message)
    assert (world.headline(), world.the_site.image) == (("Live", "Succeeded"), world.image_of(two))


def test_what_the_refusal_of_an_image_that_is_lost_names_leads_there_once_it_is_back() -> None:
    world = Story()
    one = world.release("one")
    world.release("two")
    tag = order_of(world, one).tag
    digest = world.images[tag]
    world.delete_image(tag)
    world.say("rollback_to", "1")
    world.play(5)
    assert "Once it is pushed again, set " in world.message
    world.images[tag] = digest
    do_as_advised(world, world.message)
    assert (world.headline(), world.the_site.image) == (("Live", "Succeeded"), world.image_of(one))


def test_where_no_image_is_left_the_message_names_a_text_that_is_new() -> None:
    world = Story()
    one = world.release("one")
    world.say("rollback_to", "1")
    world.play(5)
    tag = order_of(world, one).tag
    digest = world.images[tag]
    world.delete_image(tag)
    world.release("two", Behaviour.Crashes)
    assert world.headline() == ("Failed", "MissingRollbackTarget")
    assert advised(world.message) == [("rollback_to", "1 again")]
    world.images[tag] = digest
    do_as_advised(world, world.message)
    assert (world.headline(), world.the_site.image) == (("RolledBack", "RollbackRequested"), world.image_of(one))


def test_a_commit_that_was_let_through_and_failed_again_needs_other_words_than_before() -> None:
    world = Story()
    world.release("one")
    bad = world.release("bad", Behaviour.Crashes)
    world.ask("master")
    world.play(5)
    assert f'brandrelease.dev/override to "{bad[:12]} <why>"' in world.message
    do_as_advised(world, world.message)
    world.play(100)
    assert world.headline() == ("RolledBack", "CrashLoopBackOff")
    world.ask("master")
    world.play(5)
    assert f'brandrelease.dev/override to "{bad[:12]} <why, in other words than before>"' in world.message
