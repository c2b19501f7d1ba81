"""What comes from the API server, or from what stands before it, with a good status and nothing that can be used."""

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from kubernetes.aio import client

from brandrelease.adapters.kube.api import BRANDS, ApiError, KubeApi
from brandrelease.adapters.kube.leases import KubeLeases
from brandrelease.core.leadership import Lease
from brandrelease.core.sharding import Shard
from brandrelease.ports import LeaseTrouble
from support.local_http import http_server

ASKED: dict[str, Callable[[KubeLeases], Awaitable[object]]] = {
    "a read": KubeLeases.read,
    "a list": KubeLeases.others,
    "a creation": lambda leases: leases.create(Lease("me")),
}


@pytest.mark.parametrize("text", ["", "null", "<html>", '{"items": [', "[]"])
@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
async def test_it_is_a_trouble_of_the_api_and_says_nothing_about_any_lease(
    ask: Callable[[KubeLeases], Awaitable[object]], text: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type="application/json")

    async with http_server(answer) as address:
        configuration = client.Configuration()
        configuration.host = address
        api = KubeApi(client.ApiClient(configuration), None)
        with pytest.raises(LeaseTrouble, match=r"could not be .*(is empty|broke off or is no JSON)") as told:
            await ask(KubeLeases(api, "brandrelease-system", Shard(0, 2)))
        assert not told.value.answered
        with pytest.raises(ApiError):
            await api.get(BRANDS, None, "drumeo")
        await api.close()
