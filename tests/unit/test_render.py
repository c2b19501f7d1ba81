"""What is sent to the API server: one image, our own marks, and nothing else."""

from typing import Any

from brandrelease.core.actions import DeploymentPatch
from brandrelease.core.render import deployment_body

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def body(number: int, commit: str | None = COMMIT) -> dict[str, Any]:
    patch = DeploymentPatch(
        "drumeo-production", "web", "uid-1", 5, "77", "drumeo", number, commit, "app", "image@sha256:1"
    )
    return deployment_body(patch)


def test_a_release_is_one_image_and_our_marks() -> None:
    assert body(3) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": "drumeo-production",
            "uid": "uid-1",
            "resourceVersion": "77",
            "labels": {"brandrelease.dev/name": "drumeo", "brandrelease.dev/release": "3"},
        },
        "spec": {
            "template": {
                "metadata": {
                    "labels": {"brandrelease.dev/name": "drumeo", "brandrelease.dev/release": "3"},
                    "annotations": {"brandrelease.dev/commit": COMMIT},
                },
                "spec": {"containers": [{"name": "app", "image": "image@sha256:1"}]},
            }
        },
    }


def test_number_0_leaves_the_pod_template_without_any_mark_so_that_the_old_pods_are_taken_back() -> None:
    found = body(0, None)
    assert found["spec"]["template"] == {"spec": {"containers": [{"name": "app", "image": "image@sha256:1"}]}}
    assert found["metadata"]["labels"]["brandrelease.dev/release"] == "0", "on the Deployment itself it stays on record"


def test_a_release_whose_commit_is_not_known_claims_none() -> None:
    assert "annotations" not in body(3, None)["spec"]["template"]["metadata"]


def test_the_same_release_is_the_same_body_however_often_it_is_sent() -> None:
    assert body(3) == body(3)
