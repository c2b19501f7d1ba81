"""A Deployment is changed only as it was when the decision was made; that its status is written meanwhile is no matter."""

import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from apiserver.json_api import Api
from brandrelease.adapters.kube.api import KubeApi
from brandrelease.adapters.kube.cluster import KubeCluster
from brandrelease.adapters.system_clock import SystemClock
from brandrelease.core.actions import DeploymentPatch
from brandrelease.ports import DeploymentChanged, Refused
from cluster.api import ApiServer
from cluster.processes import wait_until

PATH = "/apis/apps/v1/namespaces/{}/deployments"
NEW = "registry.example.com/drumeo@sha256:" + "1" * 64
LABELS = {"app": "web"}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "app", "image": "old:1"}]}},
    },
}


@pytest.fixture
async def cluster(api_server: ApiServer) -> AsyncIterator[KubeCluster]:
    api = await KubeApi.connect(api_server.kubeconfig)
    yield KubeCluster(api, frozenset(), SystemClock().now)
    await api.close()


@pytest.fixture
async def patch(api: Api, namespace: str, cluster: KubeCluster) -> DeploymentPatch:
    """Release 1 of a Deployment, as decided from what is read now."""
    api.post(PATH.format(namespace), DEPLOYMENT).expect(201)
    read = await cluster.deployment(namespace, "web")
    assert read is not None
    return DeploymentPatch(
        namespace, "web", read.uid, read.generation, read.resource_version, "drumeo", 1, None, "app", NEW
    )


def image(api: Api, namespace: str) -> str:
    spec = api.get(f"{PATH.format(namespace)}/web").expect(200)["spec"]
    return str(spec["template"]["spec"]["containers"][0]["image"])


async def test_a_deployment_whose_spec_was_changed_since_it_was_read_is_left_as_it_is(
    api: Api, namespace: str, cluster: KubeCluster, patch: DeploymentPatch
) -> None:
    api.merge(f"{PATH.format(namespace)}/web", {"spec": {"paused": True}}).expect(200)
    with pytest.raises(DeploymentChanged):
        await cluster.apply(patch)
    assert image(api, namespace) == "old:1"


async def test_a_change_that_another_replica_has_made_since_is_not_made_over(
    api: Api, namespace: str, cluster: KubeCluster, patch: DeploymentPatch
) -> None:
    await cluster.apply(replace(patch, number=2, image="newer:2"))
    with pytest.raises(DeploymentChanged):
        await cluster.apply(patch)
    assert image(api, namespace) == "newer:2"


@pytest.mark.parametrize("anew", [False, True])
async def test_a_deployment_that_is_gone_or_was_made_anew_is_left_as_it_is(
    api: Api, namespace: str, cluster: KubeCluster, patch: DeploymentPatch, anew: bool
) -> None:
    api.delete(f"{PATH.format(namespace)}/web").expect(200)
    if anew:
        api.post(PATH.format(namespace), DEPLOYMENT).expect(201)
    with pytest.raises(DeploymentChanged):
        await cluster.apply(patch)
    assert api.get(f"{PATH.format(namespace)}/web").code == (200 if anew else 404)


async def test_what_the_api_server_refuses_is_told_in_its_words(cluster: KubeCluster, patch: DeploymentPatch) -> None:
    with pytest.raises(Refused, match=r"The API server refuses the change of Deployment web: .*No_Name"):
        await cluster.apply(replace(patch, container="No_Name"))


async def test_in_a_rollout_whose_status_is_written_all_the_time_a_change_gets_through(
    api_server: ApiServer, namespace: str, api: Api, cluster: KubeCluster, patch: DeploymentPatch
) -> None:
    """As often as a kube-controller-manager writes anything at all (--kube-api-qps is 20)."""
    ended, written, lost = threading.Event(), [0], 0

    def write_the_status() -> None:
        mine = Api(api_server.kubeconfig)
        while not ended.wait(0.05):
            written[0] += 1
            status = {"status": {"observedGeneration": written[0]}}
            mine.merge(f"{PATH.format(namespace)}/web/status", status).expect(200)

    writer = threading.Thread(target=write_the_status)
    writer.start()
    try:
        times = []
        for number in range(1, 21):
            read = await cluster.deployment(namespace, "web")
            assert read is not None
            one = replace(patch, number=number, generation=read.generation, resource_version=read.resource_version)
            before = written[0]  # the status is written again and again while a pass goes on
            wait_until("That it is written", lambda: written[0] >= before + 2, 10)  # noqa: B023 - called at once
            start = time.monotonic()
            try:
                await cluster.apply(one)
            except DeploymentChanged:
                lost += 1
            times.append(time.monotonic() - start)
    finally:
        ended.set()
        writer.join()
    print(f"{written[0]} writes of the status; a change took {max(times):.3f} s at most")
    assert lost <= 1, "the next pass makes it"
