"""A BrandRelease as the API server keeps it, for what reads it from outside: the command line."""

from datetime import UTC, datetime, timedelta
from typing import Any

from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.apis.wellknown import ABORT_ANNOTATION, OVERRIDE_ANNOTATION, ROLLBACK_TO_ANNOTATION

Json = dict[str, Any]

NOW = datetime(2026, 11, 27, 3, 0, 0, tzinfo=UTC)
OLD, NEW, BAD = "01d0" * 10, "4e3d" * 10, "bad0" * 10
IMAGE = "registry.example.com/drumeo@sha256:" + "5" * 64


def ago(**amount: float) -> str:
    """A moment before NOW, as the API server writes it."""
    return (NOW - timedelta(**amount)).isoformat().replace("+00:00", "Z")


def past(number: int, outcome: str = "Succeeded", commit: str = OLD, **fields: Any) -> Json:
    reason = fields.pop("reason", "Succeeded" if outcome == "Succeeded" else "CrashLoopBackOff")
    message = f"Release {number} ended as {outcome}."
    times = {"startedAt": ago(hours=3), "finishedAt": ago(hours=2)}
    return {
        "number": number,
        "commit": commit,
        "outcome": outcome,
        "reason": reason,
        "message": message,
        **times,
    } | fields


def current(number: int = 12, commit: str = NEW, **fields: Any) -> Json:
    return {"number": number, "ref": "refs/heads/master", "commit": commit, "startedAt": ago(minutes=10)} | fields


def running(number: int = 11, commit: str = OLD) -> Json:
    return {"number": number, "commit": commit, "image": IMAGE, "since": ago(days=2)}


def ready(reason: str, message: str, status: str = "False") -> Json:
    return {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": ago(minutes=1),
        "observedGeneration": 1,
    }


def released(
    phase: str = "Live",
    *,
    says: str = "What the object says.",
    reason: str = "Succeeded",
    annotations: dict[str, str] | None = None,
    spec: Json | None = None,
    generation: int = 1,
    managed: list[Json] | None = None,
    **status: Any,
) -> BrandRelease:
    """drumeo production. status: its fields beside the phase and the condition Ready."""
    metadata = {
        "name": "drumeo",
        "namespace": "drumeo-production",
        "uid": "9e3c",
        "resourceVersion": "4711",
        "generation": generation,
        "creationTimestamp": ago(days=30),
        "annotations": annotations or {},
        "managedFields": managed or [],
    }
    conditions = status.pop("conditions", [ready(reason, says, "True" if phase == "Live" else "False")])
    known = {"observedGeneration": generation, "phase": phase, "conditions": conditions}
    return BrandRelease.from_object(
        {
            "metadata": metadata,
            "spec": {"brand": "drumeo", "environment": "production", "ref": "master"} | (spec or {}),
            "status": known | status,
        }
    )


VERBS = {"abort": ABORT_ANNOTATION, "rollbackTo": ROLLBACK_TO_ANNOTATION, "override": OVERRIDE_ANNOTATION}
