"""Hooks as Jobs on a real API server: what it accepts, what it refuses, and that a hook is one Job whatever happens."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from apiserver.json_api import Api
from apiserver.objects import RELEASES, brand_release
from brandrelease.adapters.kube.api import KubeApi
from brandrelease.adapters.kube.hooks import KubeHooks
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import PRE_DEPLOY, HookOrder
from brandrelease.core.hook_job import hook_job
from brandrelease.core.snapshot import HookAbsent, HookFailed, HookRunning
from brandrelease.ports import Refused
from cluster.api import ApiServer
from cluster.processes import wait_until

Json = dict[str, Any]

LABELS = {"app": "drumeo"}
CONTAINER = {
    "name": "app",
    "image": "registry.example.com/drumeo:old",
    "workingDir": "/srv",
    "env": [{"name": "APP", "value": "x"}, {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
    "envFrom": [{"secretRef": {"name": "drumeo"}}],
    "ports": [{"containerPort": 8080}],
    "readinessProbe": {"httpGet": {"path": "/", "port": 8080}},
    "volumeMounts": [{"name": "files", "mountPath": "/files"}],
    "resources": {"limits": {"memory": "64Mi"}},
    "securityContext": {"runAsNonRoot": True},
}
POD = {
    "containers": [CONTAINER, {"name": "proxy", "image": "proxy:1"}],
    "initContainers": [{"name": "wait", "image": "wait:1"}],
    "volumes": [{"name": "files", "persistentVolumeClaim": {"claimName": "files"}}],
    "serviceAccountName": "site",
    "imagePullSecrets": [{"name": "pull"}],
    "securityContext": {"fsGroup": 33},
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}],
}


async def no_log(namespace: str, pod: str, container: str) -> str:
    return ""


@pytest.fixture
async def hooks(api_server: ApiServer) -> AsyncIterator[KubeHooks]:
    connection = await KubeApi.connect(api_server.kubeconfig)
    try:
        yield KubeHooks(connection, no_log)
    finally:
        await connection.close()


@pytest.fixture
def order(api: Api, namespace: str) -> HookOrder:
    """A hook of a BrandRelease that is there, for a Deployment that is there."""
    owner = api.post(RELEASES.format(namespace), brand_release()).expect(201)["metadata"]
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": LABELS}, "template": {"metadata": {"labels": LABELS}, "spec": POD}},
    }
    api.post(f"/apis/apps/v1/namespaces/{namespace}/deployments", deployment).expect(201)
    image = f"registry.example.com/drumeo@sha256:{'a' * 64}"
    return HookOrder(
        namespace, "drumeo", owner["uid"], 3, "c" * 40, PRE_DEPLOY, "web", "app", image, ("migrate", "$(APP)"), 600
    )


def jobs(api: Api, order: HookOrder) -> list[Json]:
    return list(api.get(f"/apis/batch/v1/namespaces/{order.namespace}/jobs").expect(200)["items"])


async def refusal(hooks: KubeHooks, order: HookOrder) -> str:
    with pytest.raises(Refused) as refused:
        await hooks.start(order)
    assert refused.value.refusal.reason is Reason.HookNotStarted
    return refused.value.refusal.message


async def test_a_hook_is_one_job_however_often_it_is_started(hooks: KubeHooks, api: Api, order: HookOrder) -> None:
    assert await hooks.state(order) == HookAbsent()
    await hooks.start(order)
    await hooks.start(order)
    (job,) = jobs(api, order)
    assert await hooks.state(order) == HookRunning(job["metadata"]["uid"], f"Job {order.name} waits for its pod.")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert (container["image"], container["command"]) == (order.image, ["migrate", "$$(APP)"])
    assert container["env"][0] == CONTAINER["env"][0], "taken over from the live Deployment"  # type: ignore[index]


async def test_the_api_server_knows_every_field_of_the_job(api: Api, order: HookOrder) -> None:
    deployment = api.get(f"/apis/apps/v1/namespaces/{order.namespace}/deployments/web").expect(200)
    body = hook_job(order, deployment)
    assert body is not None
    api.post(f"/apis/batch/v1/namespaces/{order.namespace}/jobs", body, dryRun="All").expect(201)


async def test_somebody_elses_job_of_the_name_is_not_the_hook(hooks: KubeHooks, api: Api, order: HookOrder) -> None:
    await hooks.start(replace(order, owner_uid=order.owner_uid[:8] + "-of-another"))
    assert await hooks.state(order) == HookAbsent()
    message = await refusal(hooks, order)
    assert message.endswith("a Job of this name exists that BrandRelease drumeo does not own; delete that Job.")


async def test_without_its_deployment_or_container_it_is_not_started(
    hooks: KubeHooks, api: Api, order: HookOrder
) -> None:
    assert "Deployment gone, whose environment" in await refusal(hooks, replace(order, deployment="gone"))
    assert 'Deployment web has no container "x"' in await refusal(hooks, replace(order, container="x"))
    assert jobs(api, order) == []


async def test_what_the_api_server_refuses_is_told_in_its_words(hooks: KubeHooks, api: Api, order: HookOrder) -> None:
    message = await refusal(hooks, replace(order, timeout_seconds=-100))
    assert "the API server refuses it: " in message
    assert "activeDeadlineSeconds" in message


async def test_a_quota_is_told_in_the_api_servers_words(hooks: KubeHooks, api: Api, order: HookOrder) -> None:
    path, hard = f"/api/v1/namespaces/{order.namespace}/resourcequotas", {"count/jobs.batch": "0"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": hard}}
    api.post(path, quota).expect(201)
    api.merge(f"{path}/none/status", {"status": {"hard": hard, "used": hard}}).expect(200)  # as its controller would
    job = hook_job(order, api.get(f"/apis/apps/v1/namespaces/{order.namespace}/deployments/web").expect(200))
    assert job is not None
    jobs_path = f"/apis/batch/v1/namespaces/{order.namespace}/jobs"
    wait_until("That the quota holds", lambda: api.post(jobs_path, job, dryRun="All").code == 403, 30)
    assert "exceeded quota: none" in await refusal(hooks, order)
    assert jobs(api, order) == []


async def test_what_keeps_the_job_controller_from_making_the_pod_is_told(
    hooks: KubeHooks, api: Api, order: HookOrder
) -> None:
    await hooks.start(order)
    for name, about in {"one": order.name, "two": "another"}.items():
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name},
            "type": "Warning",
            "reason": "FailedCreate",
            "message": f"Error creating a pod of {about}, which is forbidden.",
            "involvedObject": {"kind": "Job", "name": about, "namespace": order.namespace},
        }
        api.post(f"/api/v1/namespaces/{order.namespace}/events", event).expect(201)
    state = await hooks.state(order)
    assert isinstance(state, HookRunning)
    words = f"Error creating a pod of {order.name}, which is forbidden."
    assert state.message == f"Job {order.name} cannot make its pod: {words}"


async def test_how_it_ended_is_read_from_the_job(hooks: KubeHooks, api: Api, order: HookOrder) -> None:
    await hooks.start(order)
    uid = jobs(api, order)[0]["metadata"]["uid"]
    now, path = "2026-01-01T00:00:00Z", f"/apis/batch/v1/namespaces/{order.namespace}/jobs/{order.name}/status"
    begin = [{"type": kind, "status": "True", "reason": "DeadlineExceeded"} for kind in ("FailureTarget", "Failed")]
    api.merge(path, {"status": {"startTime": now, "conditions": begin}}).expect(200)
    state = await hooks.state(order)
    assert isinstance(state, HookFailed)
    assert state.uid == uid
    assert state.message.startswith(f"Job {order.name} took longer than 10 min (hooks.preDeploy.timeoutSeconds)")


async def test_a_hook_is_stopped_once_and_stopping_it_again_is_nothing(
    hooks: KubeHooks, api: Api, order: HookOrder
) -> None:
    await hooks.start(order)
    await hooks.stop(order.namespace, order.name)
    await hooks.stop(order.namespace, order.name)
    assert await hooks.state(order) == HookAbsent()
