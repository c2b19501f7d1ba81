"""The files of deploy/gitops are what the CRDs of Flux and Argo CD take, fields that they do not know refused."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from apiserver.json_api import Api
from support.gitops_verdicts import EXAMPLES
from support.kubectl import Kubectl
from support.tool_crds import CRDS

Object = dict[str, Any]

NAMESPACES = ("flux-system", "argocd", "drumeo-production")
FRAGMENTS = {"health-checks.yaml": "wait", "older.yaml": "ignore"}
"""Parts of a Kustomization's spec, and what they stand in place of."""


@pytest.fixture(scope="module")
def tools(kubectl: Kubectl, api: Api) -> None:
    """An API server that knows the kinds of the tools."""
    for crd in CRDS:
        kubectl.run("apply", "--server-side", "--filename", str(crd.path()))
    kubectl.serves_its_kinds()
    for name in NAMESPACES:
        api.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def wholes() -> Iterator[Object]:
    """Every object of the files, and the Kustomization with each fragment."""
    for path in sorted(EXAMPLES.rglob("*.yaml")):
        if path.name not in {*FRAGMENTS, "kustomization.yaml"}:
            yield from yaml.safe_load_all(path.read_text())
    for name, replaced in FRAGMENTS.items():
        kustomization = next(each for each in site_of_flux() if each["kind"] == "Kustomization")
        del kustomization["spec"][replaced]
        yield {**kustomization, "spec": kustomization["spec"] | yaml.safe_load((EXAMPLES / "flux" / name).read_text())}


def site_of_flux() -> list[Object]:
    return list(yaml.safe_load_all((EXAMPLES / "flux" / "site.yaml").read_text()))


@pytest.mark.timeout(240, func_only=True)  # the first time, the tools' modules are fetched
@pytest.mark.usefixtures("tools")
def test_every_object_is_accepted(kubectl: Kubectl) -> None:
    for body in wholes():
        kubectl.run("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=json.dumps(body))


@pytest.mark.usefixtures("tools")
def test_kustomize_makes_the_site_of_it(kubectl: Kubectl) -> None:
    said = kubectl.run("apply", "--dry-run=server", "--validate=strict", "-k", str(EXAMPLES / "site"))
    assert sorted(line.split(" ")[0] for line in said.splitlines()) == [
        "brandrelease.brandrelease.dev/drumeo",
        "deployment.apps/drumeo-production-deployment",
    ]
