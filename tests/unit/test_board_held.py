"""What the board holds, and what it tells of changes."""

import asyncio
from typing import Any

import pytest

from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.board.held import Held
from brandrelease.board.ledger import Ledger
from brandrelease.board.presence import Presence
from support.board import objects
from support.board.server import held

Object = dict[str, Any]
KEY = ("drumeo-production", "drumeo")
PATH = ("brandreleases", "MODIFIED")


def release(status: Object, version: int = 1) -> Object:
    return objects.release("drumeo", "production", status, version)


def marks(of: Held) -> tuple[int, int]:
    return of.on_the_wall.revision, of.in_stories.revision


def phase(of: Held) -> str:
    glance = of.glance(KEY)
    assert glance
    return glance.phase


# --- ledgers ----------------------------------------------------------------------------------------------------------


def test_what_has_changed_since_is_told_newest_first_and_once() -> None:
    ledger = Ledger[str]()
    seen = ledger.revision
    for each in ("a", "b", "a"):
        ledger.note(each)
    assert ledger.since(seen) == ["a", "b"]
    assert ledger.since(ledger.revision) == []


def test_after_something_has_come_or_gone_everything_is_to_be_shown_anew() -> None:
    ledger = Ledger[str]()
    ledger.note("a")
    ledger.reshape(gone="a")
    assert ledger.since(1) is None
    assert ledger.since(ledger.revision) == []


@pytest.mark.parametrize("revision", [-1, 99])
def test_who_has_seen_another_processs_revisions_is_shown_everything(revision: int) -> None:
    assert Ledger[str]().since(revision) is None


async def test_news_wake_everybody_who_waits_and_nobody_twice() -> None:
    ledger = Ledger[str]()
    waiting = [asyncio.create_task(ledger.news(ledger.revision)) for _ in range(3)]
    await asyncio.sleep(0)
    ledger.note("a")
    await asyncio.wait_for(asyncio.gather(*waiting), 1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ledger.news(ledger.revision), 0.01)


# --- events -----------------------------------------------------------------------------------------------------------


def test_an_older_version_that_comes_late_changes_nothing() -> None:
    seen = held([("brandreleases", release(objects.rolled_back("drumeo"), 7))])
    before = marks(seen)
    seen(*PATH, release(objects.live("drumeo"), 6))
    assert (phase(seen), marks(seen)) == ("RolledBack", before)


def test_a_change_that_no_cell_shows_is_news_for_the_brands_page_alone() -> None:
    status = objects.live("drumeo")
    seen = held([("brandreleases", release(status, 1))])
    wall, stories = marks(seen)
    seen(*PATH, release(status | {"history": []}, 2))
    assert marks(seen) == (wall, stories + 1)
    seen(*PATH, release(objects.suspended("drumeo"), 3))
    assert marks(seen) == (wall + 1, stories + 2)


def test_what_is_deleted_is_gone_at_once_and_can_come_again() -> None:
    body = release(objects.live("drumeo"), 5)
    seen = held([("brandreleases", body), ("brands", objects.brand("drumeo"))])
    seen("brandreleases", "DELETED", body)
    assert (seen.glance(KEY), seen.story(KEY)) == (None, None)
    assert seen.brand("drumeo") is not None
    seen.gone("brands", objects.brand("drumeo")["metadata"])
    assert seen.brand("drumeo") is None
    seen("brandreleases", "ADDED", release(objects.live("drumeo"), 9))
    assert phase(seen) == "Live"


def test_pods_belong_to_the_brandrelease_of_their_label() -> None:
    pod = objects.pod("drumeo", "production", "web-1", 12)
    seen = held([("brandreleases", release(objects.live("drumeo"))), ("pods", pod)])
    stranger = objects.pod("drumeo", "production", "stranger", 12)
    del stranger["metadata"]["labels"]
    before = marks(seen)
    seen("pods", None, stranger)
    seen("pods", "DELETED", stranger)
    seen("pods", "MODIFIED", pod)
    assert marks(seen) == before, "it is as it was"
    told = seen.story(KEY)
    assert told
    assert [each.name for each in told.pods] == ["web-1"]
    seen("pods", "DELETED", pod)
    seen("pods", "DELETED", pod)
    assert marks(seen) == (before[0], before[1] + 1)
    told = seen.story(KEY)
    assert told
    assert told.pods == ()


def test_a_stored_object_that_breaks_a_rule_is_shown_as_such_and_stops_nothing() -> None:
    body = release(objects.live("drumeo"))
    body["spec"] = {"brand": "drumeo", "environment": "production"}
    seen = held([("brandreleases", body), ("brandreleases", objects.release("pianote", "production", {}))])
    assert phase(seen) == "Unreadable"
    told = seen.story(KEY)
    assert told
    assert "Field required" in told.glance.message
    assert len(list(seen.glances())) == 2


def test_a_brand_that_breaks_a_rule_keeps_its_row() -> None:
    seen = held([("brands", objects.brand("drumeo", "production") | {"status": {"conditions": "?"}})])
    assert [row.brand.name for row in seen.wall().rows] == ["drumeo"]


def test_only_a_new_environment_changes_the_shape_of_the_wall() -> None:
    seen = held([("brands", objects.brand("drumeo", "production"))])
    before = seen.on_the_wall.revision
    seen("brands", "MODIFIED", objects.brand("drumeo", "production", trouble="No such repository."))
    assert seen.on_the_wall.since(before) == ["drumeo"]
    seen("brands", "MODIFIED", objects.brand("drumeo", "production", "staging"))
    assert seen.on_the_wall.since(before) is None


def test_a_kind_that_the_board_does_not_show_changes_nothing() -> None:
    seen = held()
    seen("jobs", "ADDED", {"metadata": {"name": "build", "namespace": "builds"}})
    seen("jobs", "DELETED", {"metadata": {"name": "build", "namespace": "builds"}})
    assert marks(seen) == (0, 0)


# --- passes -----------------------------------------------------------------------------------------------------------


def test_what_a_pass_writes_is_shown_before_its_event_comes() -> None:
    body = release(objects.live("drumeo"), 5)
    seen = held([("brandreleases", body)])
    read, now = BrandRelease.from_object(body), BrandRelease.from_object(release(objects.suspended("drumeo"), 6))
    seen.see(read, read.status)
    before = marks(seen)
    seen.see(read, now.status)
    assert phase(seen) == "Suspended"
    seen("brandreleases", "MODIFIED", body)
    assert phase(seen) == "Suspended", "the event of the version that the pass has read is no news"
    seen.see(BrandRelease.from_object(release(objects.live("drumeo"), 4)), read.status)
    assert phase(seen) == "Suspended", "nor is a pass that began earlier"
    assert marks(seen) == (before[0] + 1, before[1] + 1)


def test_a_pass_shows_what_no_event_has_shown() -> None:
    seen = held()
    read = BrandRelease.from_object(release(objects.live("drumeo"), 5))
    seen.see(read, read.status)
    assert phase(seen) == "Live"


# --- what is there ----------------------------------------------------------------------------------------------------


def test_what_was_there_before_a_list_and_is_not_in_it_is_gone_unless_another_one_has_its_name() -> None:
    told: list[tuple[str, str]] = []
    presence = Presence(lambda kind, metadata: told.append((kind, metadata["name"])))
    names = {"deleted": "a", "deleted and told of": "b", "made again": "c", "there": "d"}
    for uid, name in names.items():
        presence.saw("pods", {"uid": uid, "name": name, "namespace": "n", "resourceVersion": "1"})
    presence.left("pods", {"uid": "deleted and told of"})
    presence.left("brands", {"uid": "never seen"})
    before = presence.before("pods")
    presence.saw("pods", {"uid": "come meanwhile", "name": "e", "namespace": "n"})
    presence.left("pods", {"uid": "nothing"})
    listed = [{"uid": "there", "name": "d", "namespace": "n"}, {"uid": "the new one", "name": "c", "namespace": "n"}]
    presence.compare("pods", before, listed)
    assert told == [("pods", "a")]
    presence.compare("pods", before, listed)
    assert told == [("pods", "a")], "it is told of once"
    assert presence.before("brands") == frozenset()
