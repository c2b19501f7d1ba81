"""docs/api.md: every field of both kinds, out of their CustomResourceDefinitions, each with an example.

The examples are whole objects in codegen/examples. A field that none of them has is an error, so that no field can
come without one.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from brandrelease.apis.reasons import Reason
from brandrelease.apis.wellknown import (
    ABORT_ANNOTATION,
    API_VERSION,
    OVERRIDE_ANNOTATION,
    REQUESTED_AT_ANNOTATION,
    ROLLBACK_TO_ANNOTATION,
)
from brandrelease.codegen.crd import KINDS, Kind, custom_resource_definition
from brandrelease.codegen.schema import VALIDATIONS

Schema = Mapping[str, Any]

EXAMPLES: Final = Path(__file__).parent / "examples"

_ESCAPED: Final = r"\\\1"
"""What Markdown would take for a sign of its own."""

_HEAD: Final = f"""\
<!-- Generated from operator/brandrelease/apis and codegen/examples by 'make generate'; do not edit. -->
# API

For whoever writes a Brand or a BrandRelease, or a program that reads one. Group and version are `{API_VERSION}`.
`kubectl explain brand.spec.environments.checks` shows the same in a terminal. What the fields are for, with examples of
whole objects, is said in the [README](../README.md#the-two-objects) and in the pages that [the index](README.md) lists.

**Bounds** are checked by the API server, and so are the rules below a table: an object that breaks one is refused, and
the sentence says what to write instead. A field that is unknown is dropped with a warning of `kubectl`. A field without
a default is optional, unless it says *required*.
"""

_VERBS: Final = f"""\
### Annotations

On a BrandRelease, [what one can ask for](verbs.md) besides the `spec`. Each text is handled once.

| Annotation | Example | Meaning |
|---|---|---|
| [`{REQUESTED_AT_ANNOTATION}`](verbs.md#requestedat) | `"2026-11-25 10:00"` | any new text: resolve the ref again and release what it finds |
| [`{ROLLBACK_TO_ANNOTATION}`](verbs.md#rollbackto) | `"11 search is broken"` | the image of release 11 again, without a build |
| [`{ABORT_ANNOTATION}`](verbs.md#abort) | `"12 wrong branch"` | give release 12 up |
| [`{OVERRIDE_ANNOTATION}`](verbs.md#override) | `"3d86f4553df2 the cache was full"` | let a commit through that is quarantined, or that waits |
"""


class MissingExampleError(ValueError):
    """No example has the field."""


@cache
def api_page() -> str:
    """The text of docs/api.md; raises MissingExampleError if a field is in no example."""
    return "\n".join([_HEAD, *(_kind(kind) for kind in KINDS), *_whole_examples()])


def examples(kind: Kind) -> list[dict[str, Any]]:
    """The objects that the examples of a kind are taken from."""
    text = (EXAMPLES / f"{kind.resource.__name__.lower()}.yaml").read_text("utf-8")
    return list(yaml.load_all(text, Loader=_TimesAsText))


class _TimesAsText(yaml.SafeLoader):
    """Moments stay as they are written, as in the API."""


def _as_written(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_TimesAsText.add_constructor("tag:yaml.org,2002:timestamp", _as_written)


def _kind(kind: Kind) -> str:
    name, definition = kind.resource.__name__, custom_resource_definition(kind)
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    found = examples(kind)
    parts = [f"## {name}\n\n{schema['description']} {_called(kind)}\n", *_rules(schema, ""), ""]
    places: dict[str, str] = {}
    for part in ("spec", "status"):
        parts += _sections(schema["properties"][part], f"{name}.{part}", [each.get(part) for each in found], places)
        if (name, part) == ("BrandRelease", "spec"):
            parts.append(_VERBS)
    return "\n".join(parts)


def _called(kind: Kind) -> str:
    """How kubectl knows it."""
    short = f", short name `{kind.short_names[0]}`" if kind.short_names else ""
    columns = ", ".join(column.name + (" (wide)" if column.wide else "") for column in kind.columns)
    where = "It has no namespace" if kind.scope == "Cluster" else "It lives in a namespace"
    return f"{where}. `kubectl get {kind.plural}`{short} shows {columns}."


def _sections(schema: Schema, path: str, values: list[Any], places: dict[str, str]) -> Iterator[str]:
    """The table of an object, and after it those of the objects inside. places: where each kind of object has its table."""
    fields, required = schema.get("properties", {}), set(schema.get("required", ()))
    yield f"### {path}\n\n{schema.get('description', '')}\n"
    yield "| Field | Type | Default | Bounds | Example | Meaning |\n|---|---|---|---|---|---|"
    inside: list[str] = []
    for name, field in fields.items():
        found = _values(values, name)
        if not found:
            raise MissingExampleError(f"No object in {EXAMPLES} has {path}.{name}: write one.")
        items = field.get("items", field)
        place, is_new = _place(items, f"{path}.{name}" + ("[]" if field["type"] == "array" else ""), places)
        yield _row(name, field, place, found[0], required=name in required)
        if is_new:
            inside += _sections(items, place, _items(found) if field["type"] == "array" else found, places)
    rules = [*_rules(schema, ""), *(rule for name, field in fields.items() for rule in _rules_of_a_value(field, name))]
    yield "\n".join(["", *rules, ""]) if rules else ""
    yield from inside


def _place(items: Schema, path: str, places: dict[str, str]) -> tuple[str, bool]:
    """Where the table of these objects is; and whether that is here, since no object of the kind has come before."""
    if not items.get("properties"):
        return path, False
    place = places.setdefault(json.dumps(items["properties"]), path)
    return place, place == path


def _row(name: str, field: Schema, place: str, value: Any, *, required: bool) -> str:
    default = f"`{json.dumps(field['default'])}`" if "default" in field else "*required*" if required else ""
    cells = (f"`{name}`", _type(field, place), default, _bounds(field), _example(field, value), field["description"])
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _values(objects: list[Any], name: str) -> list[Any]:
    return [each[name] for each in objects if each and name in each]


def _items(lists: list[Any]) -> list[Any]:
    return [item for each in lists for item in each]


def _rules_of_a_value(field: Schema, name: str) -> Iterator[str]:
    """Rules of a plain value or of a list; those of an object stand with its own table."""
    if not field.get("properties"):
        yield from _rules(field, f"`{name}` ")
    items = field.get("items", {})
    if not items.get("properties"):
        yield from _rules(items, f"Each of `{name}` ")


def _rules(schema: Schema, about: str) -> Iterator[str]:
    for rule in schema.get(VALIDATIONS, ()):
        yield f"- {about}{re.sub(r'([*<_|])', _ESCAPED, rule['message'])}."


def _type(field: Schema, place: str) -> str:
    if field["type"] == "array":
        kept = {"set": "list, none twice", "map": "list by " + ", ".join(f"`{key}`" for key in _keys(field))}
        return f"{kept.get(field['x-kubernetes-list-type'], 'list')} of {_one(field['items'], place)}"
    return _one(field, place)


def _keys(field: Schema) -> list[str]:
    return list(field.get("x-kubernetes-list-map-keys", ()))


def _one(field: Schema, place: str) -> str:
    if field.get("properties"):
        return f"[object](#{place.lower().replace('.', '').removesuffix('[]').replace('[]', '')})"
    if field["type"] == "object":
        return "map of " + str(field["additionalProperties"]["type"]) if "additionalProperties" in field else "object"
    if field.get("format") == "date-time":
        return "time"
    if set(field.get("enum", ())) == set(Reason):
        return "[reason](reasons.md)"
    return str(field["type"])


def _bounds(field: Schema) -> str:
    """What the API server lets through, in words."""
    inner = field.get("items", field.get("additionalProperties", {}))
    said = [
        *_value_bounds(field),
        _between(field, "minItems", "maxItems", " items"),
        _between(field, "minProperties", "maxProperties", " entries"),
        *(f"each {words}" for words in _value_bounds(inner)),
    ]
    return "; ".join(filter(None, said))


def _value_bounds(field: Schema) -> list[str]:
    said = [
        _choice(field),
        _between(field, "minLength", "maxLength", " characters"),
        _between(field, "minimum", "maximum", ""),
        f"a multiple of {field['multipleOf']}" if "multipleOf" in field else "",
    ]
    return [words for words in said if words]


def _choice(field: Schema) -> str:
    choices = field.get("enum", ())
    return "" if set(choices) == set(Reason) else ", ".join(f"`{choice}`" for choice in choices)


def _between(field: Schema, least: str, most: str, unit: str) -> str:
    match field.get(least), field.get(most):
        case None, None:
            return ""
        case None, upper:
            return f"up to {upper}{unit}"
        case lower, None:
            return f"at least {lower}{unit}"
        case lower, upper:
            return f"{lower} to {upper}{unit}"
    raise AssertionError


def _example(field: Schema, value: Any) -> str:
    """A plain value, or a list or map of such, as YAML has it in one line; an object has examples in its own table."""
    if field.get("properties") or field.get("items", {}).get("properties"):
        return ""
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _whole_examples() -> Iterator[str]:
    yield "## Whole objects\n\nThe examples above are taken from these. The API server accepts them; nobody would write all at once.\n"
    for kind in KINDS:
        text = (EXAMPLES / f"{kind.resource.__name__.lower()}.yaml").read_text("utf-8")
        yield f"### Examples of {kind.resource.__name__}\n\n```yaml\n{text.partition(chr(10))[2]}```\n"
