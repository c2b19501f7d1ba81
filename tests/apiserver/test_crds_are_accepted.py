"""The API server takes the generated CRDs, and `kubectl` shows what we promised."""

from typing import Any

import pytest
import yaml

from apiserver.json_api import Api
from apiserver.objects import BRANDS, CRDS, RELEASES, brand, brand_release
from support.kubectl import Kubectl

COMMIT = "0123456789abcdef0123456789abcdef01234567"
IMAGE = f"registry.example.com/sites/drumeo@sha256:{'a' * 64}"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{}.brandrelease.dev"

KINDS = ("brands", "brandreleases")


def status() -> dict[str, Any]:
    moment = "2026-01-02T03:04:05Z"
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "Succeeded",
        "message": "master runs.",
        "lastTransitionTime": moment,
        "observedGeneration": 1,
    }
    return {
        "phase": "Live",
        "conditions": [condition],
        "current": {"number": 7, "ref": "refs/heads/master", "commit": COMMIT, "startedAt": moment},
        "running": {"number": 7, "commit": COMMIT, "revision": COMMIT[:12], "image": IMAGE, "since": moment},
    }


def released(api: Api, namespace: str) -> str:
    """A BrandRelease with a status; its path."""
    api.post(RELEASES.format(namespace), brand_release()).expect(201)
    path = f"{RELEASES.format(namespace)}/drumeo"
    api.merge(f"{path}/status", {"status": status()}).expect(200)
    return path


@pytest.mark.parametrize("plural", KINDS)
def test_the_crd_is_established_and_structural(api: Api, plural: str) -> None:
    conditions = {each["type"]: each for each in api.get(CRD.format(plural)).expect(200)["status"]["conditions"]}

    assert conditions["Established"]["status"] == "True"
    assert conditions["NamesAccepted"]["status"] == "True"
    assert "NonStructuralSchema" not in conditions, conditions["NonStructuralSchema"]["message"]


def test_the_server_has_no_warning_about_them(kubectl: Kubectl) -> None:
    applied = kubectl.run("apply", "--server-side", "--filename", str(CRDS), "--warnings-as-errors")

    assert applied.count(" serverside-applied") == len(KINDS)


@pytest.mark.parametrize("plural", KINDS)
def test_the_server_keeps_all_that_the_file_says(api: Api, plural: str) -> None:
    written = yaml.safe_load((CRDS / f"brandrelease.dev_{plural}.yaml").read_text("utf-8"))

    assert api.get(CRD.format(plural)).expect(200)["spec"]["versions"] == written["spec"]["versions"]


def test_brandreleases_show_their_columns(api: Api, kubectl: Kubectl, namespace: str) -> None:
    released(api, namespace)

    header, row = kubectl.run("get", "brandreleases", "--namespace", namespace).splitlines()

    assert header.split() == ["NAME", "BRAND", "ENV", "REF", "REVISION", "PHASE", "READY", "REASON", "AGE"]
    assert row.split()[:-1] == ["drumeo", "drumeo", "production", "master", COMMIT[:12], "Live", "True", "Succeeded"]


def test_brandreleases_show_image_release_and_message_when_wide(api: Api, kubectl: Kubectl, namespace: str) -> None:
    released(api, namespace)

    header, row = kubectl.run("get", "brandreleases", "--namespace", namespace, "--output", "wide").splitlines()

    shown = "NAME BRAND ENV REF REVISION PHASE READY REASON IMAGE RELEASE MESSAGE AGE"
    assert header.split() == shown.split()
    assert row.split()[8:-1] == [IMAGE, "7", "master", "runs."]


def test_brands_show_whether_they_are_ready_and_the_message_when_wide(api: Api, kubectl: Kubectl) -> None:
    body = api.post(BRANDS, brand({"metadata.name": "shown"})).expect(201)
    condition = status()["conditions"][0] | {
        "status": "False",
        "reason": "SourceUnreachable",
        "message": "git is silent.",
    }
    api.merge(f"{BRANDS}/shown/status", {"status": {"conditions": [condition]}}).expect(200)

    header, row = kubectl.run("get", "brands", "shown").splitlines()

    assert header.split() == ["NAME", "REPOSITORY", "READY", "REASON", "AGE"]
    assert row.split()[1:4] == [body["spec"]["source"]["url"], "False", "SourceUnreachable"]

    header, row = kubectl.run("get", "brands", "shown", "--output", "wide").splitlines()

    assert header.split() == ["NAME", "REPOSITORY", "READY", "REASON", "IMAGE", "MESSAGE", "AGE"]
    assert row.split()[4:-1] == [body["spec"]["image"]["repository"], "git", "is", "silent."]


def test_status_is_a_subresource_of_brands(api: Api) -> None:
    body = api.post(BRANDS, brand({"metadata.name": "with-status", "status": {"observedGeneration": 7}})).expect(201)
    assert body["status"] == {"observedGeneration": -1}, "what was sent is not taken; this says that nobody has looked"
    path = f"{BRANDS}/with-status"

    through_status = api.merge(f"{path}/status", {"spec": {"environments": []}, "status": {"observedGeneration": 1}})

    assert through_status.expect(200)["status"] == {"observedGeneration": 1}
    assert through_status.body["spec"] == body["spec"]
    assert through_status.body["metadata"]["generation"] == 1


def test_br_is_short_for_brandreleases(api: Api, kubectl: Kubectl, namespace: str) -> None:
    released(api, namespace)

    assert kubectl.run("get", "br", "--namespace", namespace, "--output", "name").split() == [
        "brandrelease.brandrelease.dev/drumeo"
    ]


def test_kubectl_explain_tells_what_a_field_means(kubectl: Kubectl) -> None:
    explained = kubectl.run("explain", "brandreleases.spec.ref")

    assert "a branch, a tag, a full ref name (refs/...) or a full commit id" in " ".join(explained.split())


def test_status_is_a_subresource_of_brandreleases(api: Api, namespace: str) -> None:
    path = released(api, namespace)

    spec_and_status = api.merge(path, {"spec": {"suspend": True}, "status": {"phase": "Failed"}}).expect(200)
    assert spec_and_status["spec"]["suspend"] is True
    assert spec_and_status["status"]["phase"] == "Live"
    assert spec_and_status["metadata"]["generation"] == 2

    through_status = api.merge(f"{path}/status", {"spec": {"suspend": False}, "status": {"phase": "Failed"}}).expect(
        200
    )
    assert through_status["spec"]["suspend"] is True
    assert through_status["status"]["phase"] == "Failed"
    assert through_status["metadata"]["generation"] == 2


def test_a_word_that_is_not_a_phase_is_refused_in_the_status(api: Api, namespace: str) -> None:
    path = released(api, namespace)

    answer = api.merge(f"{path}/status", {"status": {"phase": "Happy"}})

    assert answer.code == 422
    assert 'status.phase: Unsupported value: "Happy": supported values: "Pending"' in answer.message


def test_defaults_appear_in_brands(api: Api) -> None:
    spec = api.post(BRANDS, brand(), dryRun="All").expect(201)["spec"]

    assert spec["build"] == {"timeoutSeconds": 1800, "buildKit": {"context": ".", "dockerfile": "Dockerfile"}}
    assert spec["environments"][0] == {
        "name": "production",
        "progressDeadlineSeconds": 600,
        "soakSeconds": 300,
        "restartLimit": 2,
        "revisionHistoryLimit": 10,
    }


def test_defaults_appear_in_brandreleases(api: Api, namespace: str) -> None:
    body = api.post(RELEASES.format(namespace), brand_release(), dryRun="All").expect(201)

    assert body["spec"] == {"brand": "drumeo", "environment": "production", "ref": "master", "suspend": False}


def test_brandreleases_are_found_by_brand_and_environment(api: Api, kubectl: Kubectl, namespace: str) -> None:
    for name, its_brand, environment in (
        ("one", "drumeo", "production"),
        ("two", "drumeo", "staging"),
        ("three", "pianote", "production"),
    ):
        changes = {"metadata.name": name, "spec.brand": its_brand, "spec.environment": environment}
        api.post(RELEASES.format(namespace), brand_release(changes)).expect(201)

    def found(selector: str) -> set[str]:
        listed = kubectl.run("get", "br", "--namespace", namespace, "--field-selector", selector, "--output", "name")
        return {line.rsplit("/", 1)[1] for line in listed.split()}

    assert found("spec.brand=drumeo") == {"one", "two"}
    assert found("spec.environment=production") == {"one", "three"}
    assert found("spec.brand=drumeo,spec.environment=staging") == {"two"}
