"""Whoever is told of releases hears of each one, in order and to its end, whatever dies or does not answer."""

from collections.abc import Callable

import pytest

from brandrelease.apis.notifications import Stage
from brandrelease.apis.reasons import Reason
from brandrelease.core.telling.notice import ENDS
from support.simulation import Behaviour, Killed, brand
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")

SLACK = {"name": "slack", "slack": {"channel": "#releases", "secretName": "slack"}}
HOOK = {"name": "hook", "webhook": {"url": "https://hooks.example.com/", "secretName": "hook"}}
GITHUB = {"name": "github", "gitHub": {"repository": "example-org/drumeo", "secretName": "github"}}
ALL = [SLACK, HOOK, GITHUB]


def stages(world: Story, name: str = "slack") -> list[str]:
    return [f"{each.number} {each.stage}" for each in world.deliveries.taken if each.to.name == name]


def told(world: Story, name: str = "slack") -> tuple[int, Stage | None, str | None]:
    (known,) = [each for each in world.status.notifications if each.name == name]
    return known.release, known.stage, known.problem


# --- the usual ---------------------------------------------------------------------------------------------------------


def test_a_good_release_is_told_from_its_beginning_to_its_end_in_one_message() -> None:
    world = Story(notifications=[SLACK])
    world.release("one")
    assert stages(world) == ["1 Started", "1 Deploying", "1 Verifying", "1 Live"]
    assert list(world.deliveries.messages) == ["slack/1"]


def test_a_bad_release_is_told_with_its_way_back_in_a_message_of_its_own() -> None:
    world = Story(notifications=[SLACK])
    world.release("one")
    world.release("bad", Behaviour.Crashes)
    assert stages(world)[4:] == ["2 Started", "2 Deploying", "2 RollingBack", "2 RolledBack"]
    assert len(world.deliveries.messages) == 2


def test_a_migration_is_told() -> None:
    world = Story(notifications=[SLACK], hooks={"preDeploy": {"command": ["migrate"]}})
    world.release("one")
    assert stages(world) == ["1 Started", "1 Migrating", "1 Deploying", "1 Verifying", "1 Live"]


def test_without_endpoints_nothing_is_told_and_nothing_kept() -> None:
    world = Story()
    world.release("one")
    assert (world.deliveries.taken, world.status.notifications) == ([], ())


def test_at_rest_nothing_is_written_and_nothing_told_again() -> None:
    world = Story(notifications=ALL)
    world.release("one")
    deeds = list(world.deeds)
    world.play(600, step=5)
    world.restart()
    world.settle()
    world.play(600, step=5)
    assert world.deeds == deeds


def test_each_status_that_tells_nothing_new_of_an_endpoint_is_not_written() -> None:
    """A release costs one write more for each thing that each endpoint was told, and no other."""
    quiet, loud = Story(), Story(notifications=[SLACK])
    for world in (quiet, loud):
        world.release("one")
    assert loud.deeds.count("status") - quiet.deeds.count("status") <= len(loud.deliveries.taken)


# --- one after the other -----------------------------------------------------------------------------------------------


def test_a_release_that_is_replaced_is_told_to_its_end_before_the_next_one() -> None:
    world = Story(notifications=[SLACK])
    world.release("one", seconds=35)
    world.release("two")
    assert stages(world) == [
        "1 Started",
        "1 Deploying",
        "1 Verifying",
        "1 Superseded",
        "2 Deploying",
        "2 Verifying",
        "2 Live",
    ]


def test_a_release_that_came_and_went_while_the_endpoint_was_down_is_told_all_the_same() -> None:
    world = Story(notifications=[SLACK])
    world.release("one")
    world.deliveries.down.add("slack")
    world.release("two")
    world.release("three", Behaviour.DoesNotBuild)
    world.release("four")
    assert stages(world)[-1] == "1 Live"
    world.deliveries.down.clear()
    world.play(10)
    assert stages(world)[4:] == ["2 Live", "3 Failed", "4 Live"]


def test_going_back_by_hand_is_a_release_with_its_own_message() -> None:
    world = Story(notifications=[SLACK])
    world.release("one")
    world.release("two")
    world.say("rollback_to", "1")
    world.play(150)
    assert stages(world)[-1] == "3 Live"
    facts = dict(world.deliveries.taken[-1].facts)
    assert facts["Commit"].endswith(", the image of release 1 again")


# --- somebody is needed ------------------------------------------------------------------------------------------------


def test_a_request_that_cannot_be_followed_is_told_apart_and_said_to_be_over_later() -> None:
    world = Story(notifications=ALL)
    world.release("one")
    world.ask("nowhere")
    world.play(20)
    assert stages(world)[4:] == ["1 NeedsSomebody"]
    trouble = world.deliveries.taken[-1]
    assert (trouble.title, trouble.why, trouble.apart) == (
        "drumeo production needs somebody",
        'There is no ref "nowhere".',
        True,
    )
    world.release("two")
    assert stages(world)[5:] == ["1 Live", "2 Started", "2 Deploying", "2 Verifying", "2 Live"]
    messages = [
        [each.stage for each in notices] for key, notices in world.deliveries.messages.items() if "slack" in key
    ]
    assert messages[1] == [Stage.NeedsSomebody, Stage.Live]
    assert "1 NeedsSomebody" not in stages(world, "github")


def test_the_first_request_of_all_that_cannot_be_followed_is_told() -> None:
    world = Story(notifications=ALL)
    world.ask("nowhere")
    world.play(20)
    assert (stages(world), stages(world, "github")) == (["0 NeedsSomebody"], [])
    world.release("one")
    assert stages(world)[1] == "1 Started"


def test_somebodys_hand_at_the_image_is_told() -> None:
    world = Story(notifications=[SLACK])
    world.release("one")
    world.set_image_by_hand("registry.example.com/drumeo:by-somebody")
    world.play(10)
    assert stages(world)[-1] == "1 NeedsSomebody"
    assert "kubectl-edit" in world.deliveries.taken[-1].why


# --- who is not to be told ---------------------------------------------------------------------------------------------


def test_an_endpoint_that_comes_later_is_told_of_nothing_that_was_over() -> None:
    world = Story()
    world.release("one")
    world.the_brand = brand(notifications=[SLACK])
    world.play(20)
    assert (stages(world), told(world)) == ([], (1, Stage.Live, None))
    world.release("two")
    assert stages(world)[0] == "2 Started"


def test_an_endpoint_that_comes_in_the_middle_is_told_from_there() -> None:
    world = Story()
    world.release("one")
    world.release("two", seconds=25)
    world.the_brand = brand(notifications=[SLACK])
    world.play(100)
    assert stages(world) == ["2 Deploying", "2 Verifying", "2 Live"]


def test_an_endpoint_that_is_taken_out_is_forgotten() -> None:
    world = Story(notifications=ALL)
    world.release("one")
    world.change_brand(notifications=[HOOK])
    world.play(5)
    assert [each.name for each in world.status.notifications] == ["hook"]


def test_whoever_wants_only_failures_hears_of_nothing_else() -> None:
    world = Story(notifications=[SLACK | {"stages": ["Failed", "RolledBack"]}])
    world.release("one")
    world.release("bad", Behaviour.Crashes)
    world.release("good")
    assert stages(world) == ["2 RolledBack"]


def test_while_suspended_nothing_new_is_told() -> None:
    world = Story(notifications=[SLACK])
    world.release("one")
    world.deliveries.down.add("slack")
    world.release("two", seconds=10)
    world.suspend(on=True)
    world.play(10)
    world.deliveries.down.clear()
    world.play(60)
    assert stages(world)[-1] == "1 Live"
    world.suspend(on=False)
    world.play(150)
    assert stages(world)[4:] == ["2 Deploying", "2 Verifying", "2 Live"]


def test_what_was_taken_in_the_moment_of_the_suspension_is_known() -> None:
    world = Story(notifications=[SLACK])
    world.release("one", seconds=1)
    world.tick()
    world.deliveries.send()
    world.suspend(on=True)
    world.settle()
    world.suspend(on=False)
    world.play(150)
    assert stages(world).count("1 Started") == 1


@pytest.mark.parametrize("trouble", ["namespace", "older"])
def test_a_brandrelease_that_may_not_release_there_tells_nobody(trouble: str) -> None:
    """Whoever may create one somewhere must not be able to write into the brand's channel."""
    world = Story(notifications=ALL, **({"namespace": "elsewhere"} if trouble == "namespace" else {}))
    world.oldest = "older" if trouble == "older" else None
    world.release("one")
    assert (world.headline()[0], world.deliveries.taken, world.status.notifications) == ("Blocked", [], ())


def test_a_brandrelease_made_anew_begins_anew() -> None:
    world = Story(notifications=[SLACK])
    world.release("one")
    world.delete_release()
    world.settle()
    world.release("two")
    assert stages(world)[4:] == ["2 Started", "2 Deploying", "2 Verifying", "2 Live"]
    ids = [each.id for each in world.deliveries.taken]
    assert len(set(ids)) == len(ids)


# --- trouble -----------------------------------------------------------------------------------------------------------


def test_endpoints_that_do_not_answer_delay_no_release_by_a_second() -> None:
    def live_at(world: Story) -> list[str]:
        world.release("one")
        world.release("bad", Behaviour.Crashes)
        return [f"{entry.number} {entry.outcome} {entry.finished_at}" for entry in world.status.history]

    down = Story(notifications=ALL)
    down.deliveries.down = {"slack", "hook", "github"}
    assert live_at(down) == live_at(Story())


def test_that_an_endpoint_does_not_answer_is_in_the_status_and_one_event_until_it_does() -> None:
    world = Story(notifications=[SLACK])
    world.deliveries.down.add("slack")
    world.release("one")
    assert told(world) == (0, None, "slack does not answer.")
    events = [event for event in world.told if event.reason is Reason.NotificationFailed]
    assert [(event.message, event.warning) for event in events] == [
        ('Notification "slack" could not be told of release 1: slack does not answer.', True)
    ]
    assert world.headline() == ("Live", "Succeeded")
    world.deliveries.down.clear()
    world.play(10)
    assert (told(world), stages(world)) == ((1, Stage.Live, None), ["1 Live"])


def test_one_endpoint_that_does_not_answer_is_no_trouble_of_the_others() -> None:
    world = Story(notifications=ALL)
    world.deliveries.down.add("hook")
    world.release("one")
    assert stages(world) == stages(world, "github") == ["1 Started", "1 Deploying", "1 Verifying", "1 Live"]


def test_what_was_given_up_stops_nothing_that_comes_after() -> None:
    world = Story(notifications=[SLACK])
    world.deliveries.down.add("slack")
    world.deliveries.gives_up = True
    world.release("one")
    assert told(world) == (1, Stage.Live, "slack does not answer.")
    world.deliveries.down.clear()
    world.release("two")
    assert (stages(world)[-1], told(world)) == ("2 Live", (2, Stage.Live, None))


# --- the operator dies ---------------------------------------------------------------------------------------------------


def _two_and_a_bad_one(world: Story) -> None:
    _live_on(world, "one", Behaviour.Good, 45)
    _live_on(world, "bad", Behaviour.Crashes, 35)
    _live_on(world, "three", Behaviour.Good, 8)
    _live_on(world, "four", Behaviour.Good, 50)


def _live_on(world: Story, name: str, behaviour: Behaviour, seconds: int) -> None:
    world.push("master", name, behaviour, mends=behaviour is Behaviour.Good)
    world.ask("master")
    for _ in range(seconds):
        _surviving(world, lambda: world.play(1))


def _surviving(world: Story, step: Callable[[], object]) -> None:
    try:
        step()
    except Killed:
        world.restart()
        _surviving(world, world.settle)


@pytest.mark.parametrize("after_deed", [False, True], ids=["before", "after"])
def test_wherever_the_operator_dies_every_release_is_told_to_its_end_and_none_after_the_next(after_deed: bool) -> None:
    undisturbed = Story(notifications=[SLACK, HOOK], soakSeconds=4)
    _two_and_a_bad_one(undisturbed)
    assert [stage for stage in stages(undisturbed) if stage.split()[1] in ENDS] == [
        "1 Live",
        "2 RolledBack",
        "3 Superseded",
        "4 Live",
    ]
    for deed in range(1 + after_deed, len(undisturbed.deeds) + 1, 2):  # after one is as good as before the next
        world = Story(notifications=[SLACK, HOOK], soakSeconds=4)
        world.kill_in, world.kill_after_deed = deed, after_deed
        _two_and_a_bad_one(world)
        assert not world.kill_in, "it has died"
        for name in ("slack", "hook"):
            seen = stages(world, name)
            ends = list(dict.fromkeys(stage for stage in seen if stage.split()[1] in ENDS))
            assert ends == ["1 Live", "2 RolledBack", "3 Superseded", "4 Live"], deed
            numbers = [int(stage.split()[0]) for stage in seen]
            assert numbers == sorted(numbers), deed
            assert len(seen) <= len(stages(undisturbed, name)) + 1, deed
        twice = [each.id for each in world.deliveries.taken if each.to.name == "hook"]
        assert len(set(twice)) >= len(twice) - 1
        assert len([key for key in world.deliveries.messages if key.startswith("slack")]) <= 5
