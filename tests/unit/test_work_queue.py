"""The work queue on a real event loop: one pass per object at a time, and none is lost."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from itertools import pairwise

import pytest
import structlog
from structlog.testing import capture_logs

from brandrelease.controller import work_queue as module
from brandrelease.controller.pace import AT_ONCE_LIMIT, BUNDLE, CROWD, CROWDED_PACE, PACE
from brandrelease.controller.work_queue import Again, Key, WorkQueue
from brandrelease.core.kubernetes_trouble import Question, Trouble
from brandrelease.ports import KubernetesFails, NotLeading
from brandrelease.telemetry import Metrics
from support.virtual_time import on_virtual_time

A, B = Key("shop", "a"), Key("shop", "b")


@pytest.fixture(autouse=True)
def quick_and_quiet(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(random, "uniform", lambda low, high: (low + high) / 2)
    with capture_logs() as lines:
        yield lines


@asynccontextmanager
async def working(work: Callable[[Key], Awaitable[Again]], workers: int = 4) -> AsyncIterator[WorkQueue]:
    queue = WorkQueue(work, Metrics().queue)
    task = asyncio.create_task(queue.run(workers))
    await asyncio.sleep(0)
    try:
        yield queue
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Work:
    """Passes that last until they are let go, and remember themselves."""

    def __init__(self, *answers: Again | Exception, lasting: float = 0.0) -> None:
        self.answers, self.lasting = list(answers), lasting
        self.begun: list[tuple[Key, float]] = []
        self.now = self.most = 0

    async def __call__(self, key: Key) -> Again:
        self.begun.append((key, asyncio.get_running_loop().time()))
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.lasting)
        finally:
            self.now -= 1
        answer = self.answers.pop(0) if self.answers else Again()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def count(self, key: Key) -> int:
        return [begun for begun, _ in self.begun].count(key)

    def pauses(self) -> list[float]:
        moments = [moment for _, moment in self.begun]
        return [later - earlier for earlier, later in pairwise(moments)]


@on_virtual_time
async def test_asking_many_times_before_the_pass_begins_is_asking_once() -> None:
    work = Work()
    async with working(work) as queue:
        for _ in range(5):
            queue.add(A)
        await asyncio.sleep(0.02)
    assert work.count(A) == 1


@on_virtual_time
async def test_asking_during_a_pass_gives_exactly_one_more_and_never_two_at_a_time() -> None:
    work = Work(lasting=0.02)
    async with working(work) as queue:
        queue.add(A)
        await asyncio.sleep(0.005)
        for _ in range(5):
            queue.add(A)
        await asyncio.sleep(2 * BUNDLE)
    assert work.count(A) == 2
    assert work.most == 1


@on_virtual_time
async def test_different_objects_are_looked_at_side_by_side() -> None:
    work = Work(lasting=0.02)
    async with working(work) as queue:
        queue.add(A)
        queue.add(B)
        await asyncio.sleep(0.01)
        assert work.most == 2


@on_virtual_time
async def test_an_object_comes_back_after_the_time_that_its_pass_named() -> None:
    work = Work(Again(after=timedelta(seconds=0.03)))
    async with working(work) as queue:
        queue.add(A)
        await asyncio.sleep(0.015)
        assert work.count(A) == 1
        await asyncio.sleep(0.04)
    assert work.count(A) == 2


@on_virtual_time
async def test_a_time_in_the_past_is_now() -> None:
    work = Work(Again(after=timedelta(seconds=-5)))
    async with working(work) as queue:
        queue.add(A)
        await asyncio.sleep(0.02)
    assert work.count(A) == 2


@on_virtual_time
async def test_an_event_comes_before_the_time_and_takes_its_place() -> None:
    work = Work(Again(after=timedelta(seconds=0.03)))
    async with working(work) as queue:
        queue.add(A)
        await asyncio.sleep(0.01)
        queue.add(A)
        await asyncio.sleep(0.06)
    assert work.count(A) == 2


async def ask_all_the_time(queue: WorkQueue, key: Key, seconds: float) -> None:
    """500 times a second."""
    for _ in range(round(seconds * 500)):
        queue.add(key)
        await asyncio.sleep(0.002)


@on_virtual_time
async def test_an_object_that_changes_all_the_time_has_two_passes_a_second_and_the_last_change_is_seen() -> None:
    work, metrics = Work(), Metrics().queue
    queue = WorkQueue(work, metrics)
    running = asyncio.create_task(queue.run(4))
    await ask_all_the_time(queue, A, 20)
    last_change = asyncio.get_running_loop().time()
    assert work.count(A) == pytest.approx(AT_ONCE_LIMIT + 20 / PACE, abs=2)
    queue.add(B)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert work.count(B) == 1, "others are looked at meanwhile"
    await asyncio.sleep(5)
    assert last_change - 0.002 <= work.begun[-1][1] <= last_change + PACE
    used_up = AT_ONCE_LIMIT / (1 / BUNDLE - 1 / PACE)  # seconds until it has had all that it has at once
    assert metrics.put_off._value.get() == pytest.approx((20 - used_up) / PACE, abs=2)
    assert queue.oldest_wait() == 0, "no worker hangs"
    running.cancel()


@on_virtual_time
async def test_passes_that_always_want_another_at_once_are_no_hot_loop() -> None:
    work = Work(*[Again(after=timedelta())] * 1000)
    async with working(work) as queue:
        queue.add(A)
        await asyncio.sleep(30)
    assert work.count(A) == pytest.approx(AT_ONCE_LIMIT + 30 / PACE, abs=2)


@on_virtual_time
async def test_an_object_that_was_left_alone_for_a_while_is_looked_at_at_once_again() -> None:
    work = Work()
    async with working(work) as queue:
        await ask_all_the_time(queue, A, 20)
        await asyncio.sleep(AT_ONCE_LIMIT * PACE + 1)
        before = work.count(A)
        await ask_all_the_time(queue, A, AT_ONCE_LIMIT * BUNDLE)
        assert work.count(A) - before == pytest.approx(AT_ONCE_LIMIT, abs=1)


@on_virtual_time
async def test_an_object_that_is_gone_is_not_brought_back_by_a_pass_that_was_put_off() -> None:
    work = Work()
    async with working(work) as queue:
        await ask_all_the_time(queue, A, AT_ONCE_LIMIT * 2 * BUNDLE)
        await asyncio.sleep(0.1)
        queue.add(A)
        before = work.count(A)
        queue.forget(A)
        await asyncio.sleep(5)
        assert work.count(A) == before


@on_virtual_time
async def test_pauses_grow_to_the_limit_and_begin_anew_after_a_pass_that_asks_for_none() -> None:
    retry = Again(retry=timedelta(seconds=0.04))
    work = Work(retry, retry, retry, retry, Again(after=timedelta()), retry)
    async with working(work) as queue:
        queue.add(A)
        await asyncio.sleep(0.25)
    first, second, third, fourth, _, anew = work.pauses()
    assert 0.009 <= first < second < third
    assert 0.038 <= third == pytest.approx(fourth, abs=0.015)
    assert anew < third


@on_virtual_time
async def test_the_sooner_of_a_time_and_a_growing_pause_counts() -> None:
    work = Work(Again(after=timedelta(seconds=5), retry=timedelta(seconds=60)))
    async with working(work) as queue:
        queue.add(A)
        await asyncio.sleep(0.05)
    assert work.count(A) == 2


@on_virtual_time
async def test_a_pass_that_fails_is_repeated_and_the_others_go_on(quick_and_quiet: list[dict[str, object]]) -> None:
    work = Work(RuntimeError("the API server is away"), RuntimeError("still"))
    async with working(work, workers=1) as queue:
        queue.add(A)
        queue.add(B)
        await asyncio.sleep(0.1)
    assert work.count(A) >= 2
    assert work.count(B) >= 1
    assert any("will be repeated" in str(line["event"]) for line in quick_and_quiet)
    assert structlog.contextvars.get_contextvars() == {}


@on_virtual_time
async def test_an_object_that_is_gone_is_not_brought_back_by_a_timer() -> None:
    work = Work(Again(after=timedelta(seconds=0.02)))
    async with working(work) as queue:
        queue.add(A)
        await asyncio.sleep(0.01)
        queue.forget(A)
        queue.forget(B)
        await asyncio.sleep(0.04)
    assert work.count(A) == 1


@on_virtual_time
async def test_an_object_that_goes_while_it_is_looked_at_is_looked_at_once_more_so_that_the_pass_forgets_it() -> None:
    work = Work(Again(after=timedelta(seconds=60)), lasting=0.02)
    async with working(work) as queue:
        queue.add(A)
        await asyncio.sleep(0.01)
        queue.forget(A)
        await asyncio.sleep(2 * BUNDLE)
    assert work.count(A) == 2


@on_virtual_time
async def test_at_rest_no_pass_begins_and_those_under_way_come_to_their_end() -> None:
    one, two = Key("ns", "one"), Key("ns", "two")
    work = Work(lasting=1.0)
    async with working(work, workers=1) as queue:
        queue.add(one)
        await asyncio.sleep(0.5)
        queue.add(one)
        queue.add(two)
        await asyncio.wait_for(queue.rest(), 0.6)
        assert work.now == 0
        queue.add(two)
        await asyncio.sleep(10)
        assert [key for key, _ in work.begun] == [one]


@on_virtual_time
async def test_a_queue_with_nothing_to_do_rests_at_once() -> None:
    async with working(Work()) as queue:
        await asyncio.wait_for(queue.rest(), 0.1)


@on_virtual_time
async def test_a_pass_that_may_not_write_any_more_is_no_failure(quick_and_quiet: list[dict[str, object]]) -> None:
    work = Work(NotLeading("This replica does not lead."))
    async with working(work) as queue:
        queue.add(Key("ns", "one"))
        await asyncio.sleep(100)
    assert len(work.begun) == 1
    assert [(line["log_level"], line["why"]) for line in quick_and_quiet] == [("info", "This replica does not lead.")]


@on_virtual_time
async def test_the_oldest_wait_tells_that_all_workers_hang() -> None:
    work = Work(lasting=1)
    async with working(work, workers=1) as queue:
        assert queue.oldest_wait() == 0.0
        queue.add(A)
        await asyncio.sleep(0.005)
        assert queue.oldest_wait() == 0.0, "at work is not waiting"
        queue.add(B)
        await asyncio.sleep(0.02)
        assert 0.015 <= queue.oldest_wait() < 1


@on_virtual_time
async def test_keys_are_told_as_kubectl_tells_them() -> None:
    assert str(A) == "shop/a"
    assert sorted([B, A]) == [A, B]


# --- what the Kubernetes API asks for -----------------------------------------------------------------------------------

REFUSED = Trouble(Question("get", "deployments", "apps", "shop"), 429, "too many requests")


@on_virtual_time
async def test_a_pass_that_the_api_has_refused_for_some_seconds_is_not_repeated_before_whatever_happens() -> None:
    work = Work(KubernetesFails(REFUSED, retry_after=7.0), lasting=0.5)
    async with working(work) as queue:
        queue.add(A)
        for _ in range(100):
            queue.add(A)
            await asyncio.sleep(0.1)
    begun = [at for _, at in work.begun]
    assert begun[1] - begun[0] == pytest.approx(7.5, abs=0.11)
    assert begun[2] - begun[1] < 1, "what was asked for afterwards is done at once"


@on_virtual_time
async def test_an_absurd_time_is_cut_to_a_minute_and_another_object_does_not_wait_at_all() -> None:
    work = Work(KubernetesFails(REFUSED, retry_after=1e9))
    async with working(work) as queue:
        queue.add(A)
        await asyncio.sleep(1)
        queue.add(B)
        await asyncio.sleep(70)
    assert [(key, round(at - work.begun[0][1])) for key, at in work.begun] == [(A, 0), (B, 1), (A, 60)]


@on_virtual_time
async def test_what_is_under_way_is_looked_at_again_before_what_begins() -> None:
    order: list[Key] = []
    first = asyncio.Event()

    async def work(key: Key) -> Again:
        order.append(key)
        await (first.wait() if len(order) == 1 else asyncio.sleep(BUNDLE))
        return Again(under_way=key == B)

    async with working(work, workers=1) as queue:
        queue.add(B)
        await asyncio.sleep(0.01)
        for number in range(5):
            queue.add(Key("shop", f"new-{number}"))
        queue.add(B)  # while its pass goes on: it is followed by another, as soon as that may begin
        first.set()
        await asyncio.sleep(7 * BUNDLE)
    assert B in order[2:4]
    assert len(order) == 7


@on_virtual_time
async def test_in_a_crowd_what_is_under_way_is_looked_at_now_and_then_and_begins_go_on_meanwhile() -> None:
    looked_at: list[Key] = []

    async def work(key: Key) -> Again:
        looked_at.append(key)
        await asyncio.sleep(0.05)
        return Again(under_way=key == B)

    async with working(work, workers=1) as queue:
        queue.add(B)
        await asyncio.sleep(0.1)
        for number in range(10 * CROWD):
            queue.add(Key("shop", f"new-{number}"))
        for _ in range(100):
            queue.add(B)
            await asyncio.sleep(0.05)
    assert 2 <= looked_at.count(B) <= 2 + 5 / CROWDED_PACE  # in 5 seconds
    assert len(looked_at) > 90


@on_virtual_time
async def test_without_a_crowd_a_bundle_of_events_about_what_is_under_way_is_one_look() -> None:
    work = Work(*[Again(under_way=True)] * 12)
    async with working(work) as queue:
        for _ in range(60):
            queue.add(B)
            await asyncio.sleep(BUNDLE / 20)
        await asyncio.sleep(10)
    assert [round(at / BUNDLE) for _, at in work.begun] == [0, 1, 2, 3]


@on_virtual_time
async def test_an_object_rests_when_a_pass_has_said_so_and_not_before_it_or_during_the_next() -> None:
    during: list[bool] = []
    after: list[bool] = []

    async def work(key: Key) -> Again:
        during.append(queue.is_at_rest(key))
        return Again(under_way=len(during) == 2)

    async with working(work) as queue:
        assert not queue.is_at_rest(A)
        for _ in range(3):
            queue.add(A)
            await asyncio.sleep(2 * BUNDLE)
            after.append(queue.is_at_rest(A))
    assert during == [False, False, False]
    assert after == [True, False, True]
