"""What is under every object gives way in the middle of a release: etcd dies, and the CRDs are changed or deleted.

An etcd and a kube-apiserver of this file's own, since others would be hurt.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from apiserver.json_api import Api
from apiserver.objects import BRANDS, CRDS, RELEASES, serve_our_kinds
from apiserver.operated_site import SETTLE, Site, is_change
from cluster.api import ApiServer, control_plane
from support.git_server import GitServer
from support.kubectl import Kubectl
from support.registry import RegistryServer

Json = dict[str, Any]
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/brandreleases.brandrelease.dev"
OUTAGE = 6.0
BACK = 40.0
"""Seconds until everything goes on: the API server finds its etcd again, and kopf starts its watches within 10 s."""

QUIET_RATE = 5.0
"""Requests per second of an operator that cannot do anything."""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with control_plane(tmp_path_factory.mktemp("ground") / "plane", say=print) as server:
        yield server


@pytest.fixture
def site(ground: ApiServer, git: GitServer, registry: RegistryServer, tmp_path: Path) -> Iterator[Site]:
    serve_our_kinds(ground)
    api = Api(ground.kubeconfig)
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "ground-"}}
    told = Site(
        ground, api, str(api.post("/api/v1/namespaces", body).expect(201)["metadata"]["name"]), git, registry, tmp_path
    )
    with ExitStack() as after:
        after.callback(Kubectl.of(ground).run, "replace", "--filename", str(CRDS))  # what was changed in them is undone
        after.callback(told.controller.end)
        after.enter_context(told.proxy)
        after.callback(lambda: told.operator.kill() if hasattr(told, "operator") else None)
        yield told


def deploys(site: Site, branch: str) -> str:
    """A release whose new pods do not come, until `sees_no_new_pods` is cleared; the commit."""
    before, commit = site.generation(), site.push(branch)
    site.controller.sees_no_new_pods.set()
    site.release(branch)
    site.until("it deploys", lambda: site.status()["phase"] == "Deploying" and site.generation() > before, SETTLE)
    return commit


def rate(site: Site, seconds: float) -> float:
    """Requests per second for the time to come."""
    start = time.monotonic()
    time.sleep(seconds)
    return len(site.proxy.since(start)) / seconds


# --- etcd -------------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(150, func_only=True)
def test_an_etcd_that_dies_and_comes_back_only_delays_a_release(site: Site, ground: ApiServer) -> None:
    site.brand(soak=3)
    site.start()
    site.is_live("one")
    before, pid = site.generation(), site.operator.pid
    commit = deploys(site, "two")

    def etcd_dies() -> None:
        ground.etcd.kill()
        assert rate(site, OUTAGE) <= QUIET_RATE
        ground.etcd.start()

    etcd_dies()
    site.controller.sees_no_new_pods.clear()
    site.until("it is watched", lambda: site.status().get("phase") == "Verifying", BACK)
    etcd_dies()
    status = site.becomes_live(commit, limit=BACK)
    assert {entry["outcome"] for entry in status["history"]} == {"Succeeded"}
    assert site.generation() == before + 1
    assert site.operator.pid == pid
    assert site.runs()


# --- CRDs -------------------------------------------------------------------------------------------------------------


def change_crd(site: Site, change: Callable[[Json], object]) -> None:
    """Somebody applies another version of the CRD; change is given the schema of the whole object."""
    body = site.api.get(CRD).expect(200)
    change(body["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    site.api.put(CRD, body).expect(200)


@pytest.mark.timeout(90, func_only=True)
def test_fields_that_this_operator_does_not_know_stay_in_the_spec_and_stop_nothing(site: Site) -> None:
    def newer(schema: Json) -> None:
        for part in ("spec", "status"):
            schema["properties"][part]["properties"]["colour"] = {"type": "string"}

    site.brand()
    site.start()
    site.is_live("one")
    commit = deploys(site, "two")
    change_crd(site, newer)
    path = f"{RELEASES.format(site.name)}/e0"
    site.until("the field is known", lambda: site.api.merge(path, {"spec": {"colour": "red"}}).code == 200, SETTLE)
    site.controller.sees_no_new_pods.clear()
    site.becomes_live(commit)
    assert site.object()["spec"]["colour"] == "red"
    assert site.object()["status"]["observedGeneration"] == site.object()["metadata"]["generation"]
    site.is_live("three")


@pytest.mark.timeout(90, func_only=True)
def test_a_rule_that_an_object_breaks_which_is_there_already_does_not_stop_its_release(site: Site) -> None:
    def stricter(schema: Json) -> None:
        rule = {
            "rule": "self.startsWith('refs/')",
            "message": "Write the full name of the ref, for example refs/heads/master.",
        }
        schema["properties"]["spec"]["properties"]["ref"].setdefault("x-kubernetes-validations", []).append(rule)

    site.brand()
    site.start()
    site.is_live("one")
    commit = deploys(site, "two")
    change_crd(site, stricter)
    path = f"{RELEASES.format(site.name)}/e0"
    site.until(
        "the rule holds", lambda: site.api.merge(path, {"spec": {"ref": "three"}}, dryRun="All").code == 422, SETTLE
    )
    site.controller.sees_no_new_pods.clear()
    site.becomes_live(commit)
    assert not [request for request in site.proxy.since(0) if request.status == 422], "the rule was turned on a status"


@pytest.mark.timeout(150, func_only=True)
def test_crds_that_are_deleted_and_made_again_leave_the_site_alone_and_are_watched_again(site: Site) -> None:
    site.brand()
    site.start()
    site.is_live("one")
    pid, before = site.operator.pid, site.deployment()
    brand, release = site.api.get(f"{BRANDS}/{site.name}").expect(200), site.object()
    for path in (CRD, CRD.replace("brandreleases.", "brands.")):
        site.api.delete(path).expect(200)
        site.until("the kind is gone", lambda: site.api.get(path).code == 404, SETTLE)  # noqa: B023 - called at once
    site.until("it is forgotten", lambda: "brandrelease_info{" not in site.operator.get("/metrics"), SETTLE)
    assert rate(site, OUTAGE) <= QUIET_RATE
    assert site.deployment()["spec"] == before["spec"]
    serve_our_kinds(site.server)
    commit = site.push("two")
    for path, body in (
        (BRANDS, brand),
        (RELEASES.format(site.name), release | {"spec": release["spec"] | {"ref": "two"}}),
    ):
        fresh = {key: body[key] for key in ("apiVersion", "kind", "spec")} | {
            "metadata": {"name": body["metadata"]["name"]}
        }
        site.api.post(path, fresh).expect(201)
    status = site.becomes_live(commit, limit=BACK)
    assert status["current"]["number"] == 2, "counted on from what the Deployment bears"
    assert site.operator.pid == pid
    assert len([each for each in site.proxy.requests if is_change(each)]) == 2
