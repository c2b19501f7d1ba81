"""What the bench makes of a storm's requests, of a profile and of the operator's metrics."""

import asyncio
import gc
import io
import json
import time
from asyncio import events
from collections import Counter
from pathlib import Path

import pytest

from bench.fleet.by_hand import ByHand
from bench.fleet.idle import Idle, last_first_look
from bench.fleet.meter import Metrics, Request, Used
from bench.fleet.parts import OTHER, part_of, shares
from bench.fleet.plan import Plan
from bench.fleet.population import Site
from bench.fleet.section import section_of
from bench.fleet.storm import Storm
from bench.fleet.walk import Seen
from bench.fleet.watched_loop import LIMIT, Blocked, LoopWatch, Noted
from brandrelease.controller.heap import spare_what_stays

FIRST, SECOND = Site("b000", 0), Site("b000", 1)


def of(site: Site, at: float, verb: str, resource: str = "brandreleases/status") -> Request:
    return Request(at, verb, resource, site.namespace, site.name)


REQUESTS = [
    of(FIRST, 99.0, "get", "brandreleases"),  # before the storm
    of(FIRST, 101.0, "get", "brandreleases"),
    of(FIRST, 102.0, "update"),
    of(SECOND, 103.0, "update"),
    Request(103.5, "patch", "deployments", SECOND.namespace, SECOND.deployment),
    of(FIRST, 104.0, "update"),
    of(SECOND, 110.0, "update"),
    of(SECOND, 111.0, "get", "brandreleases"),
]
USED = Used(100.0, 12.0, REQUESTS, {"operator": 0.06, "etcd": 1.0}, 120.0)
STORM = Storm({FIRST: 100.0, SECOND: 101.0}, USED, Counter(Succeeded=2), late=0.0)


def test_a_storm_lasts_from_the_first_wish_to_the_last_word_in_a_status() -> None:
    assert STORM.seconds == 10.0
    assert STORM.per_second == 0.2
    assert STORM.took == {FIRST: 4.0, SECOND: 9.0}


def test_a_release_waits_until_the_operator_first_asks_or_says_something_of_the_object() -> None:
    assert STORM.waits == [1.0, 2.0]


def test_a_start_ends_when_the_last_is_asked_for_that_was_not_asked_for_before() -> None:
    read = "brandreleases"
    looks = [of(FIRST, 101.0, "get", read), of(SECOND, 104.0, "get", read), of(FIRST, 109.0, "get", read)]
    assert last_first_look([*looks, Request(120.0, "get", "brands", "", "b000")]) == 104.0


def test_reads_writes_and_processor_time_are_shared_by_the_releases() -> None:
    assert (STORM.reads, STORM.writes) == (1.5, 2.5)
    assert STORM.milliseconds == pytest.approx(30.0)


def test_the_metrics_tell_who_was_looked_at_and_what_has_ended() -> None:
    page = (
        '# TYPE brandrelease_info gauge\nbrandrelease_info{name="a"} 1.0\nbrandrelease_info{name="b"} 1.0\n'
        'brandrelease_releases_total{outcome="Succeeded",reason="Released"} 3.0\n'
        'brandrelease_releases_total{outcome="Failed",reason="Crash"} 2.0\n'
    )
    metrics = Metrics(page)
    assert (metrics.looked_at, metrics.ended) == (2, 5)
    assert metrics.total("brandrelease_releases_total", outcome="Failed") == 2.0


def test_a_callback_that_blocks_the_loop_is_noted_with_the_coroutine_that_it_went_on_with() -> None:
    notes = io.StringIO()

    async def works() -> None:
        end = time.thread_time() + 2 * LIMIT
        while time.thread_time() < end:
            pass

    async def waits() -> None:
        time.sleep(2 * LIMIT)

    async def main() -> None:
        watch.install()
        await asyncio.gather(asyncio.create_task(works()), asyncio.create_task(waits()), asyncio.sleep(0))

    watch = LoopWatch(notes)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(events.Handle, "_run", events.Handle._run)  # put back at the end
        asyncio.run(main())
    gc.callbacks.remove(watch.collected)
    noted = Noted.of(Blocked(**json.loads(line)) for line in notes.getvalue().splitlines())
    worked, waited = ([each.what.rpartition(".")[2] for each in kind] for kind in (noted.by_work, noted.by_others))
    assert "works" in worked
    assert "works" not in waited
    assert "waits" in waited
    assert "waits" not in worked


def test_the_rounds_of_the_collector_are_no_fault_of_a_storm() -> None:
    assert Noted.of([Blocked(0.3, 0.1, 0.3, f"{spare_what_stays.__name__} > sleep")]) == Noted((), ())


def test_timers_count_as_late_that_were_late_since_then() -> None:
    def page(timers: int, in_time: int) -> Metrics:
        name = "brandrelease_event_loop_lag_seconds"
        return Metrics(
            f'\n{name}_bucket{{le="0.025"}} 1\n{name}_bucket{{le="0.05"}} {in_time}\n{name}_count {timers}\n'
        )

    assert page(timers=150, in_time=135).late_since(page(timers=50, in_time=40)) == 5.0


@pytest.mark.parametrize(
    ("frames", "part"),
    [
        (["run (/x/asyncio/runners.py:1)", "_pass (/x/brandrelease/controller/work_queue.py:1)"], "passes, queue, observing"),
        (["_pass (/x/brandrelease/controller/reconcile.py:1)", "get (/x/aiohttp/client.py:1)", "loads (/x/json/x.py:1)"], "HTTP (aiohttp)"),
        (["run (/x/asyncio/runners.py:1)", "read (/x/ssl.py:1)"], "event loop"),
        (["main (/x/nobody.py:1)"], OTHER),
    ],
)  # fmt: skip
def test_a_stack_belongs_to_its_innermost_part(frames: list[str], part: str) -> None:
    assert part_of(frames) == part


def test_a_thread_that_waits_is_in_no_share(tmp_path: Path) -> None:
    file = tmp_path / "stacks"
    file.write_text(
        "run (/x/asyncio/runners.py:1);select (/x/selectors.py:1) 90\n"
        "run (/x/asyncio/runners.py:1);watch (/x/kopf/a.py:1) 3\nrun (/x/asyncio/runners.py:1);fetch (/x/adapters/git/a.py:1) 1\n"
    )
    assert shares(file) == {"watches (kopf)": 75.0, "git": 25.0}


def test_the_crowd_is_the_largest_fleet_up_to_a_thousand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLEET", raising=False)
    assert Plan.told().sizes == (100, 1000, 5000)
    assert (Plan.told().crowd, Plan.told().profiled) == (1000, 300)
    monkeypatch.setenv("FLEET", "100,40")
    assert (Plan.told().crowd, Plan.told().largest, Plan.told().profiled) == (100, 100, 100)


def test_the_section_holds_the_storm_against_the_same_by_hand_and_the_largest_fleet_against_the_goals() -> None:
    seen = Seen(Plan((1, 2), 60.0), storms=[STORM], by_hand=[ByHand(2, 1.0, 4.0)], rest=[Idle(3, 5.0, USED)])
    figures = {each.what: each for each in section_of(seen).figures}
    storm = figures["storm of 2: releases"]
    assert (storm.p50, storm.ratio) == (0.2, 0.4)
    assert [storm.is_met(goal) for goal in storm.goals] == [False]
    memory = figures["2 at rest: memory"]
    assert [memory.is_met(goal) for goal in memory.goals] == [True]
