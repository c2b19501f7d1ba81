"""API objects, as the API server sends them, to the views that are judged."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from brandrelease.adapters.kube.views import deployment_view, pod_view
from brandrelease.core.snapshot import ContainerKind, Running, Terminated, Waiting

Json = dict[str, Any]

IMAGE_OF_APP: Json = {
    "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"app"}': {".": {}, "f:image": {}}}}}}
}
DEPLOYMENT: Json = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "web",
        "namespace": "drumeo-production",
        "uid": "9e3c",
        "resourceVersion": "4711",
        "generation": 7,
        "labels": {"app": "web", "brandrelease.dev/name": "drumeo", "brandrelease.dev/release": "3"},
        "managedFields": [
            {
                "manager": "helm",
                "operation": "Update",
                "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:replicas": {}}},
            },
            {"manager": "brandrelease", "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": IMAGE_OF_APP},
            {"manager": "kubectl-edit", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": IMAGE_OF_APP},
            {"manager": "kubectl-edit", "operation": "Update", "subresource": "x", "fieldsV1": IMAGE_OF_APP},
            {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status"},
        ],
    },
    "spec": {
        "replicas": 4,
        "template": {
            "spec": {"containers": [{"name": "app", "image": "r/d@sha256:1"}, {"name": "proxy", "image": "envoy:1"}]}
        },
    },
    "status": {
        "observedGeneration": 6,
        "replicas": 5,
        "updatedReplicas": 2,
        "availableReplicas": 4,
        "conditions": [
            {"type": "Available", "status": "True", "message": "enough"},
            {
                "type": "ReplicaFailure",
                "status": "True",
                "message": "exceeded quota",
                "lastTransitionTime": "2026-01-01T12:00:03Z",
            },
        ],
    },
}


def test_a_deployment_is_read_whole() -> None:
    view = deployment_view(DEPLOYMENT)
    assert (view.uid, view.name, view.generation, view.observed_generation) == ("9e3c", "web", 7, 6)
    assert view.resource_version == "4711"
    assert (view.wanted, view.total, view.updated, view.available) == (4, 5, 2, 4)
    assert view.images == {"app": "r/d@sha256:1", "proxy": "envoy:1"}
    assert view.applied_release == 3
    assert (view.failure, view.failing_since, view.paused) == ("exceeded quota", second(3), False)


def test_the_owners_of_an_image_are_named_once_each_and_only_those_of_the_image() -> None:
    assert deployment_view(DEPLOYMENT).image_owners == {"app": ("brandrelease", "kubectl-edit"), "proxy": ()}


def test_a_deployment_that_was_just_made_has_no_status_and_one_wanted_pod() -> None:
    young: Json = {
        "metadata": {"name": "web", "uid": "1", "resourceVersion": "2", "generation": 1},
        "spec": {"template": {"spec": {"containers": [{"name": "app"}]}}},
    }
    view = deployment_view(young)
    assert (view.wanted, view.total, view.updated, view.available, view.observed_generation) == (1, 0, 0, 0, 0)
    assert (view.images, view.image_owners) == ({"app": ""}, {"app": ()})
    assert (view.applied_release, view.failure) == (None, None)
    assert not view.complete


@pytest.mark.parametrize(
    ("label", "number"), [("3", 3), ("0", 0), ("", None), ("three", None), ("-1", None), ("1.5", None)]
)
def test_a_label_that_is_no_number_is_no_release_of_ours(label: str, number: int | None) -> None:
    body = deepcopy(DEPLOYMENT)
    body["metadata"]["labels"]["brandrelease.dev/release"] = label
    assert deployment_view(body).applied_release == number


def test_a_failure_that_is_over_is_none() -> None:
    body = deepcopy(DEPLOYMENT)
    body["status"]["conditions"][1]["status"] = "False"
    view = deployment_view(body)
    assert (view.failure, view.failing_since) == (None, None)


def test_a_paused_deployment_is_known_as_such() -> None:
    body = deepcopy(DEPLOYMENT)
    body["spec"]["paused"] = True
    assert deployment_view(body).paused


COMPLETE = {
    "complete": ({}, True),
    "the controller has not seen the change": ({"observedGeneration": 6}, False),
    "old pods are left": ({"replicas": 5}, False),
    "not all pods are new": ({"updatedReplicas": 3}, False),
    "not all pods are available": ({"availableReplicas": 3}, False),
}


@pytest.mark.parametrize(("change", "complete"), COMPLETE.values(), ids=COMPLETE)
def test_a_deployment_is_complete_by_the_rule_of_kubectl(change: Json, complete: bool) -> None:
    body = deepcopy(DEPLOYMENT)
    done = {"observedGeneration": 7, "replicas": 4, "updatedReplicas": 4, "availableReplicas": 4}
    body["status"] = done | change
    assert deployment_view(body).complete is complete


POD: Json = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "web-7d9-abc",
        "uid": "1",
        "creationTimestamp": "2026-01-01T12:00:00Z",
        "labels": {"brandrelease.dev/name": "drumeo", "brandrelease.dev/release": "3"},
    },
    "spec": {
        "initContainers": [
            {"name": "migrate", "image": "x"},
            {"name": "proxy", "image": "envoy", "restartPolicy": "Always", "resources": {"limits": {"memory": "32Mi"}}},
        ],
        "containers": [
            {"name": "app", "image": "x", "resources": {"limits": {"memory": "64Mi", "cpu": "1"}}},
            {"name": "cron", "image": "x", "resources": {}},
        ],
    },
    "status": {
        "phase": "Running",
        "startTime": "2026-01-01T12:00:01Z",
        "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T12:00:01Z"},
            {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T12:00:09Z"},
        ],
        "initContainerStatuses": [
            {
                "name": "migrate",
                "ready": True,
                "restartCount": 0,
                "state": {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": "2026-01-01T12:00:04Z"}},
            },
            {
                "name": "proxy",
                "ready": True,
                "restartCount": 0,
                "started": True,
                "state": {"running": {"startedAt": "2026-01-01T12:00:05Z"}},
            },
        ],
        "containerStatuses": [
            {
                "name": "app",
                "ready": False,
                "restartCount": 2,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 20s"}},
                "lastState": {
                    "terminated": {
                        "exitCode": 137,
                        "reason": "OOMKilled",
                        "startedAt": "2026-01-01T12:00:06Z",
                        "finishedAt": "2026-01-01T12:00:08Z",
                    }
                },
            },
            {"name": "cron", "ready": False, "restartCount": 0, "state": {}, "lastState": {}},
        ],
    },
}


def second(number: int) -> datetime:
    return datetime(2026, 1, 1, 12, 0, number, tzinfo=UTC)


def test_a_pod_is_read_whole() -> None:
    view = pod_view(POD)
    assert (view.name, view.release, view.phase, view.reason) == ("web-7d9-abc", "3", "Running", "")
    assert (view.created_at, view.started_at) == (second(0), second(1))
    assert (view.ready, view.ready_changed_at, view.deleting, view.unschedulable) == (False, second(9), False, None)
    assert view.memory_limits == {"proxy": "32Mi", "app": "64Mi"}


def test_a_limit_of_the_pod_is_one_of_each_container_that_has_none_itself() -> None:
    spec = POD["spec"] | {"resources": {"limits": {"memory": "1Gi"}}}
    assert pod_view(POD | {"spec": spec}).memory_limits == {
        "migrate": "1Gi",
        "proxy": "32Mi",
        "app": "64Mi",
        "cron": "1Gi",
    }


def test_each_container_is_of_its_kind() -> None:
    kinds = {container.name: container.kind for container in pod_view(POD).containers}
    assert kinds == {
        "migrate": ContainerKind.Init,
        "proxy": ContainerKind.Sidecar,
        "app": ContainerKind.Main,
        "cron": ContainerKind.Main,
    }


def test_each_container_is_in_its_state() -> None:
    migrate, proxy, app, cron = pod_view(POD).containers
    assert migrate.state == Terminated(0, 0, "Completed", "", second(4))
    assert proxy.state == Running(second(5))
    assert app.state == Waiting("CrashLoopBackOff", "back-off 20s")
    assert app.last == Terminated(137, 0, "OOMKilled", "", second(8))
    assert (app.restarts, app.ready) == (2, False)
    assert cron.state == Waiting("", ""), "no state at all means waiting"
    assert cron.last is None


def test_a_pod_that_nobody_has_looked_at_yet_is_read_too() -> None:
    young = {
        "metadata": {"name": "web-1", "creationTimestamp": "2026-01-01T12:00:00Z"},
        "spec": {"containers": [{"name": "app"}]},
    }
    view = pod_view(young)
    assert (view.release, view.phase, view.started_at, view.ready, view.ready_changed_at) == ("", "", None, False, None)
    assert (view.containers, view.memory_limits) == ((), {})


def test_a_pod_without_a_node_has_the_schedulers_words() -> None:
    body = deepcopy(POD)
    body["status"] = {
        "phase": "Pending",
        "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"}
        ],
    }
    assert pod_view(body).unschedulable == "0/1 nodes are available"


def test_a_pod_that_goes_away_and_an_evicted_one_are_known_as_such() -> None:
    body = deepcopy(POD)
    body["metadata"]["deletionTimestamp"] = "2026-01-01T12:01:00Z"
    body["status"] |= {"phase": "Failed", "reason": "Evicted"}
    view = pod_view(body)
    assert (view.deleting, view.phase, view.reason) == (True, "Failed", "Evicted")


@pytest.mark.parametrize(("status", "ready"), [("True", True), ("False", False)])
def test_a_pod_whose_sandbox_is_there_is_known_as_such(status: str, ready: bool) -> None:
    body = deepcopy(POD)
    assert not pod_view(body).sandbox_ready
    body["status"]["conditions"].append({"type": "PodReadyToStartContainers", "status": status})
    assert pod_view(body).sandbox_ready is ready


def test_a_death_by_a_signal_keeps_its_number() -> None:
    body = deepcopy(POD)
    body["status"]["containerStatuses"][0]["state"] = {"terminated": {"exitCode": 139, "signal": 11, "message": "m"}}
    assert pod_view(body).containers[2].state == Terminated(139, 11, "", "m", None)
