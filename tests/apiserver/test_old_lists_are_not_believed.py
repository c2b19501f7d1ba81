"""A list that shows a pod older than its watch has told it is asked for again: nobody judges pods by how they were."""

from pathlib import Path

import pytest

from apiserver.json_api import Api
from brandrelease.adapters.kube.api import ApiError, KubeApi
from brandrelease.adapters.kube.cluster import KubeCluster
from brandrelease.adapters.system_clock import SystemClock
from brandrelease.controller.resync import Versions
from cluster.api import ApiServer
from support.fault_proxy import FaultProxy

LABELS = {"brandrelease.dev/name": "drumeo", "brandrelease.dev/release": "7"}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web-1", "labels": LABELS},
    "spec": {"containers": [{"name": "app", "image": "registry.example.com/drumeo:1"}]},
}
READY = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}


async def test_pods_are_not_judged_by_a_list_that_is_older_than_what_their_watch_has_told(
    api_server: ApiServer, api: Api, namespace: str, tmp_path: Path
) -> None:
    pods, watched = f"/api/v1/namespaces/{namespace}/pods", Versions()
    api.post(pods, POD).expect(201)
    with FaultProxy(api_server.kubeconfig, tmp_path) as proxy:
        kube = await KubeApi.connect(proxy.kubeconfig)
        cluster = KubeCluster(kube, frozenset(), SystemClock().now, watched.has_newer)
        assert [pod.ready for pod in await cluster.pods(namespace, "drumeo", 7)] == [False]
        assert watched.is_news(api.merge(f"{pods}/web-1/status", READY).expect(200)["metadata"])
        with (
            proxy.fault(lambda request: request.is_for("GET", "/pods"), stale=True) as fault,
            pytest.raises(ApiError, match="gave an older state of pod web-1 than before"),
        ):
            await cluster.pods(namespace, "drumeo", 7)
        assert len(fault.met) == 1
        assert [pod.ready for pod in await cluster.pods(namespace, "drumeo", 7)] == [True]
        await kube.close()
