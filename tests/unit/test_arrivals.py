"""Whom a watch event wakes."""

from typing import Any

import pytest

from brandrelease.controller.arrivals import Arrivals
from brandrelease.controller.interest import Interest
from brandrelease.controller.resync import Known
from brandrelease.controller.work_queue import Key

RESTS, BUSY = Key("shop", "rests"), Key("shop", "busy")


@pytest.fixture
def woken() -> list[Key]:
    return []


@pytest.fixture
def arrivals(woken: list[Key]) -> Arrivals:
    return Arrivals(Interest(), Known(), woken.extend, lambda _key: None, lambda key: key == RESTS)


def marked(key: Key, version: int = 1) -> dict[str, Any]:
    labels = {"brandrelease.dev/name": key.name}
    name = {"namespace": key.namespace, "name": f"{key.name}-abc", "uid": f"{key.name}-abc"}
    return {"metadata": {**name, "labels": labels, "resourceVersion": str(version)}}


@pytest.mark.parametrize("event", ["ADDED", "MODIFIED", "DELETED", None])
def test_a_pod_wakes_a_release_that_is_under_way_and_none_that_rests(
    arrivals: Arrivals, woken: list[Key], event: str | None
) -> None:
    arrivals("pods", event, marked(RESTS))
    arrivals("pods", event, marked(BUSY))
    assert woken == [BUSY]


def test_a_deployment_wakes_its_release_also_where_that_rests(arrivals: Arrivals, woken: list[Key]) -> None:
    arrivals("deployments", "MODIFIED", marked(RESTS))
    assert woken == [RESTS]


def test_what_was_deleted_is_not_known_any_more_and_no_list_from_before_is_new_enough(arrivals: Arrivals) -> None:
    arrivals("pods", "ADDED", marked(BUSY))
    arrivals("pods", "DELETED", marked(BUSY, version=2))
    pods = arrivals.known.of("pods")
    assert pods.uids() == frozenset()
    assert pods.newest is not None
    assert pods.newest.version == 2


def test_what_was_seen_before_wakes_nobody(arrivals: Arrivals, woken: list[Key]) -> None:
    arrivals("pods", "MODIFIED", marked(BUSY, version=2))
    arrivals("pods", "MODIFIED", marked(BUSY, version=2))
    arrivals("pods", None, marked(BUSY, version=1))
    assert woken == [BUSY]


def test_a_deletion_that_is_told_of_late_does_not_take_along_who_has_the_name_by_now(woken: list[Key]) -> None:
    forgotten: list[Key] = []
    arrivals = Arrivals(Interest(), Known(), woken.extend, forgotten.append, lambda _key: False)

    def tell(event: str, uid: str, version: int) -> None:
        metadata = {"namespace": BUSY.namespace, "name": BUSY.name, "uid": uid, "resourceVersion": str(version)}
        arrivals("brandreleases", event, {"metadata": metadata, "spec": {"brand": "drumeo"}})

    tell("ADDED", "now", 9)
    tell("MODIFIED", "before", 5)
    woken.clear()
    tell("DELETED", "before", 6)
    assert (forgotten, woken.count(BUSY)) == ([BUSY], 1), "what goes by its name was forgotten with the one before"
    woken.clear()
    tell("DELETED", "now", 10)
    assert (forgotten, woken.count(BUSY)) == ([BUSY, BUSY], 0)
