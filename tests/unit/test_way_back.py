"""How the way back ends: when the old pods serve again; and if they do not come, with the reason why not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from brandrelease.apis.brandrelease import Outcome
from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import PodView, PodWarning, Waiting
from support.simulation import DEADLINE, FOUND_IMAGE, Behaviour
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")


class WordsOfTheKubelet(Story):
    """On the way back the old pods cannot be made: what the Deployment names is not there any more."""

    held_back = False
    says: Mapping[str, tuple[PodWarning, ...]] = {}

    async def pods(self, namespace: str, release_name: str, release_number: int) -> tuple[PodView, ...]:
        pods = await super().pods(namespace, release_name, release_number)
        if not self.held_back or release_number != 1:
            return pods
        state = Waiting("CreateContainerConfigError", 'secret "shop-keys" not found')
        return tuple(
            replace(pod, containers=tuple(replace(c, ready=False, state=state) for c in pod.containers))
            for pod in pods
            if not pod.ready
        )

    async def warnings(self, namespace: str, pods: Sequence[str]) -> Mapping[str, tuple[PodWarning, ...]]:
        return {name: told for name, told in self.says.items() if name in pods}


def going_back(world: Story, behaviour: Behaviour = Behaviour.CrashesLater) -> None:
    """Release 1 is live, and release 2 was bad: the way back has just begun."""
    world.release("one")
    world.push("master", "two", behaviour)
    world.ask("master")
    world.play_until("Verifying" if behaviour is Behaviour.CrashesLater else "Deploying")


def test_a_rollback_of_a_paused_deployment_says_so_waits_and_goes_on_when_it_is_resumed() -> None:
    world = Story()
    going_back(world)
    world.pause(on=True)
    world.play_until("RollingBack")
    world.play(5 * DEADLINE)
    assert world.headline() == ("RollingBack", "CrashLoopBackOff")
    assert (
        "is paused, so no pod changes over and no deadline counts; kubectl rollout resume deployment " in world.message
    )
    assert "The release had failed because: Container " in world.message
    world.pause(on=False)
    world.play(30)
    assert world.headline() == ("RolledBack", "CrashLoopBackOff")


def test_after_a_pause_the_way_back_has_its_time_again_and_no_more() -> None:
    world = Story()
    going_back(world)
    world.pause(on=True)
    world.play_until("RollingBack")
    world.behaviours[world.running.commit or ""] = Behaviour.NeverReady
    world.play(5 * DEADLINE)
    world.pause(on=False)
    world.play(DEADLINE * 3 // 4)
    assert world.headline()[0] == "RollingBack"
    world.play(DEADLINE // 2)
    assert world.headline() == ("Failed", "RollbackFailed")


def test_a_paused_rollback_writes_only_now_and_then() -> None:
    world = Story()
    going_back(world)
    world.pause(on=True)
    world.play_until("RollingBack")
    world.play(20)
    before = len(world.statuses)
    world.play(2 * DEADLINE)
    assert len(world.statuses) == before


def test_a_deployment_that_is_scaled_up_on_full_nodes_is_rolled_back_all_the_same() -> None:
    world = Story()
    going_back(world, Behaviour.NeverReady)
    world.play_until("RollingBack")
    world.nodes_are_full = True
    world.scale(5)
    world.play(DEADLINE // 2)
    assert world.headline()[0] == "RollingBack", "there may come room until the deadline"
    world.play(DEADLINE)
    assert world.headline() == ("RolledBack", "PodNotReady")
    assert (
        "As many pods serve as when the way back began; 2 of the 5 that are wanted now are available. " in world.message
    )
    assert (world.last.outcome, world.running.number) == (Outcome.RolledBack, 1)
    deeds = list(world.deeds)
    world.play(600, step=5)
    assert world.deeds == deeds


def test_a_deployment_that_is_scaled_down_meanwhile_needs_only_the_pods_that_are_wanted() -> None:
    world = Story()
    going_back(world, Behaviour.NeverReady)
    world.play_until("RollingBack")
    world.nodes_are_full = True
    world.scale(1)
    world.play(DEADLINE)
    assert world.headline() == ("RolledBack", "PodNotReady")


def test_fewer_pods_than_when_it_began_are_not_enough_however_many_are_wanted() -> None:
    world = Story()
    going_back(world, Behaviour.NeverReady)
    world.play_until("RollingBack")
    world.nodes_are_full = True
    world.the_site.pods = world.the_site.pods[:1]
    world.scale(5)
    world.play(2 * DEADLINE)
    assert world.headline() == ("Failed", "RollbackFailed")


def test_a_rollback_that_fails_names_pod_container_and_the_kubelets_words() -> None:
    world = WordsOfTheKubelet()
    going_back(world)
    world.held_back = True
    world.play_until("RollingBack")
    world.behaviours[world.running.commit or ""] = Behaviour.NeverReady
    world.play(10)
    assert 'Container "app" of pod pod-' in world.message
    assert 'secret "shop-keys" not found' in world.message, "it is told before the deadline"
    world.play(2 * DEADLINE)
    assert world.headline() == ("Failed", "RollbackFailed")
    assert 'did not come to its end, 0 of 2 pods are available: Container "app" of pod pod-' in world.message
    assert 'secret "shop-keys" not found' in world.message
    assert "nothing more is tried until a ref is asked for. The release had failed because: Container " in world.message
    assert world.told[-1].reason is Reason.RollbackFailed
    assert 'secret "shop-keys" not found' in world.told[-1].message


def test_a_rollback_that_fails_says_which_old_pod_does_not_become_ready() -> None:
    world = Story()
    going_back(world)
    world.play_until("RollingBack")
    world.behaviours[world.running.commit or ""] = Behaviour.NeverReady
    world.the_site.pods = []
    world.play(2 * DEADLINE)
    assert world.headline() == ("Failed", "RollbackFailed")
    assert (
        'None of 2 old pods was ready after 60 s (progressDeadlineSeconds): container "app" of pod pod-'
        in world.message
    )
    assert "its readiness probe does not pass" in world.message


def test_a_rollback_to_what_was_found_at_adoption_fails_without_a_guess_at_pods_that_bear_no_mark() -> None:
    world = Story()
    world.push("master", "one", Behaviour.NeverReady)
    world.ask("master")
    world.play_until("RollingBack")
    world.nodes_are_full = True
    world.the_site.pods = []

    async def unmarked(namespace: str, release_name: str, release_number: int) -> tuple[PodView, ...]:
        assert release_number == 0
        return ()

    world.pods = unmarked  # type: ignore[method-assign]
    world.play(2 * DEADLINE)
    assert (world.headline(), world.the_site.image) == (("Failed", "RollbackFailed"), FOUND_IMAGE)
    assert "0 of 2 pods are available: given up after 60 s (progressDeadlineSeconds). Look at " in world.message


def test_an_old_pod_that_serves_is_not_blamed_for_what_it_has_gone_through_long_ago() -> None:
    world = Story()
    going_back(world, Behaviour.NeverReady)
    for pod in world.the_site.pods:
        if pod.release == 1:
            pod.restarts = 7
    world.play_until("RollingBack")
    world.nodes_are_full = True
    world.the_site.pods = [pod for pod in world.the_site.pods if pod.release == 1][:1]
    world.play(2 * DEADLINE)
    assert world.headline() == ("Failed", "RollbackFailed")
    assert "finds no node: 0/3 nodes are available" in world.message
