"""A list that is older than one that came before would show pods as they were: it is asked for again, never judged by."""

from pathlib import Path

import pytest

from apiserver.json_api import Api
from apiserver.objects import RELEASES, brand_release
from brandrelease.adapters.kube.api import BRAND_RELEASES, ApiError, KubeApi
from cluster.api import ApiServer
from support.fault_proxy import FaultProxy


def names(bodies: list[dict[str, dict[str, str]]]) -> list[str]:
    return [body["metadata"]["name"] for body in bodies]


async def test_a_list_that_is_older_than_one_of_the_same_kind_before_it_is_refused(
    api_server: ApiServer, api: Api, namespace: str, tmp_path: Path
) -> None:
    with FaultProxy(api_server.kubeconfig, tmp_path) as proxy:
        kube = await KubeApi.connect(proxy.kubeconfig)
        assert await kube.items(BRAND_RELEASES, namespace) == []
        api.post(RELEASES.format(namespace), brand_release({"metadata.name": "new"})).expect(201)
        assert names(await kube.items(BRAND_RELEASES, namespace, fields="metadata.name=new")) == ["new"]
        with (
            proxy.fault(lambda request: request.is_for("GET", "/brandreleases"), stale=True) as fault,
            pytest.raises(ApiError, match="gave an older list of brandreleases than before"),
        ):
            await kube.items(BRAND_RELEASES, namespace)
        assert len(fault.met) == 1
        assert names(await kube.items(BRAND_RELEASES, namespace)) == ["new"]
        await kube.close()
