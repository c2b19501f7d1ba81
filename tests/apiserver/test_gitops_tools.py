"""Flux and Argo CD beside the operator: set up as docs/gitops.md says they take nothing back; set up otherwise, they are named.

Flux's part is its own library with the options of kustomize-controller and the rules of deploy/gitops/flux. Argo CD's is
played: server-side apply in which what the operator owns is taken as it is.
"""

import time
from collections.abc import Callable
from typing import Final

import pytest

from apiserver.json_api import Api
from apiserver.objects import RELEASES
from apiserver.operated_site import SETTLE, Object, Site
from apiserver.test_nobody_fights import changes, image, is_told, phase, ready
from support import git_sync
from support.git_sync import Apply
from support.kubectl import Kubectl

IN_GIT: Final = "registry.example.com/by-hand:1"
MERGE: Final = {"kustomize.toolkit.fluxcd.io/ssa": "Merge"}
KUBECTL: Final = "kubectl-annotate"

Tool = Callable[[Site, bool], Apply]
"""The tool; True: as docs/gitops.md says it should be set up."""


def flux(site: Site, well: bool) -> Apply:
    return git_sync.as_flux(site.server.kubeconfig, ignores_the_image=well)


def argo_cd(site: Site, well: bool) -> Apply:
    return git_sync.as_argo_cd(site.server.kubeconfig, respects_differences=well)


TOOLS: Final = {git_sync.FLUX: flux, git_sync.ARGO_CD: argo_cd}
each_tool = pytest.mark.parametrize("name", TOOLS)

pytestmark = pytest.mark.timeout(75, func_only=True)


@pytest.fixture
def live(site: Site) -> Site:
    """Release 1 is live; nothing of the BrandRelease was written by kubectl."""
    site.brand()
    site.start()
    site.is_live("one")
    return site


def in_git(site: Site, ref: str, annotations: Object | None = None, **container: object) -> list[Object]:
    """The Deployment with the image that it once had, and the BrandRelease."""
    deployment = site.plain_deployment()
    deployment["metadata"]["namespace"] = site.name
    deployment["spec"]["template"]["spec"]["containers"][0] |= container
    release = {
        "apiVersion": "brandrelease.dev/v1alpha1",
        "kind": "BrandRelease",
        "metadata": {"name": "e0", "namespace": site.name, "annotations": annotations or {}},
        "spec": {"brand": site.name, "environment": "e0", "ref": ref},
    }
    return [deployment, release]


@each_tool
def test_a_commit_that_changes_the_ref_releases_and_no_sync_takes_it_back(live: Site, name: str) -> None:
    sync = TOOLS[name](live, True)
    sync(in_git(live, "one"))
    commit = live.push("two")
    sync(in_git(live, "two"))
    live.becomes_live(commit)
    ours, generation = image(live), live.generation()
    for _ in range(3):
        sync(in_git(live, "two"))
    assert (image(live), live.generation()) == (ours, generation)
    assert phase(live) == "Live"
    assert live.status()["current"]["requestedBy"] == name


@each_tool
def test_what_git_says_beside_the_image_is_applied_and_the_image_stays(live: Site, name: str) -> None:
    sync, ours = TOOLS[name](live, True), image(live)
    env = [{"name": "APP_DEBUG", "value": "1"}]
    sync(in_git(live, "one", env=env))
    container = live.deployment()["spec"]["template"]["spec"]["containers"][0]
    assert (container["env"], container["image"]) == (env, ours)
    assert phase(live) == "Live"


@each_tool
def test_no_sync_takes_a_rollback_back(live: Site, name: str) -> None:
    sync = TOOLS[name](live, True)
    good = image(live)
    live.change_environment(progressDeadlineSeconds=5)
    live.controller.sees_no_new_pods.set()
    live.push("two")
    sync(in_git(live, "two"))
    # Argo CD reads before it applies: in between, it could put back what it has read (docs/gitops.md).
    live.until("it is rolled back", lambda: phase(live) == "RollingBack" and image(live) == good, SETTLE)
    live.change_environment(progressDeadlineSeconds=60)  # the way back has to wait for the tool
    sync(in_git(live, "two"))
    live.controller.sees_no_new_pods.clear()
    live.until("it is back", lambda: phase(live) == "RolledBack", SETTLE)
    start = time.monotonic()
    for _ in range(3):
        sync(in_git(live, "two"))
    assert changes(live, start) == []
    assert (phase(live), image(live)) == ("RolledBack", good)


@each_tool
def test_a_tool_that_is_not_told_is_named_and_how_to_mend_it(live: Site, name: str) -> None:
    """As docs/gitops.md says: first tell the tool, then ask, in one commit or in two."""
    fights, minds = TOOLS[name](live, False), TOOLS[name](live, True)
    fights(in_git(live, "one"))
    live.until("it is told whose image it is", lambda: is_told(live, name, IN_GIT), SETTLE)
    assert ready(live)["status"] == "False"
    assert "First tell this GitOps tool to ignore the image" in ready(live)["message"]
    assert image(live) == IN_GIT
    minds(in_git(live, "one", {"brandrelease.dev/requestedAt": "told the tool"}))
    live.until("it is live again", lambda: phase(live) == "Live", SETTLE)
    start = time.monotonic()
    for _ in range(3):
        minds(in_git(live, "one", {"brandrelease.dev/requestedAt": "told the tool"}))
    assert changes(live, start) == []
    assert image(live) == live.status()["running"]["image"]


def annotate(kubectl: Kubectl, site: Site, verb: str, text: str, manager: str = KUBECTL) -> None:
    where = ("brandrelease", "e0", f"--namespace={site.name}", f"--field-manager={manager}")
    kubectl.run("annotate", "--overwrite", *where, f"brandrelease.dev/{verb}={text}")


def annotations(site: Site) -> Object:
    return dict(site.api.get(f"{RELEASES.format(site.name)}/e0").expect(200)["metadata"].get("annotations", {}))


def test_flux_leaves_the_verbs_of_people_alone_where_git_says_merge(live: Site, kubectl: Kubectl) -> None:
    sync = flux(live, True)
    sync(in_git(live, "one", MERGE))
    annotate(kubectl, live, "requestedAt", "once more")
    live.until("it is handled", lambda: live.status()["lastHandled"].get("requestedAt") == "once more", SETTLE)
    sync(in_git(live, "one", MERGE))
    assert annotations(live)["brandrelease.dev/requestedAt"] == "once more"


def test_an_annotation_that_is_taken_away_asks_for_nothing_by_it(live: Site, kubectl: Kubectl) -> None:
    """Without Merge, Flux takes away what kubectl has added. Then the ref has moved on, and nobody has asked."""
    sync = flux(live, True)
    sync(in_git(live, "one"))
    annotate(kubectl, live, "requestedAt", "once more")
    live.until("it is handled", lambda: live.status()["lastHandled"].get("requestedAt") == "once more", SETTLE)
    live.push("one")
    start = time.monotonic()
    sync(in_git(live, "one"))
    if "brandrelease.dev/requestedAt" in annotations(live):  # on Kubernetes 1.34, and then a person takes it away
        kubectl.run("annotate", "brandrelease", "e0", f"--namespace={live.name}", "brandrelease.dev/requestedAt-")
    live.until("it is noted", lambda: "requestedAt" not in live.status()["lastHandled"], SETTLE)
    assert changes(live, start) == []
    assert live.status()["current"]["number"] == 1


@pytest.mark.parametrize("name", TOOLS)
def test_the_deployment_that_is_not_there_yet_is_made_with_the_image_of_git(site: Site, api: Api, name: str) -> None:
    """The API server takes no Deployment without an image: so Git has one, for this day."""
    site.brand()
    api.delete(site.deployment_path()).expect(200)
    site.start()
    sync, commit = TOOLS[name](site, True), site.push("one")
    sync(in_git(site, "one"))
    site.becomes_live(commit)
    for _ in range(2):
        sync(in_git(site, "one"))
    assert image(site) == site.status()["running"]["image"]
