"""The charts on a real API server: what it thinks of all that they render, and what is left when they are gone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from apiserver.json_api import Api
from apiserver.objects import BRANDS, RELEASES, brand, brand_release
from cluster.api import ApiServer, control_plane
from cluster.processes import wait_until
from support import install_manifest, monitoring_crds
from support.chart_values import IMAGE, SETS
from support.helm import CHART, CRDS, Helm
from support.kubectl import Kubectl

Object = dict[str, Any]
SYSTEM, BUILDS, BRAND = install_manifest.NAMESPACE, install_manifest.BUILDS, "drumeo-production"
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases"
THEIRS = (
    "events",
    "events.events.k8s.io",
    "componentstatuses",
    "leases.coordination.k8s.io",
    "apiservices.apiregistration.k8s.io",
)
"""What comes and goes by itself, and is looked at apart where it is of interest."""

OWN = ("Service", "default", "kubernetes")
"""What an API server makes last."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """One that knows none of our kinds: the charts bring them."""
    with control_plane(tmp_path_factory.mktemp("charts") / "plane", say=print) as started:
        yield started


@pytest.fixture(scope="module")
def kubectl(server: ApiServer) -> Kubectl:
    made = Kubectl.of(server)
    made.apply(*map(namespace, (BUILDS, "builds-of-brands", BRAND, "drumeo-staging")), namespace(SYSTEM, **RESTRICTED))
    for path in monitoring_crds.paths():
        made.run("apply", "--server-side", "-f", str(path))
    made.serves_its_kinds()
    return made


@pytest.fixture(scope="module")
def helm(server: ApiServer) -> Helm:
    return Helm.compiled(server.kubeconfig)


def namespace(name: str, **labels: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_the_server_takes_all_that_the_chart_renders(kubectl: Kubectl, helm: Helm, values: Object) -> None:
    """Strictly, without a warning: of a restricted namespace too."""
    where = ("--namespace", SYSTEM, "--values", "-")
    text = helm.run("template", "brandrelease", CHART, *where, stdin=json.dumps(values))
    rendered = [each for each in yaml.safe_load_all(text) if each]
    options = ("--server-side", "--dry-run=server", "--validate=strict", "--warnings-as-errors")
    said = kubectl.run("apply", *options, "-f", "-", stdin="\n---\n".join(map(json.dumps, rendered)))
    assert said.count("serverside-applied (server dry run)") == len(rendered)


def test_after_install_upgrade_and_uninstall_nothing_is_left_but_what_belongs_to_people(
    server: ApiServer, kubectl: Kubectl, helm: Helm
) -> None:
    api, before = Api(server.kubeconfig), everything(kubectl)
    where = ("--namespace", SYSTEM)
    helm.run("install", "brandrelease-crds", CRDS, *where)
    kubectl.serves_its_kinds()
    values = {"image": IMAGE, "brandNamespaces": [{"name": BRAND, "hooks": True}], "builds": {"createNamespace": False}}
    helm.run("install", "brandrelease", CHART, *where, "--values", "-", stdin=json.dumps(values))
    api.post(BRANDS, brand()).expect(201)
    api.post(RELEASES.format(BRAND), brand_release()).expect(201)
    api.merge(f"{LEASES}/brandrelease", {"spec": {"holderIdentity": "the one that leads"}}).expect(200)

    helm.run("upgrade", "brandrelease-crds", CRDS, *where)
    helm.run("upgrade", "brandrelease", CHART, *where, "--reuse-values", "--set", "replicas=3")
    deployment = api.get(f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/brandrelease").expect(200)
    assert (deployment["spec"]["replicas"], deployment["metadata"]["generation"]) == (3, 2)
    lease = api.get(f"{LEASES}/brandrelease").expect(200)
    assert lease["spec"]["holderIdentity"] == "the one that leads", "an upgrade takes the Lease from nobody"

    helm.run("rollback", "brandrelease", "1", *where)
    deployment = api.get(f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/brandrelease").expect(200)
    assert (deployment["spec"]["replicas"], deployment["metadata"]["generation"]) == (2, 3)
    assert api.get(f"{LEASES}/brandrelease").expect(200)["spec"] == lease["spec"]

    helm.run("uninstall", "brandrelease", *where)
    helm.run("uninstall", "brandrelease-crds", *where)
    assert api.get(f"{LEASES}/brandrelease").code == 404
    kept = {
        ("CustomResourceDefinition", "", "brands.brandrelease.dev"),
        ("CustomResourceDefinition", "", "brandreleases.brandrelease.dev"),
        ("Brand", "", "drumeo"),
        ("BrandRelease", BRAND, "drumeo"),
    }
    assert everything(kubectl) - before == kept

    helm.run("install", "brandrelease-crds", CRDS, *where)  # which finds again what it has left
    helm.run("uninstall", "brandrelease-crds", *where)
    kubectl.run("delete", "crd", "brands.brandrelease.dev", "brandreleases.brandrelease.dev", "--timeout=20s")
    wait_until(
        "That our kinds are served no more",
        lambda: not any(".brandrelease.dev" in kind for kind in kubectl.served()),
        20,
    )
    assert everything(kubectl) == before


def everything(kubectl: Kubectl) -> set[tuple[str, str, str]]:
    """Every object of the cluster: kind, namespace, name."""
    kinds = kubectl.run("api-resources", "--verbs=list", "--output=name").split()
    listed = kubectl.run(
        "get",
        ",".join(kind for kind in kinds if kind not in THEIRS),
        "--all-namespaces",
        "--output=custom-columns=K:.kind,S:.metadata.namespace,N:.metadata.name",
        "--no-headers",
    )
    rows = (line.split() for line in listed.splitlines())
    return {(kind, "" if where == "<none>" else where, name) for kind, where, name in rows}


def test_the_namespace_of_builds_is_kept_with_peoples_secrets_in_it(
    server: ApiServer, kubectl: Kubectl, helm: Helm
) -> None:
    api, where = Api(server.kubeconfig), ("--namespace", SYSTEM)
    values = {"image": IMAGE, "builds": {"namespace": "made-by-the-chart"}}
    helm.run("install", "brandrelease", CHART, *where, "--values", "-", stdin=json.dumps(values))
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "drumeo-git"}, "stringData": {"password": "x"}}
    api.post("/api/v1/namespaces/made-by-the-chart/secrets", secret).expect(201)
    said = helm.run("uninstall", "brandrelease", *where)
    assert "[Namespace] made-by-the-chart" in said, "Helm says what it keeps"
    api.get("/api/v1/namespaces/made-by-the-chart/secrets/drumeo-git").expect(200)
    assert "deletionTimestamp" not in api.get("/api/v1/namespaces/made-by-the-chart").expect(200)["metadata"]


def test_the_manifest_is_taken_by_kubectl_taken_again_and_removed_by_the_commands_on_the_page(tmp_path: Path) -> None:
    """On a server that has seen nothing of ours."""
    with control_plane(tmp_path / "plane") as server:
        kubectl, api = Kubectl.of(server), Api(server.kubeconfig)
        # Some of it is made once it is ready.
        wait_until("That it has made all its own", lambda: OWN in everything(kubectl), 60)
        before = everything(kubectl)
        server_side = ("apply", "--server-side", "--warnings-as-errors", "-f", str(install_manifest.FILE))
        kubectl.run(*server_side)
        deployment = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/brandrelease"
        version = api.get(deployment).expect(200)["metadata"]["resourceVersion"]
        kubectl.run(*server_side)
        assert api.get(deployment).expect(200)["metadata"]["resourceVersion"] == version
        for command in commands_that_remove():
            kubectl.run(*command)
        assert everything(kubectl) - before == {
            ("CustomResourceDefinition", "", "brands.brandrelease.dev"),
            ("CustomResourceDefinition", "", "brandreleases.brandrelease.dev"),
            ("Namespace", "", SYSTEM),
            ("Namespace", "", BUILDS),
        }


def commands_that_remove() -> list[list[str]]:
    """What docs/installing.md says for those who keep their BrandReleases and Secrets."""
    page = (install_manifest.DEPLOY.parent / "docs" / "installing.md").read_text("utf-8")
    block = page.rpartition("```sh\n")[2].partition("```")[0]
    commands = [line.split() for line in block.splitlines()]
    assert {command[0] for command in commands} == {"kubectl"}
    return [command[1:] for command in commands]
