"""Logs of a pod on a real API server, which asks a kubelet for them; the kubelet is played, and says what a test wants."""

import asyncio
import base64
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from apiserver.json_api import Api
from brandrelease.adapters.kube.api import KubeApi
from brandrelease.adapters.kube.cluster import KubeCluster
from brandrelease.adapters.kube.logs import secret_names
from brandrelease.adapters.system_clock import SystemClock
from cluster.api import ApiServer
from cluster.certificates import Authority
from support.fault_proxy import FaultProxy, Request

Object = dict[str, Any]

POD: Object = {
    "initContainers": [
        {"name": "setup", "image": "i", "envFrom": [{"secretRef": {"name": "all-of-it", "optional": True}}]},
    ],
    "containers": [
        {
            "name": "app",
            "image": "i",
            "env": [
                {"name": "PLAIN", "value": "text"},
                {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "DB", "valueFrom": {"secretKeyRef": {"name": "one-key", "key": "password"}}},
                {"name": "AGAIN", "valueFrom": {"secretKeyRef": {"name": "all-of-it", "key": "password"}}},
            ],
            "envFrom": [{"configMapRef": {"name": "settings", "optional": True}}],
        }
    ],
    "imagePullSecrets": [{"name": "pull"}],
    "volumes": [
        {"name": "a", "secret": {"secretName": "mounted"}},
        {"name": "b", "projected": {"sources": [{"secret": {"name": "projected"}}, {"configMap": {"name": "c"}}]}},
        {"name": "c", "emptyDir": {}},
    ],
}


class Kubelet:
    """Answers for the log of every container with what it is told to; remembers what it was asked."""

    def __init__(self) -> None:
        self.log, self.delay = "", 0.0
        self.asked: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append({**request.query, "path": request.path})
        await asyncio.sleep(self.delay)
        return web.Response(text=self.log)


@pytest.fixture
async def kubelet(api_server: ApiServer, api: Api, namespace: str) -> AsyncIterator[Kubelet]:
    """A node of the namespace's name, which is nothing but a kubelet's port."""
    (authority_key,) = Path(api_server.kubeconfig).parent.rglob("ca.key")
    pair = Authority(authority_key.parent).issue(f"kubelet-{namespace}", "kubelet", addresses=["127.0.0.1"])
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pair.certificate, pair.key)
    played = Kubelet()
    application = web.Application()
    application.router.add_get("/{path:.*}", played.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": namespace}}
    api.post("/api/v1/nodes", node).expect(201)
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": runner.addresses[0][1]}},
    }
    api.merge(f"/api/v1/nodes/{namespace}/status", {"status": status}).expect(200)
    yield played
    await runner.cleanup()


@pytest.fixture
def proxy(api_server: ApiServer, tmp_path: Path) -> Iterator[FaultProxy]:
    with FaultProxy(api_server.kubeconfig, tmp_path) as opened:
        yield opened


@pytest.fixture
async def cluster(proxy: FaultProxy) -> AsyncIterator[KubeCluster]:
    kube = await KubeApi.connect(proxy.kubeconfig)
    yield KubeCluster(kube, frozenset(), SystemClock().now)
    await kube.close()


def pod(api: Api, namespace: str, spec: Object = POD) -> Object:
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "site"}, "spec": spec | {"nodeName": namespace}}
    spec["automountServiceAccountToken"] = False
    service_account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    api.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", service_account)
    return api.post(f"/api/v1/namespaces/{namespace}/pods", body).expect(201)


def secret(api: Api, namespace: str, name: str, **values: str) -> None:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
    api.post(f"/api/v1/namespaces/{namespace}/secrets", body).expect(201)


def test_the_secrets_of_a_pod_are_those_that_its_containers_see(api: Api, namespace: str) -> None:
    assert secret_names(pod(api, namespace)["spec"]) == ("all-of-it", "mounted", "one-key", "projected")


def test_a_pod_without_secrets_has_none() -> None:
    assert secret_names({"containers": [{"name": "app"}]}) == ()


async def test_the_values_of_all_of_them_are_taken_out_and_a_secret_that_is_not_there_is_no_hindrance(
    cluster: KubeCluster, kubelet: Kubelet, api: Api, namespace: str
) -> None:
    pod(api, namespace)
    secret(api, namespace, "one-key", password="hunter22")
    secret(api, namespace, "mounted", key="line one of it\nline two of it\n", other="80")
    secret(api, namespace, "projected", cert="swordfish")
    kubelet.log = "start\nport 80 hunter22\n\x1b[31mline two of it\x1b[0m swordfish\n"
    assert await cluster.log_tail(namespace, "site", "app", previous=True) == "start\nport 80 ***\n*** ***"
    (asked,) = kubelet.asked
    assert asked["path"].endswith("/site/app")
    assert (asked["previous"], asked["tailLines"]) == ("true", "200")


async def test_only_the_last_lines_are_kept(cluster: KubeCluster, kubelet: Kubelet, api: Api, namespace: str) -> None:
    pod(api, namespace)
    kubelet.log = "".join(f"line {number} {'x' * 3000}\n" for number in range(100)) + "the end\n"
    tail = await cluster.log_tail(namespace, "site", "app", previous=False)
    assert tail.endswith("\nthe end")
    assert len(tail.encode()) <= 2048


async def test_a_log_is_withheld_where_a_secret_may_not_be_read(
    cluster: KubeCluster, kubelet: Kubelet, proxy: FaultProxy, api: Api, namespace: str
) -> None:
    pod(api, namespace)
    kubelet.log = "hunter22\n"
    with proxy.fault(is_for_one_key, status=403):
        told = await cluster.log_tail(namespace, "site", "app", previous=False)
    assert told == (
        'The log is withheld: Secret "one-key" cannot be read, so its values could not be taken out. '
        f'Allow the operator to "get" secrets in namespace "{namespace}".'
    )


async def test_a_log_is_withheld_where_a_secret_cannot_be_read_just_now(
    cluster: KubeCluster, kubelet: Kubelet, proxy: FaultProxy, api: Api, namespace: str
) -> None:
    pod(api, namespace)
    kubelet.log = "hunter22\n"
    with proxy.fault(is_for_one_key, status=500):
        told = await cluster.log_tail(namespace, "site", "app", previous=False)
    assert told.startswith(
        'The log is withheld: Secret "one-key" cannot be read, so its values could not be taken out: '
    )
    assert "hunter22" not in told


def is_for_one_key(request: Request) -> bool:
    return request.path.endswith("/secrets/one-key")


async def test_a_log_is_withheld_where_there_are_too_many_secrets(
    cluster: KubeCluster, kubelet: Kubelet, api: Api, namespace: str
) -> None:
    sources = [{"secretRef": {"name": f"s{number}"}} for number in range(33)]
    pod(api, namespace, {"containers": [{"name": "app", "image": "i", "envFrom": sources}]})
    kubelet.log = "hunter22\n"
    told = await cluster.log_tail(namespace, "site", "app", previous=False)
    assert told.startswith("The log is withheld: its pod uses 33 Secrets")


async def test_no_log_is_no_evidence(cluster: KubeCluster, kubelet: Kubelet, api: Api, namespace: str) -> None:
    assert await cluster.log_tail(namespace, "not-there", "app", previous=False) == ""
    pod(api, namespace)
    assert await cluster.log_tail(namespace, "site", "app", previous=False) == ""


async def test_a_log_that_takes_long_is_given_up_after_two_seconds(
    cluster: KubeCluster, kubelet: Kubelet, api: Api, namespace: str
) -> None:
    pod(api, namespace)
    kubelet.log, kubelet.delay = "late\n", 4.0
    start = time.monotonic()
    assert await cluster.log_tail(namespace, "site", "app", previous=False) == ""
    assert time.monotonic() - start < 3
