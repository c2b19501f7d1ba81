"""Whatever happens, in whatever order, and wherever the operator dies: these things hold."""

import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from brandrelease.apis.brandrelease import BrandReleaseStatus, ConditionType, Outcome
from support.simulation import Behaviour, Killed, Simulation

structlog.configure(processors=[lambda *_: (_ for _ in ()).throw(structlog.DropEvent)])

IN_FLIGHT = {"Pending", "Building", "Deploying", "Verifying", "RollingBack"}


class Histories(RuleBasedStateMachine):
    """People push, ask, suspend and meddle; time passes; servers fail; the operator is killed and started again."""

    def __init__(self) -> None:
        super().__init__()
        self.world = Simulation()
        self.commits = 0

    @rule(behaviour=st.sampled_from(Behaviour), branch=st.sampled_from(["master", "staging"]))
    def push_and_ask(self, behaviour: Behaviour, branch: str) -> None:
        self.commits += 1
        self.world.push(branch, f"commit {self.commits}", behaviour)
        self.world.ask(branch)
        self.look()

    @precondition(lambda self: self.world.branches)
    @rule(data=st.data())
    def ask_for_an_old_commit(self, data: st.DataObject) -> None:
        self.world.ask(data.draw(st.sampled_from(sorted(self.world.behaviours))))
        self.look()

    @rule(name=st.just("no-such-branch"))
    def ask_for_what_is_not_there(self, name: str) -> None:
        self.world.ask(name)
        self.look()

    @rule(seconds=st.integers(1, 150))
    def time_passes(self, seconds: int) -> None:
        for _ in range(seconds):
            self.world.tick()
            if self.world.calls_for_a_look():
                self.look()

    @rule(seconds=st.integers(1, 200))
    def time_passes_unwatched(self, seconds: int) -> None:
        """The operator is down, or its watches are."""
        for _ in range(seconds):
            self.world.tick()
        self.look()

    @precondition(lambda self: self.world.spec is not None)
    @rule(on=st.booleans())
    def suspend(self, *, on: bool) -> None:
        self.world.suspend(on=on)
        self.look()

    @rule()
    def somebody_sets_the_image(self) -> None:
        self.world.set_image_by_hand("registry.example.com/drumeo:meddled")
        self.look()

    @rule(down=st.booleans())
    def git_goes_down_or_comes_back(self, *, down: bool) -> None:
        self.world.git_is_down = down
        self.look()

    @rule(deeds=st.integers(1, 3), after=st.booleans())
    def the_operator_dies_soon(self, deeds: int, *, after: bool) -> None:
        """It is killed just before or just after one of its next deeds, and started again at once."""
        self.world.kill_in, self.world.kill_after_deed = deeds, after

    def look(self) -> None:
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
    def a_release_number_has_one_image(self) -> None:
        images: dict[int, set[str]] = {}
        for number, image in self.world.applied_images:
            images.setdefault(number, set()).add(image)
        assert all(len(found) == 1 for found in images.values())

    @invariant()
    def only_good_images_are_rolled_back_to(self) -> None:
        for before, after in zip(self.world.applied_images, self.world.applied_images[1:], strict=False):
            if after[0] < before[0]:
                good = {
                    entry.number
                    for status in self.world.statuses
                    for entry in status.history
                    if entry.outcome is Outcome.Succeeded
                }
                assert after[0] in good | {0}

    @invariant()
    def a_quarantined_commit_is_never_deployed_again(self) -> None:
        current = self.world.status.current
        if current and current.rollout is None:
            return
        later = [entry for entry in self.world.status.quarantine if current and entry.commit == current.commit]
        assert all(current and entry.release >= current.number for entry in later)

    @invariant()
    def numbers_count_up(self) -> None:
        numbers = [entry.number for entry in self.world.status.history]
        assert numbers == sorted(set(numbers), reverse=True)

    @invariant()
    def the_status_obeys_kstatus(self) -> None:
        if self.world.status.conditions:
            check_conditions(self.world.status, self.world.generation)

    @invariant()
    def a_quiet_world_is_left_alone(self) -> None:
        if self.world.spec is None or self.world.kill_in is not None:
            return
        deeds = len(self.world.deeds)
        self.world.one_pass()
        self.world.one_pass()
        assert len(self.world.deeds) == deeds, self.world.deeds[deeds:]

    def teardown(self) -> None:
        """Whatever happened: once everything works, and nobody meddles, a good commit goes live."""
        world = self.world
        world.kill_in, world.git_is_down = None, False
        world.push("master", "the last commit", mends=True)
        world.ask("master")
        world.suspend(on=False)
        world.settle()
        world.play(400)
        assert world.headline() == ("Live", "Succeeded"), (world.headline(), world.message)


def check_conditions(status: BrandReleaseStatus, generation: int) -> None:
    """The rules of kstatus (sigs.k8s.io/cli-utils) and of Flux (fluxcd/pkg runtime/conditions/check)."""
    by_type = {condition.type: condition for condition in status.conditions}
    assert len(by_type) == len(status.conditions), "a condition type stands only once"
    assert ConditionType.Ready in by_type
    assert not (ConditionType.Reconciling in by_type and ConditionType.Stalled in by_type)
    for kind in (ConditionType.Reconciling, ConditionType.Stalled):
        assert kind not in by_type or by_type[kind].status == "True"
    if ConditionType.Stalled in by_type:
        assert by_type[ConditionType.Ready].status == "False"
    if ConditionType.Reconciling in by_type:
        assert by_type[ConditionType.Ready].status != "True"
    assert status.observed_generation is not None
    assert status.observed_generation <= generation
    assert all(condition.observed_generation <= generation for condition in status.conditions)
    if status.phase in IN_FLIGHT:
        assert ConditionType.Reconciling in by_type


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=150, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
