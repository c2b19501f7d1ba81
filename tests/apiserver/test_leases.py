"""The Lease on a real API server, and that whatever else is written there asks the fence."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from apiserver.json_api import Api
from apiserver.replicas import LEASES, of_the_lease
from brandrelease.adapters.kube.api import DEPLOYMENTS, EVENTS, JOBS, KubeApi
from brandrelease.adapters.kube.api import LEASES as LEASE_RESOURCE
from brandrelease.adapters.kube.leases import KubeLeases
from brandrelease.core.leadership import Lease, released
from brandrelease.core.sharding import Shard
from brandrelease.ports import LeaseChanged, LeaseTrouble, NotLeading
from cluster.api import ApiServer
from support.fault_proxy import FaultProxy
from support.fences import LetsThrough

NOON = datetime(2026, 11, 27, 12, 0, 0, 123456, tzinfo=UTC)
MINE = Lease("a_1", NOON, NOON, 3)


@pytest.fixture
async def kube(api_server: ApiServer) -> AsyncIterator[KubeApi]:
    api = await KubeApi.connect(api_server.kubeconfig)
    yield api
    await api.close()


@pytest.fixture
def leases(kube: KubeApi, namespace: str) -> KubeLeases:
    return KubeLeases(kube, namespace)


async def test_what_is_written_is_read_again_to_the_microsecond(leases: KubeLeases) -> None:
    assert await leases.read() is None
    await leases.create(MINE)
    stored = await leases.read()
    assert stored is not None
    assert stored.lease.uid
    mine = replace(MINE, uid=stored.lease.uid)
    assert stored.lease == mine
    later = replace(mine, renewed_at=NOON + timedelta(microseconds=1))
    await leases.replace(stored, later)
    stored = await leases.read()
    assert stored is not None
    assert stored.lease == later
    await leases.replace(stored, released(later, NOON))
    stored = await leases.read()
    assert stored is not None
    assert stored.lease == replace(mine, holder="", renewed_at=NOON)


async def test_of_two_that_write_over_the_same_only_the_first_succeeds(leases: KubeLeases) -> None:
    stored = await leases.create(MINE)
    await leases.replace(stored, Lease("a_1", NOON, NOON + timedelta(seconds=1), 3))
    with pytest.raises(LeaseChanged):
        await leases.replace(stored, Lease("b_2", NOON, NOON, 4))
    with pytest.raises(LeaseChanged):
        await leases.create(Lease("b_2", NOON, NOON))


async def test_a_lease_that_is_gone_cannot_be_renewed_and_can_be_made_again(
    leases: KubeLeases, api: Api, namespace: str
) -> None:
    stored = await leases.create(MINE)
    api.delete(f"{LEASES.format(namespace)}/brandrelease").expect(200)
    with pytest.raises(LeaseChanged):
        await leases.replace(stored, MINE)
    assert await leases.read() is None
    anew = await leases.create(MINE)
    assert anew.lease != stored.lease


async def test_a_lease_that_says_nothing_as_a_manifest_may_have_it_is_nobodys(
    leases: KubeLeases, api: Api, namespace: str
) -> None:
    bare = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "brandrelease"}}
    api.post(LEASES.format(namespace), bare).expect(201)
    stored = await leases.read()
    assert stored is not None
    assert replace(stored.lease, uid="") == Lease("")
    await leases.replace(stored, MINE)


async def test_what_others_have_written_beside_it_stays_and_what_people_write_into_it_is_read(
    leases: KubeLeases, api: Api, namespace: str
) -> None:
    path = f"{LEASES.format(namespace)}/brandrelease"
    await leases.create(MINE)
    api.merge(path, {"metadata": {"labels": {"team": "platform"}}, "spec": {"acquireTime": None}}).expect(200)
    stored = await leases.read()
    assert stored is not None
    assert replace(stored.lease, uid="") == replace(MINE, acquired_at=None)
    await leases.replace(stored, MINE)
    body = api.get(path).expect(200)
    assert body["metadata"]["labels"] == {"team": "platform"}
    assert body["spec"]["leaseDurationSeconds"] == 15


async def test_of_the_leases_in_the_namespace_only_those_of_other_divisions_are_the_others(
    kube: KubeApi, api: Api, namespace: str
) -> None:
    half, third = KubeLeases(kube, namespace, Shard(0, 2)), KubeLeases(kube, namespace, Shard(2, 3))
    assert await half.others() == {}
    await half.create(MINE)
    await third.create(released(MINE, NOON))
    await KubeLeases(kube, namespace).create(MINE)
    someone = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "somebody-elses"}}
    api.post(LEASES.format(namespace), someone).expect(201)
    others = await half.others()
    assert {name: lease.holder for name, lease in others.items()} == {"brandrelease": "a_1", "brandrelease-2-of-3": ""}
    assert set(await third.others()) == {"brandrelease", "brandrelease-0-of-2"}
    labels = api.get(f"{LEASES.format(namespace)}/brandrelease-2-of-3").expect(200)["metadata"]["labels"]
    assert labels["brandrelease.dev/shards"] == "3"


async def test_a_list_that_is_refused_or_not_answered_is_a_trouble_and_never_no_lease_at_all(
    api_server: ApiServer, namespace: str, tmp_path: Path
) -> None:
    with FaultProxy(api_server.kubeconfig, tmp_path) as proxy:
        kube = await KubeApi.connect(proxy.kubeconfig)
        leases = KubeLeases(kube, namespace, Shard(0, 2))
        for status in (403, 500):
            with proxy.fault(of_the_lease, status=status), pytest.raises(LeaseTrouble, match="could not be compared"):
                await leases.others()
        with proxy.fault(of_the_lease, delay=60), pytest.raises(LeaseTrouble, match="did not answer") as silent:
            await leases.others()
        assert not silent.value.answered
        await kube.close()


async def test_a_missing_namespace_is_told_with_what_to_do(kube: KubeApi) -> None:
    leases = KubeLeases(kube, "nowhere")
    assert await leases.read() is None
    with pytest.raises(
        LeaseTrouble, match=r'in namespace "nowhere" could not be created: .*set BRANDRELEASE_NAMESPACE'
    ):
        await leases.create(MINE)


@pytest.mark.parametrize(
    ("status", "words"), [(403, "get, list, create and update leases"), (500, "could not be read: ")]
)
async def test_a_refusal_is_told_with_what_to_do_and_silence_is_told_apart(
    api_server: ApiServer, namespace: str, tmp_path: Path, status: int, words: str
) -> None:
    with FaultProxy(api_server.kubeconfig, tmp_path) as proxy:
        kube = await KubeApi.connect(proxy.kubeconfig)
        leases = KubeLeases(kube, namespace)
        with proxy.fault(of_the_lease, status=status), pytest.raises(LeaseTrouble, match=words) as refused:
            await leases.read()
        assert refused.value.answered
        with proxy.fault(of_the_lease, lose_answer=True), pytest.raises(LeaseTrouble, match="did not answer") as lost:
            await leases.create(MINE)
        assert not lost.value.answered
        await kube.close()


# --- the fence --------------------------------------------------------------------------------------------------------

BODY: dict[str, Any] = {"metadata": {"name": "x", "namespace": "default"}}
WRITES: dict[str, Callable[[KubeApi], Awaitable[object]]] = {
    "create": lambda api: api.create(JOBS, "default", BODY),
    "replace": lambda api: api.replace(LEASE_RESOURCE, BODY),
    "replace_status": lambda api: api.replace_status(JOBS, BODY),
    "patch_status": lambda api: api.patch_status(JOBS, "default", "x", []),
    "apply": lambda api: api.apply(DEPLOYMENTS, BODY),
    "merge": lambda api: api.merge(EVENTS, "default", "x", {}),
    "delete": lambda api: api.delete(JOBS, "default", "x", "uid"),
}
READS: dict[str, Callable[[KubeApi], Awaitable[object]]] = {
    "get": lambda api: api.get(JOBS, "default", "x"),
    "items": lambda api: api.items(JOBS, "default"),
    "listing": lambda api: api.listing(JOBS, "default"),
    "versions": lambda api: api.versions(JOBS, "default"),
    "pages": lambda api: anext(api.pages(JOBS, "default", 1)),
    "lines": lambda api: anext(api.lines("/apis/batch/v1/jobs", {})),
    "log": lambda api: api.log("default", "x", {}, 1.0),
    "would_create": lambda api: api.would_create(JOBS, "default", BODY),
}
OTHERS = {"connect", "connect_as", "close", "without_fence", "counting", "believing", "is_newest", "ask"}


def test_every_request_is_known_as_a_read_or_a_write() -> None:
    public = {name for name in vars(KubeApi) if not name.startswith("_")}
    assert public == {*WRITES, *READS, *OTHERS}


@pytest.mark.parametrize("write", [pytest.param(write, id=name) for name, write in WRITES.items()])
async def test_a_replica_that_does_not_lead_writes_nothing(
    api_server: ApiServer, tmp_path: Path, write: Callable[[KubeApi], Awaitable[object]]
) -> None:
    with FaultProxy(api_server.kubeconfig, tmp_path) as proxy:
        kube = await KubeApi.connect(proxy.kubeconfig, LetsThrough(0))
        with pytest.raises(NotLeading):
            await write(kube)
        await kube.get(JOBS, "default", "x")
        assert [request.method for request in proxy.requests] == ["GET"]
        await kube.close()
