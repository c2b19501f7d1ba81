"""The Job of a hook: the world of the site, nothing of a server, and a command that arrives as it was written."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brandrelease.apis.wellknown import HOOK_LABEL, NAME_LABEL, RELEASE_LABEL
from brandrelease.core.actions import POST_DEPLOY, PRE_DEPLOY, HookOrder
from brandrelease.core.hook_job import CONTAINER_FIELDS, POD_FIELDS, hook_job

Json = dict[str, Any]

ORDER = HookOrder(
    namespace="drumeo-production",
    release_name="drumeo",
    owner_uid="0f1e2d3c-1111-2222-3333-444455556666",
    number=3,
    commit="0123456789abcdef0123456789abcdef01234567",
    kind=PRE_DEPLOY,
    deployment="web",
    container="app",
    image="registry.example.com/drumeo@sha256:" + "a" * 64,
    command=("php", "artisan", "migrate", "--force"),
    timeout_seconds=600,
)
ENV = [
    {"name": "HOST", "value": "db"},
    {"name": "DSN", "value": "mysql://$(HOST)/x"},
    {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
]
CONTAINER: Json = {
    "name": "app",
    "image": "registry.example.com/drumeo:old",
    "command": ["/entrypoint.sh"],
    "args": ["serve"],
    "workingDir": "/srv",
    "env": ENV,
    "envFrom": [{"configMapRef": {"name": "site"}}],
    "ports": [{"containerPort": 8080}],
    "resources": {"limits": {"memory": "256Mi"}},
    "volumeMounts": [{"name": "config", "mountPath": "/etc/site"}],
    "volumeDevices": [{"name": "disk", "devicePath": "/dev/x"}],
    "livenessProbe": {"httpGet": {"port": 8080}},
    "readinessProbe": {"httpGet": {"port": 8080}},
    "startupProbe": {"httpGet": {"port": 8080}},
    "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
    "imagePullPolicy": "Always",
    "securityContext": {"runAsNonRoot": True},
    "restartPolicy": "Always",
}
NODES: Json = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": []}]}}
POD: Json = {
    "containers": [{"name": "proxy", "image": "envoy:1"}, CONTAINER],
    "initContainers": [{"name": "wait", "image": "busybox"}],
    "volumes": [
        {"name": "config", "configMap": {"name": "site"}},
        {"name": "disk", "persistentVolumeClaim": {"claimName": "x"}},
        {"name": "envoy", "secret": {"secretName": "envoy"}},
    ],
    "serviceAccountName": "site",
    "automountServiceAccountToken": False,
    "imagePullSecrets": [{"name": "pull"}],
    "securityContext": {"fsGroup": 33},
    "hostUsers": False,
    "os": {"name": "linux"},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "web"}],
    "runtimeClassName": "gvisor",
    "priorityClassName": "sites",
    "schedulerName": "default-scheduler",
    "resources": {"limits": {"cpu": "1"}},
    "resourceClaims": [{"name": "card", "resourceClaimName": "card"}],
    "hostNetwork": True,
    "dnsPolicy": "ClusterFirst",
    "dnsConfig": {"searches": ["x"]},
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}],
    "enableServiceLinks": False,
    "affinity": {"nodeAffinity": NODES, "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}},
    "topologySpreadConstraints": [{"maxSkew": 1}],
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 300,
    "shareProcessNamespace": True,
    "hostname": "web",
}
LABELS = {"app": "web", NAME_LABEL: "drumeo", RELEASE_LABEL: "2"}


def deployment(pod: Json = POD, labels: dict[str, str] = LABELS) -> Json:
    template = {"metadata": {"labels": labels, "annotations": {"sidecar.example.com/inject": "true"}}, "spec": pod}
    return {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": labels}, "template": template}}


def job(order: HookOrder = ORDER, found: Json | None = None) -> Json:
    body = hook_job(order, found or deployment())
    assert body is not None
    return body


def pod(body: Json) -> Json:
    spec: Json = body["spec"]["template"]["spec"]
    return spec


def container(body: Json) -> Json:
    (found,) = pod(body)["containers"]
    return dict(found)


def test_the_command_finds_the_environment_files_and_rights_of_the_site() -> None:
    found = container(job())
    assert {field: found[field] for field in CONTAINER_FIELDS} == {
        field: CONTAINER[field] for field in CONTAINER_FIELDS
    }
    assert (found["name"], found["image"], found["command"]) == ("app", ORDER.image, list(ORDER.command))
    found = pod(job())
    assert {field: found[field] for field in POD_FIELDS} == {field: POD[field] for field in POD_FIELDS}


def test_nothing_of_a_server_and_nothing_of_its_other_containers_comes_along() -> None:
    assert container(job()).keys() == {*CONTAINER_FIELDS, "name", "image", "command"}
    ours = {"affinity", "volumes", "restartPolicy", "activeDeadlineSeconds", "containers"}
    assert pod(job()).keys() == {*POD_FIELDS} | ours
    assert job()["spec"]["template"]["metadata"] == {"labels": {HOOK_LABEL: PRE_DEPLOY}}


def test_it_runs_where_the_sites_image_can_run_but_need_not_keep_away_from_the_sites_pods() -> None:
    assert pod(job())["affinity"] == {"nodeAffinity": NODES}
    assert "affinity" not in pod(job(found=deployment(POD | {"affinity": {"podAntiAffinity": {}}})))


def test_only_the_volumes_that_the_container_mounts_can_keep_it_from_its_start() -> None:
    assert [volume["name"] for volume in pod(job())["volumes"]] == ["config", "disk"]


def test_a_bare_deployment_makes_a_bare_job() -> None:
    bare = job(found=deployment({"containers": [{"name": "app", "image": "x"}]}))
    assert container(bare).keys() == {"name", "image", "command"}
    assert pod(bare)["volumes"] == []


def test_a_deployment_without_the_container_makes_no_job() -> None:
    assert hook_job(replace(ORDER, container="other"), deployment()) is None


def test_it_is_never_started_a_second_time_behind_our_back() -> None:
    spec = job()["spec"]
    assert (spec["parallelism"], spec["completions"], spec["backoffLimit"]) == (1, 1, 0)
    assert (spec["podReplacementPolicy"], pod(job())["restartPolicy"]) == ("Failed", "Never")


def test_the_kubelet_stops_it_at_its_timeout_and_the_job_controller_only_what_no_kubelet_has() -> None:
    assert pod(job())["activeDeadlineSeconds"] == 600
    assert job()["spec"]["activeDeadlineSeconds"] == 660
    assert job()["spec"]["ttlSecondsAfterFinished"] == 7 * 86_400


def test_it_bears_whose_it_is_and_goes_away_with_its_brand_release() -> None:
    metadata = job(replace(ORDER, kind=POST_DEPLOY))["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("drumeo-3-post-0f1e2d3c", "drumeo-production")
    assert metadata["labels"] == {NAME_LABEL: "drumeo", HOOK_LABEL: "postDeploy", RELEASE_LABEL: "3"}
    assert metadata["annotations"] == {"brandrelease.dev/commit": ORDER.commit}
    assert metadata["ownerReferences"] == [
        {
            "apiVersion": "brandrelease.dev/v1alpha1",
            "kind": "BrandRelease",
            "name": "drumeo",
            "uid": "0f1e2d3c-1111-2222-3333-444455556666",
        }
    ]


def test_the_deployment_that_was_read_is_left_as_it_was() -> None:
    found = deployment()
    before = deepcopy(found)
    job(found=found)
    assert found == before


KEYS = st.text("abcxyz./-", min_size=1, max_size=12) | st.sampled_from([NAME_LABEL, RELEASE_LABEL, "app"])


@given(labels=st.dictionaries(KEYS, st.text("ab3", max_size=3)), number=st.integers(1, 99))
def test_whatever_the_pods_of_the_deployment_are_called_the_hooks_pod_is_none_of_them(
    labels: dict[str, str], number: int
) -> None:
    found = job(replace(ORDER, number=number), deployment(labels=labels))["spec"]["template"]["metadata"]["labels"]
    assert not found.keys() & labels.keys()
    assert RELEASE_LABEL not in found


def as_the_process_gets_it(word: str) -> str:
    """The kubelet's own expansion (k8s.io/kubernetes/third_party/forked/golang/expansion) with HOST=db."""
    result, at = "", 0
    while at < len(word):
        rest = word[at:]
        if rest.startswith("$$"):
            result, at = result + "$", at + 2
        elif rest.startswith("$(HOST)"):
            result, at = result + "db", at + 7
        else:
            result, at = result + word[at], at + 1
    return result


def test_the_expansion_of_this_test_expands() -> None:
    assert as_the_process_gets_it("$(HOST) $$(HOST) $X $") == "db $(HOST) $X $"


@pytest.mark.parametrize("word", ["$(HOST)", "$$(HOST)", "$$$(HOST)", "$HOST", "${HOST}", "$", "$$", "a'b", "", "$("])
def test_a_word_reaches_the_process_as_it_was_written(word: str) -> None:
    (sent,) = container(job(replace(ORDER, command=(word,))))["command"]
    assert as_the_process_gets_it(sent) == word


@given(st.text("$()HOST x", max_size=20))
def test_any_word_reaches_the_process_as_it_was_written(word: str) -> None:
    (sent,) = container(job(replace(ORDER, command=(word,))))["command"]
    assert as_the_process_gets_it(sent) == word


def test_references_in_the_sites_own_environment_stay_references() -> None:
    assert container(job())["env"] == ENV
