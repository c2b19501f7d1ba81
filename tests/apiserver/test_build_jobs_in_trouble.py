"""Build Jobs on a real API server whose pods get lost. The Job controller, the kubelet and the nodes are played."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from apiserver.json_api import Api
from apiserver.objects import BRANDS, brand
from brandrelease.adapters.builders.buildkit import BuildKit
from brandrelease.adapters.builders.buildkit_job import EXIT_COMMIT_GONE, JobProfile
from brandrelease.adapters.kube.api import KubeApi
from brandrelease.apis.brand import Brand
from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.images import BuildOrder, build_order
from brandrelease.core.builds.seen import BuildFailed, BuildRunning, BuildState
from brandrelease.settings import SecurityProfile
from cluster.api import ApiServer

Json = dict[str, Any]
COMMIT = "c" * 40
MESSAGE = "Taint manager: deleting due to NoExecute taint"


@dataclass
class Workshop:
    """The builder, one Job of it, and who else writes on the Job and its pods."""

    api: Api
    namespace: str
    builder: BuildKit
    order: BuildOrder

    async def state(self) -> BuildState:
        return await self.builder.state(self.order)

    def pod(self, *conditions: Json, phase: str = "Running", **status: Any) -> str:
        """The Job controller makes a pod, and it has this status; its path."""
        pods = f"/api/v1/namespaces/{self.namespace}/pods"
        labels = {"batch.kubernetes.io/job-name": self.order.name}
        container = {"name": "build", "image": "buildkit:1"}
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"generateName": f"{self.order.name}-", "labels": labels, "finalizers": ["example.com/stays"]},
            "spec": {"containers": [container], "initContainers": [container | {"name": "fetch"}], "nodeName": "n1"},
        }
        name = self.api.post(pods, body).expect(201)["metadata"]["name"]
        told = {"phase": phase, "conditions": list(conditions), **status}
        self.api.merge(f"{pods}/{name}/status", {"status": told}).expect(200)
        return f"{pods}/{name}"

    def job_fails(self, reason: str) -> None:
        """The Job controller gives up."""
        moment = "2026-11-27T12:00:00Z"
        failed = [
            {"type": kind, "status": "True", "reason": reason, "lastTransitionTime": moment}
            for kind in ("FailureTarget", "Failed")
        ]
        path = f"/apis/batch/v1/namespaces/{self.namespace}/jobs/{self.order.name}/status"
        self.api.merge(path, {"status": {"startTime": moment, "conditions": failed}}).expect(200)


def disrupted(reason: str) -> Json:
    return {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": MESSAGE}


@pytest.fixture
async def workshop(api_server: ApiServer, api: Api, namespace: str) -> AsyncIterator[Workshop]:
    connection = await KubeApi.connect(api_server.kubeconfig)
    stored = Brand.from_object(api.post(BRANDS, brand({"metadata.name": namespace})).expect(201))
    profile = JobProfile(namespace, "buildkit:1", SecurityProfile.Privileged, frozenset())
    order = build_order(stored, COMMIT, attempt=1)
    try:
        builder = BuildKit(connection, profile)
        await builder.start(order)
        yield Workshop(api, namespace, builder, order)
    finally:
        api.delete(f"{BRANDS}/{stored.name}")
        await connection.close()


async def test_a_pod_that_is_evicted_is_told_of_and_the_one_that_follows_it_counts(workshop: Workshop) -> None:
    assert await workshop.state() == BuildRunning(
        f"Build Job {workshop.order.name} of commit {COMMIT[:12]} waits for its pod."
    )
    path = workshop.pod(disrupted("TerminationByKubelet"), phase="Failed", reason="Evicted")
    state = await workshop.state()
    assert isinstance(state, BuildRunning), "no failure of the build: the Job makes another pod"
    assert state.message.endswith(f"has lost its pod (TerminationByKubelet {MESSAGE}); another one is made.")
    workshop.api.merge(path, {"metadata": {"finalizers": None}}).expect(200)
    workshop.api.delete(path).expect(200)
    workshop.pod(phase="Pending")
    state = await workshop.state()
    assert isinstance(state, BuildRunning)
    assert state.message.endswith(" starts.")


async def test_a_pod_whose_node_is_lost_is_told_of_while_it_stands_and_its_end_is_no_fault_of_the_commit(
    workshop: Workshop,
) -> None:
    workshop.api.delete(workshop.pod(disrupted("DeletionByTaintManager")))
    state = await workshop.state()
    assert isinstance(state, BuildRunning)
    assert state.message.endswith(
        f"has lost its pod (DeletionByTaintManager {MESSAGE}); another one is made when its node says that this one has ended."
    )
    workshop.job_fails("DeadlineExceeded")
    state = await workshop.state()
    assert isinstance(state, BuildFailed)
    assert (state.reason, state.retriable) == (Reason.BuildInfrastructureFailed, True)
    assert f"since its pod was lost: DeletionByTaintManager {MESSAGE}." in state.message


async def test_a_pod_that_is_gone_altogether_is_no_fault_of_the_commit(workshop: Workshop) -> None:
    workshop.job_fails("BackoffLimitExceeded")
    state = await workshop.state()
    assert isinstance(state, BuildFailed)
    assert (state.reason, state.retriable) == (Reason.BuildInfrastructureFailed, True)


async def test_a_build_that_was_too_slow_by_itself_is_not_tried_again(workshop: Workshop) -> None:
    workshop.pod()
    workshop.job_fails("DeadlineExceeded")
    state = await workshop.state()
    assert isinstance(state, BuildFailed)
    assert (state.reason, state.retriable) == (Reason.BuildTimedOut, False)


async def test_a_commit_that_was_force_pushed_over_is_told_of_and_not_tried_again(workshop: Workshop) -> None:
    ended = {"exitCode": EXIT_COMMIT_GONE, "reason": "Error"}
    status = {
        "name": "fetch",
        "image": "",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": ended},
    }
    workshop.pod(phase="Failed", initContainerStatuses=[status])
    workshop.job_fails("BackoffLimitExceeded")
    state = await workshop.state()
    assert isinstance(state, BuildFailed)
    assert (state.reason, state.retriable) == (Reason.CommitGone, False)
    assert "somebody has force-pushed over it" in state.message
