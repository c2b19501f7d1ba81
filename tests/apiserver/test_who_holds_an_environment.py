"""The oldest BrandRelease holds its environment. Once nothing older can come, the API server is not asked for it again."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from apiserver.json_api import Api
from apiserver.objects import RELEASES, brand, brand_release
from brandrelease.adapters.kube.api import KubeApi
from brandrelease.adapters.kube.brands import KubeBrands
from brandrelease.adapters.kube.cluster import KubeCluster
from brandrelease.adapters.system_clock import SystemClock
from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.core.holding import SETTLED_AFTER
from cluster.api import ApiServer


class Asked:
    """A cluster whose lists are counted, at a time that a test chooses."""

    def __init__(self, kube: KubeApi, namespace: str) -> None:
        self.lists, self.later, self.last_change = 0, timedelta(), 0
        kube.counting(lambda _method, asked, _status: self._count(asked.resource))
        self.cluster = KubeCluster(kube, frozenset({namespace}), lambda: SystemClock().now() + self.later)
        self.brands = KubeBrands(kube, frozenset({namespace}), lambda _brand: self.last_change)

    def _count(self, resource: str) -> None:
        self.lists += resource == "brandreleases"

    async def holder(self, body: dict[str, Any]) -> str:
        return await self.cluster.holder(BrandRelease.from_object(body))


@pytest.fixture
async def asked(api_server: ApiServer, namespace: str) -> AsyncIterator[Asked]:
    kube = await KubeApi.connect(api_server.kubeconfig)
    yield Asked(kube, namespace)
    await kube.close()


def made(api: Api, namespace: str, name: str, environment: str = "production") -> dict[str, Any]:
    changes = {"metadata.name": name, "spec.environment": environment}
    return api.post(RELEASES.format(namespace), brand_release(changes)).expect(201)


async def test_a_young_holder_is_asked_for_each_time_and_an_old_one_once(
    api: Api, namespace: str, asked: Asked
) -> None:
    body = made(api, namespace, "drumeo")
    assert [await asked.holder(body) for _ in range(2)] == ["drumeo"] * 2
    assert asked.lists == 2
    asked.later = 2 * SETTLED_AFTER
    assert [await asked.holder(body) for _ in range(5)] == ["drumeo"] * 5
    assert asked.lists == 3


async def test_who_does_not_hold_it_is_told_who_does_as_long_as_that_one_is_there(
    api: Api, namespace: str, asked: Asked
) -> None:
    asked.later = 2 * SETTLED_AFTER
    first, second = (made(api, namespace, name) for name in ("a-first", "b-second"))
    older, younger = sorted(
        (first, second), key=lambda body: (body["metadata"]["creationTimestamp"], body["metadata"]["uid"])
    )
    name_of = {body["metadata"]["uid"]: body["metadata"]["name"] for body in (first, second)}
    holds = name_of[older["metadata"]["uid"]]
    assert await asked.holder(younger) == holds
    api.delete(f"{RELEASES.format(namespace)}/{holds}").expect(200)
    assert await asked.holder(younger) == name_of[younger["metadata"]["uid"]]


async def test_one_that_was_deleted_and_made_again_is_asked_for_again(api: Api, namespace: str, asked: Asked) -> None:
    asked.later = 2 * SETTLED_AFTER
    await asked.holder(made(api, namespace, "drumeo"))
    api.delete(f"{RELEASES.format(namespace)}/drumeo").expect(200)
    await asked.holder(made(api, namespace, "drumeo"))
    assert asked.lists == 2


async def test_one_question_settles_it_for_all_of_a_brand_after_a_restart(
    api: Api, namespace: str, asked: Asked
) -> None:
    bodies = [made(api, namespace, f"drumeo-{number}", environment=f"e{number}") for number in range(3)]
    asked.later = 2 * SETTLED_AFTER
    assert await asyncio.gather(*map(asked.holder, bodies)) == ["drumeo-0", "drumeo-1", "drumeo-2"]
    assert asked.lists == 1
    assert [await asked.holder(body) for body in bodies] == ["drumeo-0", "drumeo-1", "drumeo-2"]
    assert asked.lists == 1


async def test_a_brand_asks_who_holds_its_environments_when_a_release_has_come_or_gone_or_they_are_others(
    api: Api, namespace: str, asked: Asked
) -> None:
    async def holders(*names: str) -> Mapping[str, str]:
        environments = [{"name": name, "namespace": namespace} for name in names]
        body = brand({"metadata.uid": "u", "spec.environments": environments})
        return await asked.brands.holders(Brand.from_object(body))

    made(api, namespace, "first", environment="e0")
    assert await holders("e0") == {"e0": "first"}
    made(api, namespace, "second", environment="e1")
    assert await holders("e0") == {"e0": "first"}
    assert asked.lists == 1
    assert await holders("e0", "e1") == {"e0": "first", "e1": "second"}
    api.delete(f"{RELEASES.format(namespace)}/second").expect(200)
    asked.last_change += 1
    assert await holders("e0", "e1") == {"e0": "first"}
    assert asked.lists == 3
