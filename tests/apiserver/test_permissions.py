"""What an installation lets the operator do, by the word of a real API server: what the table says, and nothing more."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from apiserver.json_api import Api
from apiserver.objects import RELEASES, brand_release
from brandrelease.adapters.kube.allowed import refused
from brandrelease.adapters.kube.api import ApiError, KubeApi
from brandrelease.adapters.kube.builds_in_flight import builds_in_flight
from brandrelease.adapters.kube.cluster import KubeCluster, WatchedObjects
from brandrelease.adapters.kube.permissions import (
    BRAND,
    BUILDS,
    CLUSTER,
    DEFAULT,
    EVERYWHERE,
    HOOKS,
    OWN,
    SECRETS_IN_LOGS,
    Grant,
)
from brandrelease.adapters.system_clock import SystemClock
from support import account
from support.account import Account
from support.kubectl import Kubectl

Rule = tuple[str, str, str, tuple[str, ...]]
"""API group, resource, verb, names."""

NOBODY: Final = "system:serviceaccount:nowhere:nobody"


@dataclass(frozen=True)
class Install:
    """An operator that is installed as docs/permissions.md says, and its namespaces."""

    account: Account
    kubeconfig: Path
    own: str
    builds: str
    brand: str
    stranger: str
    """A namespace that nobody has told it of."""


@pytest.fixture(scope="module")
def install(api: Api, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """One for all tests that do not change it."""
    return installed(api, kubectl, tmp_path_factory.mktemp("install"))


def installed(api: Api, kubectl: Kubectl, directory: Path) -> Install:
    def namespace() -> str:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "rights-"}}
        return str(api.post("/api/v1/namespaces", body).expect(201)["metadata"]["name"])

    own, builds, brand, stranger = (namespace() for _ in range(4))
    kubectl.apply(*account.shared(), server_side=True)
    made = Account(kubectl, own, own, builds)
    made.create(directory / "kubeconfig")
    made.bind(brand, ["brand-namespace.yaml"])
    events = {"verb": "create", "resource": "events"}
    made.may(events | {"namespace": brand}, events | {"namespace": "default"})
    return Install(made, directory / "kubeconfig", own, builds, brand, stranger)


def rules(kubectl: Kubectl, user: str, namespace: str) -> set[Rule]:
    """What `kubectl auth can-i --list` shows."""
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    answer = kubectl.run(
        "create", "-f", "-", f"--as={user}", "--validate=false", "--output=json", stdin=json.dumps(body)
    )
    return {
        (group, resource, verb, tuple(rule.get("resourceNames", ())))
        for rule in json.loads(answer)["status"]["resourceRules"]
        for group in rule.get("apiGroups", ())
        for resource in rule.get("resources", ())
        for verb in rule["verbs"]
    }


def of_table(*grants: Grant) -> set[Rule]:
    return {
        (permission.resource.group, permission.kind, verb.value, ())
        for grant in grants
        for permission in grant.permissions
        for verb in permission.verbs
    }


def own_rules(install: Install, *namespaces: str) -> dict[str, set[Rule]]:
    """What it may in each of them beside what every service account may."""
    kubectl = install.account.kubectl
    usual = rules(kubectl, NOBODY, install.own)
    return {namespace: rules(kubectl, install.account.user, namespace) - usual for namespace in namespaces}


def test_it_may_do_what_the_table_says_and_nothing_else(install: Install) -> None:
    expected = {
        install.own: (CLUSTER, OWN),
        install.builds: (CLUSTER, BUILDS),
        install.brand: (CLUSTER, BRAND),
        "default": (CLUSTER, DEFAULT),
        install.stranger: (CLUSTER,),
        "kube-system": (CLUSTER,),
    }
    assert own_rules(install, *expected) == {namespace: of_table(*grants) for namespace, grants in expected.items()}


def test_options_add_what_the_table_says_where_they_are_bound(api: Api, kubectl: Kubectl, tmp_path: Path) -> None:
    install = installed(api, kubectl, tmp_path)
    install.account.bind(install.brand, [account.HOOKS, account.SECRETS_IN_LOGS])
    install.account.see_everything()
    install.account.may(
        {"verb": "create", "resource": "jobs", "group": "batch", "namespace": install.brand},
        {"verb": "get", "resource": "secrets", "namespace": install.brand},
        {"verb": "list", "resource": "pods", "namespace": install.stranger},
    )
    assert own_rules(install, install.brand, install.stranger) == {
        install.brand: of_table(CLUSTER, BRAND, HOOKS, SECRETS_IN_LOGS, EVERYWHERE),
        install.stranger: of_table(CLUSTER, EVERYWHERE),
    }


# --- a namespace of the list in which it is not bound -------------------------------------------------------------------


@pytest.fixture
async def kube(install: Install) -> AsyncIterator[KubeApi]:
    opened = await KubeApi.connect(install.kubeconfig)
    yield opened
    await opened.close()


def building(api: Api, namespace: str) -> dict[str, Any]:
    """A BrandRelease whose build goes on."""
    body = api.post(RELEASES.format(namespace), brand_release()).expect(201)
    build = {"builder": "buildKit", "key": "0123456789", "attempt": 1, "startedAt": "2026-11-27T12:00:00Z"}
    current = {
        "number": 1,
        "ref": "master",
        "commit": "a" * 40,
        "requestedBy": "kubectl",
        "startedAt": "2026-11-27T12:00:00Z",
        "build": build,
    }
    written = api.put(
        f"{RELEASES.format(namespace)}/{body['metadata']['name']}/status", body | {"status": {"current": current}}
    )
    return written.expect(200)


async def test_one_that_it_may_not_work_in_does_not_keep_the_others_waiting(
    kube: KubeApi, install: Install, api: Api
) -> None:
    seen = building(api, install.brand)
    building(api, install.stranger)
    both = frozenset({install.brand, install.stranger})
    listed = WatchedObjects(kube, both, install.builds, {})
    with capture_logs() as logged:
        assert [build.namespace for build in await builds_in_flight(kube, both)] == [install.brand]
        assert [each["metadata"]["uid"] for each in await listed("brandreleases")] == [seen["metadata"]["uid"]]
        being_built = await KubeCluster(kube, both, SystemClock().now).commits_being_built(
            seen["spec"]["brand"], but="nobody"
        )
    assert being_built == {"a" * 40}
    sentences = {entry["event"] for entry in logged if entry["log_level"] == "error"}
    assert len(sentences) == 1
    (sentence,) = sentences
    assert (
        f'cannot list resource "brandreleases" in API group "brandrelease.dev" in the namespace "{install.stranger}"'
        in sentence
    )
    assert "kubectl apply -n NAMESPACE -f deploy/rbac/brand-namespace.yaml" in sentence


async def test_where_it_may_work_nowhere_that_is_an_error(kube: KubeApi, install: Install) -> None:
    with pytest.raises(ApiError, match="cannot list") as only:
        await builds_in_flight(kube, frozenset({install.stranger}))
    assert "brand-namespace.yaml" in refused(only.value, everywhere=False)
    with pytest.raises(ApiError, match="at the cluster scope") as all_namespaces:
        await builds_in_flight(kube, frozenset())
    assert "rbac.mode ClusterWide" in refused(all_namespaces.value, everywhere=True)
