"""The Job that builds an image with BuildKit, from order to plain JSON object. Pure.

Two containers, so that no credential is where it is not needed: `fetch` has the git Secret and takes the source at the
full commit; `build` has the registry Secret and runs the Dockerfile, whose commands are the commit's author's.
"""

from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from brandrelease.apis.build import DEFAULT_LIMITS, DEFAULT_REQUESTS, ResourceAmounts
from brandrelease.apis.wellknown import BUILD_KEY_LABEL, NAME_LABEL
from brandrelease.core.builds.images import BuildOrder
from brandrelease.settings import SecurityProfile

Json = dict[str, Any]

GRACE_SECONDS: Final = 5
"""A build that is stopped has nothing to bring to an end."""

KEEP_SECONDS: Final = 86_400
"""A finished Job is kept for a day, for whoever wants to read its log."""

MOST_PROCESSES: Final = 4096
"""Of the processes and threads that one user of a build may have: a fork bomb is refused its next fork.

A step can become another user and count anew, so what bounds it for certain is the kubelet's `podPidsLimit`.
"""

BUILDER_USER: Final = 1000
"""The ordinary user of the builder image, with a range of subordinate ids (/etc/subuid)."""

EXIT_INFRASTRUCTURE: Final = 70
"""The scripts end with this where the commit is not to blame: no daemon, no source, no push."""

EXIT_COMMIT_GONE: Final = 71
"""`fetch` ends with this where the git server answers, and no branch and no tag has the commit any more."""

FETCH, BUILD = "fetch", "build"


@dataclass(frozen=True, slots=True)
class JobProfile:
    """What does not depend on the order: the operator's settings for builds."""

    namespace: str
    image: str
    security: SecurityProfile
    insecure_registries: frozenset[str]


def job_body(order: BuildOrder, profile: JobProfile) -> Json:
    """The Job for an order. Its name is a function of the order, so a second one of the kind cannot be created."""
    labels = {NAME_LABEL: order.brand, BUILD_KEY_LABEL: order.key[:63]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": order.name,
            "namespace": profile.namespace,
            "labels": labels,
            "annotations": {"brandrelease.dev/commit": order.commit, "brandrelease.dev/tag": order.tag},
            "ownerReferences": [
                {
                    "apiVersion": "brandrelease.dev/v1alpha1",
                    "kind": "Brand",
                    "name": order.brand,
                    "uid": order.brand_uid,
                }
            ],
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": order.timeout_seconds,
            "ttlSecondsAfterFinished": KEEP_SECONDS,
            "podFailurePolicy": {
                # Evicted or preempted: the pod is made again, and the build is not blamed.
                "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
            },
            "template": {"metadata": {"labels": labels}, "spec": _pod(order, profile)},
        },
    }


def _pod(order: BuildOrder, profile: JobProfile) -> Json:
    volumes: list[Json] = [
        {"name": "source", "emptyDir": {}},
        {"name": "state", "emptyDir": {}},  # on the node's disk: an overlay on the container's own overlay cannot be
    ]
    if order.source_secret:
        volumes.append({"name": "git", "secret": {"secretName": order.source_secret, "defaultMode": 0o444}})
    if order.registry_secret:
        items = [{"key": ".dockerconfigjson", "path": "config.json"}]
        volumes.append({"name": "registry", "secret": {"secretName": order.registry_secret, "items": items}})
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "volumes": volumes,
        "initContainers": [_fetch(order, profile)],
        "containers": [_build(order, profile)],
        **_pod_security(profile.security),
    }


def _fetch(order: BuildOrder, profile: JobProfile) -> Json:
    mounts = [{"name": "source", "mountPath": "/source"}]
    if order.source_secret:
        mounts.append({"name": "git", "mountPath": "/secrets/git"})
    return {
        "name": FETCH,
        "image": profile.image,
        "command": ["/bin/sh", "-euc", _script("fetch.sh")],
        "env": _environment({"SOURCE_URL": order.source_url, "COMMIT": order.commit}),
        "volumeMounts": mounts,
        "resources": _resources(order),  # they cost nothing: a pod reserves the most of its containers that run in turn
        "securityContext": {
            "runAsUser": BUILDER_USER,
            "runAsGroup": BUILDER_USER,
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _build(order: BuildOrder, profile: JobProfile) -> Json:
    mounts = [{"name": "source", "mountPath": "/source", "readOnly": True}, {"name": "state", "mountPath": "/state"}]
    environment = {
        "CONTEXT": order.context,
        "DOCKERFILE": order.dockerfile,
        "TARGET": order.target or "",
        "BUILD_ARGS": "\n".join(f"{name}={value}" for name, value in order.args),
        "IMAGE": f"{order.repository}:{order.tag}",
        "CACHE": f"{order.repository}:cache",
        "MOST_PROCESSES": str(MOST_PROCESSES),
        "INSECURE_REGISTRIES": " ".join(sorted(profile.insecure_registries)),
        "ROOTLESS": "true" if profile.security is SecurityProfile.Rootless else "",
    }
    if order.registry_secret:
        mounts.append({"name": "registry", "mountPath": "/secrets/registry", "readOnly": True})
        environment["DOCKER_CONFIG"] = "/secrets/registry"
    return {
        "name": BUILD,
        "image": profile.image,
        "command": ["/bin/sh", "-euc", _script("build.sh")],
        "env": _environment(environment),
        "volumeMounts": mounts,
        "resources": _resources(order),
        "securityContext": _build_security(profile.security),
    }


def _pod_security(profile: SecurityProfile) -> Json:
    match profile:
        case SecurityProfile.UserNamespace:
            return {"hostUsers": False, "securityContext": {"fsGroup": BUILDER_USER}}
        case SecurityProfile.Rootless | SecurityProfile.Privileged:
            return {"securityContext": {"fsGroup": BUILDER_USER}}


def _build_security(profile: SecurityProfile) -> Json:
    """What BuildKit needs: to mount and to make namespaces. With `userns` it is root in its own user namespace only."""
    match profile:
        case SecurityProfile.UserNamespace | SecurityProfile.Privileged:
            return {"privileged": True, "runAsUser": 0}
        case SecurityProfile.Rootless:
            return {
                "runAsUser": BUILDER_USER,
                "runAsGroup": BUILDER_USER,
                "seccompProfile": {"type": "Unconfined"},
                "appArmorProfile": {"type": "Unconfined"},
            }


def _resources(order: BuildOrder) -> Json:
    """What the Brand says; and what is to be where it says nothing. A limit alone is the request too, for Kubernetes."""
    requests, limits = _amounts(order, "requests"), _amounts(order, "limits")
    defaults = {name: amount for name, amount in DEFAULT_REQUESTS.items() if name not in limits}
    return {"requests": {**defaults, **requests}, "limits": {**DEFAULT_LIMITS, **limits}}


def _amounts(order: BuildOrder, kind: str) -> dict[str, str]:
    chosen: ResourceAmounts | None = getattr(order.resources, kind, None)
    return {} if chosen is None else chosen.model_dump(exclude_none=True, by_alias=True)


def _environment(values: dict[str, str]) -> list[Json]:
    """Values go in by the environment, never into the text of a script.

    Kubernetes expands `$(NAME)` in them and reads `$$` as `$`.
    """
    return [{"name": name, "value": value.replace("$", "$$")} for name, value in values.items()]


def _script(name: str) -> str:
    return resources.files("brandrelease.adapters.builders").joinpath(name).read_text()
