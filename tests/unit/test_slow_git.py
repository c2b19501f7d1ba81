"""A git server that is slow, or silent about the history: the rollout is watched meanwhile, and nothing is guessed."""

import asyncio
from collections.abc import Sequence

import pytest

from brandrelease.core.snapshot import Changes, Lineage, Resolution, Suspect, Unresolved
from brandrelease.ports import Secret
from support.simulation import Behaviour
from support.story import Story

FOREVER = 5.0


class Slow(Story):
    """A git server that does not come to an end with what is in `slow`."""

    slow = frozenset[str]()

    async def resolve(self, url: str, secret: Secret | None, ref: str, *, list_containing: bool) -> Resolution:
        await self._wait("resolve")
        return await super().resolve(url, secret, ref, list_containing=list_containing)

    async def changes(self, url: str, secret: Secret | None, old: str, new: str) -> Changes | None:
        await self._wait("changes")
        return await super().changes(url, secret, old, new)

    async def lineage(
        self, url: str, secret: Secret | None, commit: str, suspects: Sequence[Suspect]
    ) -> Lineage | Unresolved:
        await self._wait("lineage")
        return await super().lineage(url, secret, commit, suspects)

    async def _wait(self, what: str) -> None:
        if what in self.slow:
            await asyncio.sleep(FOREVER)


@pytest.fixture
def live(quiet: None, monkeypatch: pytest.MonkeyPatch) -> Slow:
    """Release 1 is live; git may hold a pass up for a hundredth of a second."""
    monkeypatch.setattr("brandrelease.controller.observe.SOURCE_SECONDS_BESIDE_A_ROLLOUT", 0.01)
    monkeypatch.setattr("brandrelease.controller.observe.CHANGES_SECONDS", 0.01)
    story = Slow()
    story.release("one")
    assert story.headline() == ("Live", "Succeeded")
    return story


def test_a_rollout_is_watched_while_git_does_not_answer_about_the_next_ref(live: Slow) -> None:
    live.push("master", "two", Behaviour.CrashesLater)
    live.ask("master")
    live.play_until("Deploying")
    live.slow = frozenset({"resolve"})
    live.push("master", "three", mends=True)
    live.ask("master")
    live.play(5)
    assert "The ref asked for since then waits: The git server has not answered in time" in live.message
    live.play_until("RollingBack")
    live.slow = frozenset()
    live.play(200)
    assert (live.headline(), live.running.number) == (("Live", "Succeeded"), 3)


def test_a_release_does_not_wait_for_the_list_of_what_is_new_in_it(live: Slow) -> None:
    live.slow = frozenset({"changes"})
    live.release("two")
    assert live.headline() == ("Live", "Succeeded")
    assert live.current.changes is None


def test_a_release_waits_for_the_word_on_what_it_contains_of_what_is_quarantined(live: Slow) -> None:
    live.release("bad", Behaviour.Crashes)
    live.slow = frozenset({"lineage"})
    live.release("fixed", seconds=10)
    assert live.headline() == ("Blocked", "SourceUnreachable")
    assert live.current.number == 2
    live.slow = frozenset()
    live.play(250)
    assert (live.headline(), live.running.number) == (("Live", "Succeeded"), 3)
