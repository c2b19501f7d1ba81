"""The resync finds what a lost watch event hid, and costs nothing where none was lost."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from brandrelease.controller.arrivals import Arrivals
from brandrelease.controller.interest import Interest
from brandrelease.controller.resync import Known, Resync, Versions
from brandrelease.controller.work_queue import Key
from brandrelease.core.freshness import STALE_SECONDS
from brandrelease.telemetry import Metrics

Json = dict[str, Any]


def pod(name: str, version: int) -> Json:
    labels = {"brandrelease.dev/name": "drumeo"}
    metadata = {"uid": f"uid-{name}", "name": name, "namespace": "shop", "resourceVersion": str(version)}
    return {"metadata": metadata | {"labels": labels}}


class World:
    """What the API server would list, what the watch has shown, and who was woken."""

    def __init__(self) -> None:
        self.objects: dict[str, list[Json]] = {}
        self.woken: list[Key] = []
        self.known, self.metrics, interest = Known(), Metrics(), Interest()
        self.broken: set[str] = set()
        self.forgotten: list[Key] = []
        self.meanwhile: dict[str, Callable[[], None]] = {}
        arrivals = Arrivals(interest, self.known, self.woken.extend, self.forgotten.append, lambda _key: False)
        self.resync = Resync(self.lists, self.known, interest.by_kind(), self.woken.extend, arrivals.gone, self.metrics)

    async def lists(self, kind: str) -> list[Json]:
        if kind in self.broken:
            raise ConnectionError(kind)
        listed = self.objects.get(kind, [])
        self.meanwhile.pop(kind, lambda: None)()
        return listed

    def watched(self, kind: str, body: Json) -> None:
        assert self.known.of(kind).is_news(body["metadata"])

    async def once(self) -> list[Key]:
        self.woken.clear()
        await self.resync.once()
        return list(self.woken)

    def lost(self) -> float:
        return self.metrics.registry.get_sample_value("brandrelease_lost_events_total") or 0.0


@pytest.fixture
def world() -> World:
    known = World()
    known.objects["pods"] = [pod("a", 5), pod("b", 6)]
    for body in known.objects["pods"]:
        known.watched("pods", body)
    return known


DRUMEO = Key("shop", "drumeo")


async def test_no_news_wakes_nobody(world: World) -> None:
    assert await world.once() == []
    assert world.lost() == 0


async def test_a_lost_ADDED_event_is_found_once(world: World) -> None:  # noqa: N802 - the event's name
    world.objects["pods"].append(pod("c", 9))
    assert await world.once() == [DRUMEO]
    assert await world.once() == []
    assert world.lost() == 1


async def test_a_lost_MODIFIED_event_is_found_once(world: World) -> None:  # noqa: N802 - the event's name
    world.objects["pods"][0] = pod("a", 10)
    assert await world.once() == [DRUMEO]
    assert await world.once() == []


async def test_a_lost_DELETED_event_is_found_once(world: World) -> None:  # noqa: N802 - the event's name
    del world.objects["pods"][0]
    assert await world.once() == [DRUMEO]
    assert await world.once() == []


async def test_an_object_that_was_made_anew_under_its_name_is_news_twice(world: World) -> None:
    anew = pod("a", 12)
    anew["metadata"]["uid"] = "uid-of-another"
    world.objects["pods"][0] = anew
    assert set(await world.once()) == {DRUMEO}
    assert world.lost() == 2
    assert await world.once() == []


async def test_a_lost_event_of_a_brand_release_is_found_too(world: World) -> None:
    world.objects["brandreleases"] = [{"metadata": {"uid": "1", "name": "x", "namespace": "n", "resourceVersion": "3"}}]
    assert await world.once() == [Key("n", "x")]


async def test_a_list_that_is_older_than_what_the_watch_has_shown_is_no_news(world: World) -> None:
    world.watched("pods", pod("a", 40))
    assert await world.once() == []


BEFORE, NOW = (
    {"metadata": {"uid": uid, "name": "drumeo", "namespace": "shop", "resourceVersion": version}}
    for uid, version in (("1", "5"), ("2", "9"))
)
"""Two BrandReleases that have one name, one after the other."""


async def test_one_whose_name_another_object_has_by_now_does_not_take_it_along(world: World) -> None:
    world.watched("brandreleases", BEFORE)
    world.watched("brandreleases", NOW)
    world.objects["brandreleases"] = [NOW]
    assert await world.once() == [DRUMEO], "what was remembered of its name was forgotten"
    assert world.forgotten == [DRUMEO]
    assert await world.once() == []


async def test_one_whose_name_another_object_takes_while_the_list_is_under_way_does_not_take_it_along(
    world: World,
) -> None:
    world.watched("brandreleases", BEFORE)
    world.meanwhile["brandreleases"] = lambda: world.watched("brandreleases", NOW)
    assert await world.once() == [DRUMEO]
    assert world.forgotten == [DRUMEO]


async def test_what_goes_while_a_list_is_under_way_is_not_there_because_it_is_in_it(world: World) -> None:
    world.meanwhile["pods"] = lambda: world.known.of("pods").gone(pod("a", 9)["metadata"])
    assert await world.once() == []
    assert world.lost() == 0
    assert world.known.of("pods").uids() == {"uid-b"}


async def test_what_comes_while_a_list_is_under_way_is_not_missing_from_it(world: World) -> None:
    world.meanwhile["pods"] = lambda: world.watched("pods", pod("c", 9))
    assert await world.once() == []
    assert world.lost() == 0
    assert await world.once() == [DRUMEO], "the next list has to tell of it"


async def test_a_kind_that_cannot_be_listed_hides_no_other_and_is_found_by_the_next_resync(world: World) -> None:
    world.objects["pods"].append(pod("c", 9))
    world.broken = {"pods"}
    with capture_logs() as lines:
        assert await world.once() == []
    assert [line["kind"] for line in lines] == ["pods"], "the others were listed"
    world.broken = set()
    assert await world.once() == [DRUMEO]


async def test_a_resync_that_fails_is_repeated_and_its_silence_is_counted(world: World) -> None:
    assert world.resync.silence() == 0.0
    world.broken = {"pods"}
    world.objects["pods"].append(pod("c", 9))
    with capture_logs() as lines:
        running = asyncio.create_task(world.resync.run(0.01))
        await until(lambda: len(lines) > 1)
        assert world.woken == []
        silent = world.resync.silence()
        assert silent > 0
        world.broken = set()
        await until(lambda: world.woken == [DRUMEO])
        await until(lambda: world.resync.silence() < silent)
        running.cancel()


async def until(fact: Callable[[], bool]) -> None:
    """Wait until something is so, at most 5 seconds."""
    async with asyncio.timeout(5):
        while not fact():
            await asyncio.sleep(0.001)


# --- versions -----------------------------------------------------------------------------------------------------------


def test_an_own_write_is_no_news_and_what_comes_after_it_is() -> None:
    versions = Versions()
    assert versions.is_news(pod("a", 5)["metadata"])
    versions.saw_own_write("uid-a", "5", "6")
    assert not versions.is_news(pod("a", 6)["metadata"])
    assert versions.is_news(pod("a", 7)["metadata"])


def test_an_own_write_does_not_hide_a_version_that_was_seen_meanwhile() -> None:
    versions = Versions()
    versions.is_news(pod("a", 9)["metadata"])
    versions.saw_own_write("uid-a", "7", "8")
    assert not versions.is_news(pod("a", 9)["metadata"]), "the watch was faster than the answer to the write"


def test_an_own_write_does_not_hide_what_was_written_over_before_its_event_came() -> None:
    versions = Versions()
    versions.is_news(pod("a", 5)["metadata"])
    versions.saw_own_write("uid-a", "6", "7")
    assert versions.is_news(pod("a", 6)["metadata"]), "somebody's change, which a pass has read before its event"


def test_a_write_on_an_object_that_was_never_seen_is_nothing() -> None:
    versions = Versions()
    versions.saw_own_write("uid-a", "5", "6")
    assert versions.is_news(pod("a", 6)["metadata"])


def newest(versions: Versions, name: str = "a") -> int | None:
    seen = versions.newest_of("shop", name)
    return None if seen is None else seen.version


def test_the_newest_of_an_object_is_what_was_heard_of_last_be_it_told_or_the_answer_to_our_own_change() -> None:
    versions = Versions()
    assert newest(versions) is None
    versions.answered(pod("a", 6)["metadata"])
    assert newest(versions) == 6
    versions.is_news(pod("a", 5)["metadata"])
    assert newest(versions) == 6, "what was told of late, from before our change"
    versions.is_news(pod("a", 7)["metadata"])
    assert newest(versions) == 7
    versions.saw_own_write("uid-a", "7", "8")
    assert newest(versions) == 8
    assert newest(versions, "b") is None
    versions.gone(pod("a", 9)["metadata"])
    seen = versions.newest_of("shop", "a")
    assert seen is not None
    assert (seen.version, seen.there) == (9, False)


def test_what_we_have_deleted_ourselves_may_be_gone_before_anybody_tells_of_it() -> None:
    known = Known()
    known.of("jobs").is_news(pod("a", 5)["metadata"])
    known.deleted("jobs", "shop", "never seen", "uid-a")
    known.deleted("jobs", "shop", "a", "uid-of-another")
    assert newest(known.of("jobs")) == 5
    known.deleted("jobs", "shop", "a", "uid-a")
    assert newest(known.of("jobs")) is None
    assert known.of("jobs").is_news(pod("a", 6)["metadata"]), "it is there still, and ends"
    assert newest(known.of("jobs")) == 6


def test_deletions_are_remembered_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    versions, now = Versions(), 1000.0
    monkeypatch.setattr("brandrelease.controller.resync.elapsed", lambda: now)
    for number in range(4):
        now += STALE_SECONDS / 2
        versions.gone(pod(f"{number % 3}", number)["metadata"])
    assert [newest(versions, name) for name in "012"] == [3, None, 2]
    versions.gone(pod("0", 1)["metadata"])
    assert newest(versions, "0") == 3, "one that had the name before; a watch that was away tells of it"


def test_the_newest_of_a_name_is_of_the_object_that_has_it_now() -> None:
    versions = Versions()
    versions.is_news(pod("a", 5)["metadata"])
    versions.is_news(pod("a", 8)["metadata"] | {"uid": "uid-of-another"})
    assert newest(versions) == 8
    versions.gone(pod("a", 6)["metadata"])
    assert newest(versions) == 8, "the one before it has gone"
    versions.is_news(pod("a", 7)["metadata"])
    assert newest(versions) == 8, "a watch that was away tells of what was before"
    assert newest(versions, "other") is None


def test_objects_without_a_namespace_have_names_too() -> None:
    known = Known()
    assert known.newest_of("brands", None, "drumeo") is None
    known.of("brands").is_news({"uid": "uid-drumeo", "name": "drumeo", "resourceVersion": "5"})
    seen = known.newest_of("brands", None, "drumeo")
    assert seen is not None
    assert seen.version == 5


def test_the_event_of_our_own_change_is_news_and_the_answer_is_forgotten_with_it() -> None:
    versions = Versions()
    versions.answered(pod("a", 6)["metadata"])
    assert versions.is_news(pod("a", 6)["metadata"])
    assert versions._answered == {}
    assert newest(versions) == 6


def test_an_answer_that_comes_after_its_event_is_not_kept() -> None:
    versions = Versions()
    versions.is_news(pod("a", 7)["metadata"])
    versions.answered(pod("a", 6)["metadata"])
    assert versions._answered == {}


def test_an_object_that_goes_before_the_watch_has_told_of_our_change_leaves_nothing() -> None:
    versions = Versions()
    versions.answered(pod("a", 6)["metadata"])
    versions.gone(pod("a", 7)["metadata"])
    assert versions._answered == {}


def test_an_object_whose_deletion_nobody_has_told_of_leaves_no_answer_either() -> None:
    versions = Versions()
    versions.is_news(pod("a", 5)["metadata"])
    versions.answered(pod("a", 6)["metadata"])
    assert [metadata["name"] for metadata in versions.missing_from([], versions.uids())] == ["a"]
    assert versions._answered == {}


def test_what_was_read_is_the_newest_while_nothing_newer_was_heard_of() -> None:
    versions = Versions()
    assert not versions.is_newest(pod("a", 5)["metadata"]), "nobody has told that it is there"
    versions.is_news(pod("a", 5)["metadata"])
    assert versions.is_newest(pod("a", 5)["metadata"])
    versions.is_news(pod("a", 6)["metadata"])
    assert not versions.is_newest(pod("a", 5)["metadata"])
    versions.answered(pod("a", 7)["metadata"])
    assert not versions.is_newest(pod("a", 6)["metadata"]), "our own change has made a newer one"


def test_what_is_gone_is_not_the_newest_any_more() -> None:
    known = Known()
    assert not known.is_newest("pods", pod("a", 5)["metadata"])
    known.of("pods").is_news(pod("a", 5)["metadata"])
    assert known.is_newest("pods", pod("a", 5)["metadata"])
    known.of("pods").gone(pod("a", 5)["metadata"])
    assert not known.is_newest("pods", pod("a", 5)["metadata"])


def test_the_newest_of_a_kind_is_whatever_was_heard_of_last_also_of_what_is_gone() -> None:
    known, versions = Known(), Versions()
    assert known.newest("pods") is None
    known.kinds["pods"] = versions

    def newest() -> int:
        seen = known.newest("pods")
        assert seen is not None
        return seen.version

    versions.is_news(pod("a", 5)["metadata"])
    assert newest() == 5
    versions.is_news(pod("b", 4)["metadata"])
    assert newest() == 5, "an older one of another object"
    versions.answered(pod("a", 6)["metadata"])
    assert newest() == 6
    versions.is_news(pod("a", 6)["metadata"])
    versions.saw_own_write("uid-a", "6", "7")
    assert newest() == 7
    versions.gone(pod("a", 8)["metadata"])
    assert newest() == 8


def test_versions_are_compared_as_numbers() -> None:
    versions = Versions()
    versions.is_news(pod("a", 9)["metadata"])
    assert versions.is_news(pod("a", 10)["metadata"])
    assert not versions.is_news(pod("a", 10)["metadata"])


def test_an_object_that_is_gone_is_forgotten_and_told_with_its_labels_where_the_event_was_lost() -> None:
    versions = Versions()
    versions.is_news(pod("a", 5)["metadata"])
    versions.is_news(pod("b", 5)["metadata"])
    versions.gone(pod("a", 6)["metadata"])
    versions.gone(pod("never seen", 6)["metadata"])
    (missing,) = versions.missing_from([], versions.uids())
    assert (missing["name"], missing["labels"]) == ("b", {"brandrelease.dev/name": "drumeo"})
    assert versions.missing_from([], versions.uids()) == []


async def test_a_brand_release_that_is_gone_without_an_event_is_forgotten_as_if_there_had_been_one(
    world: World,
) -> None:
    metadata = {"uid": "uid-drumeo", "name": "drumeo", "namespace": "shop", "resourceVersion": "5"}
    world.watched("brandreleases", {"metadata": metadata})
    world.objects["brandreleases"] = []
    await world.once()
    assert world.forgotten == [Key("shop", "drumeo")]
