"""Who wrote a field: read from `metadata.managedFields` (format FieldsV1, sigs.k8s.io/structured-merge-diff)."""

from collections.abc import Mapping
from typing import Any, Final

from brandrelease.apis.wellknown import (
    ABORT_ANNOTATION,
    OVERRIDE_ANNOTATION,
    REQUESTED_AT_ANNOTATION,
    ROLLBACK_TO_ANNOTATION,
)

_ANNOTATIONS: Final = ("f:metadata", "f:annotations")
_ASKING: Final[Mapping[str, tuple[str, ...]]] = {
    "spec.ref": ("f:spec", "f:ref"),
    "spec.suspend": ("f:spec", "f:suspend"),
    **{
        name: (*_ANNOTATIONS, f"f:{name}")
        for name in (REQUESTED_AT_ANNOTATION, ROLLBACK_TO_ANNOTATION, ABORT_ANNOTATION, OVERRIDE_ANNOTATION)
    },
}


def owners(metadata: Mapping[str, Any], path: tuple[str, ...]) -> tuple[str, ...]:
    """Field managers that own the field, the one that wrote last first."""
    found = [entry for entry in metadata.get("managedFields", []) if _has(entry.get("fieldsV1", {}), path)]
    newest_first = sorted(found, key=lambda entry: str(entry.get("time", "")), reverse=True)
    return tuple(dict.fromkeys(str(entry["manager"]) for entry in newest_first))


def managers(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Who wrote last what asks for something on a BrandRelease: spec.ref, spec.suspend and the annotations that are verbs."""
    found = {name: owners(metadata, path) for name, path in _ASKING.items()}
    return {name: names[0] for name, names in found.items() if names}


def _has(fields: Any, path: tuple[str, ...]) -> bool:
    for step in path:
        fields = fields.get(step) if isinstance(fields, dict) else None
        if fields is None:
            return False
    return True
