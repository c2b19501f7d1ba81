"""Whatever somebody asks for leaves the name behind: in the history where something was released, and else in an Event."""

from collections.abc import Callable

import pytest

from brandrelease.apis.reasons import Reason
from support.simulation import Behaviour
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")


def said(world: Story, reason: Reason) -> list[str]:
    return [event.message for event in world.told if event.reason is reason]


def live() -> Story:
    world = Story()
    world.release("one")
    return world


def at_rest(world: Story) -> str:
    world.play(5)
    return "Nothing is released while spec.suspend is true."


def in_the_middle(world: Story) -> str:
    two = world.push("master", "two")
    world.ask("master")
    world.play_until("Deploying")
    return f"Release 2 ({two[:12]}) stands still and is not watched while spec.suspend is true."


WHEN: dict[str, tuple[Callable[[Story], str], str]] = {
    "at rest": (at_rest, ""),
    "in the middle of a release": (in_the_middle, " goes on where it stood."),
}


@pytest.mark.parametrize(("begin", "end"), WHEN.values(), ids=WHEN)
def test_who_suspends_and_who_resumes_is_told_once_each(begin: Callable[[Story], str], end: str) -> None:
    world = live()
    what = begin(world)
    history = world.status.history
    world.suspend(on=True)
    world.play(300, step=5)
    assert said(world, Reason.Suspended) == [f"Suspended by ada. {what}"]
    assert world.message == what
    assert (world.status.history, said(world, Reason.Resumed)) == (history, [])
    world.suspend(on=False)
    world.play(30)
    [resumed] = said(world, Reason.Resumed)
    assert resumed.startswith("Resumed by ada.")
    assert resumed.endswith(end)
    assert len(said(world, Reason.Suspended)) == 1


def test_each_suspension_is_told_of() -> None:
    world = live()
    for times in (1, 2):
        world.suspend(on=True)
        world.play(5)
        world.suspend(on=False)
        world.play(5)
        assert len(said(world, Reason.Suspended)) == len(said(world, Reason.Resumed)) == times


def test_a_request_and_a_verb_that_waited_are_taken_up_beside_the_word_of_who_resumed() -> None:
    world = live()
    world.suspend(on=True)
    world.play(5)
    world.say("abort", "7")
    world.suspend(on=False)
    world.play(5)
    assert len(said(world, Reason.Resumed)) == len(said(world, Reason.VerbRefused)) == 1


def test_an_override_that_nothing_waits_for_names_who_asked_in_an_event_and_in_the_quarantine() -> None:
    world = live()
    bad = world.release("bad", Behaviour.Crashes)
    history = world.status.history
    world.say("override", f"{bad[:12]} it was the database")
    world.play(5)
    assert said(world, Reason.CommitOverridden) == [
        f"Commit {bad[:12]} is let through: it was the database (somebody); ask for it to release it."
    ]
    assert (world.status.quarantine[0].override, world.status.history) == ("it was the database (somebody)", history)


def test_a_rollback_to_what_runs_already_names_who_asked_in_an_event() -> None:
    world = live()
    history = world.status.history
    world.say("rollback_to", "1")
    world.play(5)
    assert said(world, Reason.RollbackRequested)[-1].endswith(
        " runs already, so nothing was changed. It was asked for by ada."
    )
    assert world.status.history == history


@pytest.mark.parametrize(("verb", "who"), [("rollback_to", "ada"), ("abort", "ada"), ("override", "somebody")])
def test_a_verb_that_is_refused_names_who_asked_in_an_event(verb: str, who: str) -> None:
    world = live()
    history = world.status.history
    world.say(verb, "99")
    world.play(5)
    [told] = said(world, Reason.VerbRefused)
    assert f" of {who} was not carried out: " in told
    assert world.status.history == history
