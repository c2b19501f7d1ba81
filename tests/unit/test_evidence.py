"""What the container that is to blame had to say: read before its pod goes away, and kept where people look."""

from dataclasses import replace

import pytest

from brandrelease.apis.brandrelease import BrandReleaseStatus
from brandrelease.apis.progress import MESSAGE_LIMIT, LogTail
from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import ContainerView, PodView
from support.simulation import Behaviour, brand
from support.story import Story

LOG = "starting\nPHP Fatal error: Uncaught Error in /app/index.php:7\n#0 {main}\n"


class Logging(Story):
    """A cluster in which containers write this log, and it is noted who reads it when."""

    log = LOG
    asked: tuple[tuple[str, str, bool], ...] = ()
    image_when_asked = ""

    async def log_tail(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        self.asked = (*self.asked, (pod, container, previous))
        self.image_when_asked = self.the_site.image
        return self.log


@pytest.fixture
def live(quiet: None) -> Logging:
    story = Logging()
    story.release("one")
    assert story.headline() == ("Live", "Succeeded")
    return story


def rolling_back(world: Logging, behaviour: Behaviour = Behaviour.Crashes) -> str:
    commit = world.push("master", "bad", behaviour)
    world.ask("master")
    world.play_until("RollingBack")
    return commit


def evidence(world: Logging) -> LogTail:
    assert world.current.evidence is not None
    return world.current.evidence


# --- where it is kept ---------------------------------------------------------------------------------------------------


def test_the_log_is_read_before_the_way_back_begins(live: Logging) -> None:
    bad = rolling_back(live)
    assert live.image_when_asked == live.image_of(bad)
    begun = next(status for status in live.statuses if status.phase == "RollingBack")
    assert begun.current is not None
    assert begun.current.evidence is not None, "the first write of the failure has it already"
    assert begun.current.evidence.log_tail == LOG


def test_the_log_is_kept_with_pod_container_and_exit_code_in_the_release_and_in_the_history(live: Logging) -> None:
    rolling_back(live)
    found = evidence(live)
    assert (found.container, found.exit_code, found.log_tail) == ("app", 255, LOG)
    assert found.pod in {pod for pod, _, _ in live.asked}
    live.play(30)
    assert live.headline() == ("RolledBack", "CrashLoopBackOff")
    assert live.current.evidence == live.last.evidence == found
    live.release("fixed")
    assert [entry.evidence for entry in live.status.history] == [None, found, None], (
        "it is there when the next release is live"
    )


def test_the_telling_line_is_in_the_message_and_the_whole_log_in_the_event(live: Logging) -> None:
    bad = rolling_back(live)
    line = "its log says: PHP Fatal error: Uncaught Error in /app/index.php:7"
    assert line in live.message
    told = live.announced[0]
    assert (told.reason, told.warning) == (Reason.CrashLoopBackOff, True)
    assert told.message.startswith(f"Release 2 ({bad[:12]}) has failed: Container ")
    assert told.message.endswith(f".\n{LOG}")
    live.play(30)
    assert line in live.last.message


@pytest.mark.parametrize("mode", ["Automatic", "Manual"])
def test_the_log_is_kept_whoever_rolls_back(live: Logging, mode: str) -> None:
    live.the_brand = brand(rollback={"mode": mode})
    live.release("bad", Behaviour.Crashes)
    assert live.last.evidence is not None
    assert (live.last.evidence.log_tail, live.last.evidence.exit_code) == (LOG, 255)


def test_the_log_is_read_in_the_watch_too(live: Logging) -> None:
    live.release("bad", Behaviour.CrashesLater)
    assert live.headline() == ("RolledBack", "CrashLoopBackOff")
    assert live.last.evidence is not None
    assert live.last.evidence.log_tail == LOG


def test_memory_that_ran_out_is_kept_with_its_exit_code(live: Logging) -> None:
    live.release("bad", Behaviour.OutOfMemory)
    assert live.last.evidence is not None
    assert (live.last.reason, live.last.evidence.exit_code) == (Reason.OOMKilled, 137)


class Ended(Logging):
    """The kubelet has not begun to wait for the next run: the container is seen as it ended."""

    async def pods(self, namespace: str, release_name: str, release_number: int) -> tuple[PodView, ...]:
        pods = await super().pods(namespace, release_name, release_number)
        return tuple(replace(pod, containers=tuple(self._as_it_ended(each) for each in pod.containers)) for pod in pods)

    def _as_it_ended(self, container: ContainerView) -> ContainerView:
        return replace(container, state=container.last, last=None) if container.last else container


WHICH_RUN = {
    "it waits for its next run, so the run before": (Logging, True),
    "it has just ended, so this run": (Ended, False),
}


@pytest.mark.parametrize(("world_of", "previous"), WHICH_RUN.values(), ids=WHICH_RUN)
def test_the_log_is_that_of_the_run_that_crashed(quiet: None, world_of: type[Logging], previous: bool) -> None:
    world = world_of()
    world.release("one")
    world.release("bad", Behaviour.Crashes)
    assert world.headline() == ("RolledBack", "CrashLoopBackOff")
    assert [asked[1:] for asked in world.asked] == [("app", previous)]


# --- where there is none ------------------------------------------------------------------------------------------------


def test_a_container_that_wrote_nothing_leaves_no_evidence_and_no_empty_words(live: Logging) -> None:
    live.log = ""
    rolling_back(live)
    assert live.asked
    assert live.current.evidence is None
    assert "its log says" not in live.message
    assert not live.announced[0].message.endswith("\n")


def test_no_log_is_read_of_a_pod_that_never_ran(live: Logging) -> None:
    live.room_on_nodes = False
    rolling_back(live, Behaviour.FindsNoNode)
    assert live.headline() == ("RollingBack", "Unschedulable")
    assert live.current.evidence is None
    assert live.asked == ()


def test_no_log_is_read_of_a_release_that_goes_well(live: Logging) -> None:
    live.release("two")
    assert live.headline() == ("Live", "Succeeded")
    assert live.asked == ()


def test_a_release_that_is_given_up_has_no_evidence(live: Logging) -> None:
    live.push("master", "two", Behaviour.NeverReady)
    live.ask("master")
    live.play_until("Deploying")
    live.say("abort", "2")
    live.play(30)
    assert live.last.reason is Reason.Aborted
    assert live.last.evidence is None


# --- how much of it -----------------------------------------------------------------------------------------------------


def test_a_long_line_is_cut_so_that_the_message_still_says_what_to_do(live: Logging) -> None:
    live.log = "PHP Fatal error: " + "x" * 2000
    live.release("bad", Behaviour.Crashes)
    assert "its log says: PHP Fatal error: xxx" in live.message
    assert "undo it with git revert" in live.message
    assert len(live.message) < MESSAGE_LIMIT
    assert live.last.evidence is not None
    assert live.last.evidence.log_tail == live.log, "the log itself is whole"


def test_a_status_with_all_of_it_is_one_that_the_api_server_takes(live: Logging) -> None:
    live.log = "error: " + "y" * 2041
    live.release("bad", Behaviour.Crashes)
    assert BrandReleaseStatus.model_validate(live.status.to_wire()) == live.status
