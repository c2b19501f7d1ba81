"""Server-side apply as the operator uses it: our fields of a Deployment become ours, and nothing else is touched."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apiserver.json_api import Answer, Api
from brandrelease.apis.wellknown import COMMIT_ANNOTATION, FIELD_MANAGER, NAME_LABEL, RELEASE_LABEL
from brandrelease.core.actions import DeploymentPatch
from brandrelease.core.render import deployment_body
from support.kubectl import Kubectl

NAME = "drumeo-production-deployment"
FOUND = "registry.example.com/sites/drumeo:by-hand"
OURS = f"registry.example.com/sites/drumeo@sha256:{'a' * 64}"
THEIRS = f"registry.example.com/sites/drumeo@sha256:{'b' * 64}"
COMMIT = "0123456789abcdef0123456789abcdef01234567"

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": NAME, "labels": {"team": "web"}},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "drumeo"}},
        "template": {
            "metadata": {"labels": {"app": "drumeo"}, "annotations": {"prometheus.io/scrape": "true"}},
            "spec": {
                "initContainers": [{"name": "wait", "image": "registry.example.com/wait:1"}],
                "containers": [
                    {
                        "name": "app",
                        "image": FOUND,
                        "env": [{"name": "APP_ENV", "value": "production"}],
                        "resources": {"requests": {"cpu": "500m"}, "limits": {"memory": "512Mi"}},
                        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}},
                    },
                    {"name": "proxy", "image": "registry.example.com/proxy:2", "args": ["--quiet"]},
                ],
            },
        },
    },
}

Apply = Callable[..., Answer]


def path(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/{NAME}"


@pytest.fixture
def found(api: Api, kubectl: Kubectl, namespace: str, tmp_path: Path) -> dict[str, Any]:
    """A Deployment that a person made with kubectl."""
    file = tmp_path / "deployment.json"
    file.write_text(json.dumps(DEPLOYMENT))
    kubectl.run("apply", "--namespace", namespace, "--filename", str(file))
    return api.get(path(namespace)).expect(200)


@pytest.fixture
def release(api: Api, namespace: str, found: dict[str, Any]) -> Apply:
    """Apply release 7, or what is said otherwise, just as the operator would."""
    seventh = DeploymentPatch(
        namespace=namespace,
        deployment=NAME,
        uid=found["metadata"]["uid"],
        generation=found["metadata"]["generation"],
        resource_version=found["metadata"]["resourceVersion"],
        release_name="drumeo",
        number=7,
        commit=COMMIT,
        container="app",
        image=OURS,
    )

    def apply(*, force: bool = True, **otherwise: Any) -> Answer:
        read = found["metadata"] | api.get(path(namespace)).body["metadata"]
        body = deployment_body(replace(seventh, **{"resource_version": read["resourceVersion"], **otherwise}))
        return api.apply(path(namespace), body, FIELD_MANAGER, force=force)

    return apply


def owned_by(body: dict[str, Any], manager: str) -> dict[str, Any]:
    """The fields of a manager, as the API server writes them."""
    return next(dict(each["fieldsV1"]) for each in body["metadata"]["managedFields"] if each["manager"] == manager)


def owned_of_containers(body: dict[str, Any], manager: str) -> dict[str, Any]:
    fields = owned_by(body, manager)["f:spec"]["f:template"]["f:spec"]["f:containers"]
    return {name: fields[f'k:{{"name":"{name}"}}'] for name in ("app", "proxy")}


def images(body: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["image"] for each in body["spec"]["template"]["spec"]["containers"]}


def test_without_force_the_answer_names_who_set_the_image(release: Apply, found: dict[str, Any]) -> None:
    answer = release(force=False)

    assert answer.code == 409
    assert 'conflict with "kubectl-client-side-apply"' in answer.message
    assert '.spec.template.spec.containers[name="app"].image' in answer.message


def test_with_force_the_image_of_our_container_is_no_longer_kubectls(release: Apply, found: dict[str, Any]) -> None:
    before = owned_of_containers(found, "kubectl-client-side-apply")

    after = owned_of_containers(release().expect(200), "kubectl-client-side-apply")

    assert before["app"].pop("f:image") == {}
    assert after == before


def test_we_own_one_image_and_our_marks_and_nothing_else(release: Apply) -> None:
    body = release().expect(200)

    labels: dict[str, Any] = {f"f:{NAME_LABEL}": {}, f"f:{RELEASE_LABEL}": {}}
    assert owned_by(body, FIELD_MANAGER) == {
        "f:metadata": {"f:labels": labels},
        "f:spec": {
            "f:template": {
                "f:metadata": {"f:labels": labels, "f:annotations": {f"f:{COMMIT_ANNOTATION}": {}}},
                "f:spec": {"f:containers": {'k:{"name":"app"}': {".": {}, "f:name": {}, "f:image": {}}}},
            }
        },
    }


def test_only_our_image_and_marks_change(release: Apply, found: dict[str, Any]) -> None:
    body = release().expect(200)

    expected = copy.deepcopy(found)
    expected["metadata"]["labels"] |= {NAME_LABEL: "drumeo", RELEASE_LABEL: "7"}
    template = expected["spec"]["template"]
    template["metadata"]["labels"] |= {NAME_LABEL: "drumeo", RELEASE_LABEL: "7"}
    template["metadata"]["annotations"][COMMIT_ANNOTATION] = COMMIT
    template["spec"]["containers"][0]["image"] = OURS
    assert body["spec"] == expected["spec"]
    assert body["metadata"]["labels"] == expected["metadata"]["labels"]
    assert body["metadata"]["annotations"] == expected["metadata"]["annotations"]


def test_what_others_change_later_stays_through_the_next_release(
    api: Api, kubectl: Kubectl, namespace: str, release: Apply
) -> None:
    release().expect(200)
    kubectl.run("scale", "--namespace", namespace, "deployment", NAME, "--replicas", "9")
    kubectl.run("set", "env", "--namespace", namespace, f"deployment/{NAME}", "--containers", "app", "EXTRA=yes")
    kubectl.run("set", "image", "--namespace", namespace, f"deployment/{NAME}", "proxy=registry.example.com/proxy:3")

    spec = release(number=8, image=THEIRS).expect(200)["spec"]

    containers = spec["template"]["spec"]["containers"]
    assert spec["replicas"] == 9
    assert {each["name"]: each["value"] for each in containers[0]["env"]} == {"APP_ENV": "production", "EXTRA": "yes"}
    assert images({"spec": spec}) == {"app": THEIRS, "proxy": "registry.example.com/proxy:3"}


def test_applying_again_changes_nothing(release: Apply) -> None:
    first = release().expect(200)["metadata"]

    again = release().expect(200)["metadata"]

    assert (again["resourceVersion"], again["generation"]) == (first["resourceVersion"], first["generation"])


def test_number_0_takes_our_marks_off_and_leaves_the_pod_template_as_it_was(
    release: Apply, found: dict[str, Any]
) -> None:
    changed = release().expect(200)
    assert changed["spec"]["template"] != found["spec"]["template"]

    back = release(number=0, commit=None, image=FOUND).expect(200)

    assert back["spec"]["template"] == found["spec"]["template"]
    assert back["metadata"]["labels"] == {"team": "web", NAME_LABEL: "drumeo", RELEASE_LABEL: "0"}


def test_somebody_else_who_applies_the_image_is_told_that_it_is_ours(api: Api, namespace: str, release: Apply) -> None:
    release().expect(200)
    theirs = copy.deepcopy(DEPLOYMENT)

    answer = api.apply(path(namespace), theirs, "argocd")

    assert answer.code == 409
    assert f'conflict with "{FIELD_MANAGER}"' in answer.message
    assert '.spec.template.spec.containers[name="app"].image' in answer.message


def test_a_deployment_that_was_made_anew_under_the_same_name_is_not_touched(
    api: Api, namespace: str, release: Apply, found: dict[str, Any]
) -> None:
    api.delete(path(namespace)).expect(200)
    anew = api.post(path(namespace).rsplit("/", 1)[0], DEPLOYMENT).expect(201)

    answer = release()

    # Not 409: to the API server, a uid is a field that cannot be changed.
    assert answer.code == 422
    assert f'metadata.uid: Invalid value: "{found["metadata"]["uid"]}": field is immutable' in answer.message
    assert api.get(path(namespace)).expect(200)["metadata"]["resourceVersion"] == anew["metadata"]["resourceVersion"]


def test_a_deployment_that_was_deleted_is_not_made_again(api: Api, namespace: str, release: Apply) -> None:
    api.delete(path(namespace)).expect(200)

    answer = release()

    assert answer.code == 409
    assert "no existing object was found" in answer.message
    assert api.get(path(namespace)).code == 404
