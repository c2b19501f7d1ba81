"""The election as people and probes see it: what is told, how often, and what is said when nothing is heard."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from brandrelease.adapters.system_clock import SystemClock
from brandrelease.controller import leading as leading_module
from brandrelease.controller.fence import Fence
from brandrelease.controller.leading import Alone, Leading, OwnTime, identity_of
from brandrelease.core.leadership import Lease
from brandrelease.ports import LeaseTrouble, NotLeading, StoredLease
from brandrelease.telemetry import Metrics

FORBIDDEN = LeaseTrouble("Lease: forbidden.", answered=True)
SILENT = LeaseTrouble("Lease: no answer.", answered=False)


class EndOfStory(Exception):
    pass


class Story(OwnTime):
    """One replica, whose looks at the Lease come to these answers, one after the other."""

    def __init__(self, *looks: Lease | LeaseTrouble | None) -> None:
        self.written: list[str] = []
        self.others_seen: list[dict[str, Lease] | LeaseTrouble] = []
        self.looks, self.time, self.metrics = list(looks), 0.0, Metrics()
        self.fence = Fence(lambda: self.time, self._end)
        self.leading = Leading(self, "me", self.fence, self.metrics.election, SystemClock(), self)

    async def play(self) -> Sequence[str]:
        """The lines of its log."""
        with capture_logs() as lines, pytest.raises(EndOfStory):
            await self.leading.run()
        return [f"{line['event']} {line.get('why', '')}".strip() for line in lines]

    def told(self) -> tuple[float, float]:
        """Whether it leads, and the transitions."""
        election = self.metrics.election
        return election.leader._value.get(), election.transitions._value.get()

    def _end(self, why: str) -> NoReturn:
        raise EndOfStory(why)

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds

    async def read(self) -> StoredLease | None:
        if not self.looks:
            raise EndOfStory
        look = self.looks.pop(0)
        if isinstance(look, LeaseTrouble):
            raise look
        return StoredLease(look, {}) if look else None

    async def others(self) -> Mapping[str, Lease]:
        seen = self.others_seen.pop(0) if self.others_seen else {}
        if isinstance(seen, LeaseTrouble):
            raise seen
        return seen

    async def create(self, lease: Lease) -> StoredLease:
        return StoredLease(lease, {})

    async def replace(self, stored: StoredLease, lease: Lease) -> StoredLease:
        self.written.append(lease.holder)
        return StoredLease(lease, {})


async def test_a_trouble_that_lasts_is_told_once_a_minute_and_again_after_it_was_gone() -> None:
    other = Lease("other")
    lines = await Story(*[FORBIDDEN] * 45, other, FORBIDDEN).play()
    told = "The election of a leader does not go on for now; it is tried again. Lease: forbidden."
    assert lines == [told, told, "Another replica leads; this one stands by.", told]


async def test_silence_is_counted_from_the_last_answer_and_a_refusal_is_one() -> None:
    refused = Story(*[FORBIDDEN] * 100)
    await refused.play()
    assert refused.time > 190
    assert refused.leading.silence() < 5
    unheard = Story(Lease("other"), *[SILENT] * 100)
    await unheard.play()
    assert unheard.leading.silence() > 190


async def test_the_metrics_tell_who_leads_and_how_often_that_has_changed() -> None:
    stands_by = Story(Lease("other", transitions=6))
    await stands_by.play()
    assert stands_by.told() == (0, 6)
    leads = Story(Lease("", transitions=6))
    await leads.leading._take_turn()
    assert leads.leading.begins.is_set()
    assert leads.told() == (1, 7)


async def test_who_has_resigned_lets_the_lease_go_writes_nothing_and_never_takes_it_again() -> None:
    story = Story(Lease(""), Lease("me"), Lease(""))
    await story.leading._take_turn()
    await story.leading.resign()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(story.leading.run(), 0.05)
    assert story.written == ["me", ""]
    assert story.told()[0] == 0
    with pytest.raises(NotLeading), story.fence.write():
        pass


async def test_a_lease_that_another_has_taken_meanwhile_is_left_to_it() -> None:
    story = Story(Lease(""), Lease("other"))
    await story.leading._take_turn()
    await story.leading.resign()
    assert story.written == ["me"]


@pytest.mark.parametrize("trouble", [SILENT, FORBIDDEN])
async def test_a_lease_that_cannot_be_let_go_is_left_to_expire(trouble: LeaseTrouble) -> None:
    story = Story(Lease(""), trouble)
    await story.leading._take_turn()
    with capture_logs() as lines:
        await story.leading.resign()
    assert [line["event"] for line in lines] == ["The Lease was not let go; another replica leads when it has expired."]


async def test_the_lease_is_kept_while_a_write_is_under_way_and_left_to_expire_if_that_has_no_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leading_module, "REQUEST_SECONDS", 0.2)
    story = Story(Lease(""), Lease("me"))
    await story.leading._take_turn()
    with story.fence.write():
        await story.leading.resign()
    assert story.written == ["me"]

    monkeypatch.undo()
    story = Story(Lease(""), Lease("me"))
    await story.leading._take_turn()
    with story.fence.write():
        resigning = asyncio.create_task(story.leading.resign())
        await asyncio.sleep(0.05)
        assert story.written == ["me"]
    await resigning
    assert story.written == ["me", ""]


async def test_without_an_election_the_replica_leads_and_writes_until_it_resigns() -> None:
    metrics, fence = Metrics(), Fence()
    alone = Alone(fence, metrics.election)
    assert alone.begins.is_set()
    assert metrics.election.leader._value.get() == 1
    assert alone.silence() == 0
    with fence.write():
        pass
    await alone.resign()
    with pytest.raises(NotLeading), fence.write():
        pass


async def test_while_the_fleet_is_divided_otherwise_the_lease_is_kept_and_nothing_is_written() -> None:
    """Told once, with the names; and where the list fails, nobody leads by what is not known."""
    story = Story(Lease(""), Lease("me"), Lease("me"))
    held, free = {"brandrelease-0-of-2": Lease("old")}, {"brandrelease-0-of-2": Lease("")}
    story.others_seen = [held, held, SILENT, free]
    with capture_logs() as lines:
        for _ in range(3):
            await story.leading._take_turn()
            assert not story.leading.begins.is_set()
            assert story.told()[0] == 0
            with pytest.raises(NotLeading), story.fence.write():
                pass
        await story.leading._take_turn()
    assert story.leading.begins.is_set()
    assert story.written == ["me"] * 4
    assert [line.get("waits_for") for line in lines if "divided otherwise" in line["event"]] == [
        ("brandrelease-0-of-2",)
    ]


async def test_who_waits_for_another_division_lets_its_lease_go_when_it_is_told_to_stop() -> None:
    story = Story(Lease(""), Lease("me"))
    story.others_seen = [{"brandrelease": Lease("old")}]
    await story.leading._take_turn()
    await story.leading.resign()
    assert story.written == ["me", ""]


async def test_who_leads_asks_no_more_about_other_divisions() -> None:
    story = Story(Lease(""))
    story.others_seen = [{}, {"brandrelease-0-of-2": Lease("new")}]
    await story.leading._take_turn()
    await story.leading._take_turn()
    assert story.others_seen
    assert story.leading.begins.is_set()


def test_identities_begin_with_the_name_of_the_instance_and_are_never_the_same() -> None:
    names = {identity_of("brandrelease-0") for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith("brandrelease-0_") for name in names)
