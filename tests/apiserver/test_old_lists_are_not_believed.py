"""An answer that shows an object older than was told before is asked for again: nobody decides by how things were."""

import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from apiserver.json_api import Api
from brandrelease.adapters.kube.api import JOBS, PODS, ApiError, KubeApi
from brandrelease.adapters.kube.cluster import KubeCluster
from brandrelease.adapters.system_clock import SystemClock
from brandrelease.controller.resync import Known
from brandrelease.core.actions import DeploymentPatch
from cluster.api import ApiServer
from support.fault_proxy import FaultProxy

LABELS = {"brandrelease.dev/name": "drumeo", "brandrelease.dev/release": "7"}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web-1", "labels": LABELS},
    "spec": {"containers": [{"name": "app", "image": "registry.example.com/drumeo:1"}]},
}
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "build"},
    "spec": {
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "build", "image": "registry.example.com/build:1"}],
            }
        }
    },
}
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": POD["spec"]}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE},
}
STARTED = {"status": {"active": 1, "startTime": "2026-01-01T12:00:00Z"}}
READY = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}


@pytest.fixture
async def kube(api_server: ApiServer, proxy: FaultProxy) -> AsyncIterator[KubeApi]:
    kube = await KubeApi.connect(proxy.kubeconfig)
    yield kube
    await kube.close()


@pytest.fixture
def watched(kube: KubeApi) -> Known:
    """What was told of, by which the answers are judged."""
    known = Known()
    kube.believing(known)
    return known


@pytest.fixture
def jobs(namespace: str) -> str:
    return f"/apis/batch/v1/namespaces/{namespace}/jobs"


@pytest.fixture
def proxy(api_server: ApiServer, tmp_path: Path) -> Iterator[FaultProxy]:
    with FaultProxy(api_server.kubeconfig, tmp_path) as proxy:
        yield proxy


async def the_answer_before_is_refused(
    proxy: FaultProxy,
    kube: KubeApi,
    namespace: str,
    told: str = "gave an older state of job build than before",
    before: Callable[[], None] | None = None,
) -> None:
    """Asked for the Job, the API server says what it said the last time. before: what happens while the question is under way."""
    with (
        proxy.fault(lambda request: request.is_for("GET", "/jobs/build"), before=before, stale=True) as fault,
        pytest.raises(ApiError, match=told),
    ):
        await kube.get(JOBS, namespace, "build")
    assert len(fault.met) == 1


async def test_pods_are_not_judged_by_a_list_that_is_older_than_what_their_watch_has_told(
    api: Api, namespace: str, proxy: FaultProxy, kube: KubeApi, watched: Known
) -> None:
    pods = f"/api/v1/namespaces/{namespace}/pods"
    api.post(pods, POD).expect(201)
    cluster = KubeCluster(kube, frozenset(), SystemClock().now)
    assert [pod.ready for pod in await cluster.pods(namespace, "drumeo", 7)] == [False]
    assert watched.of("pods").is_news(api.merge(f"{pods}/web-1/status", READY).expect(200)["metadata"])
    with (
        proxy.fault(lambda request: request.is_for("GET", "/pods"), stale=True) as fault,
        pytest.raises(ApiError, match="gave an older list of pods than before"),
    ):
        await cluster.pods(namespace, "drumeo", 7)
    assert len(fault.met) == 1
    assert [pod.ready for pod in await cluster.pods(namespace, "drumeo", 7)] == [True]


async def test_a_list_in_which_something_is_missing_that_was_told_of_is_not_believed(
    api: Api, namespace: str, proxy: FaultProxy, kube: KubeApi, watched: Known
) -> None:
    pods = f"/api/v1/namespaces/{namespace}/pods"
    assert await kube.items(PODS, namespace) == []
    assert await kube.versions(PODS, namespace) == []
    assert [page async for page in kube.pages(PODS, namespace, 50)] == [[]]
    assert watched.of("pods").is_news(api.post(pods, POD).expect(201)["metadata"])
    with proxy.fault(lambda request: request.is_for("GET", "/pods"), stale=True) as fault:
        for ask in (
            kube.items(PODS, namespace),
            kube.versions(PODS, namespace),
            anext(kube.pages(PODS, namespace, 50)),
        ):
            with pytest.raises(ApiError, match="gave an older list of pods than before"):
                await ask
    assert len(fault.met) == 3
    assert len(await kube.versions(PODS, namespace)) == 1


async def test_what_is_told_while_a_list_is_under_way_is_no_fault_of_the_list(
    api: Api, namespace: str, proxy: FaultProxy, kube: KubeApi, watched: Known
) -> None:
    pods = f"/api/v1/namespaces/{namespace}/pods"
    for number in range(2):
        api.post(pods, {**POD, "metadata": {"name": f"web-{number}"}}).expect(201)

    def changes() -> None:
        mark = {"metadata": {"annotations": {"changed": str(time.monotonic_ns())}}}
        watched.of("pods").is_news(api.merge(f"{pods}/web-0", mark).expect(200)["metadata"])

    with proxy.fault(lambda request: request.is_for("GET", "/pods"), after=changes) as fault:
        assert len(await kube.items(PODS, namespace)) == 2
        assert [len(page) async for page in kube.pages(PODS, namespace, 1)] == [1, 1]
    assert len(fault.met) == 3


async def test_a_list_in_which_something_is_still_there_that_was_deleted_is_not_believed(
    api: Api, namespace: str, proxy: FaultProxy, kube: KubeApi, watched: Known, jobs: str
) -> None:
    api.post(jobs, JOB).expect(201)
    items, version = await kube.listing(JOBS, namespace)
    api.delete(f"{jobs}/build").expect(200)
    since = {"watch": "true", "timeoutSeconds": "10", "resourceVersion": version}
    async with aclosing(kube.lines(jobs, since)) as events:
        event = json.loads(await anext(events))
    assert event["type"] == "DELETED"
    watched.of("jobs").gone(event["object"]["metadata"])
    with (
        proxy.fault(lambda request: request.is_for("GET", "/jobs"), stale=True),
        pytest.raises(ApiError, match="gave an older list of jobs than before"),
    ):
        await kube.items(JOBS, namespace)
    assert len(items) == 1
    assert await kube.items(JOBS, namespace) == []


async def test_nobody_waits_for_a_job_that_has_ended_because_it_was_shown_as_it_was_before(
    api: Api, namespace: str, proxy: FaultProxy, kube: KubeApi, watched: Known, jobs: str
) -> None:
    api.post(jobs, JOB).expect(201)
    assert await kube.get(JOBS, namespace, "build") is not None
    assert watched.of("jobs").is_news(api.merge(f"{jobs}/build/status", STARTED).expect(200)["metadata"])
    await the_answer_before_is_refused(proxy, kube, namespace)
    body = await kube.get(JOBS, namespace, "build")
    assert body is not None
    assert body["status"]["active"] == 1


async def test_what_was_known_before_the_question_is_known_whatever_is_told_while_it_is_under_way(
    api: Api, namespace: str, proxy: FaultProxy, kube: KubeApi, watched: Known, jobs: str
) -> None:
    api.post(jobs, JOB).expect(201)

    def changes() -> None:
        mark = {"metadata": {"annotations": {"changed": str(time.monotonic_ns())}}}
        watched.of("jobs").is_news(api.merge(f"{jobs}/build", mark).expect(200)["metadata"])

    with proxy.fault(lambda request: request.is_for("GET", "/jobs/build"), after=changes):
        assert await kube.get(JOBS, namespace, "build") is not None, "what is told while it is under way is no fault"
    await the_answer_before_is_refused(proxy, kube, namespace, before=changes)


async def test_another_object_that_had_the_name_before_is_not_believed_to_be_there_still(
    api: Api, namespace: str, proxy: FaultProxy, kube: KubeApi, watched: Known, jobs: str
) -> None:
    api.post(jobs, JOB).expect(201)
    assert await kube.get(JOBS, namespace, "build") is not None
    api.delete(f"{jobs}/build").expect(200)
    assert watched.of("jobs").is_news(api.post(jobs, JOB).expect(201)["metadata"])
    await the_answer_before_is_refused(proxy, kube, namespace)


async def test_what_was_told_of_a_moment_ago_is_not_believed_to_be_gone_until_somebody_tells_of_its_end(
    api: Api, namespace: str, proxy: FaultProxy, kube: KubeApi, watched: Known, jobs: str
) -> None:
    assert await kube.get(JOBS, namespace, "build") is None
    made = api.post(jobs, JOB).expect(201)["metadata"]
    assert watched.of("jobs").is_news(made)
    await the_answer_before_is_refused(
        proxy, kube, namespace, "says that job build is not there, and told of it a moment ago"
    )
    assert await kube.get(JOBS, namespace, "build") is not None
    with proxy.fault(lambda request: request.is_for("GET", "/jobs/build"), status=404):
        assert await kube.get(JOBS, namespace, "build", at_its_word=True) is None
    api.delete(f"{jobs}/build").expect(200)
    watched.of("jobs").gone(made | {"resourceVersion": str(int(made["resourceVersion"]) + 1)})
    await the_answer_before_is_refused(proxy, kube, namespace)
    assert await kube.get(JOBS, namespace, "build") is None


async def test_what_is_made_while_the_question_is_under_way_may_be_missing_from_the_answer(
    api: Api, namespace: str, proxy: FaultProxy, kube: KubeApi, watched: Known, jobs: str
) -> None:

    def made() -> None:
        assert watched.of("jobs").is_news(api.post(jobs, JOB).expect(201)["metadata"])

    with proxy.fault(lambda request: request.is_for("GET", "/jobs/build"), before=made, status=404):
        assert await kube.get(JOBS, namespace, "build") is None


async def test_what_we_have_deleted_ourselves_is_gone_before_anybody_tells_of_it(
    api: Api, namespace: str, kube: KubeApi, watched: Known, jobs: str
) -> None:
    made = api.post(jobs, JOB).expect(201)["metadata"]
    assert watched.of("jobs").is_news(made)
    await kube.delete(JOBS, namespace, "build", made["uid"])
    assert await kube.get(JOBS, namespace, "build") is None


async def test_a_deployment_is_not_judged_by_how_it_was_before_our_own_change(
    api: Api, namespace: str, proxy: FaultProxy, kube: KubeApi, watched: Known
) -> None:
    api.post(f"/apis/apps/v1/namespaces/{namespace}/deployments", DEPLOYMENT).expect(201)
    cluster = KubeCluster(kube, frozenset(), SystemClock().now)
    before = await cluster.deployment(namespace, "web")
    assert before is not None
    await cluster.apply(
        DeploymentPatch(
            namespace=namespace,
            deployment="web",
            uid=before.uid,
            generation=before.generation,
            resource_version=before.resource_version,
            release_name="drumeo",
            number=7,
            commit=None,
            container="app",
            image="registry.example.com/drumeo:2",
        )
    )
    with (
        proxy.fault(lambda request: request.is_for("GET", "/deployments/web"), stale=True) as fault,
        pytest.raises(ApiError, match="gave an older state of deployment web than before"),
    ):
        await cluster.deployment(namespace, "web")
    assert len(fault.met) == 1
    after = await cluster.deployment(namespace, "web")
    assert after is not None
    assert after.images == {"app": "registry.example.com/drumeo:2"}
