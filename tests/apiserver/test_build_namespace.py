"""The build namespace on a real API server: what it takes, what it refuses to run in the build namespace, and in which words."""

from collections.abc import Iterator
from typing import Any

import pytest

from apiserver.json_api import Answer, Api
from brandrelease.adapters.builders.buildkit_job import JobProfile, job_body
from brandrelease.apis.build import DEFAULT_LIMITS, DEFAULT_REQUESTS
from brandrelease.settings import SecurityProfile
from support import build_namespace
from support.kubectl import Kubectl, eventually
from support.orders import ORDER

Json = dict[str, Any]
BUILDS = "guarded-builds"


@pytest.fixture(scope="module")
def builds(kubectl: Kubectl, api: Api) -> Iterator[Api]:
    """The namespace; a policy counts a moment after it was applied."""
    with build_namespace.guarded(kubectl, BUILDS, "203.0.113.7"):
        # No controller makes it here, as it does elsewhere.
        kubectl.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": BUILDS}}
        )
        # No controller counts here what is used; without a count nothing at all would be let in.
        hard = (kubectl.get("resourcequota", "builds", BUILDS) or {})["spec"]["hard"]
        used = {"status": {"hard": hard, "used": dict.fromkeys(hard, "0")}}
        kubectl.patch("resourcequota", "builds", used, BUILDS, subresource="status")
        eventually(lambda: "hostNetwork" in refusal(api, pod(hostNetwork=True)), 20)
        yield api


def dry_run(api: Api, body: Json) -> Answer:
    """What the API server would make of the object."""
    group = "/api/v1" if body["apiVersion"] == "v1" else f"/apis/{body['apiVersion']}"
    metadata = body["metadata"]
    return api.post(f"{group}/namespaces/{metadata['namespace']}/{body['kind'].lower()}s", body, dryRun="All")


def refusal(api: Api, body: Json) -> str:
    """What the API server says against the object; nothing if it takes it."""
    answer = dry_run(api, body)
    return "" if answer.code == 201 else answer.message


def pod(container: Json | None = None, **spec: Any) -> Json:
    """One that is let in, with something else about it."""
    body = {"automountServiceAccountToken": False, "containers": [{"name": "c", "image": "i", **(container or {})}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": BUILDS},
        "spec": {**body, **spec},
    }


def job(security: SecurityProfile) -> Json:
    return job_body(ORDER, JobProfile(BUILDS, "buildkit", security, frozenset()))


PRIVILEGED: Json = {"securityContext": {"privileged": True}}
ADDED: Json = {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}
PATH: Json = {"volumes": [{"name": "node", "hostPath": {"path": "/"}}]}
TOKEN: Json = {
    "serviceAccountName": "default",
    "volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}],
}
USER_NAMESPACE, VOLUMES = "Only in a user namespace", "A build has no volumes but"
HUGE: Json = {"resources": {"limits": {"memory": "17Gi"}}}

REFUSED: dict[str, tuple[Json, str]] = {
    "root on the node": (pod(PRIVILEGED), USER_NAMESPACE),
    "root on the node by an init container": (pod(initContainers=[{"name": "i", "image": "i", **PRIVILEGED}]), USER_NAMESPACE),
    "rights on the node": (pod(ADDED), USER_NAMESPACE),
    "the profile privileged": (job(SecurityProfile.Privileged), USER_NAMESPACE),
    "the node's network": (pod(hostNetwork=True), "no part in the node's network"),
    "the node's processes": (pod(hostPID=True), "no part in the node's network"),
    "the node's files": (pod(**PATH), VOLUMES),
    "the node's files in a user namespace": (pod(hostUsers=False, **PATH), VOLUMES),
    "a token": (pod(automountServiceAccountToken=True), "no token of a service account"),
    "a token of its own making": (pod(**TOKEN), VOLUMES),
    "all of a node": (pod(container=HUGE), "maximum memory usage per Container is 16Gi"),
    "a Service": (
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": BUILDS}, "spec": {"ports": [{"port": 80}]}},
        "exceeded quota: builds",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "words"), REFUSED.values(), ids=REFUSED)
def test_what_a_build_is_not_to_be_is_refused_with_the_reason(builds: Api, body: Json, words: str) -> None:
    assert words in refusal(builds, body)


TAKEN: dict[str, Json] = {
    "the profile userns": job(SecurityProfile.UserNamespace),
    "the profile rootless": job(SecurityProfile.Rootless),
    "an ordinary pod": pod(),
    "a privileged one in a user namespace": pod(PRIVILEGED, hostUsers=False),
}


@pytest.mark.parametrize("body", TAKEN.values(), ids=TAKEN)
def test_builds_are_let_in(builds: Api, body: Json) -> None:
    assert refusal(builds, body) == ""


@pytest.mark.parametrize("profile", [SecurityProfile.UserNamespace, SecurityProfile.Rootless])
def test_no_stricter_level_of_pod_security_lets_builds_in(builds: Api, profile: SecurityProfile) -> None:
    """When this fails, Kubernetes has learnt to: then the chart can enforce `baseline`."""
    labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    metadata = {"generateName": "strict-builds-", "labels": labels}
    strict = builds.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    namespace = str(strict.expect(201)["metadata"]["name"])
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    builds.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", account).expect(201)
    like = pod()
    like["metadata"]["namespace"], like["spec"] = namespace, job(profile)["spec"]["template"]["spec"]
    assert 'violates PodSecurity "baseline:latest"' in refusal(builds, like)


def test_what_somebody_else_starts_there_gets_the_amounts_of_a_build(builds: Api) -> None:
    [container] = dry_run(builds, pod()).expect(201)["spec"]["containers"]
    assert container["resources"] == {"requests": DEFAULT_REQUESTS, "limits": DEFAULT_LIMITS}


def policy(api: Api, name: str) -> Json:
    path = f"/apis/networking.k8s.io/v1/namespaces/{BUILDS}/networkpolicies/{name}"
    spec: Json = api.get(path).expect(200)["spec"]
    return spec


def test_the_git_server_and_the_registry_of_the_inside_are_put_where_the_file_says(builds: Api) -> None:
    assert policy(builds, "git-and-registry")["egress"] == [{"to": [{"ipBlock": {"cidr": "203.0.113.7/32"}}]}]


def test_the_metadata_of_the_cloud_and_the_inside_are_not_of_the_world(builds: Api) -> None:
    """Whether it is so on the wire is the network plugin's doing; the one of the test cluster does nothing."""
    [rule] = policy(builds, "world")["egress"]
    excepted = {network for peer in rule["to"] for network in peer["ipBlock"]["except"]}
    assert {"169.254.0.0/16", "10.0.0.0/8", "100.64.0.0/10", "fc00::/7"} <= excepted
    assert policy(builds, "nothing") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
