"""Notices on their way: one at a time to each endpoint, tried again with pauses, and nobody waits for them."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from brandrelease.apis.notifications import GitHub, Notification, Slack, Stage, Webhook
from brandrelease.controller import deliveries as module
from brandrelease.controller.deliveries import LONGEST_PAUSE, PACE, PATIENCE, BackgroundDeliveries
from brandrelease.controller.work_queue import Key
from brandrelease.core.telling.notice import Delivered, Notice, Undelivered
from brandrelease.ports import NotTaken, Secret, Taken
from brandrelease.telemetry import Metrics
from support.notices import endpoint, notice
from support.virtual_time import on_virtual_time

KEY = ("drumeo-production", "drumeo")
SLACK = endpoint(slack={"channel": "#releases", "secretName": "slack"})
HOOK = endpoint(webhook={"url": "https://hooks.example.com/x", "secretName": "hook"})
GITHUB = endpoint(gitHub={"repository": "example-org/drumeo", "secretName": "github"})
DOWN = NotTaken("It does not answer.")


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("random.uniform", lambda _low, _high: 1.0)
    with capture_logs():
        yield


class Endpoints:
    """All endpoints at once. `says`: their next answers; after these, everything is taken. `lasts`: seconds of a request."""

    def __init__(self, *says: Taken | NotTaken | Exception, lasts: float = 0.0) -> None:
        self.says, self.lasts = list(says), lasts
        self.always: Taken | NotTaken | None = None
        self.got: list[tuple[float, Notice]] = []
        self.at_once = self.most_at_once = 0
        self.woken: list[Key] = []
        self.secrets: dict[str, Secret] = {"slack": {}, "hook": {}, "github": {}}
        self.metrics = Metrics()
        self.deliveries = BackgroundDeliveries(
            {Slack: self, Webhook: self, GitHub: self}, self.secret, self.woken.append, self.metrics
        )

    async def secret(self, name: str) -> Secret | None:
        return self.secrets.get(name)

    async def tell(self, notice: Notice, secret: Secret) -> Taken | NotTaken:
        self.got.append((asyncio.get_running_loop().time(), notice))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.lasts)
        self.at_once -= 1
        answer = self.says.pop(0) if self.says else self.always or Taken("made")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def want(self, *notices: Notice, key: tuple[str, str] = KEY) -> None:
        self.deliveries.want(*key, notices)

    def result(self) -> Delivered | Undelivered | None:
        return next(iter(self.deliveries.results(*KEY).values()), None)

    def times(self) -> list[float]:
        return [round(time, 1) for time, _ in self.got]

    def stages(self) -> list[Stage]:
        return [each.stage for _, each in self.got]

    def count(self, kind: str, result: str) -> float:
        name = "brandrelease_notifications_total"
        return self.metrics.registry.get_sample_value(name, {"kind": kind, "result": result}) or 0.0


@on_virtual_time
async def test_a_notice_is_told_once_however_often_it_is_wanted() -> None:
    world, told = Endpoints(lasts=1), notice(SLACK)
    for _ in range(3):
        world.want(told)
        await asyncio.sleep(0.3)
    assert world.result() is None
    await asyncio.sleep(60)
    world.want(told)
    await asyncio.sleep(60)
    assert (world.times(), world.result(), world.woken) == ([0.0], Delivered(told, "made"), [Key(*KEY)])
    assert world.count("slack", "taken") == 1


@on_virtual_time
async def test_to_want_something_takes_no_time_whatever_the_endpoint_does() -> None:
    world, before = Endpoints(lasts=10_000), asyncio.get_running_loop().time()
    world.want(notice(SLACK), notice(HOOK), notice(GITHUB))
    assert asyncio.get_running_loop().time() == before
    await world.deliveries.close()


@on_virtual_time
async def test_what_is_not_taken_is_tried_again_after_growing_pauses_and_said_once() -> None:
    world, told = Endpoints(*[DOWN] * 10), notice(SLACK)
    world.want(told)
    await asyncio.sleep(1)
    assert (world.result(), len(world.woken)) == (Undelivered(told, "It does not answer."), 1)
    await asyncio.sleep(2000)
    assert world.times() == [0, 2, 6, 14, 30, 62, 126, 254, 510, 810, 1110]
    assert (world.result(), len(world.woken)) == (Delivered(told, "made"), 2)
    assert (world.count("slack", "failed"), world.count("slack", "taken")) == (10, 1)


@on_virtual_time
async def test_other_words_of_the_trouble_are_news() -> None:
    world = Endpoints(DOWN, DOWN, NotTaken("The token is wrong."))
    world.want(notice(SLACK))
    await asyncio.sleep(10)
    assert (len(world.woken), world.result()) == (2, Undelivered(notice(SLACK), "The token is wrong."))
    await world.deliveries.close()


@on_virtual_time
async def test_after_a_long_time_it_is_given_up_and_said_so() -> None:
    world, told = Endpoints(), notice(SLACK)
    world.always = DOWN
    world.want(told)
    await asyncio.sleep(PATIENCE + LONGEST_PAUSE)
    assert world.result() == Undelivered(told, "It does not answer. It is given up.", given_up=True)
    assert PATIENCE - LONGEST_PAUSE <= world.times()[-1] <= PATIENCE
    tries = len(world.got)
    world.want(told)
    await asyncio.sleep(PATIENCE)
    assert (len(world.got), world.count("slack", "given_up")) == (tries, 1)


@on_virtual_time
async def test_an_endpoint_is_left_alone_for_as_long_as_it_asks() -> None:
    world = Endpoints(NotTaken("Not so fast.", pause=40))
    world.want(notice(SLACK))
    await asyncio.sleep(1)
    world.want(notice(SLACK), key=("other", "one"))
    await asyncio.sleep(100)
    assert world.times() == [0, 40, 41]
    assert [each.to for _, each in world.got] == [SLACK] * 3


@on_virtual_time
async def test_nobody_may_ask_for_longer_than_an_hour_on_behalf_of_others() -> None:
    world = Endpoints(NotTaken("Not so fast.", pause=999_999_999))
    world.want(notice(SLACK))
    await asyncio.sleep(1)
    failed = world.result()
    assert isinstance(failed, Undelivered)
    assert failed.given_up
    world.want(notice(SLACK), key=("other", "one"))
    await asyncio.sleep(3700)
    assert world.times() == [0, 3600]


@on_virtual_time
async def test_a_newer_notice_takes_the_place_of_one_that_waits_and_its_pause() -> None:
    world = Endpoints(DOWN, DOWN)
    world.want(notice(SLACK))
    await asyncio.sleep(3)
    world.want(notice(SLACK, Stage.Live))
    await asyncio.sleep(60)
    assert (world.times(), world.stages()) == ([0, 2, 6], [Stage.Started, Stage.Started, Stage.Live])


@on_virtual_time
async def test_other_words_of_the_same_notice_are_sent_with_the_next_try() -> None:
    world = Endpoints(DOWN)
    world.want(notice(SLACK))
    await asyncio.sleep(1)
    world.want(notice(SLACK, why="others fail too"))
    await asyncio.sleep(60)
    assert [each.why for _, each in world.got] == ["", "others fail too"]


@on_virtual_time
async def test_an_endpoint_that_was_corrected_in_the_brand_is_tried_at_once() -> None:
    world = Endpoints(*[DOWN] * 5)
    world.want(notice(SLACK))
    await asyncio.sleep(40)
    other = endpoint(slack={"channel": "#right", "secretName": "slack"})
    world.want(notice(other))
    await asyncio.sleep(300)
    assert world.times() == [0, 2, 6, 14, 30, 40]
    assert world.got[-1][1].to == other


@on_virtual_time
async def test_an_endpoint_that_is_corrected_while_it_is_spoken_to_is_tried_at_once_after_that() -> None:
    world = Endpoints(*[DOWN] * 5, lasts=5)
    world.want(notice(SLACK))
    await asyncio.sleep(51)
    assert world.at_once == 1
    other = endpoint(slack={"channel": "#right", "secretName": "slack"})
    world.want(notice(other))
    await asyncio.sleep(60)
    assert world.times() == [0, 7, 16, 29, 50, 56]
    assert world.got[-1][1].to == other


@on_virtual_time
async def test_what_is_being_sent_is_not_torn_off_by_what_is_newer_nor_followed_by_it_before_its_end_is_known() -> None:
    """The newer notice does not know yet what the older one has made, and would make another one."""
    world = Endpoints(lasts=5)
    world.want(notice(SLACK))
    await asyncio.sleep(1)
    world.want(notice(SLACK, Stage.Live))
    await asyncio.sleep(10)
    world.want(notice(SLACK, Stage.Live))  # by a pass that had begun before the end was known
    await asyncio.sleep(10)
    assert (world.stages(), world.result()) == ([Stage.Started], Delivered(notice(SLACK), "made"))
    recorded = world.got[0][1].told_at.replace(year=2027)
    world.want(notice(SLACK, Stage.Live, known_as="made", told_at=recorded))
    await asyncio.sleep(10)
    assert world.stages() == [Stage.Started, Stage.Live]


@on_virtual_time
async def test_what_is_newer_than_what_is_being_sent_and_not_taken_is_sent_in_its_place() -> None:
    world = Endpoints(DOWN, lasts=5)
    world.want(notice(SLACK))
    await asyncio.sleep(1)
    world.want(notice(SLACK, Stage.Live))
    await asyncio.sleep(60)
    assert world.stages() == [Stage.Started, Stage.Live]


@on_virtual_time
async def test_what_is_wanted_no_more_is_not_tried_again() -> None:
    world = Endpoints(DOWN)
    world.want(notice(SLACK))
    await asyncio.sleep(1)
    world.want()
    await asyncio.sleep(600)
    assert (world.times(), world.result()) == ([0], None)


@on_virtual_time
async def test_what_is_wanted_no_more_while_it_is_sent_comes_to_its_end_and_is_known() -> None:
    world = Endpoints(lasts=5)
    world.want(notice(SLACK))
    await asyncio.sleep(1)
    world.want()
    await asyncio.sleep(10)
    world.want()
    assert world.result() == Delivered(notice(SLACK), "made")


@on_virtual_time
async def test_what_is_wanted_no_more_while_it_is_sent_and_fails_is_left_at_that() -> None:
    world = Endpoints(DOWN, lasts=5)
    world.want(notice(SLACK))
    await asyncio.sleep(1)
    world.want()
    await asyncio.sleep(600)
    assert world.times() == [0]
    world.want(notice(SLACK))
    await asyncio.sleep(600)
    assert len(world.got) == 2


@on_virtual_time
async def test_a_brandrelease_that_is_gone_is_told_of_no_more() -> None:
    world = Endpoints(DOWN)
    world.want(notice(SLACK))
    await asyncio.sleep(1)
    world.deliveries.forget(*KEY)
    world.deliveries.forget(*KEY)
    await asyncio.sleep(600)
    assert (world.times(), world.result()) == ([0], None)


@on_virtual_time
async def test_one_server_gets_one_notice_at_a_time_and_not_too_many() -> None:
    world = Endpoints(lasts=0.3)
    for number in range(5):
        world.want(notice(SLACK, number=number), key=("n", str(number)))
    await asyncio.sleep(60)
    assert world.times() == [round(number * (PACE + 0.3), 1) for number in range(5)]
    assert world.most_at_once == 1


@on_virtual_time
async def test_a_server_that_hangs_delays_no_other_and_only_so_many_are_spoken_to_at_once() -> None:
    world = Endpoints(lasts=10)
    for number in range(module.AT_ONCE_LIMIT + 2):
        hook = endpoint(webhook={"url": f"https://h{number}.example.com/", "secretName": "hook"})
        world.want(notice(hook), key=("n", str(number)))
    await asyncio.sleep(5)
    assert world.times() == [0] * module.AT_ONCE_LIMIT
    await asyncio.sleep(60)
    assert world.times() == [0] * module.AT_ONCE_LIMIT + [10, 10]
    assert world.most_at_once == module.AT_ONCE_LIMIT


@on_virtual_time
async def test_the_ways_to_servers_that_are_free_are_not_remembered() -> None:
    world = Endpoints()
    for number in range(20):
        hook = endpoint(webhook={"url": f"https://h{number}.example.com/", "secretName": "hook"})
        world.want(notice(hook), key=("n", str(number)))
        await asyncio.sleep(5)
    assert len(world.deliveries._lanes) == 1


@on_virtual_time
async def test_a_secret_that_is_not_there_is_told_of_and_read_again() -> None:
    world = Endpoints()
    del world.secrets["slack"]
    world.want(notice(SLACK))
    await asyncio.sleep(1)
    failed = world.result()
    assert isinstance(failed, Undelivered)
    assert failed.problem == (
        'There is no Secret "slack" in the operator\'s namespace, which the Brand names for its notification "slack". '
        "Create it, or correct secretName."
    )
    world.secrets["slack"] = {}
    await asyncio.sleep(5)
    assert (len(world.got), world.result()) == (1, Delivered(notice(SLACK), "made"))


@on_virtual_time
async def test_an_error_of_our_own_ends_nothing() -> None:
    world = Endpoints(RuntimeError("canary"), ValueError("canary"))
    world.want(notice(SLACK))
    await asyncio.sleep(1)
    problem = "The operator could not send it, or not read its Secret; the operator's log says more."
    assert world.result() == Undelivered(notice(SLACK), problem)
    await asyncio.sleep(60)
    assert world.result() == Delivered(notice(SLACK), "made")


@on_virtual_time
async def test_at_the_end_nothing_is_left_running() -> None:
    world = Endpoints(lasts=100)
    world.want(notice(SLACK), notice(HOOK), notice(GITHUB))
    await asyncio.sleep(1)
    await world.deliveries.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize(("to", "kind"), [(SLACK, "slack"), (HOOK, "webhook"), (GITHUB, "gitHub")])
def test_every_kind_is_counted_by_its_name_in_the_brand(to: Notification, kind: str) -> None:
    @on_virtual_time
    async def play(*_: Any) -> None:
        world = Endpoints()
        world.want(replace(notice(to)))
        await asyncio.sleep(1)
        assert world.count(kind, "taken") == 1

    play()
