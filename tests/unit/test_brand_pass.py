"""Passes over Brands, on virtual time: when somebody is asked, when something is written, and how many at once."""

import asyncio
import random
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from structlog.testing import capture_logs

from brandrelease.apis.brand import Brand
from brandrelease.apis.brand_status import BrandConditionType, BrandStatus
from brandrelease.apis.reasons import Reason
from brandrelease.controller.brand_pass import WORKERS, BrandPass
from brandrelease.controller.brand_questions import Questions
from brandrelease.controller.work_queue import WorkQueue, brand_key
from brandrelease.core.actions import Announcement
from brandrelease.core.brands.seen import SeenBrand, Unreached
from brandrelease.core.builds.seen import ImageAbsent, ImageLookup
from brandrelease.core.snapshot import BrandInvalid, Unresolved
from brandrelease.ports import Secret, StatusConflict
from brandrelease.telemetry import Metrics
from support.virtual_time import on_virtual_time
from support.witness import check_conditions

NOON = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
SILENT = Unresolved(Reason.SourceUnreachable, "git does not answer.", passing=True)
TEN_MINUTES, DAY = 600, 86_400


def a_brand(name: str = "drumeo", **environment: Any) -> Brand:
    spec = {
        "source": {"url": f"https://git.example.com/{name}.git"},
        "image": {"repository": f"registry.example.com/{name}"},
        "build": {"external": {}},
        "environments": [{"name": "production", **environment}],
    }
    return Brand.model_validate({"name": name, "uid": f"uid-{name}", "spec": spec})


@dataclass
class World:
    """An API server with Brands, a git server, a registry, and the passes of one operator."""

    namespaces: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.objects: dict[str, SeenBrand] = {}
        self.held: dict[str, str] = {}
        self.trouble_of_git: Unresolved | None = None
        self.conflicts = self.failures = 0
        self.asked: list[tuple[str, float]] = []
        self.written: list[tuple[str, BrandStatus]] = []
        self.own_writes: list[tuple[str, str, str]] = []
        self.events: list[Announcement] = []
        self.asking = self.most = 0
        self.version = 1
        self.start()

    def start(self) -> None:
        """The operator, which knows nothing."""
        questions = Questions(self, self, {}, self.secret, "builds")
        self.passes = BrandPass(
            self, questions, self, self, self.namespaces, lambda *told: self.own_writes.append(told)
        )
        self.queue = WorkQueue(self.passes, Metrics().brand_queue)

    async def play(self, seconds: float) -> None:
        """Let the operator work for so long."""
        task = asyncio.create_task(self.queue.run(WORKERS))
        await asyncio.sleep(seconds)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    def is_there(self, of: Brand | BrandInvalid, name: str = "drumeo") -> None:
        self.objects[name] = SeenBrand(name, f"uid-{name}", 1, self._next(), of)
        self.happens(name)

    def happens(self, name: str = "drumeo") -> None:
        """An event about the Brand, or about one of its BrandReleases."""
        self.queue.add(brand_key(name))

    def changes(self, of: Brand) -> None:
        before = self.objects["drumeo"]
        self.objects["drumeo"] = replace(
            before, brand=of, generation=before.generation + 1, resource_version=self._next()
        )
        self.happens()

    def is_marked(self) -> None:
        self.objects["drumeo"] = replace(self.objects["drumeo"], resource_version=self._next())
        self.happens()

    def ready(self, name: str = "drumeo") -> str | None:
        found = self.objects[name].status.condition(BrandConditionType.Ready)
        return str(found.status) if found else None

    def pauses(self) -> list[int]:
        """Seconds between one question to git and the next."""
        return [round(later - earlier - 0.5) for (_, earlier), (_, later) in pairwise(self.asked)]

    def _next(self) -> str:
        self.version += 1
        return str(self.version)

    # --- the ports ----------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return NOON + timedelta(seconds=asyncio.get_running_loop().time())

    async def brand(self, name: str) -> SeenBrand | None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError
        return self.objects.get(name)

    async def holders(self, brand: Brand) -> Mapping[str, str]:
        return self.held

    async def secret(self, namespace: str, name: str) -> Secret | None:
        return None

    async def write_status(self, seen: SeenBrand, status: BrandStatus) -> str:
        if self.conflicts:
            self.conflicts -= 1
            raise StatusConflict
        assert self.objects[seen.name].resource_version == seen.resource_version
        check_conditions(status, seen.generation)
        self.objects[seen.name] = replace(seen, status=status, resource_version=self._next())
        self.written.append((seen.name, status))
        return self.objects[seen.name].resource_version

    async def announce_brand(self, seen: SeenBrand, announcement: Announcement) -> None:
        self.events.append(announcement)

    async def trouble(self, url: str, secret: Secret | None) -> Unresolved | None:
        self.asked.append((url, asyncio.get_running_loop().time()))
        self.asking += 1
        self.most = max(self.most, self.asking)
        await asyncio.sleep(0.5)
        self.asking -= 1
        return self.trouble_of_git

    async def look_up(self, repository: str, reference: str, secret: Secret | None) -> ImageLookup:
        return ImageAbsent()


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(random, "uniform", lambda low, high: (low + high) / 2)
    with capture_logs():
        yield


@on_virtual_time
async def test_a_new_brand_is_told_of_at_once_and_then_asked_about() -> None:
    world = World()
    world.is_there(a_brand())
    await world.play(5)
    first, last = (status for _, status in world.written)
    assert [(each.type, each.status, each.reason) for each in first.conditions[:2]] == [
        ("Ready", "Unknown", "Asking"),
        ("Reconciling", "True", "Asking"),
    ]
    assert world.ready() == "True"
    assert last == world.objects["drumeo"].status
    assert world.events == []
    assert world.own_writes == [("uid-drumeo", "2", "3"), ("uid-drumeo", "3", "4")]


@on_virtual_time
async def test_a_day_in_which_nothing_changes_costs_a_question_every_ten_minutes_and_no_write() -> None:
    world = World()
    world.is_there(a_brand())
    await world.play(5)
    world.asked.clear()
    world.written.clear()
    await world.play(DAY)
    assert DAY / TEN_MINUTES - 2 <= len(world.asked) <= DAY / TEN_MINUTES
    assert world.written == []


@on_virtual_time
async def test_what_does_not_answer_is_asked_again_after_growing_pauses_and_heals_by_itself() -> None:
    world = World()
    world.trouble_of_git = SILENT
    world.is_there(a_brand())
    await world.play(2000)
    assert world.pauses() == [10, 20, 40, 80, 160, 300, 300, 300, 300, 300]
    assert len(world.written) == 2, "it is told once"
    world.trouble_of_git = None
    await world.play(301)
    assert world.ready() == "True"
    assert [(event.reason, event.warning) for event in world.events] == [
        (Reason.SourceUnreachable, True),
        (Reason.Succeeded, False),
    ]
    world.trouble_of_git = SILENT
    world.asked = world.asked[-1:]
    await world.play(TEN_MINUTES)
    assert world.pauses()[:3] == [TEN_MINUTES, 10, 20], "the pauses begin anew"


@on_virtual_time
async def test_who_works_on_a_brand_that_is_not_ready_is_not_kept_waiting_for_what_was_tried_before() -> None:
    world = World()
    world.trouble_of_git = SILENT
    world.is_there(a_brand())
    await world.play(1000)
    world.is_marked()
    world.asked.clear()
    await world.play(80)
    assert world.pauses() == [10, 20, 40]


@on_virtual_time
async def test_a_release_that_comes_or_goes_changes_the_holders_and_asks_nobody() -> None:
    world = World()
    world.is_there(a_brand())
    await world.play(5)
    asked = len(world.asked)
    world.held = {"production": "drumeo"}
    world.happens()
    await world.play(5)
    assert [each.release for each in world.objects["drumeo"].status.environments] == ["drumeo"]
    world.happens()
    await world.play(5)
    assert len(world.written) == 3
    assert len(world.asked) == asked


@on_virtual_time
async def test_events_about_releases_put_no_question_off() -> None:
    world = World()
    world.is_there(a_brand())
    await world.play(5)
    world.asked.clear()
    for _ in range(7):
        await world.play(100)
        world.happens()
    assert len(world.asked) == 1


@on_virtual_time
async def test_a_brand_that_somebody_changes_is_asked_about_at_once() -> None:
    world = World()
    world.is_there(a_brand())
    await world.play(5)
    world.changes(a_brand(soakSeconds=10))
    await world.play(5)
    assert len(world.asked) == 2
    assert world.objects["drumeo"].status.observed_generation == 2
    written = len(world.written)
    world.is_marked()
    await world.play(5)
    assert len(world.asked) == 3
    assert len(world.written) == written


@on_virtual_time
async def test_after_a_restart_what_was_known_stands_and_the_brands_are_asked_about_one_after_the_other() -> None:
    world = World()
    for number in range(500):
        world.is_there(a_brand(f"brand-{number}"), f"brand-{number}")
    await world.play(TEN_MINUTES / 2)
    assert world.most == WORKERS
    assert {world.ready(name) for name in world.objects} == {"True"}
    world.asked.clear()
    world.written.clear()
    world.most = 0
    world.start()
    for name in world.objects:
        world.happens(name)
    begin = asyncio.get_running_loop().time()
    await world.play(TEN_MINUTES)
    seconds = sorted(at - begin for _, at in world.asked)
    assert sum(at < 60 for at in seconds) < 100, "a tenth of them in the first minute of ten"
    assert {url for url, _ in world.asked} == {f"https://git.example.com/{name}.git" for name in world.objects}
    assert world.most <= WORKERS
    assert world.written == []


@on_virtual_time
async def test_a_restart_in_the_middle_of_asking_asks_again_within_seconds() -> None:
    world = World()
    world.is_there(a_brand())
    await world.play(0.1)
    assert world.ready() == "Unknown"
    world.start()
    world.happens()
    await world.play(11)
    assert world.ready() == "True"


@on_virtual_time
async def test_a_conflict_voids_what_was_found_and_it_is_asked_again() -> None:
    world = World()
    world.is_there(a_brand())
    await world.play(5)
    world.conflicts = 1
    world.changes(a_brand(soakSeconds=10))
    await world.play(5)
    assert world.ready() == "True"
    assert world.objects["drumeo"].status.observed_generation == 2


@on_virtual_time
async def test_conflicts_without_end_do_not_make_the_operator_ask_without_end() -> None:
    world = World()
    world.is_there(a_brand())
    await world.play(5)
    world.asked.clear()
    world.conflicts = 10_000
    world.changes(a_brand(soakSeconds=10))
    await world.play(DAY / 24)
    assert len(world.asked) == 0, "it does not get beyond the first word"
    assert 10_000 - world.conflicts < 70


@on_virtual_time
async def test_an_api_server_that_fails_only_delays_a_pass() -> None:
    world = World()
    world.failures = 3
    world.is_there(a_brand())
    await world.play(20)
    assert world.ready() == "True"


@on_virtual_time
async def test_a_brand_that_is_gone_is_asked_about_no_more() -> None:
    world = World()
    world.is_there(a_brand())
    await world.play(5)
    world.objects.clear()
    world.asked.clear()
    world.happens()
    await world.play(2 * TEN_MINUTES)
    assert world.asked == []
    world.is_there(a_brand())
    await world.play(5)
    assert len(world.asked) == 1, "another one of its name is new"


@on_virtual_time
async def test_a_brand_that_breaks_a_rule_is_told_and_nobody_is_asked_about_it() -> None:
    world = World()
    world.is_there(BrandInvalid("spec.build: must name exactly one builder."))
    await world.play(DAY)
    assert world.ready() == "False"
    assert len(world.written) == len(world.events) == 1
    assert world.asked == []


@on_virtual_time
async def test_brands_of_namespaces_that_are_not_watched_are_left_alone() -> None:
    world = World(frozenset({"drumeo-production"}))
    world.is_there(a_brand())
    world.is_there(a_brand("pianote"), "pianote")
    await world.play(5)
    assert world.ready() == "True"
    assert world.ready("pianote") is None


@on_virtual_time
async def test_a_builder_that_is_not_usable_is_told() -> None:
    class Broken:
        async def trouble(self, brand: Brand) -> Unreached | None:
            return Unreached(Reason.BuilderMisconfigured, "There is no project.")

    world = World()
    questions = Questions(world, world, {"external": Broken()}, world.secret, "builds")
    world.queue = WorkQueue(
        BrandPass(world, questions, world, world, frozenset(), lambda *_: None), Metrics().brand_queue
    )
    world.is_there(a_brand())
    await world.play(5)
    assert [(event.reason, event.message) for event in world.events] == [
        (Reason.BuilderMisconfigured, "There is no project.")
    ]
