"""The base of every API model, and the words in which a field says what the API server must check.

Bounds (`max_length`, `ge`, ...) become plain schema. What a person types is checked by CEL rules instead of
patterns, because a rule has a message of its own, and a message can say what to write instead.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class ApiModel(BaseModel):
    """A part of an API object: immutable, camelCase on the wire.

    Unknown fields are ignored when reading: the stored object may come from a newer CRD than this operator.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")

    def to_wire(self) -> dict[str, Any]:
        """The JSON object as the API server keeps it: camelCase, no nulls, times in RFC 3339."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def rules(*pairs: tuple[str, str]) -> dict[str, Any]:
    """CEL rules for a field or a model, as (rule, message) pairs; the message says what to write instead."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in pairs]}


def list_map(*keys: str) -> dict[str, Any]:
    """A list whose items are told apart by these keys, so that two owners can each apply their own item."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


def list_set() -> dict[str, Any]:
    """A list of values of which none may stand twice."""
    return {"x-kubernetes-list-type": "set"}


def list_atomic() -> dict[str, Any]:
    """A list that is always written whole."""
    return {"x-kubernetes-list-type": "atomic"}
