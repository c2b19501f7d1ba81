"""Looks in the background: begun once, never waited for, and whatever goes wrong is an answer."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseSpec, BrandReleaseStatus
from brandrelease.apis.checks import Check
from brandrelease.controller import looking, measuring
from brandrelease.controller.looking import Looking
from brandrelease.controller.measuring import Measuring
from brandrelease.controller.work_queue import Key
from brandrelease.core.checks.measured import CheckOrder, Measured, NumberSeen, Observation, Unmeasured
from brandrelease.ports import Secret
from brandrelease.telemetry import Metrics

START = datetime(2026, 1, 1, tzinfo=UTC)
LOGS = {"url": "https://logs.example.com", "index": "logs-*", "query": "level:error", "timeoutSeconds": 1}


class Source:
    """Answers when it is let; counts how many looks are under way at the same time."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.begun = self.under_way = self.most_at_a_time = 0
        self.secrets: list[Secret | None] = []
        self.trouble: Exception | None = None

    async def measure(self, order: CheckOrder, secret: Secret | None) -> Observation:
        self.begun += 1
        self.under_way += 1
        self.most_at_a_time = max(self.most_at_a_time, self.under_way)
        self.secrets.append(secret)
        try:
            if self.trouble is not None:
                raise self.trouble
            await self.may_answer.wait()
            return NumberSeen(Decimal(self.begun))
        finally:
            self.under_way -= 1


class Room:
    """Measuring with one source, a clock that stands until it is set, and two Secrets at most."""

    def __init__(self) -> None:
        self.source, self.time, self.metrics = Source(), START, Metrics()
        self.secrets: dict[tuple[str, str], Secret] = {}
        self.woken: list[Key] = []
        self.wake_up = asyncio.Event()
        asking = Looking({"elasticsearch": self.source}, self.secret, "operators")
        self.measuring = Measuring(asking, self, self.metrics, self._wake)

    def now(self) -> datetime:
        return self.time

    async def secret(self, namespace: str, name: str) -> Secret | None:
        return self.secrets.get((namespace, name))

    def _wake(self, key: Key) -> None:
        self.woken.append(key)
        self.wake_up.set()

    async def one_end(self) -> None:
        await asyncio.wait_for(self.wake_up.wait(), 10)
        self.wake_up.clear()


def release(name: str = "drumeo") -> BrandRelease:
    return BrandRelease(
        name=name,
        namespace="sites",
        uid=name,
        generation=1,
        resource_version="1",
        created_at=START,
        requested_at=None,
        spec=BrandReleaseSpec(brand=name, environment="production", ref="master"),
        status=BrandReleaseStatus(),
    )


def order(name: str = "errors", **fields: object) -> CheckOrder:
    return CheckOrder(Check.model_validate({"name": name, "elasticsearch": LOGS | fields}))


def look(room: Room, since: datetime = START, what: CheckOrder | None = None, number: int = 1) -> Measured | None:
    return room.measuring.last(release(), number, what or order(), since)


async def some_turns() -> None:
    """Whatever can go on without anybody's doing has gone on."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_nobody_waits_for_a_look_and_its_end_wakes_the_release() -> None:
    room = Room()
    assert look(room) is None
    room.source.may_answer.set()
    await room.one_end()
    assert room.woken == [Key("sites", "drumeo")]
    assert look(room) == Measured(NumberSeen(Decimal(1)), START)


async def test_while_a_look_is_under_way_no_other_begins() -> None:
    room = Room()
    for _ in range(5):
        assert look(room) is None
        await asyncio.sleep(0)
    assert room.source.begun == 1


async def test_what_was_found_before_it_was_due_does_not_count_and_a_new_look_begins() -> None:
    room = Room()
    room.source.may_answer.set()
    look(room)
    await room.one_end()
    later = START + timedelta(seconds=15)
    assert look(room, since=later) is None
    room.time = later
    await room.one_end()
    assert look(room, since=later) == Measured(NumberSeen(Decimal(2)), later)


async def test_a_source_that_hangs_is_given_up_after_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "GRACE_SECONDS", -0.95)
    room = Room()
    look(room)
    await room.one_end()
    assert look(room) == Measured(Unmeasured("There was no answer within 0.05 seconds. It is asked again."), START)
    assert room.source.under_way == 0


@pytest.mark.usefixtures("quiet")
async def test_a_fault_of_our_own_is_an_answer_too() -> None:
    room = Room()
    room.source.trouble = ZeroDivisionError("a secret may be in here")
    look(room)
    await room.one_end()
    found = look(room)
    assert found is not None
    assert found.observation == Unmeasured(
        "The operator could not look (ZeroDivisionError); its log says more. It is tried again."
    )


async def test_the_secret_is_read_in_the_operators_namespace() -> None:
    room = Room()
    room.source.may_answer.set()
    room.secrets["operators", "logs"] = {"apiKey": b"abc"}
    look(room, what=order(secretName="logs"))
    await room.one_end()
    assert room.source.secrets == [{"apiKey": b"abc"}]


async def test_a_secret_that_is_not_there_is_told_and_nobody_is_asked() -> None:
    room = Room()
    look(room, what=order(secretName="logs"))
    await room.one_end()
    found = look(room, what=order(secretName="logs"))
    assert found is not None
    assert found.observation == Unmeasured(
        'There is no Secret "logs" in namespace "operators", which check errors names. Create it, or correct secretName.'
    )
    assert room.source.begun == 0


async def test_no_more_looks_are_under_way_than_there_is_room_for() -> None:
    room = Room()
    for number in range(2 * measuring.AT_A_TIME):
        room.measuring.last(release(f"brand-{number}"), 1, order(), START)
    await some_turns()
    assert room.source.under_way == measuring.AT_A_TIME
    room.source.may_answer.set()
    while len(room.woken) < 2 * measuring.AT_A_TIME:
        await room.one_end()
    assert room.source.most_at_a_time == measuring.AT_A_TIME


async def test_what_is_forgotten_is_stopped_and_wakes_nobody() -> None:
    room = Room()
    look(room)
    await asyncio.sleep(0)
    room.measuring.forget("sites", "drumeo")
    await some_turns()
    assert (room.source.under_way, room.woken) == (0, [])
    room.measuring.forget("sites", "nobody-knows-it")


async def test_only_the_last_two_releases_are_remembered() -> None:
    room = Room()
    room.source.may_answer.set()
    for number in (1, 2, 3):
        look(room, number=number)
        await room.one_end()
    assert look(room, number=3) is not None
    assert look(room, number=2) is not None
    assert look(room, number=1) is None


async def test_looks_are_counted_by_source_and_by_whether_there_was_an_answer() -> None:
    room = Room()
    room.source.may_answer.set()
    look(room)
    await room.one_end()
    look(room, what=order("other", secretName="nowhere"))
    await room.one_end()
    count: Callable[[str], float | None] = lambda result: room.metrics.registry.get_sample_value(  # noqa: E731
        "brandrelease_check_measurements_total", {"source": "elasticsearch", "result": result}
    )
    assert (count("ok"), count("error")) == (1, 1)
