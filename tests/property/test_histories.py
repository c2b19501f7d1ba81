"""Whatever happens, in whatever order, and wherever the operator dies: these things hold.

What may never happen is said at the moment at which it does, by `support.witness`; here is what may happen, and what
holds whenever the operator has looked. To play for longer than `make check` does, with other histories each time:

    HYPOTHESIS_PROFILE=thorough PYTHONPATH=tests uv run pytest tests/property --hypothesis-seed=7 --timeout=0
"""

import os
from datetime import timedelta

import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from brandrelease.core.checks.measured import Observation
from brandrelease.core.waiting.gates import waits_at_a_gate
from support.checked import BROKEN, DOWN, GOOD
from support.simulation import FOUND_IMAGE, Behaviour, Killed, digest_of
from support.witness import IN_FLIGHT, Witness

structlog.configure(processors=[lambda *_: (_ for _ in ()).throw(structlog.DropEvent)])

MEDDLED = "registry.example.com/drumeo:meddled"
HOOK = {"command": ["php", "artisan", "migrate"]}
HISTORY = 4
CLOUD_FRONT = {"distributionId": "E2QWRUHEXAMPLE"}
SLACK = {"name": "slack", "slack": {"channel": "#releases", "secretName": "slack"}}
SERVERS = (
    "git_is_down",
    "registry_is_down",
    "cache_is_down",
    "controller_is_down",
    "nodes_are_full",
    "endpoints_are_down",
)
"""What may be down, by its name in the simulated world."""

CHECKS = ("home-page", "pages")
"""Checks that a Brand may have. What they find is GOOD, BROKEN or DOWN, by their names in the simulated world."""

PAGE = {"http": {"url": "https://www.drumeo.com/", "podPort": 80}, "intervalSeconds": 5}
KINDS = (
    {"onFailure": "Rollback", "failureLimit": 2},
    {"onFailure": "Rollback", "onError": "Ignore", "intervalSeconds": 1},
    {"onFailure": "Hold", "failureLimit": 1},
    {"onFailure": "Hold", "onError": "Ignore", "initialDelaySeconds": 7},
    {"onFailure": "Ignore", "intervalSeconds": 40},
    {"dryRun": True},
)
FOUND: dict[str, Observation] = {"good": GOOD, "broken": BROKEN, "down": DOWN}
WINDOWS = (
    {"kind": "Deny", "schedule": "*/10 * * * *", "durationSeconds": 240},
    {"kind": "Allow", "schedule": "*/5 * * * *", "durationSeconds": 180},
    {"kind": "Deny", "schedule": "61 * * * *", "durationSeconds": 60},
)
"""The last one has a mistake."""

POLICY = {"mode": ("Automatic", "Manual"), "afterMigration": ("Hold", "Rollback")}
MOMENTS = ("Live", "Migrating", "Deploying", "Verifying", "RollingBack")
BRANCHES = st.sampled_from(["master", "staging"])


class Histories(RuleBasedStateMachine):
    """People push, ask, suspend and meddle; time passes; servers fail; the operator is killed and started again."""

    def __init__(self) -> None:
        super().__init__()
        self.world = Witness()
        self.world.room_on_nodes = False
        self.world.measurements.says = dict.fromkeys(CHECKS, GOOD)
        self.checks: list[dict[str, object]] = []
        self.commits = 0
        self.more_at_once = 0
        self.has_looked = True

    # --- git ------------------------------------------------------------------------------------------------------------

    @rule(behaviour=st.sampled_from(Behaviour), branch=BRANCHES, mends=st.booleans())
    def push_and_ask(self, behaviour: Behaviour, branch: str, *, mends: bool) -> None:
        self._push(behaviour, branch, mends=mends)
        self.world.ask(branch)
        self.look()

    @rule(behaviour=st.sampled_from(Behaviour), mends=st.booleans(), until=st.sampled_from(MOMENTS))
    def push_and_ask_and_wait(self, behaviour: Behaviour, until: str, *, mends: bool) -> None:
        """Without this, few histories would come far."""
        self._push(behaviour, "master", mends=mends)
        self.world.ask("master")
        self.look()
        self._wait_for_rest(until)

    @rule(behaviour=st.sampled_from(Behaviour), branch=BRANCHES)
    def push(self, behaviour: Behaviour, branch: str) -> None:
        self._push(behaviour, branch)

    @precondition(lambda self: "refs/heads/master" in self.world.branches)
    @rule(data=st.data(), behaviour=st.sampled_from([Behaviour.Good, Behaviour.Crashes]))
    def revert_and_ask(self, data: st.DataObject, behaviour: Behaviour) -> None:
        """Also of a revert, also of what is not there, also a revert that is bad itself."""
        self.world.revert("master", data.draw(self._known_commits()), behaviour)
        self.world.ask("master")
        self.look()

    @precondition(lambda self: self.commits > 1)
    @rule(data=st.data(), branch=BRANCHES)
    def force_push(self, data: st.DataObject, branch: str) -> None:
        self.world.force_push(branch, data.draw(self._known_commits()))

    def _push(self, behaviour: Behaviour, branch: str, *, mends: bool = False) -> str:
        self.commits += 1
        return self.world.push(branch, f"commit {self.commits}", behaviour, mends=mends)

    def _known_commits(self) -> st.SearchStrategy[str]:
        """Newest first, since what is new is asked for most."""
        return st.sampled_from(list(reversed(self.world.behaviours)))

    # --- registry and builder -------------------------------------------------------------------------------------------

    @rule(data=st.data())
    def an_image_is_deleted(self, data: st.DataObject) -> None:
        if self.world.images:
            self.world.delete_image(data.draw(st.sampled_from(list(reversed(self.world.images)))))

    @rule(seconds=st.sampled_from([0, 10, 60]))
    def the_registry_shows_new_images_late(self, seconds: int) -> None:
        self.world.registry_lag = seconds

    @rule(ill=st.booleans(), slow=st.booleans())
    def the_builder_has_its_day(self, *, ill: bool, slow: bool) -> None:
        self.world.builder_is_ill, self.world.builder_is_slow = ill, slow

    @rule(server=st.sampled_from(SERVERS))
    def a_server_goes_down(self, server: str) -> None:
        setattr(self.world, server, True)
        self.look()

    @rule()
    def everything_works_again(self) -> None:
        self._mend_servers()
        self.look()

    def _mend_servers(self) -> None:
        for server in SERVERS:
            setattr(self.world, server, False)
        self.world.builder_is_ill = self.world.builder_is_slow = False
        self.world.measurements.says = dict.fromkeys(CHECKS, GOOD)
        self.world.measurements.hang.clear()
        self.world.registry_lag, self.world.room_on_nodes = 0, True

    # --- the cluster ----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.world.site is not None)
    @rule(wanted=st.integers(0, 3))
    def somebody_scales(self, wanted: int) -> None:
        self.world.scale(wanted)
        self.look()

    @precondition(lambda self: self.world.site is not None and self.world.site.pods)
    @rule(which=st.integers(0, 3))
    def a_pod_is_deleted(self, which: int) -> None:
        pods = self.world.site.pods if self.world.site else []
        pods.pop(which % len(pods))
        self.look()

    # --- people ---------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.world.branches)
    @rule(data=st.data())
    def ask_for_a_commit(self, data: st.DataObject) -> None:
        self.world.ask(data.draw(self._known_commits()))
        self.look()

    @rule(branch=st.sampled_from(["master", "staging", "no-such-branch"]))
    def ask_for_a_branch(self, branch: str) -> None:
        """Also again for the one that was asked for before: requestedAt is new each time."""
        self.world.ask(branch)
        self.look()

    @precondition(lambda self: self.world.spec is not None)
    @rule(on=st.booleans())
    def suspend(self, *, on: bool) -> None:
        self.world.suspend(on=on)
        self.look()

    @precondition(lambda self: self.world.spec is not None)
    @rule(seconds=st.sampled_from([None, 20]))
    def track(self, seconds: int | None) -> None:
        self.world.track(seconds)
        self.look()

    @precondition(lambda self: self.world.spec is not None)
    @rule(data=st.data(), again=st.integers(0, 3))
    def roll_back_to(self, data: st.DataObject, again: int) -> None:
        self.world.say("rollback_to", f"{data.draw(self._numbers())} {'again' * again}")
        self.look()

    @precondition(lambda self: self.world.spec is not None)
    @rule(data=st.data(), again=st.integers(0, 3))
    def abort(self, data: st.DataObject, again: int) -> None:
        self.world.say("abort", f"{data.draw(self._numbers())} {'again' * again}")
        self.look()

    @precondition(lambda self: self.world.spec is not None and self.world.behaviours)
    @rule(data=st.data(), length=st.sampled_from([12, 40, 7]))
    def override(self, data: st.DataObject, length: int) -> None:
        stopped = [entry.commit for entry in self.world.status.quarantine]
        commit = data.draw(st.sampled_from([*stopped, *reversed(self.world.behaviours)]))
        self.world.say("override", f"{commit[:length]} it was the database ({self.commits})")
        self.look()

    def _numbers(self) -> st.SearchStrategy[int]:
        """The newest release first, then the running one, and any other."""
        status = self.world.status
        near = [entry.number for entry in (status.current, status.running) if entry is not None]
        return st.one_of(st.sampled_from(near or [0]), st.integers(0, 9))

    @precondition(lambda self: self.world.spec is not None)
    @rule(verb=st.sampled_from(["abort", "rollback_to", "override"]))
    def an_annotation_is_taken_away(self, verb: str) -> None:
        self.world.say(verb, None)
        self.look()

    @precondition(lambda self: self.world.site is not None)
    @rule(data=st.data())
    def somebody_sets_the_image(self, data: st.DataObject) -> None:
        built = [f"registry.example.com/drumeo@{digest_of(commit)}" for commit in self.world.behaviours]
        self.world.set_image_by_hand(data.draw(st.sampled_from([MEDDLED, FOUND_IMAGE, *built])))
        self.look()

    @rule()
    def the_deployment_is_deleted(self) -> None:
        self.world.site = None
        self.look()

    @rule(wanted=st.integers(0, 2))
    def the_deployment_is_made_anew(self, wanted: int) -> None:
        self.world.make_deployment_anew(wanted)
        self.look()

    @initialize(data=st.data())
    def the_brand_is_as_it_is(self, data: st.DataObject) -> None:
        self._draw_brand(data)

    @rule(data=st.data())
    def the_brand_is_changed(self, data: st.DataObject) -> None:
        self._draw_brand(data)
        self.look()

    def _draw_brand(self, data: st.DataObject) -> None:
        hooks = {name: HOOK for name in ("preDeploy", "postDeploy") if data.draw(st.booleans(), label=name)}
        policy = {name: data.draw(st.sampled_from(values), label=name) for name, values in POLICY.items()}
        cloud_front = CLOUD_FRONT if data.draw(st.booleans(), label="cloudFront") else None
        kinds = {name: data.draw(st.sampled_from([None, *KINDS]), label=name) for name in CHECKS}
        self.checks = [{"name": name, **PAGE, **kind} for name, kind in kinds.items() if kind is not None]
        windows = data.draw(st.sampled_from([[], [], [], *([window] for window in WINDOWS)]), label="windows")
        self.world.change_brand(
            revisionHistoryLimit=HISTORY,
            hooks=hooks,
            rollback=policy,
            cloudFront=cloud_front,
            notifications=[SLACK],
            checks=self.checks,
            windows=windows,
        )

    @rule(name=st.sampled_from(CHECKS), finds=st.sampled_from([*FOUND]), hangs=st.sampled_from([False, False, True]))
    def a_source_changes(self, name: str, finds: str, *, hangs: bool) -> None:
        self.world.measurements.says[name] = FOUND[finds]
        (self.world.measurements.hang.add if hangs else self.world.measurements.hang.discard)(name)

    @rule(name=st.sampled_from(CHECKS), finds=st.sampled_from([*FOUND]), seconds=st.integers(1, 60))
    def a_source_changes_in_the_watch(self, name: str, finds: str, seconds: int) -> None:
        """Without this, few histories would have it."""
        self._mend_servers()
        self._push(Behaviour.Good, "master", mends=True)
        self.world.ask("master")
        self.look()
        self._wait_for_rest("Verifying")
        self.world.measurements.says[name] = FOUND[finds]
        self.time_passes(seconds)

    @precondition(lambda self: self.world.status.phase == "Blocked" and self.world.status.current is not None)
    @rule(data=st.data())
    def what_waits_is_let_through(self, data: st.DataObject) -> None:
        status = self.world.status
        begun = [each.commit for each in (status.current, status.next) if each is not None]
        self.world.say("override", f"{data.draw(st.sampled_from(begun))} it cannot wait ({len(self.world.deeds)})")
        self.look()

    @precondition(lambda self: self.world.hooks.jobs)
    @rule()
    def the_job_of_a_hook_is_deleted(self) -> None:
        self.world.hooks.jobs.popitem()
        self.look()

    @precondition(lambda self: self.world.spec is not None)
    @rule()
    def the_release_is_deleted(self) -> None:
        """Whoever asks next makes another one."""
        self.world.delete_release()
        self.look()

    # --- time and death -------------------------------------------------------------------------------------------------

    @rule(seconds=st.integers(1, 100))
    def time_passes(self, seconds: int) -> None:
        for _ in range(seconds):
            self.world.tick()
            if self.world.calls_for_a_look():
                self.look()

    @rule(times=st.integers(1, 3))
    def time_passes_until_it_stands_elsewhere(self, times: int) -> None:
        for _ in range(times):
            before = self.world.status.phase
            for _ in range(100):
                self.world.tick()
                if self.world.calls_for_a_look():
                    self.look()
                    if self.world.status.phase != before:
                        break

    @rule()
    def time_passes_until_nothing_is_in_flight(self) -> None:
        self._wait_for_rest()

    def _wait_for_rest(self, until: str = "") -> None:
        for _ in range(200):
            self.world.tick()
            if self.world.calls_for_a_look():
                self.look()
                if self.world.status.phase not in IN_FLIGHT - {until}:
                    return

    @rule(seconds=st.integers(1, 200))
    def time_passes_unwatched(self, seconds: int) -> None:
        """The operator is down, or its watches are."""
        for _ in range(seconds):
            self.world.tick()
        self.look()

    @rule(more=st.integers(1, 3))
    def several_things_happen_at_once(self, more: int) -> None:
        """The operator looks only after the next few things have happened."""
        self.more_at_once = more

    @rule(deeds=st.integers(1, 3), after=st.booleans())
    def the_operator_dies_soon(self, deeds: int, *, after: bool) -> None:
        """It is killed just before or just after one of its next deeds, and started again at once."""
        self.world.kill_in, self.world.kill_after_deed = deeds, after

    def look(self) -> None:
        self.has_looked = self.more_at_once == 0
        if not self.has_looked:
            self.more_at_once -= 1
            return
        for _ in range(3):
            try:
                self.world.settle()
            except Killed:
                self.world.restart()
            else:
                return
        self.world.kill_in = None
        self.world.settle()

    # --- what always holds ----------------------------------------------------------------------------------------------

    @invariant()
    def a_hook_runs_once(self) -> None:
        runs = self.world.hooks.runs
        assert len(runs) == len(set(runs)), runs

    @invariant()
    def a_quiet_world_is_left_alone(self) -> None:
        """What is settled stays so: at once, and for ten minutes more where nothing is in flight."""
        world = self.world
        if world.spec is None or world.kill_in is not None or not self.has_looked:
            return
        world.settle()
        now, deeds = world.time, len(world.deeds)
        for later in (0, 0, 61, 600) if self._is_at_rest() else (0, 0):
            world.time = now + timedelta(seconds=later)
            world.one_pass()
        world.time = now
        assert len(world.deeds) == deeds, (later, world.deeds[deeds:], world.message)

    def _is_at_rest(self) -> bool:
        status, spec = self.world.status, self.world.spec
        waits_to_try_again = status.current is not None and status.current.retry is not None
        tracked = spec is not None and spec.track_interval_seconds is not None
        settled = status.phase not in IN_FLIGHT and status.next is None
        asked = status.current.invalidation if status.current is not None else None
        waits_for_the_cache = asked is not None and asked.finished_at is None
        at_a_gate = status.current is not None and waits_at_a_gate(status.current)
        return settled and not (waits_to_try_again or tracked or waits_for_the_cache or at_a_gate)

    @invariant()
    def no_build_runs_for_nobody(self) -> None:
        world = self.world
        if world.spec is not None and not world.spec.suspend and world.kill_in is None and self.has_looked:
            assert not world.builds_nobody_waits_for()

    @invariant()
    def nobody_is_told_of_a_release_after_the_next_one(self) -> None:
        """But where somebody leaves one later that stood still, which is news of it."""
        told: dict[str, int] = {}
        for notice in self.world.deliveries.taken:
            assert notice.number >= told.get(notice.uid, 0), [
                (each.number, each.stage) for each in self.world.deliveries.taken
            ]
            told[notice.uid] = notice.number

    def teardown(self) -> None:
        """Whatever happened: once everything works, and nobody meddles, a good commit that mends what is bad goes live."""
        world = self.world
        world.kill_in, self.more_at_once = None, 0
        self._mend_servers()
        world.change_brand(
            revisionHistoryLimit=HISTORY, cloudFront=CLOUD_FRONT, notifications=[SLACK], checks=self.checks
        )
        if world.site is None:
            world.make_deployment_anew()
        world.push("master", "the last commit", mends=True)
        world.ask("master")
        world.suspend(on=False)
        world.settle()
        world.play(400)
        assert world.headline() == ("Live", "Succeeded"), (world.headline(), world.message)
        assert world.status.current is not None
        assert world.status.current.commit == world.branches["refs/heads/master"]
        asked = world.status.current.invalidation
        assert asked is not None
        assert world.caches.made[asked.reference].image == world.status.current.image
        (told,) = world.status.notifications
        assert (told.release, told.stage, told.problem) == (world.status.current.number, "Live", None)


# The committed run plays the same histories every time (derandomize, no database), so that a red build is red for
# everybody and a green one stays green; new histories are looked for with the thorough profile.
_common = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
settings.register_profile("steady", _common, max_examples=100, stateful_step_count=25, derandomize=True, database=None)
settings.register_profile("thorough", _common, max_examples=20_000, stateful_step_count=50)

TestHistories = Histories.TestCase
TestHistories.settings = settings(settings.get_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady")))
