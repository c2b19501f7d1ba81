"""The bodies that are sent to the API server, from values to plain JSON objects."""

from typing import Any

from brandrelease.apis.wellknown import COMMIT_ANNOTATION, FOUND_IMAGE_ANNOTATION, NAME_LABEL, RELEASE_LABEL
from brandrelease.core.actions import DeploymentPatch


def deployment_body(patch: DeploymentPatch) -> dict[str, Any]:
    """What is ours of a Deployment, for server-side apply: one image, and our own labels and annotations.

    Everything that stood in an earlier apply of ours and is not in this one is removed by the API server. So number 0
    (what was found at adoption) leaves a pod template without any mark, exactly as it was, and the Deployment controller
    takes the ReplicaSet back that still runs it.
    """
    marked = patch.number > 0
    template_metadata: dict[str, Any] = {}
    if marked:
        template_metadata["labels"] = {NAME_LABEL: patch.release_name, RELEASE_LABEL: str(patch.number)}
        if patch.commit:
            template_metadata["annotations"] = {COMMIT_ANNOTATION: patch.commit}
    remembered = {"annotations": {FOUND_IMAGE_ANNOTATION: patch.found_image}} if patch.found_image else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": patch.deployment,
            "namespace": patch.namespace,
            "uid": patch.uid,
            "resourceVersion": patch.resource_version,
            "labels": {NAME_LABEL: patch.release_name, RELEASE_LABEL: str(patch.number)},
            **remembered,
        },
        "spec": {
            "template": {
                **({"metadata": template_metadata} if template_metadata else {}),
                "spec": {"containers": [{"name": patch.container, "image": patch.image}]},
            }
        },
    }
