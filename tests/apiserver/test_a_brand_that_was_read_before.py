"""A Brand that was read before is not asked for again while the watch has told of nothing newer."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from apiserver.json_api import Api
from apiserver.objects import BRANDS, brand
from brandrelease.adapters.kube.api import KubeApi
from brandrelease.adapters.kube.cluster import KubeCluster
from brandrelease.adapters.system_clock import SystemClock
from brandrelease.apis.brand import Brand
from brandrelease.controller.resync import Known
from cluster.api import ApiServer


@dataclass
class Reader:
    """Reads one Brand; asked: how often the API server was asked for it."""

    cluster: KubeCluster
    watched: Known
    name: str
    asked: int = 0

    def count(self, *_: object) -> None:
        self.asked += 1

    def hear(self, body: dict[str, Any]) -> None:
        """The watch tells of the Brand."""
        assert self.watched.of("brands").is_news(body["metadata"])

    async def before(self) -> str | None:
        """Its repository, where an earlier answer will do."""
        found = await self.cluster.brand(self.name, may_be_old=True)
        return found.spec.image.repository if isinstance(found, Brand) else None


@pytest.fixture
async def reader(api_server: ApiServer, namespace: str) -> AsyncIterator[Reader]:
    kube, watched = await KubeApi.connect(api_server.kubeconfig), Known()
    reader = Reader(KubeCluster(kube, frozenset(), SystemClock().now), watched, namespace)
    kube.believing(watched)
    kube.counting(reader.count)
    yield reader
    await kube.close()


@pytest.fixture
def made(api: Api, namespace: str) -> Iterator[dict[str, Any]]:
    yield api.post(BRANDS, brand({"metadata.name": namespace})).expect(201)
    api.delete(f"{BRANDS}/{namespace}")


async def test_it_is_asked_for_once(reader: Reader, made: dict[str, Any]) -> None:
    reader.hear(made)
    assert [await reader.before() for _ in range(3)] == ["registry.example.com/sites/drumeo"] * 3
    assert reader.asked == 1


async def test_whoever_comes_while_it_is_asked_for_waits_for_that_answer(reader: Reader, made: dict[str, Any]) -> None:
    reader.hear(made)
    assert set(await asyncio.gather(*(reader.before() for _ in range(8)))) == {"registry.example.com/sites/drumeo"}
    assert reader.asked == 1


async def test_what_has_changed_is_read_anew_as_soon_as_the_watch_has_told_of_it(
    api: Api, reader: Reader, made: dict[str, Any]
) -> None:
    reader.hear(made)
    await reader.before()
    change = {"spec": {"image": {"repository": "registry.example.com/sites/another"}}}
    changed = api.merge(f"{BRANDS}/{reader.name}", change).expect(200)
    assert await reader.before() == "registry.example.com/sites/drumeo"
    reader.hear(changed)
    assert [await reader.before() for _ in range(3)] == ["registry.example.com/sites/another"] * 3
    assert reader.asked == 2


async def test_what_the_watch_has_not_told_of_is_read_each_time(reader: Reader, made: dict[str, Any]) -> None:
    assert [await reader.before() for _ in range(3)] == ["registry.example.com/sites/drumeo"] * 3
    assert reader.asked == 3


async def test_a_live_answer_is_what_is_known_from_then_on(api: Api, reader: Reader, made: dict[str, Any]) -> None:
    reader.hear(made)
    await reader.before()
    change = {"spec": {"image": {"repository": "registry.example.com/sites/another"}}}
    reader.hear(api.merge(f"{BRANDS}/{reader.name}", change).expect(200))
    live = await reader.cluster.brand(reader.name)
    assert isinstance(live, Brand)
    assert await reader.before() == live.spec.image.repository == "registry.example.com/sites/another"
    assert reader.asked == 2


async def test_one_that_is_gone_is_there_no_more(api: Api, reader: Reader, made: dict[str, Any]) -> None:
    reader.hear(made)
    await reader.before()
    api.delete(f"{BRANDS}/{reader.name}").expect(200)
    reader.watched.of("brands").gone(made["metadata"])
    assert await reader.before() is None
