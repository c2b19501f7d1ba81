"""What people ask for by annotations: rollbackTo, abort and override, in every phase, and in every company."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from brandrelease.apis.brandrelease import (
    Blame,
    BrandRelease,
    BrandReleaseSpec,
    BrandReleaseStatus,
    HandledRequest,
    Outcome,
)
from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import Refusal
from brandrelease.core.verbs import taken_away, unheard
from support.simulation import FOUND_IMAGE, Behaviour, commit_id
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
HOOKS = {"preDeploy": {"command": ["migrate"]}}
MANUAL = {"mode": "Manual"}


# --- where a BrandRelease may stand -------------------------------------------------------------------------------------


def begun(**environment: object) -> Story:
    """Releases 1 and 2 were good; 2 is live."""
    return _begun(json.dumps(environment)).copied()


@cache
def _begun(environment: str) -> Story:
    """Played once; stories go on in copies of it. environment: fields of it, as JSON."""
    world = Story(**json.loads(environment))
    world.release("one")
    world.release("two")
    assert world.headline() == ("Live", "Succeeded")
    return world


def third(phase: str, behaviour: Behaviour = Behaviour.Good, **environment: object) -> Story:
    """Release 3 has come as far as this phase."""
    world = begun(**environment)
    world.push("master", "three", behaviour)
    world.ask("master")
    world.play_until(phase)
    return world


def nothing_yet() -> Story:
    world = Story()
    world.git_is_down = True
    world.release("one", seconds=5)
    return world


def rolling_back() -> Story:
    world = third("RollingBack", Behaviour.Crashes)
    world.controller_is_down = True
    world.play(2)
    return world


def quarantined() -> Story:
    world = third("RolledBack", Behaviour.Crashes)
    world.ask("master")
    world.play_until("Blocked")
    return world


def meddled(phase: str) -> Story:
    world = begun() if phase == "Live" else third(phase)
    world.set_image_by_hand("registry.example.com/drumeo:meddled")
    world.play(3)
    assert world.headline() == ("Blocked", "ImageOverridden")
    return world


def without_deployment() -> Story:
    world = third("Deploying")
    world.site = None
    world.play(61)
    assert world.headline() == ("Blocked", "DeploymentNotFound")
    return world


def with_two_containers() -> Story:
    world = third("Building")
    world.sidecars = {"proxy": "envoy:1"}
    world.play(61)
    assert world.headline() == ("Blocked", "ContainerAmbiguous")
    return world


def suspended() -> Story:
    world = third("Building")
    world.suspend(on=True)
    world.play(2)
    return world


def standing() -> Story:
    """Release 3 has failed and stays where it stands."""
    world = third("Failed", Behaviour.Crashes, rollback=MANUAL)
    assert world.the_site.applied == 3
    return world


STANDS: dict[str, Callable[[], Story]] = {
    "nothing released yet": nothing_yet,
    "Building": lambda: third("Building"),
    "Migrating": lambda: third("Migrating", hooks=HOOKS),
    "Deploying": lambda: third("Deploying"),
    "Verifying": lambda: third("Verifying"),
    "RollingBack": rolling_back,
    "RolledBack": lambda: third("RolledBack", Behaviour.Crashes),
    "Failed where it stands": standing,
    "Failed before it was deployed": lambda: third("Failed", Behaviour.DoesNotBuild),
    "Live": begun,
    "Blocked by the quarantine": quarantined,
    "Blocked by another image while live": lambda: meddled("Live"),
    "Blocked by another image during the rollout": lambda: meddled("Deploying"),
    "Blocked by another image during the watch": lambda: meddled("Verifying"),
    "Blocked without the Deployment": without_deployment,
    "Blocked by two containers": with_two_containers,
    "Suspended": suspended,
}

VERBS = {"abort": "3", "rollback_to": "1", "override": "0123456789ab it was not to blame"}


def handled(world: Story) -> HandledRequest:
    return world.status.last_handled or HandledRequest()


def answer(world: Story) -> str:
    return handled(world).answer or ""


def outcomes(world: Story) -> list[tuple[int, str, str]]:
    return [(entry.number, str(entry.outcome), str(entry.reason)) for entry in world.status.history]


def carried(world: Story) -> tuple[str, int | None] | None:
    """What the Deployment carries, if there is one."""
    return (world.site.image, world.site.applied) if world.site else None


def mend(world: Story) -> None:
    """Whatever stood in the way is gone, but for what people have to say something about."""
    world.git_is_down = world.controller_is_down = False
    world.sidecars = {}
    if world.spec is not None and world.spec.suspend:
        world.suspend(on=False)


# --- what holds for every verb in every phase ---------------------------------------------------------------------------


@pytest.mark.parametrize("stand", STANDS.values(), ids=STANDS)
def test_nonsense_changes_nothing_in_any_phase_and_is_answered_once(stand: Callable[[], Story]) -> None:
    world, undisturbed = stand(), stand()
    told = len(world.told)
    for verb in VERBS:
        world.say(verb, f"nonsense {verb}")
    for story in (world, undisturbed):
        story.play(5)
        mend(story)
        story.play(150)
    assert (world.headline(), world.applied_images) == (undisturbed.headline(), undisturbed.applied_images)
    assert outcomes(world) == outcomes(undisturbed)
    assert [getattr(handled(world), verb) for verb in VERBS] == [f"nonsense {verb}" for verb in VERBS]
    answers = [event.message for event in world.told[told:] if event.reason == "VerbRefused"]
    assert len(answers) == len(VERBS)
    assert all(" was not carried out: it must be " in text for text in answers)


@pytest.mark.parametrize(("verb", "text"), VERBS.items(), ids=VERBS)
@pytest.mark.parametrize("stand", STANDS.values(), ids=STANDS)
def test_every_verb_is_handled_once_however_often_one_looks(stand: Callable[[], Story], verb: str, text: str) -> None:
    world = stand()
    world.say(verb, text)
    world.play(5)
    mend(world)
    world.play(150)
    assert getattr(handled(world), verb) == text
    deeds, told = list(world.deeds), len(world.told)
    world.say(verb, text)
    world.restart()
    for _ in range(5):
        world.time += timedelta(seconds=1)
        world.settle()
    assert (world.deeds, len(world.told)) == (deeds, told)


KILLED: dict[str, tuple[str, str, str]] = {
    "abort of a build": ("Building", "abort", "3"),
    "abort of a migration": ("Migrating", "abort", "3"),
    "abort of a rollout": ("Deploying", "abort", "3"),
    "rollbackTo during a build": ("Building", "rollback_to", "2"),
    "rollbackTo during a migration": ("Migrating", "rollback_to", "2"),
    "rollbackTo during the watch": ("Verifying", "rollback_to", "2"),
    "rollbackTo an older one during the watch": ("Verifying", "rollback_to", "1"),
    "rollbackTo during a rollback": ("RollingBack", "rollback_to", "1"),
    "rollbackTo after a failure": ("Failed where it stands", "rollback_to", "2"),
    "rollbackTo while live": ("Live", "rollback_to", "1"),
    "rollbackTo what is live, with another image in its place": (
        "Blocked by another image while live",
        "rollback_to",
        "2",
    ),
    "an override of what stops the release": ("Blocked by the quarantine", "override", "{three} fine"),
}


def asked_in(stand: str, verb: str, text: str) -> Story:
    world = STANDS[stand]()
    world.say(verb, text.format(three=commit_id("three")))
    return world


def play_to_the_end(world: Story) -> None:
    world.play_through_death(5)
    mend(world)
    world.play_through_death(150)


@cache
def without_a_death(stand: str, verb: str, text: str) -> Story:
    """What comes of it undisturbed, to compare with."""
    world = asked_in(stand, verb, text)
    play_to_the_end(world)
    return world


@pytest.mark.parametrize(("deed", "after"), [(1, False), (1, True), (2, False), (2, True)])
@pytest.mark.parametrize(("stand", "verb", "text"), KILLED.values(), ids=KILLED)
def test_an_operator_that_dies_in_the_middle_of_a_verb_comes_to_the_same_end(
    stand: str, verb: str, text: str, deed: int, *, after: bool
) -> None:
    world, undisturbed = asked_in(stand, verb, text), without_a_death(stand, verb, text)
    world.dies_at(deed, after=after)
    play_to_the_end(world)
    assert world.kill_in is None, "it has died"
    assert (world.headline(), carried(world)) == (undisturbed.headline(), carried(undisturbed))
    assert outcomes(world) == outcomes(undisturbed)
    assert world.hooks.runs == undisturbed.hooks.runs
    assert world.hooks.jobs.keys() == undisturbed.hooks.jobs.keys(), "what was stopped is stopped"
    assert handled(world) == handled(undisturbed)


# --- abort --------------------------------------------------------------------------------------------------------------


def test_an_abort_while_building_stops_the_build_and_leaves_the_deployment_alone() -> None:
    world = third("Building")
    before = carried(world)
    three = world.branches["refs/heads/master"]
    world.say("abort", "3")
    world.play(60)
    assert world.headline() == ("Failed", "Aborted")
    assert world.message == f"Release 3 ({three[:12]}) was given up, as ada has asked. The Deployment was not touched."
    assert (world.last.number, world.last.outcome, world.last.message) == (3, Outcome.Aborted, world.message)
    assert f"cancel {three[:7]}" in world.deeds
    assert world.status.stopping == ()
    assert (carried(world), world.status.quarantine) == (before, ())
    assert (world.told[-1].reason, world.told[-1].warning, world.told[-1].message) == ("Aborted", False, world.message)


def test_an_aborted_build_that_somebody_else_waits_for_goes_on() -> None:
    world = third("Building")
    world.waited_for_elsewhere = frozenset(world.branches.values())
    world.say("abort", "3")
    world.play(5)
    assert world.headline() == ("Failed", "Aborted")
    assert not [deed for deed in world.deeds if deed.startswith("cancel")]


def test_an_abort_of_what_waits_for_its_build_needs_no_build_stopped() -> None:
    world = begun()
    world.registry_is_down = True
    world.release("three", seconds=5)
    assert world.headline() == ("Building", "RegistryUnreachable")
    world.say("abort", "3")
    world.play(5)
    assert world.headline() == ("Failed", "Aborted")
    assert world.status.stopping == ()


def test_an_abort_while_the_migration_runs_stops_it_and_says_what_to_look_at() -> None:
    world = third("Migrating", hooks=HOOKS)
    world.say("abort", "3")
    world.play(60)
    assert world.headline() == ("Failed", "Aborted")
    assert "Its preDeploy hook was stopped in the middle: look at the database." in world.message
    assert "The Deployment was not touched." in world.message
    assert [deed for deed in world.deeds if deed.startswith("stop")] == [f"stop {world.hooks.runs[-1]}"]
    assert world.the_site.applied == 2


@pytest.mark.parametrize("phase", ["Deploying", "Verifying"])
def test_an_abort_after_the_deployment_was_changed_goes_back_without_a_quarantine(phase: str) -> None:
    world = third(phase)
    three = world.branches["refs/heads/master"]
    world.say("abort", "3")
    world.play(1)
    assert world.headline() == ("RollingBack", "Aborted")
    world.play(60)
    assert world.headline() == ("Failed", "Aborted")
    assert f"Release 3 ({three[:12]}) was given up, as ada has asked" in world.message
    assert (world.last.number, world.last.outcome, world.last.blame) == (3, Outcome.Aborted, None)
    assert (world.the_site.image, world.running.number) == (world.running.image, 2)
    assert world.status.quarantine == ()
    events = [event for event in world.told if event.reason == "Aborted"]
    assert len(events) == 2, "one when somebody asks, one when it is done"
    assert not any(event.warning for event in events)


def test_the_commit_of_an_aborted_release_can_be_asked_for_again() -> None:
    world = third("Building")
    world.say("abort", "3")
    world.play(5)
    world.ask("master")
    world.play(150)
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 4)


def test_an_abort_while_somebody_elses_image_is_there_leaves_it_there() -> None:
    world = meddled("Deploying")
    before = carried(world)
    world.say("abort", "3")
    world.play(60)
    assert world.headline()[1] == "ImageOverridden"
    assert (world.last.outcome, carried(world)) == (Outcome.Aborted, before)
    assert "was given up, as ada has asked" in world.last.message
    assert '"kubectl-edit" has set the image' in world.message


def test_an_abort_with_no_good_image_left_stays_where_it_is_and_says_so() -> None:
    world = third("Verifying")
    good = {f"sha256:{world.image_of(entry.commit)[-64:]}" for entry in world.status.history}
    world.images = {tag: digest for tag, digest in world.images.items() if digest not in good}
    before = carried(world)
    world.say("abort", "3")
    world.play(60)
    assert world.headline() == ("Failed", "MissingRollbackTarget")
    assert (world.last.outcome, carried(world)) == (Outcome.Aborted, before)
    assert "there is no good image to go back to: the Deployment stays as it is" in world.message


def test_what_is_asked_for_together_with_an_abort_that_changes_nothing_is_heard_right_after_it() -> None:
    world = third("Verifying")
    world.images.clear()
    world.say("abort", "3")
    world.say("rollback_to", "99")
    world.settle()
    assert world.last.outcome is Outcome.Aborted
    assert handled(world).rollback_to == "99"


def test_an_abort_of_the_first_release_goes_back_to_what_was_found() -> None:
    world = Story()
    world.push("master", "one")
    world.ask("master")
    world.play_until("Verifying")
    world.say("abort", "1")
    world.play(60)
    assert world.headline() == ("Failed", "Aborted")
    assert world.the_site.image == FOUND_IMAGE


def test_an_abort_of_what_the_quarantine_stops_ends_it() -> None:
    world = quarantined()
    world.say("abort", "4")
    world.play(5)
    assert world.headline() == ("Failed", "Aborted")
    assert world.last.number == 4


# --- rollbackTo ---------------------------------------------------------------------------------------------------------


def test_rollback_to_an_older_release_takes_its_image_without_a_build_and_quarantines_what_it_leaves() -> None:
    world = begun(hooks=HOOKS)
    one, two = (world.status.history[1].commit, world.status.history[0].commit)
    builds, hooks = list(world.builds_started), list(world.hooks.runs)
    world.say("rollback_to", "1")
    world.play(60)
    assert world.headline() == ("Live", "Succeeded")
    assert (world.running.number, world.running.commit, world.running.image) == (3, one, world.image_of(one))
    assert (world.current.image_of, world.last.requested_by, world.current.ref) == (1, "ada", "rollbackTo 1")
    assert (world.builds_started, world.hooks.runs) == (builds, hooks)
    assert "with the image of release 1" in world.message
    entry = world.status.quarantine[0]
    assert (entry.commit, entry.reason, entry.release) == (two, "RollbackRequested", 2)
    event = next(event for event in world.told if event.reason == "RollbackRequested")
    assert event.message == f"Release 3 takes the image of release 1 ({one[:12]}) again, as ada has asked."
    world.ask("master")
    world.play(10)
    assert world.headline() == ("Blocked", "CommitQuarantined")


@pytest.mark.parametrize("phase", ["Deploying", "Verifying"])
def test_rollback_to_what_is_live_during_a_rollout_keeps_its_pods(phase: str) -> None:
    world = third(phase)
    three, kept = world.branches["refs/heads/master"], {pod.name for pod in world.the_site.pods if pod.release == 2}
    world.say("rollback_to", "2")
    world.play(60)
    assert world.headline() == ("RolledBack", "RollbackRequested")
    assert (world.last.number, world.last.outcome, world.last.blame) == (3, Outcome.RolledBack, Blame.Release)
    assert kept <= {pod.name for pod in world.the_site.pods}
    assert [(entry.commit, entry.reason) for entry in world.status.quarantine] == [(three, "RollbackRequested")]
    assert (world.running.number, world.the_site.applied) == (2, 2)


def test_rollback_to_an_older_one_during_a_rollout_replaces_it() -> None:
    world = third("Verifying")
    one, three = world.status.history[1].commit, world.branches["refs/heads/master"]
    world.say("rollback_to", "1")
    world.play(60)
    assert world.headline() == ("Live", "Succeeded")
    assert outcomes(world)[:2] == [(4, "Succeeded", "Succeeded"), (3, "Superseded", "Superseded")]
    assert (world.running.number, world.running.commit) == (4, one)
    assert [entry.commit for entry in world.status.quarantine] == [three]


def test_rollback_to_what_runs_gives_up_a_release_that_has_touched_nothing_yet() -> None:
    world = third("Building")
    before, three = carried(world), world.branches["refs/heads/master"]
    world.say("rollback_to", "2")
    world.play(60)
    assert world.headline() == ("Failed", "Aborted")
    assert f"Release 3 ({three[:12]}) was given up, since ada wants release 2" in world.message
    assert f"cancel {three[:7]}" in world.deeds
    assert (carried(world), world.status.quarantine) == (before, ())


def test_rollback_to_what_runs_already_changes_nothing_and_says_so() -> None:
    world = begun()
    before, two = carried(world), world.running.commit
    assert two
    world.say("rollback_to", "2")
    world.play(60)
    assert world.headline() == ("Live", "Succeeded")
    assert (carried(world), world.status.quarantine) == (before, ())
    assert (
        world.told[-1].message
        == f"Release 2 ({two[:12]}) runs already, so nothing was changed. It was asked for by ada."
    )


def test_rollback_to_what_is_live_takes_it_back_from_somebody_elses_hand_and_quarantines_nothing() -> None:
    world = meddled("Live")
    image = world.running.image
    world.say("rollback_to", "2")
    world.play(60)
    assert world.headline() == ("Live", "Succeeded")
    assert (world.the_site.image, world.running.image, world.status.quarantine) == (image, image, ())


def test_rollback_to_an_older_release_does_not_blame_what_ran_for_somebody_elses_image() -> None:
    world = third("Failed", Behaviour.DoesNotBuild)
    one = world.status.history[2].commit
    world.set_image_by_hand("registry.example.com/drumeo:meddled")
    world.play(2)
    world.say("rollback_to", "1")
    world.play(60)
    assert (world.headline(), world.running.commit, world.status.quarantine) == (("Live", "Succeeded"), one, ())


def test_rollback_to_while_a_migration_runs_waits_for_its_end_and_then_touches_nothing() -> None:
    world = third("Migrating", hooks=HOOKS)
    applied = list(world.applied_images)
    world.say("rollback_to", "2")
    world.play(2)
    assert world.headline()[0] == "Migrating"
    world.play(60)
    assert world.headline() == ("Failed", "Aborted")
    assert world.applied_images == applied
    assert not [deed for deed in world.deeds if deed.startswith("stop")]
    assert world.status.migration is not None, "the database has changed all the same"


def test_rollback_to_while_a_rollback_runs_is_heard_at_its_end() -> None:
    world = rolling_back()
    world.say("rollback_to", "1")
    world.play(3)
    assert world.headline()[0] == "RollingBack"
    world.controller_is_down = False
    world.play(60)
    assert world.headline() == ("Live", "Succeeded")
    assert outcomes(world)[:2] == [(4, "Succeeded", "Succeeded"), (3, "RolledBack", "CrashLoopBackOff")]
    assert world.current.image_of == 1


def test_rollback_to_mends_a_release_that_stands_failed_with_the_pods_that_ran_before() -> None:
    world = standing()
    assert 'set the annotation brandrelease.dev/rollbackTo to "2"' in world.message
    kept = {pod.name for pod in world.the_site.pods if pod.release == 2}
    world.say("rollback_to", "2")
    world.play(60)
    assert world.headline() == ("RolledBack", "RollbackRequested")
    assert f": Release 3 ({commit_id('three')[:12]}) had ended Failed (CrashLoopBackOff): Container " in world.message
    assert "PHP Fatal error: something is wrong. It was left, as ada has asked. Commit " in world.message
    assert "Not rolled back" not in world.message, "that advice was followed"
    assert outcomes(world)[:2] == [(3, "RolledBack", "RollbackRequested"), (2, "Succeeded", "Succeeded")]
    assert kept <= {pod.name for pod in world.the_site.pods}


@pytest.mark.parametrize("phase", ["Deploying", "Verifying", "Failed"])
def test_rollback_to_number_0_restores_what_was_found_at_adoption(phase: str) -> None:
    world = Story(rollback=MANUAL)
    world.push("master", "one", Behaviour.Crashes if phase == "Failed" else Behaviour.Good)
    world.ask("master")
    world.play_until(phase)
    world.say("rollback_to", "0")
    world.play(60)
    assert world.headline() == ("RolledBack", "RollbackRequested")
    assert world.the_site.image == FOUND_IMAGE


def test_rollback_to_a_release_whose_image_fails_now_stands_and_is_not_rolled_back() -> None:
    world = begun()
    world.behaviours[world.status.history[1].commit] = Behaviour.Crashes
    world.say("rollback_to", "1")
    world.play(60)
    assert world.headline() == ("Failed", "RollbackFailed")
    assert "a rollback is not rolled back" in world.message
    assert 'set the annotation brandrelease.dev/rollbackTo to "2"' in world.message
    assert world.the_site.applied == 3


def test_what_the_message_of_a_rollback_that_failed_advises_can_be_done() -> None:
    world = begun()
    two = world.status.history[0].commit
    world.behaviours[world.status.history[1].commit] = Behaviour.Crashes
    world.say("rollback_to", "1")
    world.play(60)
    world.say("override", f"{two[:12]} the other one is worse")
    world.play(5)
    world.say("rollback_to", "2")
    world.play(60)
    assert world.headline()[0] in {"RolledBack", "Live"}
    assert (world.the_site.image, world.running.commit) == (world.image_of(two), two)


def test_going_forward_again_after_a_rollback_quarantines_nothing_that_everything_is_built_on() -> None:
    world = begun()
    two = world.status.history[0].commit
    world.say("rollback_to", "1")
    world.play(60)
    world.say("override", f"{two[:12]} it was not to blame")
    world.play(5)
    world.say("rollback_to", "2")
    world.play(60)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), two)
    assert world.status.quarantine == ()
    world.release("three", mends=False)
    assert world.headline() == ("Live", "Succeeded")


def test_while_the_registry_does_not_answer_rollback_to_is_carried_out_all_the_same() -> None:
    world = begun()
    world.registry_is_down = True
    world.say("rollback_to", "1")
    world.play(60)
    assert world.headline() == ("Live", "Succeeded")


def test_a_release_that_was_gone_back_to_can_be_named_by_its_own_number() -> None:
    world = begun()
    one = world.status.history[1].commit
    world.say("rollback_to", "1")
    world.play(60)
    world.push("master", "four", mends=True)
    world.ask("master")
    world.play(100)
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 4)
    world.say("rollback_to", "3")
    world.play(60)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), one)


# --- override -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [12, 20, 40])
def test_an_override_lets_the_release_go_on_that_was_stopped(length: int) -> None:
    world = quarantined()
    three = world.branches["refs/heads/master"]
    world.behaviours[three] = Behaviour.Good
    world.say("override", f"  {three[:length].upper()}   the database was down ")
    world.play(1)
    assert world.headline()[0] != "Blocked"
    told = world.announced[-1]
    assert (told.reason, told.warning) == ("CommitOverridden", False)
    assert told.message == (
        f"Commit {three[:12]} is let through: the database was down (somebody); the release that it had stopped goes on."
    )
    world.play(100)
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 4)
    assert world.last.override == "the database was down (somebody)"


def test_an_override_is_told_with_who_has_asked() -> None:
    world = named_bob(quarantined())
    three = world.branches["refs/heads/master"]
    world.say("override", f"{three} fine")
    world.play(2)
    assert world.current.override == "fine (bob)"


def test_an_override_that_comes_with_the_request_is_heard_after_it() -> None:
    world = third("RolledBack", Behaviour.Crashes)
    three = world.branches["refs/heads/master"]
    world.behaviours[three] = Behaviour.Good
    world.say("override", f"{three[:12]} the database was down")
    world.ask("master")
    world.play(100)
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 4)


def test_an_override_of_a_descendant_that_comes_with_its_request_is_heard_after_it() -> None:
    world = third("RolledBack", Behaviour.Crashes)
    fix = world.push("master", "mended by hand")
    world.say("override", f"{fix[:12]} mended by hand")
    world.ask("master")
    world.play(100)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), fix)
    assert answer(world) == ""


def test_an_override_of_another_commit_does_not_let_the_stopped_release_go_on() -> None:
    world = third("RolledBack", Behaviour.Crashes)
    three = world.branches["refs/heads/master"]
    world.say("override", f"{three} fine")
    world.play(2)
    world.release("four", Behaviour.OutOfMemory)
    world.release("five", mends=False, seconds=5)
    assert world.headline() == ("Blocked", "CommitQuarantined")
    world.say("override", f"{three} still fine")
    world.play(20)
    assert world.headline() == ("Blocked", "CommitQuarantined")


# --- verbs that are answered --------------------------------------------------------------------------------------------


def left_for_release_1() -> Story:
    world = begun()
    world.say("rollback_to", "1")
    world.play(60)
    world.say("rollback_to", None)
    world.play(2)
    return world


def without_the_image_of_release_1() -> Story:
    world = begun()
    digest = world.image_of(world.status.history[1].commit).partition("@")[2]
    world.images = {tag: known for tag, known in world.images.items() if known != digest}
    return world


def back_at_what_was_found() -> Story:
    world = Story()
    world.release("one", Behaviour.Crashes)
    world.set_image_by_hand("registry.example.com/drumeo:meddled")
    world.play(2)
    return world


IN_HISTORY = "it must be the number of a release that was live and is still in the history: "
HOW_TO_OVERRIDE = (
    "it must be a commit id of at least 12 characters and the reason, "
    'for example "0123456789ab the fault was the database".'
)
BEGUN_ONE, BEGUN_TWO, THREE = (commit_id(name)[:12] for name in ("one", "two", "three"))

REFUSED: dict[str, tuple[Callable[[], Story], str, str, str]] = {
    "abort with nothing in flight": (
        begun,
        "abort",
        "2",
        "it must be the number of the release in flight. No release is in flight.",
    ),
    "abort of another release": (
        STANDS["Building"],
        "abort",
        "2",
        "it must be the number of the release in flight. Release 3 is in flight.",
    ),
    "abort of an empty text": (
        STANDS["Building"],
        "abort",
        "",
        "it must be the number of the release in flight. Release 3 is in flight.",
    ),
    "abort of a release that is rolled back": (rolling_back, "abort", "3", "release 3 is being rolled back already."),
    "rollbackTo before anything was released": (nothing_yet, "rollback_to", "1", f"{IN_HISTORY}none."),
    "rollbackTo what was found, long ago": (begun, "rollback_to", "0", f"{IN_HISTORY}2, 1."),
    "rollbackTo a number that never was": (begun, "rollback_to", "99", f"{IN_HISTORY}2, 1."),
    "rollbackTo a huge number": (begun, "rollback_to", "9" * 40, f"{IN_HISTORY}2, 1."),
    "rollbackTo a negative number": (begun, "rollback_to", "-1", f"{IN_HISTORY}2, 1."),
    "rollbackTo words": (begun, "rollback_to", "the one before", f"{IN_HISTORY}2, 1."),
    "rollbackTo a release that failed": (STANDS["RolledBack"], "rollback_to", "3", f"{IN_HISTORY}2, 1."),
    "rollbackTo what is quarantined": (
        left_for_release_1,
        "rollback_to",
        "2",
        (
            f"the commit of release 2 ({BEGUN_TWO}) is quarantined. First set the annotation brandrelease.dev/override "
            f'to "{BEGUN_TWO} <why>", and then the annotation brandrelease.dev/rollbackTo to "2 again".'
        ),
    ),
    "rollbackTo an image that is gone": (
        without_the_image_of_release_1,
        "rollback_to",
        "1",
        f"the registry has lost the image of release 1 ({BEGUN_ONE}) ({Story().image_of(commit_id('one'))}).",
    ),
    "rollbackTo without the Deployment": (
        without_deployment,
        "rollback_to",
        "1",
        'There is no Deployment "drumeo-production-deployment" in namespace "drumeo-production".',
    ),
    "rollbackTo with two containers": (
        with_two_containers,
        "rollback_to",
        "1",
        'Deployment drumeo-production-deployment has the containers "app" and "proxy".',
    ),
    "rollbackTo what was found, after somebody has changed it": (
        back_at_what_was_found,
        "rollback_to",
        "0",
        "what was found at adoption can be gone back to only from a release",
    ),
    "an override with seven characters": (STANDS["RolledBack"], "override", f"{THREE[:7]} fine", HOW_TO_OVERRIDE),
    "an override without a reason": (STANDS["RolledBack"], "override", THREE, HOW_TO_OVERRIDE),
    "an override with blanks for a reason": (STANDS["RolledBack"], "override", f"{THREE}   ", HOW_TO_OVERRIDE),
    "an override of what is not quarantined": (
        STANDS["RolledBack"],
        "override",
        f"{BEGUN_ONE} fine",
        f"no quarantined commit begins with {BEGUN_ONE}, and no release of it waits. Quarantined: {THREE}.",
    ),
    "an override where nothing is quarantined": (
        begun,
        "override",
        f"{BEGUN_ONE} fine",
        f"no quarantined commit begins with {BEGUN_ONE}, and no release of it waits. Quarantined: none.",
    ),
}


@pytest.mark.parametrize(("stand", "verb", "text", "why"), REFUSED.values(), ids=REFUSED)
def test_a_verb_that_cannot_be_carried_out_is_answered_in_the_message_and_by_an_event(
    stand: Callable[[], Story], verb: str, text: str, why: str
) -> None:
    world = stand()
    before, headline, told = carried(world), world.headline(), len(world.announced)
    world.say(verb, text)
    world.settle()
    name = {"rollback_to": "rollbackTo"}.get(verb, verb)
    who = "somebody" if verb == "override" else "ada"
    expected = f'The annotation brandrelease.dev/{name}="{text}" of {who} was not carried out: {why}'
    assert answer(world).startswith(expected)
    assert world.message.endswith(f" {answer(world)}")
    assert [(event.reason, event.message, event.warning) for event in world.announced[told:] if event.warning] == [
        ("VerbRefused", answer(world), True)
    ]
    assert (carried(world), world.headline()) == (before, headline)


def test_a_very_long_annotation_is_answered_in_few_words() -> None:
    world = begun()
    world.say("rollback_to", "x" * 5000)
    world.play(2)
    assert len(answer(world)) <= 500
    assert "x" * 59 + "…" in answer(world)
    deeds = list(world.deeds)
    world.play(100)
    assert world.deeds == deeds


def test_the_answer_is_gone_with_the_next_request() -> None:
    world = begun()
    world.say("rollback_to", "99")
    world.play(2)
    assert "was not carried out" in world.message
    world.ask("master")
    world.play(2)
    assert answer(world) == ""
    assert "was not carried out" not in world.message
    assert handled(world).rollback_to == "99", "it is not answered again"


def test_the_answer_is_gone_with_the_next_verb_that_is_carried_out() -> None:
    world = begun()
    world.say("rollback_to", "99")
    world.play(2)
    world.say("rollback_to", "1")
    world.play(60)
    assert world.headline() == ("Live", "Succeeded")
    assert "was not carried out" not in world.message


def test_a_release_that_fails_in_the_pass_that_refuses_a_rollback_to_is_rolled_back_as_ever() -> None:
    seconds = 0
    undisturbed = third("Deploying", Behaviour.Crashes)
    while undisturbed.status.phase == "Deploying":
        undisturbed.play(1)
        seconds += 1
    for text in ("nonsense", "99", "2"):
        world = third("Deploying", Behaviour.Crashes)
        world.play(seconds - 1)
        world.tick()
        world.say("rollback_to", text)
        world.settle()
        assert world.headline()[0] == "RollingBack"
        carried_out, refused = [Reason.RollbackRequested], [Reason.VerbRefused, Reason.CrashLoopBackOff]
        assert [event.reason for event in world.announced] == (carried_out if text == "2" else refused)
        world.play(100)
        assert (world.headline()[0], world.the_site.applied) == ("RolledBack", 2)


def test_a_verb_that_is_refused_does_not_hold_up_what_the_release_has_to_do() -> None:
    world = third("Building")
    world.tick(60)
    world.say("rollback_to", "nonsense")
    world.one_pass()
    assert "was not carried out" in answer(world)
    assert world.the_site.applied == 3, "the image is there, and the Deployment is changed in the same pass"


# --- wishes that come again, and together -------------------------------------------------------------------------------


def test_the_same_wish_taken_away_and_set_again_is_a_new_one() -> None:
    world = begun()
    for _ in range(2):
        world.say("rollback_to", "2")
        world.play(3)
        world.say("rollback_to", None)
        world.play(3)
    assert [event.reason for event in world.told].count(Reason.RollbackRequested) == 2
    assert handled(world) == HandledRequest(ref="master", requested_at=world.requested_at)


def test_a_request_that_is_taken_away_asks_for_nothing_and_set_again_is_a_new_one() -> None:
    """As GitOps tools do it to an annotation that is not in Git: what was pushed meanwhile is not released by that."""
    world = begun()
    text, two = world.requested_at, world.running.commit
    three = world.push("master", "three")
    world.requested_at, world.version = None, world.version + 1
    world.play(60)
    assert (world.running.commit, world.headline()) == (two, ("Live", "Succeeded"))
    assert handled(world) == HandledRequest(ref="master")
    world.requested_at, world.version = text, world.version + 1
    world.play(60)
    assert (world.running.commit, world.headline()) == (three, ("Live", "Succeeded"))


def test_a_request_that_is_taken_away_after_a_rollback_leaves_it_rolled_back() -> None:
    world = begun()
    world.say("rollback_to", "1")
    world.play(60)
    deeds = len(world.deeds)
    world.requested_at, world.version = None, world.version + 1
    world.play(60)
    assert [deed for deed in world.deeds[deeds:] if deed != "status"] == []
    assert (world.running.number, world.headline()) == (3, ("Live", "Succeeded"))


def test_the_same_number_with_other_words_behind_it_is_a_new_wish() -> None:
    world = begun()
    for text in ("2", "2 please", "2 please"):
        world.say("rollback_to", text)
        world.play(3)
    assert [event.reason for event in world.told].count(Reason.RollbackRequested) == 2


def test_an_abort_is_not_said_of_the_release_after_it() -> None:
    world = third("Building")
    world.say("abort", "3")
    world.play(5)
    world.ask("master")
    world.play(100)
    assert (world.headline(), world.running.number) == (("Live", "Succeeded"), 4)


def test_abort_and_rollback_to_at_once_are_both_carried_out_one_after_the_other() -> None:
    world = third("Verifying")
    world.say("abort", "3")
    world.say("rollback_to", "1")
    world.play(100)
    assert world.headline() == ("Live", "Succeeded")
    assert outcomes(world)[:2] == [(4, "Succeeded", "Succeeded"), (3, "Aborted", "Aborted")]
    assert world.current.image_of == 1


def test_abort_and_a_new_request_at_once_give_the_old_release_up_and_begin_the_new_one() -> None:
    world = third("Building")
    world.say("abort", "3")
    world.release("four")
    assert world.headline() == ("Live", "Succeeded")
    assert outcomes(world)[:2] == [(4, "Succeeded", "Succeeded"), (3, "Aborted", "Aborted")]


def test_rollback_to_answers_a_request_that_comes_with_it() -> None:
    world = begun()
    one = world.status.history[1].commit
    world.say("rollback_to", "1")
    world.push("other", "elsewhere")
    world.ask("other")
    world.play(150)
    assert world.headline() == ("Live", "Succeeded")
    assert outcomes(world)[0] == (3, "Succeeded", "Succeeded")
    assert world.running.commit == one, "whoever sets it means that this image shall run"
    assert world.message.endswith(
        'The request for "other" that still waited is answered by that; ask again if it is wanted.'
    )
    world.ask("other")
    world.play(150)
    assert world.running.commit == commit_id("elsewhere")


def test_rollback_to_and_an_override_of_its_commit_at_once_are_refused_and_heard() -> None:
    """They are heard in this order, and the answer says what to do first; set again, the rollback is carried out."""
    world = left_for_release_1()
    two = commit_id("two")
    world.say("rollback_to", "2")
    world.say("override", f"{two[:12]} it was good after all")
    world.play(5)
    assert (handled(world).rollback_to, handled(world).override) == ("2", f"{two[:12]} it was good after all")
    world.say("rollback_to", "2 now")
    world.play(60)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), two)


def test_all_verbs_at_once_come_to_an_end() -> None:
    world = third("Verifying")
    world.say("abort", "3")
    world.say("rollback_to", "1")
    world.say("override", f"{commit_id('three')} fine")
    world.ask("master")
    world.play(200)
    deeds = list(world.deeds)
    world.play(100)
    assert world.deeds == deeds
    assert [getattr(handled(world), verb) for verb in VERBS] == ["3", "1", f"{commit_id('three')} fine"]


def test_while_suspended_no_verb_is_heard_and_afterwards_every_one() -> None:
    world = suspended()
    world.say("abort", "3")
    world.play(60)
    assert (world.headline()[0], handled(world).abort) == ("Suspended", None)
    world.suspend(on=False)
    world.play(5)
    assert world.headline() == ("Failed", "Aborted")


# --- who asks -----------------------------------------------------------------------------------------------------------


def named_bob(world: Story) -> Story:
    """From now on every field of the object was written last by bob, whose name is long."""
    brand_release = world.brand_release

    async def by_bob(namespace: str, name: str) -> BrandRelease | None:
        release = await brand_release(namespace, name)
        names = ("spec.ref", *(f"brandrelease.dev/{verb}" for verb in ("rollbackTo", "abort", "override")))
        return release and release.model_copy(update={"managers": dict.fromkeys(names, "bob")})

    world.brand_release = by_bob  # type: ignore[method-assign]
    return world


def test_who_asked_is_in_the_history() -> None:
    world = named_bob(begun())
    world.push("master", "three")
    world.ask("master")
    world.play_until("Building")
    world.say("abort", "3")
    world.play(5)
    world.say("rollback_to", "1")
    world.play(60)
    again, aborted = world.status.history[:2]
    assert (aborted.number, aborted.requested_by) == (3, "bob")
    assert "as bob has asked" in aborted.message
    assert (again.number, again.requested_by) == (4, "bob")
    assert world.status.history[-1].requested_by == "kubectl"


def wanting(status: BrandReleaseStatus, **verbs: str) -> BrandRelease:
    """A BrandRelease of which nobody knows who has written it."""
    return BrandRelease(
        name="drumeo",
        namespace="drumeo-production",
        uid="uid",
        generation=1,
        resource_version="1",
        created_at=NOW,
        requested_at=None,
        spec=BrandReleaseSpec(brand="drumeo", environment="production", ref="master"),
        status=status,
        **verbs,
    )


def test_a_verb_whose_author_is_unknown_is_somebodys() -> None:
    verb = unheard(wanting(BrandReleaseStatus(), abort="3"))
    assert verb is not None
    assert (verb.who, verb.field, verb.number) == ("somebody", "abort", 3)


def test_an_override_is_heard_only_when_the_request_was_looked_at() -> None:
    fresh, looked_at = BrandReleaseStatus(), BrandReleaseStatus(last_handled=HandledRequest(ref="master"))
    assert unheard(wanting(fresh, override="x")) is None
    assert unheard(wanting(looked_at, override="x")) is not None


def test_where_nothing_was_ever_asked_nothing_is_taken_away() -> None:
    assert taken_away(wanting(BrandReleaseStatus())) == BrandReleaseStatus()


# --- while something is down --------------------------------------------------------------------------------------------


def test_rollback_to_needs_no_git_and_answers_a_request_that_waits_for_it() -> None:
    world = begun()
    one = world.status.history[1].commit
    world.git_is_down = True
    world.push("other", "three")
    world.ask("other")
    world.play(2)
    assert world.headline() == ("Blocked", "SourceUnreachable")
    world.say("rollback_to", "1")
    world.play(60)
    assert (world.running.number, world.running.commit) == (3, one)
    assert world.headline() == ("Live", "Succeeded")
    world.git_is_down = False
    world.play(200)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), one), "the newest wish counts"


def test_an_abort_needs_no_git_either() -> None:
    world = third("Verifying")
    world.git_is_down = True
    world.say("abort", "3")
    world.play(60)
    assert (world.headline(), world.the_site.applied) == (("Failed", "Aborted"), 2)


@pytest.mark.parametrize("phase", ["Building", "Deploying", "Verifying"])
def test_a_verb_is_heard_though_the_cluster_refuses_what_the_release_does(phase: str) -> None:
    world = third(phase)
    world.refusal = Refusal(Reason.DeploymentRefused, "A webhook refuses it.")
    world.say("abort", "3")
    world.play(100)
    world.refusal = None
    world.play(150)
    assert world.headline() == ("Failed", "Aborted")
    assert world.the_site.applied == 2


@pytest.mark.parametrize("ref", ["master", "no-such-branch"])
def test_a_wish_that_is_taken_away_with_the_next_request_is_forgotten_in_the_same_pass(ref: str) -> None:
    world = begun()
    world.say("rollback_to", "99")
    world.play(2)
    world.say("rollback_to", None)
    world.ask(ref)
    world.settle()
    assert handled(world).rollback_to is None
    deeds = list(world.deeds)
    world.settle()
    assert world.deeds == deeds


def test_the_last_words_of_a_release_are_told_also_when_somebody_asks_for_something_in_the_same_moment() -> None:
    """The Event of a failure has the end of the log; the one of the next phase has not."""
    for moment in range(8, 14):
        world = Story()
        world.release("one")
        bad = world.release("bad", Behaviour.Crashes)
        world.push("master", "later", Behaviour.CrashesLater, mends=True)
        world.ask("master")
        world.play_until("Verifying")
        world.tick(moment)
        world.say("override", f"{bad} it was the database")
        world.play(60)
        told = [event.message for event in world.told if event.reason == "CrashLoopBackOff" and "\n" in event.message]
        assert len(told) == 2, moment
