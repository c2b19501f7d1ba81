"""The operator's time is the API server's, and no step of any clock is a step of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from structlog.testing import capture_logs

from brandrelease.adapters.cluster_clock import SHARE, ClusterClock

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR, YEAR = timedelta(hours=1), timedelta(days=365)


@dataclass
class World:
    """A machine whose clock may be wrong, an API server whose clock may be, and the time that really passes."""

    machine: timedelta = timedelta()
    server: timedelta = timedelta()
    seconds: float = 0.0
    clock: ClusterClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = ClusterClock(self, lambda: 1000 + self.seconds)

    def now(self) -> datetime:
        """The machine's time of day."""
        return NOON + timedelta(seconds=self.seconds) + self.machine

    def answer(self) -> None:
        self.clock.heard(format_datetime(NOON + timedelta(seconds=int(self.seconds)) + self.server, usegmt=True))

    def passes(self, seconds: float, answers: bool = True) -> None:
        for _ in range(int(seconds)):
            self.seconds += 1
            if answers:
                self.answer()

    @property
    def error(self) -> float:
        """Seconds by which the operator's time is ahead of what it was at noon and the time since then."""
        return (self.clock.now() - NOON).total_seconds() - self.seconds


def test_while_all_clocks_agree_it_is_the_machines_time_to_the_microsecond() -> None:
    world = World(machine=timedelta(microseconds=123456))
    world.answer()
    world.passes(3600)
    assert world.clock.now() == world.now()
    assert world.clock.owed() == 0


@pytest.mark.parametrize("wrong", [HOUR, -HOUR, YEAR])
def test_a_machine_whose_clock_is_wrong_goes_by_the_api_servers_time_from_its_first_answer(wrong: timedelta) -> None:
    world = World(machine=wrong)
    assert world.clock.now() == world.now()
    with capture_logs() as lines:
        world.answer()
    assert abs(world.error) <= 2
    assert [round(abs(line["seconds"]) - abs(wrong.total_seconds())) for line in lines] in ([0], [-2])


@pytest.mark.parametrize("step", [HOUR, -HOUR, YEAR])
def test_a_machine_whose_clock_is_set_meanwhile_changes_nothing(step: timedelta) -> None:
    world = World()
    world.answer()
    world.passes(60)
    world.machine = step
    world.passes(600)
    assert abs(world.error) <= 0.001


@pytest.mark.parametrize("step", [HOUR, -HOUR, YEAR, -YEAR])
def test_when_the_api_servers_own_clock_is_set_no_duration_is_wrong_by_more_than_a_twentieth(step: timedelta) -> None:
    world = World()
    world.answer()
    world.passes(60)
    world.server = step
    for answers in (True, False):  # also where nothing is heard for long: what was owed then is not made up for at once
        before, seconds = world.clock.now(), 600
        world.passes(seconds, answers=answers)
        taken = (world.clock.now() - before).total_seconds()
        assert abs(taken - seconds) <= seconds * SHARE + 0.001
        assert (taken - seconds) * step.total_seconds() > 0, "it is on its way to the API server's time"


@pytest.mark.parametrize("step", [timedelta(seconds=30), -timedelta(seconds=30)])
def test_it_reaches_the_api_servers_time_and_stays_there(step: timedelta) -> None:
    world = World()
    world.answer()
    world.server = step
    world.passes(30 / SHARE + 60)
    assert abs(world.error - step.total_seconds()) <= 2
    assert world.clock.owed() == pytest.approx(0, abs=0.1)


def test_a_step_of_the_api_servers_clock_is_told_once() -> None:
    world = World()
    world.answer()
    with capture_logs() as lines:
        world.server = HOUR
        world.passes(600)
    assert [(line["log_level"], line["seconds"]) for line in lines] == [("warning", 3600)]


@pytest.mark.parametrize(
    "date", [None, "", "yesterday", "Fri, 99 Nov 2026 12:00:00 GMT", "Fri, 27 Nov 2025 12:00:00 -0000"]
)
def test_an_answer_without_a_date_that_can_be_read_tells_nothing(date: str | None) -> None:
    world = World()
    world.clock.heard(date)
    assert world.clock.now() == NOON
    world.answer()
    world.clock.heard(date)
    assert world.error == 0
