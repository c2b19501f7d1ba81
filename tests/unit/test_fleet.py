"""How each BrandRelease stands, as metrics: one series of each kind an object, and none of what was or is gone."""

import time
import tracemalloc

import pytest
from prometheus_client import generate_latest

from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.fleet import Fleet
from brandrelease.telemetry import Metrics
from support.counted import Counted
from support.simulation import KEY, Behaviour

pytestmark = pytest.mark.usefixtures("quiet")


def fleet(metrics: Metrics) -> dict[str, dict[str, str] | float]:
    """Each of the fleet's metrics with the labels of its one series besides the object's name; or its value."""
    found: dict[str, dict[str, str] | float] = {}
    for family in metrics.fleet.collect():
        for sample in family.samples:
            assert sample.name not in found, "one object has one series"
            labels = {name: value for name, value in sample.labels.items() if name not in {"namespace", "name"}}
            assert (sample.labels["namespace"], sample.labels["name"]) == (KEY.namespace, KEY.name)
            found[sample.name] = labels or sample.value
    return found


def test_the_series_of_an_object_follow_it_and_those_of_what_was_are_gone() -> None:
    world = Counted()
    commit = world.release("one")
    assert fleet(world.metrics) == {
        "brandrelease_info": {"brand": "drumeo", "environment": "production", "ref": "master", "revision": commit[:12]},
        "brandrelease_phase": {"phase": "Live"},
        "brandrelease_ready_condition": {"status": "True", "reason": "Succeeded"},
        "brandrelease_unrecovered": 0.0,
    }
    world.release("two", Behaviour.Crashes)
    seen = fleet(world.metrics)
    assert seen["brandrelease_phase"] == {"phase": "RolledBack"}
    assert seen["brandrelease_ready_condition"] == {"status": "False", "reason": "CrashLoopBackOff"}
    world.delete_release()
    world.one_pass()
    assert fleet(world.metrics) == {}


def test_an_object_that_nobody_has_looked_at_yet_has_no_phase() -> None:
    world = Counted()
    world.push("master", "one")
    world.ask("master")
    release = world._loop.run_until_complete(world.brand_release(KEY.namespace, KEY.name))
    assert release is not None
    world.metrics.fleet.see(release, release.status)
    assert fleet(world.metrics) == {
        "brandrelease_info": {"brand": "drumeo", "environment": "production", "ref": "master", "revision": ""},
        "brandrelease_unrecovered": 0.0,
    }


def test_after_a_restart_one_pass_that_changes_nothing_shows_an_object_again() -> None:
    world = Counted()
    world.release("one")
    before, written = fleet(world.metrics), len(world.statuses)
    world.metrics = Metrics()
    world.restart()
    world.one_pass()
    assert fleet(world.metrics) == before
    assert len(world.statuses) == written


# --- what it costs ----------------------------------------------------------------------------------------------------


def thousand() -> list[BrandRelease]:
    """As many live BrandReleases, each of a brand of its own."""
    world = Counted()
    world.release("one")
    release = world._loop.run_until_complete(world.brand_release(KEY.namespace, KEY.name))
    assert release is not None
    return [
        release.model_copy(update={"namespace": f"brand-{i}-production", "name": f"brand-{i}"}) for i in range(1000)
    ]


def test_a_thousand_objects_have_four_series_each_and_counters_have_none_of_them() -> None:
    metrics = Metrics()
    idle = generate_latest(metrics.registry).count(b"\n")
    for release in thousand():
        metrics.fleet.see(release, release.status)
    page = generate_latest(metrics.registry)
    assert page.count(b"\n") - idle == 4000
    assert page.count(b"brand-7-production") == 4
    assert idle < 550


def test_a_page_of_a_thousand_objects_takes_less_than_a_quarter_of_a_second() -> None:
    metrics = Metrics()
    for release in thousand():
        metrics.fleet.see(release, release.status)
    start = time.process_time()
    generate_latest(metrics.registry)
    assert time.process_time() - start < 0.25, "it takes about 30 ms"


def test_a_thousand_objects_are_remembered_in_less_than_a_megabyte() -> None:
    releases, fleet = thousand(), Fleet()
    tracemalloc.start()
    try:
        for release in releases:
            fleet.see(release, release.status)
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
