"""From a pydantic model to the OpenAPI v3 schema that the API server calls structural.

Structural means: one type per field, no references, no unions. pydantic's own JSON schema is close to it; what
differs is rewritten here, and whatever would not survive in a CustomResourceDefinition is an error at once, not a
surprise later.
"""

from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from brandrelease.apis.model import ApiModel

VALIDATIONS: Final = "x-kubernetes-validations"

_REFERENCE_PREFIX: Final = "#/$defs/"
_DROPPED: Final = frozenset({"title", "$defs", "$ref"})
_ORDER: Final = (
    "description", "type", "format", "enum", "default",
    "minLength", "maxLength", "pattern",
    "minimum", "maximum", "multipleOf",
    "minItems", "maxItems", "minProperties", "maxProperties",
    "x-kubernetes-list-type", "x-kubernetes-list-map-keys", VALIDATIONS,
    "required", "properties", "additionalProperties", "items",
)  # fmt: skip
"""Every key that may appear, in the order in which a person reads a field: what it is, its bounds, what is inside."""


class SchemaError(ValueError):
    """A model uses something that a structural schema cannot say."""


class StructuralSchema(GenerateJsonSchema):
    """JSON schema without references, unions with null, titles and defaults that are not plain values."""

    def generate(self, schema: core_schema.CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        """The schema of one model, structural."""
        generated = super().generate(schema, mode)
        return _structural(generated, generated.get("$defs", {}), path="")

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Optional[X] is a field that may be absent; Kubernetes drops nulls, so null needs no place in the schema."""
        return self.generate_inner(schema["schema"])

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        """One choice is an enum too: structural schemas know no `const`."""
        generated = super().literal_schema(schema)
        if "const" in generated:
            generated["enum"] = [generated.pop("const")]
        return generated


def structural_schema(model: type[ApiModel]) -> dict[str, Any]:
    """The schema of a model as it stands in a CustomResourceDefinition, with the names used on the wire."""
    return model.model_json_schema(by_alias=True, schema_generator=StructuralSchema)


def _structural(node: dict[str, Any], definitions: dict[str, Any], path: str) -> dict[str, Any]:
    node = _with_reference_inlined(node, definitions)
    result: dict[str, Any] = {}
    for key, value in node.items():
        if key == "description":
            result[key] = _one_line(value)
        elif key == "properties":
            result[key] = {name: _structural(field, definitions, f"{path}.{name}") for name, field in value.items()}
        elif key == "items":
            result[key] = _structural(value, definitions, f"{path}[]")
        elif key == "additionalProperties":
            result |= _map_values(value, definitions, path)
        elif key == "default":
            result |= _plain_default(value)
        elif key in _ORDER or key.startswith("x-kubernetes-"):
            result[key] = value
        elif key not in _DROPPED:
            message = f"{path or 'the model'}: {key!r} has no place in a structural schema"
            raise SchemaError(message)
    if not result.get("properties", True):
        del result["properties"]
    return dict(sorted(result.items(), key=lambda item: _ORDER.index(item[0]) if item[0] in _ORDER else len(_ORDER)))


def _plain_default(value: Any) -> dict[str, Any]:
    """A default that `kubectl get -o yaml` can show; an empty list or map says no more than an absent one."""
    return {"default": value} if isinstance(value, str | int | bool) else {}


def _with_reference_inlined(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The referenced model with the field's own words on top; rules of both count, the model's first."""
    if "$ref" not in node:
        return node
    referenced = _with_reference_inlined(definitions[node["$ref"].removeprefix(_REFERENCE_PREFIX)], definitions)
    merged = referenced | node
    joined = [*referenced.get(VALIDATIONS, []), *node.get(VALIDATIONS, [])]
    if joined:
        merged[VALIDATIONS] = joined
    return merged


def _map_values(value: Any, definitions: dict[str, Any], path: str) -> dict[str, Any]:
    """Values of a map have a schema; a bare true or false is pydantic's word on unknown fields, which CRDs prune."""
    if isinstance(value, bool):
        return {}
    return {"additionalProperties": _structural(value, definitions, f"{path}{{}}")}


def _one_line(text: str) -> str:
    """A docstring's first paragraph, without its line breaks."""
    return " ".join(text.split("\n\n", maxsplit=1)[0].split())
