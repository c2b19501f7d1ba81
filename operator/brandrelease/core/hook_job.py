"""The Job that runs a hook, from the order and the Deployment as it stands to a plain JSON object.

The command shall find the same world as the site: environment, files, rights and network. What belongs to a *server*
(probes, ports, labels that bring traffic) would do harm. So what is taken over is named, field by field, and a field
that Kubernetes invents tomorrow is not.
"""

from typing import Any, Final

from brandrelease.apis.wellknown import API_VERSION, COMMIT_ANNOTATION, HOOK_LABEL, NAME_LABEL, RELEASE_LABEL
from brandrelease.core.actions import HookOrder

Json = dict[str, Any]

KEEP_SECONDS: Final = 7 * 86_400
"""A finished Job is kept for a week: a migration that went wrong on Friday is read on Monday, and later."""

STOP_SECONDS: Final = 60
"""How much later than the pod's own deadline the Job's strikes.

The kubelet stops a pod at its deadline and leaves it to be read. The Job controller deletes the pod, and its log with
it; that is only for a pod that never got a node. Between the two lie the 30 s that a command has to end by itself.
"""

CONTAINER_FIELDS: Final = (
    "workingDir",
    "env",
    "envFrom",
    "volumeMounts",
    "volumeDevices",
    "resources",
    "securityContext",
    "imagePullPolicy",
)
"""What the command needs to find the same environment, files and rights as the site, and to pass the same quotas.

Not taken over: `command` and `args`, which the hook replaces; probes, ports and lifecycle, which are a server's;
restartPolicy, which could start a migration twice.
"""

POD_FIELDS: Final = (
    # who it is
    "serviceAccountName",
    "automountServiceAccountToken",
    "imagePullSecrets",
    "securityContext",
    "hostUsers",
    "os",
    # where it may run: a node that can run the site can run its image
    "nodeSelector",
    "tolerations",
    "runtimeClassName",
    "priorityClassName",
    "schedulerName",
    # what it may use: `resources` of a container may name claims, and a quota may ask for the pod's
    "resources",
    "resourceClaims",
    # whom it can reach: a database may let in only the nodes' addresses. Without ports there is no clash on the node.
    "hostNetwork",
    "dnsPolicy",
    "dnsConfig",
    "hostAliases",
    "enableServiceLinks",
)
"""What the pod needs to be admitted to the same nodes, and to reach the same network, as the site's pods.

Not taken over: initContainers and sidecars, which serve the site (a sidecar would also keep the pod from ever ending);
pod (anti-)affinity and topologySpreadConstraints, which spread the site's pods among themselves and could leave no node
for this one; labels and annotations, on which Services, ReplicaSets and injectors act.
"""


def hook_job(order: HookOrder, deployment: Json) -> Json | None:
    """The Job of the order, from the Deployment as the API server has it; None if that has no such container.

    Only one pod is ever made, and only once: Kubernetes promises no more than to try hard (Job documentation, "even if
    you specify parallelism 1, completions 1 and Never, the same program may sometimes be started twice").
    """
    template = deployment["spec"]["template"]["spec"]
    container = next((each for each in template["containers"] if each["name"] == order.container), None)
    if container is None:
        return None
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": order.name,
            "namespace": order.namespace,
            "labels": {NAME_LABEL: order.release_name, HOOK_LABEL: order.kind, RELEASE_LABEL: str(order.number)},
            "annotations": {COMMIT_ANNOTATION: order.commit},
            "ownerReferences": [
                {"apiVersion": API_VERSION, "kind": "BrandRelease", "name": order.release_name, "uid": order.owner_uid}
            ],
        },
        "spec": {
            "parallelism": 1,
            "completions": 1,
            "backoffLimit": 0,
            # A pod that is being deleted counts as failed only once its command has really ended.
            "podReplacementPolicy": "Failed",
            "activeDeadlineSeconds": order.timeout_seconds + STOP_SECONDS,
            "ttlSecondsAfterFinished": KEEP_SECONDS,
            "template": {"metadata": {"labels": {HOOK_LABEL: order.kind}}, "spec": _pod(order, template, container)},
        },
    }


def _pod(order: HookOrder, template: Json, container: Json) -> Json:
    mounted = {entry["name"] for field in ("volumeMounts", "volumeDevices") for entry in container.get(field) or ()}
    node_affinity = (template.get("affinity") or {}).get("nodeAffinity")
    return {
        **{field: template[field] for field in POD_FIELDS if field in template},
        # A nodeSelector in other words.
        **({"affinity": {"nodeAffinity": node_affinity}} if node_affinity else {}),
        # A volume that only a sidecar mounts could do no more than keep this pod from its start.
        "volumes": [volume for volume in template.get("volumes") or () if volume["name"] in mounted],
        "restartPolicy": "Never",
        "activeDeadlineSeconds": order.timeout_seconds,
        "containers": [_container(order, container)],
    }


def _container(order: HookOrder, container: Json) -> Json:
    return {
        **{field: container[field] for field in CONTAINER_FIELDS if field in container},
        "name": order.container,
        "image": order.image,
        "command": [_literally(word) for word in order.command],
    }


def _literally(word: str) -> str:
    """The word in such a way that the process gets it as it was written.

    In a command Kubernetes puts the value of a variable for `$(NAME)` and one `$` for `$$`
    (k8s.io/kubernetes/third_party/forked/golang/expansion).
    """
    return word.replace("$", "$$")
