"""Hooks: the migration before the Deployment is touched, and the hook beside the watch, each run once for a release."""

from collections.abc import Callable

import pytest

from brandrelease.apis.brandrelease import Blame, Outcome
from brandrelease.apis.conditions import ConditionType
from brandrelease.apis.progress import HookProgress
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import HookOrder
from brandrelease.core.snapshot import Refusal
from brandrelease.ports import Refused
from support.simulation import HOOK_SECONDS, KEY, SOAK, Behaviour, Killed, SimulatedHooks, brand
from support.story import Story

PRE = {"preDeploy": {"command": ["php", "artisan", "migrate"], "timeoutSeconds": 120}}
POST = {"postDeploy": {"command": ["php", "artisan", "cache:warm"]}}
BOTH = PRE | POST


REFUSED = Refusal(Reason.HookNotStarted, "The API server refuses the hook's Job: a quota is used up.")


class RefusedHooks(SimulatedHooks):
    """The API server takes no Jobs."""

    async def start(self, order: HookOrder) -> None:
        raise Refused(REFUSED)


class KillingHooks(SimulatedHooks):
    """The operator dies as soon as it has made a Job."""

    async def start(self, order: HookOrder) -> None:
        await super().start(order)
        raise Killed


@pytest.fixture
def world(quiet: None) -> Story:
    return Story(hooks=BOTH)


@pytest.fixture
def live(quiet: None) -> Story:
    """Release 1 is live, and release 2 will be the first with a migration."""
    story = Story()
    story.release("one")
    story.the_brand = brand(hooks=PRE)
    assert story.headline() == ("Live", "Succeeded")
    return story


def pre_deploy(world: Story) -> HookProgress:
    assert world.current.hooks is not None
    assert world.current.hooks.pre_deploy is not None
    return world.current.hooks.pre_deploy


def unsafe(world: Story) -> bool:
    return any(each.type is ConditionType.RollbackUnsafe and each.status == "True" for each in world.status.conditions)


def in_the_migration(world: Story, name: str = "two", behaviour: Behaviour = Behaviour.Good) -> str:
    """The hook of a new release runs."""
    commit = world.push("master", name, behaviour)
    world.ask("master")
    world.play_until("Migrating")
    world.play(2)
    assert world.hooks.jobs[pre_deploy(world).job][0].commit == commit
    return commit


# --- the migration before the Deployment is touched ---------------------------------------------------------------------


def test_the_migration_runs_from_the_new_image_before_the_deployment_is_touched(world: Story) -> None:
    commit = world.release("one")
    assert world.phases() == ["Building", "Migrating", "Deploying", "Verifying", "Live"]
    assert world.deeds.index("hook preDeploy 1") < world.deeds.index("apply 1") < world.deeds.index("hook postDeploy 1")
    order, _ = world.hooks.jobs[world.hooks.runs[0]]
    assert order == HookOrder(
        namespace=KEY.namespace,
        release_name=KEY.name,
        owner_uid="00000001-uid",
        number=1,
        commit=commit,
        kind="preDeploy",
        deployment="drumeo-production-deployment",
        container="app",
        image=world.image_of(commit),
        command=("php", "artisan", "migrate"),
        timeout_seconds=120,
    )


def test_both_hooks_run_once_and_their_ends_and_logs_are_on_record(world: Story) -> None:
    world.release("one")
    world.play(60)
    assert world.hooks.runs == ["drumeo-1-pre-00000001", "drumeo-1-post-00000001"]
    assert world.current.hooks is not None
    for progress in (world.current.hooks.pre_deploy, world.current.hooks.post_deploy):
        assert progress is not None
        assert progress.finished_at is not None
        assert (progress.succeeded, progress.uid, progress.log_tail) == (True, "hook-uid", "migrated: 1 migration")


def has_died(world: Story) -> bool:
    return world.kill_in is None


def end_of(world: Story) -> tuple[object, ...]:
    """All that may be seen of a release afterwards, but for the times."""
    running = (world.running.number, world.running.commit, world.running.image)
    return world.headline(), running, world.applied_images, world.hooks.runs, world.builds_started, world.the_site.image


@pytest.mark.parametrize("after", [False, True], ids=["just before a deed", "just after a deed"])
def test_wherever_the_operator_dies_the_end_is_the_same_and_each_hook_runs_once(quiet: None, after: bool) -> None:
    undisturbed = Story(hooks=BOTH)
    undisturbed.release("one")
    for deed in range(1, len(undisturbed.deeds) + 1):
        world = Story(hooks=BOTH)
        world.dies_at(deed, after=after)
        world.push("master", "one")
        world.ask("master")
        world.play_through_death(150)
        assert has_died(world)
        assert end_of(world) == end_of(undisturbed), f"killed at deed {deed}"


def test_a_migration_that_fails_leaves_the_deployment_alone_and_blames_nobody(live: Story) -> None:
    applied, image = list(live.applied_images), live.the_site.image
    live.release("two", Behaviour.MigrationFails)
    assert live.headline() == ("Failed", "PreDeployFailed")
    assert "Job drumeo-2-pre-00000001 exited with code 1" in live.message
    assert "its log says: SQLSTATE[42S22]: Column not found. The Deployment was not touched." in live.message
    assert (live.applied_images, live.the_site.image) == (applied, image)
    assert (live.current.blame, live.last.blame, live.current.retry) == (Blame.Unknown, Blame.Unknown, None)
    assert (live.status.quarantine, live.status.migration) == ((), None)
    assert (pre_deploy(live).succeeded, pre_deploy(live).log_tail) == (False, "SQLSTATE[42S22]: Column not found")
    assert [told.reason for told in live.announced] == [Reason.PreDeployFailed]


def test_a_release_whose_migration_failed_is_asked_for_again_and_migrates_under_a_new_number(live: Story) -> None:
    commit = live.release("two", Behaviour.MigrationFails)
    live.behaviours[commit] = Behaviour.Good
    live.ask("master")
    live.play(150)
    assert live.headline() == ("Live", "Succeeded")
    assert live.hooks.runs == ["drumeo-2-pre-00000001", "drumeo-3-pre-00000001"]


def test_a_job_that_is_gone_before_anybody_saw_it_is_made_again(live: Story) -> None:
    live.hooks = KillingHooks(live)
    live.restart()
    with pytest.raises(Killed):
        live.release("two")
    assert live.hooks.runs == ["drumeo-2-pre-00000001"]
    live.hooks = SimulatedHooks(live)
    live.restart()
    live.settle()
    live.play(150)
    assert live.hooks.runs == ["drumeo-2-pre-00000001"]
    assert live.headline() == ("Live", "Succeeded")


def test_a_job_that_is_gone_after_it_was_seen_is_not_made_again_since_nobody_knows_how_far_it_came(live: Story) -> None:
    in_the_migration(live)
    live.hooks.jobs.clear()
    applied = list(live.applied_images)
    live.play(5)
    assert live.headline() == ("Failed", "HookLost")
    assert "Job drumeo-2-pre-00000001 of the preDeploy hook is gone" in live.message
    assert "Look at the database, then ask for the release again. The Deployment was not touched." in live.message
    live.play(200)
    assert live.hooks.runs == ["drumeo-2-pre-00000001"]
    assert (live.applied_images, live.status.quarantine) == (applied, ())


def test_a_hook_that_is_taken_out_of_the_brand_while_it_runs_is_followed_to_its_end(live: Story) -> None:
    in_the_migration(live)
    live.the_brand = brand()
    live.play(HOOK_SECONDS + 1)
    assert pre_deploy(live).succeeded
    assert live.status.migration is not None
    live.play(120)
    assert live.headline() == ("Live", "Succeeded")


def test_a_hook_that_is_taken_out_of_the_brand_while_it_runs_still_fails_the_release(live: Story) -> None:
    in_the_migration(live, behaviour=Behaviour.MigrationFails)
    live.the_brand = brand()
    live.play(HOOK_SECONDS + 1)
    assert live.headline() == ("Failed", "PreDeployFailed")


def test_a_hook_that_is_taken_out_of_the_brand_before_its_job_was_made_is_not_run(live: Story) -> None:
    live.hooks = RefusedHooks(live)
    live.restart()
    live.release("two", seconds=40)
    assert live.headline() == ("Blocked", "HookNotStarted")
    live.hooks, live.the_brand = SimulatedHooks(live), brand()
    live.restart()
    live.play(120)
    assert live.headline() == ("Live", "Succeeded")
    assert live.hooks.runs == []
    assert live.current.hooks is None or live.current.hooks.pre_deploy is None
    assert live.status.migration is None


def test_a_job_that_the_cluster_refuses_is_told_tried_again_and_runs_once_it_may(live: Story) -> None:
    applied = list(live.applied_images)
    live.hooks = RefusedHooks(live)
    live.restart()
    live.release("two", seconds=40)
    assert (live.headline(), live.message) == (("Blocked", "HookNotStarted"), REFUSED.message)
    quiet = len(live.deeds)
    live.play(600, step=5)
    assert len(live.deeds) == quiet
    assert live.applied_images == applied
    live.hooks = SimulatedHooks(live)
    live.restart()
    live.play(200)
    assert live.hooks.runs == ["drumeo-2-pre-00000001"]
    assert live.headline() == ("Live", "Succeeded")


# --- people, while a migration runs -------------------------------------------------------------------------------------


def test_a_request_during_a_migration_waits_for_its_end_and_then_the_older_commit_is_not_deployed(live: Story) -> None:
    second = in_the_migration(live)
    live.push("master", "three", Behaviour.Crashes)
    live.ask("master")
    live.play(1)
    assert live.headline() == ("Migrating", "Migrating"), "a migration is not interrupted"
    live.play_until("Building")
    assert live.status.migration is not None
    assert live.status.migration.release == 2
    assert unsafe(live), "the database is changed, whoever's commit runs"
    assert (live.last.number, live.last.outcome) == (2, Outcome.Superseded)
    live.play(150)
    assert live.image_of(second) not in [image for _, image in live.applied_images]
    assert live.headline() == ("Failed", "CrashLoopBackOff")
    assert "Not rolled back: the preDeploy hook of release 3 changed the database" in live.message


def test_a_request_that_waits_for_a_migration_to_fail_is_served_afterwards(live: Story) -> None:
    in_the_migration(live, behaviour=Behaviour.MigrationFails)
    third = live.push("master", "three")
    live.ask("master")
    live.play(200)
    assert live.headline() == ("Live", "Succeeded")
    assert (live.running.number, live.running.commit) == (3, third)
    assert [entry.outcome for entry in live.status.history[:2]] == [Outcome.Succeeded, Outcome.Failed]


def test_the_same_commit_asked_for_again_during_its_migration_is_deployed_once_and_migrates_once(live: Story) -> None:
    in_the_migration(live)
    live.ask("master")
    live.play(150)
    assert live.headline() == ("Live", "Succeeded")
    assert (live.running.number, live.hooks.runs) == (2, ["drumeo-2-pre-00000001"])


def test_a_migration_goes_on_while_suspended_and_its_end_is_seen_when_resumed(live: Story) -> None:
    in_the_migration(live)
    live.suspend(on=True)
    live.play(1)
    quiet = len(live.deeds)
    live.play(600, step=5)
    assert live.headline() == ("Suspended", "Suspended")
    assert len(live.deeds) == quiet
    assert not unsafe(live), "nothing was looked at"
    live.suspend(on=False)
    live.play(1)
    assert unsafe(live)
    live.play(100)
    assert live.headline() == ("Live", "Succeeded")
    assert live.hooks.runs == ["drumeo-2-pre-00000001"]


def test_a_release_given_up_in_its_migration_stops_the_job_and_says_to_look_at_the_database(live: Story) -> None:
    in_the_migration(live)
    applied = list(live.applied_images)
    live.say("abort", "2")
    live.play(100)
    assert live.hooks.jobs == {}
    assert live.headline() == ("Failed", "Aborted")
    assert "Its preDeploy hook was stopped in the middle: look at the database." in live.message
    assert (live.last.outcome, live.applied_images) == (Outcome.Aborted, applied)


def test_a_deployment_that_is_deleted_during_a_migration_is_waited_for_and_the_hook_runs_once(live: Story) -> None:
    in_the_migration(live)
    site, live.site = live.site, None
    live.play(20)
    assert live.headline() == ("Blocked", "DeploymentNotFound")
    live.site = site
    live.play(200)
    assert live.headline() == ("Live", "Succeeded")
    assert live.hooks.runs == ["drumeo-2-pre-00000001"]


# --- after a migration --------------------------------------------------------------------------------------------------

AFTER = {
    "Hold, which is the default": (None, "Failed"),
    "Hold, as it says": ("Hold", "Failed"),
    "Rollback": ("Rollback", "RolledBack"),
}


@pytest.mark.parametrize(("policy", "phase"), AFTER.values(), ids=AFTER)
def test_what_a_bad_release_leads_to_after_its_migration_is_the_brands_choice(
    live: Story, policy: str | None, phase: str
) -> None:
    live.the_brand = brand(hooks=PRE, **({"rollback": {"afterMigration": policy}} if policy else {}))
    first, bad = live.running, live.release("bad", Behaviour.Crashes)
    assert live.headline() == (phase, "CrashLoopBackOff")
    assert [entry.commit for entry in live.status.quarantine] == [bad]
    held = phase == "Failed"
    assert live.the_site.image == (live.image_of(bad) if held else first.image)
    assert (live.status.migration is not None, unsafe(live)) == (held, held)
    assert live.running == first
    if held:
        assert "Not rolled back: the preDeploy hook of release 2 changed the database" in live.message
        assert (
            f"To go back to release 1 ({first.revision}), set the annotation "
            'brandrelease.dev/rollbackTo to "1"; or release a fixed ref.' in live.message
        )


def test_somebody_decides_to_go_back_after_all_and_the_warning_stays_until_a_new_release_is_live(live: Story) -> None:
    first = live.running
    live.release("bad", Behaviour.Crashes)
    live.say("rollback_to", "1")
    live.play(30)
    assert live.headline() == ("RolledBack", "RollbackRequested")
    assert (live.the_site.image, live.running) == (first.image, first)
    assert (live.status.migration is not None, unsafe(live)) == (True, True)
    live.release("fixed")
    assert live.headline() == ("Live", "Succeeded")
    assert (live.status.migration, unsafe(live)) == (None, False)


def test_the_first_release_ever_holds_after_its_migration_and_names_the_way_to_what_was_found(world: Story) -> None:
    found = world.the_site.image
    commit = world.release("one", Behaviour.Crashes)
    assert world.headline() == ("Failed", "CrashLoopBackOff")
    assert world.the_site.image == world.image_of(commit)
    assert f"To go back to the image found at adoption ({found})" in world.message
    world.say("rollback_to", "0")
    world.play(30)
    assert world.headline() == ("RolledBack", "RollbackRequested")
    assert world.the_site.image == found


def test_a_later_release_without_a_hook_is_held_too_until_one_is_live(live: Story) -> None:
    in_the_migration(live)
    live.push("master", "three", Behaviour.Crashes)
    live.the_brand = brand()
    live.ask("master")
    live.play(200)
    assert live.headline() == ("Failed", "CrashLoopBackOff")
    assert "the preDeploy hook of release 2 changed the database" in live.message


def test_an_older_release_that_is_gone_back_to_runs_no_hooks(live: Story) -> None:
    live.release("two")
    runs, first = list(live.hooks.runs), live.status.history[-1]
    live.say("rollback_to", "1")
    live.play(100)
    assert live.headline() == ("Live", "Succeeded")
    assert (live.the_site.image, live.hooks.runs) == (first.image, runs)


# --- the hook beside the watch ------------------------------------------------------------------------------------------


@pytest.fixture
def warming(quiet: None) -> Story:
    """Release 1 is live, and release 2 will have a postDeploy hook."""
    story = Story()
    story.release("one")
    story.the_brand = brand(hooks=POST)
    return story


def test_the_hook_after_the_change_begins_with_the_watch_and_makes_it_no_longer(warming: Story) -> None:
    plain = Story()
    plain.release("one")
    plain.release("two")
    warming.release("two")
    assert warming.headline() == ("Live", "Succeeded")
    assert warming.running.since == plain.running.since
    assert warming.deeds.index("apply 2") < warming.deeds.index("hook postDeploy 2")


def test_a_release_is_not_live_before_its_hook_has_ended(warming: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("support.simulation.HOOK_SECONDS", SOAK + 40)
    warming.push("master", "two")
    warming.ask("master")
    warming.play_until("Verifying")
    warming.play(SOAK + 30)
    assert warming.headline() == ("Verifying", "Verifying")
    assert "all pods are new. Job drumeo-2-post-00000001 runs." in warming.message
    warming.play(15)
    assert warming.headline() == ("Live", "Succeeded")


def test_a_hook_that_fails_after_the_change_takes_the_release_back_and_quarantines_nothing(warming: Story) -> None:
    first = warming.running
    warming.release("two", Behaviour.MigrationFails)
    assert warming.headline() == ("RolledBack", "PostDeployFailed")
    assert (warming.the_site.image, warming.running, warming.status.quarantine) == (first.image, first, ())
    assert "The postDeploy hook has failed: Job drumeo-2-post-00000001 exited with code 1" in warming.message
    assert warming.last.evidence is None, "no pod is to blame"


def test_a_release_that_turns_bad_while_its_hook_runs_does_not_wait_for_it(
    warming: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support.simulation.HOOK_SECONDS", 1000)
    warming.release("two", Behaviour.CrashesLater, seconds=90)
    assert warming.headline() == ("RolledBack", "CrashLoopBackOff")
    assert warming.hooks.runs == ["drumeo-2-post-00000001"]


def test_a_hook_that_is_gone_during_the_watch_takes_the_release_back(
    warming: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support.simulation.HOOK_SECONDS", 1000)
    warming.push("master", "two")
    warming.ask("master")
    warming.play_until("Verifying")
    warming.play(2)
    warming.hooks.jobs.clear()
    warming.play(60)
    assert warming.headline() == ("RolledBack", "HookLost")


# --- nothing happens ----------------------------------------------------------------------------------------------------


def verifying_with_a_hook(world: Story) -> None:
    world.the_brand = brand(hooks=POST)
    world.push("master", "two")
    world.ask("master")
    world.play_until("Verifying")
    world.play(SOAK + 5)


def held(world: Story) -> None:
    world.the_brand = brand(hooks={"preDeploy": {"command": ["x"]}})
    world.push("master", "two", Behaviour.Crashes)
    world.ask("master")
    world.play(1500)


def migration_failed(world: Story) -> None:
    world.release("two", Behaviour.MigrationFails, seconds=1500)


def hook_lost(world: Story) -> None:
    in_the_migration(world)
    world.hooks.jobs.clear()
    world.play(2)


def asked_while_migrating(world: Story) -> None:
    in_the_migration(world)
    world.push("master", "three")
    world.ask("master")
    world.play(2)


def aborted(world: Story) -> None:
    in_the_migration(world)
    world.say("abort", "2")
    world.play(2)


QUIET: dict[str, tuple[Callable[[Story], object], tuple[str, str]]] = {
    "a migration runs": (in_the_migration, ("Migrating", "Migrating")),
    "a migration runs and the next ref waits": (asked_while_migrating, ("Migrating", "Migrating")),
    "the hook after the change runs": (verifying_with_a_hook, ("Verifying", "Verifying")),
    "held after a migration": (held, ("Failed", "CrashLoopBackOff")),
    "the migration failed": (migration_failed, ("Failed", "PreDeployFailed")),
    "nobody knows how far the hook came": (hook_lost, ("Failed", "HookLost")),
    "given up in the migration": (aborted, ("Failed", "Aborted")),
}


@pytest.mark.parametrize(("begin", "headline"), QUIET.values(), ids=QUIET)
def test_while_nothing_happens_nothing_is_written(
    live: Story, monkeypatch: pytest.MonkeyPatch, begin: Callable[[Story], object], headline: tuple[str, str]
) -> None:
    monkeypatch.setattr("support.simulation.HOOK_SECONDS", 1000)
    begin(live)
    deeds = list(live.deeds)
    live.play(600, step=5)
    assert (live.deeds, live.headline()) == (deeds, headline)
