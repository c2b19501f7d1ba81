"""The election as people and probes see it: what is told, how often, and what is said when nothing is heard."""

from collections.abc import Sequence
from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from brandrelease.adapters.system_clock import SystemClock
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

    async def create(self, lease: Lease) -> StoredLease:
        return StoredLease(lease, {})

    async def replace(self, stored: StoredLease, lease: Lease) -> StoredLease:
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


def test_identities_begin_with_the_name_of_the_instance_and_are_never_the_same() -> None:
    names = {identity_of("brandrelease-0") for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith("brandrelease-0_") for name in names)
