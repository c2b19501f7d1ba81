"""API objects, as JSON, to the views that are judged. Pure; absent fields mean what Kubernetes says they mean."""

import re
from datetime import datetime
from typing import Any, Final

from brandrelease.apis.wellknown import FIELD_MANAGER, FOUND_IMAGE_ANNOTATION, NAME_LABEL, RELEASE_LABEL
from brandrelease.core.snapshot import (
    ContainerKind,
    ContainerView,
    DeploymentView,
    PodView,
    Running,
    Terminated,
    Waiting,
)

Json = dict[str, Any]

_NUMBER: Final = re.compile("[0-9]{1,9}")


def deployment_view(body: Json) -> DeploymentView:
    """What matters of a Deployment."""
    metadata, spec, status = body["metadata"], body["spec"], body.get("status", {})
    applied = metadata.get("labels", {}).get(RELEASE_LABEL, "")
    containers = spec["template"]["spec"]["containers"]
    failure = _replica_failure(status)
    return DeploymentView(
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        name=metadata["name"],
        generation=metadata["generation"],
        observed_generation=status.get("observedGeneration", 0),
        images={container["name"]: container.get("image", "") for container in containers},
        image_owners={container["name"]: _image_owners(metadata, container["name"]) for container in containers},
        applied_release=_release_number(applied),
        wanted=spec.get("replicas", 1),
        total=status.get("replicas", 0),
        updated=status.get("updatedReplicas", 0),
        available=status.get("availableReplicas", 0),
        applied_at=_applied_at(metadata),
        failure=failure.get("message"),
        failing_since=_time(failure.get("lastTransitionTime")),
        paused=spec.get("paused", False),
        marked_by=metadata.get("labels", {}).get(NAME_LABEL),
        found_image=metadata.get("annotations", {}).get(FOUND_IMAGE_ANNOTATION),
        recreates=spec.get("strategy", {}).get("type") == "Recreate",
    )


def _release_number(label: str) -> int | None:
    """The number in our label; None where somebody has written something there that no release of ours ever has."""
    return int(label) if _NUMBER.fullmatch(label) else None


def _replica_failure(status: Json) -> Json:
    """The condition that tells why a ReplicaSet cannot create pods; empty where it can."""
    failing = (c for c in status.get("conditions", []) if (c["type"], c["status"]) == ("ReplicaFailure", "True"))
    return next(failing, {})


def _image_owners(metadata: Json, container: str) -> tuple[str, ...]:
    """Field managers that own the container's image (format FieldsV1, sigs.k8s.io/structured-merge-diff)."""
    path = ("f:spec", "f:template", "f:spec", "f:containers", f'k:{{"name":"{container}"}}', "f:image")
    owners = []
    for entry in metadata.get("managedFields", []):
        fields = entry.get("fieldsV1", {})
        for step in path:
            fields = fields.get(step) if isinstance(fields, dict) else None
            if fields is None:
                break
        else:
            owners.append(entry["manager"])
    return tuple(dict.fromkeys(owners))


def _applied_at(metadata: Json) -> datetime | None:
    """The API server notes when each field manager's fields last changed."""
    ours = [e for e in metadata.get("managedFields", []) if (e["manager"], e["operation"]) == (FIELD_MANAGER, "Apply")]
    return _time(ours[-1].get("time")) if ours else None


def pod_view(body: Json) -> PodView:
    """What matters of a pod."""
    metadata, spec, status = body["metadata"], body["spec"], body.get("status", {})
    conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
    ready, scheduled = conditions.get("Ready", {}), conditions.get("PodScheduled", {})
    sandbox = conditions.get("PodReadyToStartContainers", {})
    sidecars = {c["name"] for c in spec.get("initContainers", []) if c.get("restartPolicy") == "Always"}
    initial = [
        _container_view(entry, ContainerKind.Sidecar if entry["name"] in sidecars else ContainerKind.Init)
        for entry in status.get("initContainerStatuses", [])
    ]
    main = [_container_view(entry, ContainerKind.Main) for entry in status.get("containerStatuses", [])]
    return PodView(
        name=metadata["name"],
        release=metadata.get("labels", {}).get(RELEASE_LABEL, ""),
        phase=status.get("phase", ""),
        reason=status.get("reason", ""),
        created_at=_required_time(metadata["creationTimestamp"]),
        started_at=_time(status.get("startTime")),
        ready=ready.get("status") == "True",
        ready_changed_at=_time(ready.get("lastTransitionTime")),
        deleting="deletionTimestamp" in metadata,
        unschedulable=scheduled.get("message", "") if scheduled.get("reason") == "Unschedulable" else None,
        containers=(*initial, *main),
        memory_limits=_memory_limits(spec),
        sandbox_ready=sandbox.get("status") == "True",
        ip=status.get("podIP"),
    )


def _memory_limits(spec: Json) -> dict[str, str]:
    """What the memory of each container is limited to: by itself, or with all others by the pod (spec.resources)."""
    of_pod = _memory_limit(spec)
    limits = {c["name"]: _memory_limit(c) or of_pod for c in (*spec.get("initContainers", []), *spec["containers"])}
    return {name: limit for name, limit in limits.items() if limit}


def _memory_limit(body: Json) -> str | None:
    limit = body.get("resources", {}).get("limits", {}).get("memory")
    return str(limit) if limit else None


def _container_view(status: Json, kind: ContainerKind) -> ContainerView:
    state, last = status.get("state", {}), status.get("lastState", {})
    return ContainerView(
        name=status["name"],
        kind=kind,
        ready=status.get("ready", False),
        restarts=status.get("restartCount", 0),
        state=_state(state),
        last=_terminated(last["terminated"]) if "terminated" in last else None,
    )


def _state(state: Json) -> Waiting | Running | Terminated:
    """No state at all means waiting (core/v1 ContainerState)."""
    if "running" in state:
        return Running(started_at=_time(state["running"].get("startedAt")))
    if "terminated" in state:
        return _terminated(state["terminated"])
    waiting = state.get("waiting", {})
    return Waiting(reason=waiting.get("reason", ""), message=waiting.get("message", ""))


def _terminated(state: Json) -> Terminated:
    return Terminated(
        exit_code=state.get("exitCode", 0),
        signal=state.get("signal", 0),
        reason=state.get("reason", ""),
        message=state.get("message", ""),
        finished_at=_time(state.get("finishedAt")),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _required_time(text: str) -> datetime:
    return datetime.fromisoformat(text)
