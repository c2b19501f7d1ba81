"""The two CustomResourceDefinitions: what the models do not say about a kind stands here."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from brandrelease.apis.brand import Brand, BrandSpec
from brandrelease.apis.brand_status import BrandStatus
from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseSpec, BrandReleaseStatus
from brandrelease.apis.model import ApiModel
from brandrelease.apis.wellknown import GROUP, VERSION
from brandrelease.codegen.schema import structural_schema

HEADER: Final = "# Generated from operator/brandrelease/apis by 'make generate'; do not edit.\n"
WIDTH: Final = 120


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False
    description: str = ""

    def to_wire(self) -> dict[str, Any]:
        """The column as a CustomResourceDefinition names it."""
        column: dict[str, Any] = {"name": self.name, "type": self.type, "jsonPath": self.path}
        if self.description:
            column["description"] = self.description
        if self.wide:
            column["priority"] = 1
        return column


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of the API, and how `kubectl` shows it."""

    resource: type[Brand | BrandRelease]
    scope: str
    plural: str
    spec: type[ApiModel]
    columns: tuple[Column, ...]
    status: type[ApiModel] | None = None
    short_names: tuple[str, ...] = ()
    selectable: tuple[str, ...] = ()
    rules: dict[str, Any] = field(default_factory=dict)
    """CEL rules on the whole object, where its name and its spec can be seen together."""

    @property
    def file_name(self) -> str:
        """Name of the generated file."""
        return f"{GROUP}_{self.plural}.yaml"


_AGE = Column("Age", ".metadata.creationTimestamp", type="date")

BRAND: Final = Kind(
    resource=Brand,
    scope="Cluster",
    plural="brands",
    spec=BrandSpec,
    status=BrandStatus,
    rules=Brand.schema_rules,
    columns=(
        Column("Repository", ".spec.source.url"),
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status",
               description="Whether everything that a release needs can be reached."),
        Column("Reason", ".status.conditions[?(@.type=='Ready')].reason"),
        Column("Image", ".spec.image.repository", wide=True),
        Column("Message", ".status.conditions[?(@.type=='Ready')].message", wide=True),
        _AGE,
    ),
)  # fmt: skip

BRAND_RELEASE: Final = Kind(
    resource=BrandRelease,
    scope="Namespaced",
    plural="brandreleases",
    short_names=("br",),
    spec=BrandReleaseSpec,
    status=BrandReleaseStatus,
    selectable=(".spec.brand", ".spec.environment"),
    columns=(
        Column("Brand", ".spec.brand"),
        Column("Env", ".spec.environment"),
        Column("Ref", ".spec.ref"),
        # The whole commit id: a column's JSONPath can choose a value but cannot cut it.
        Column("Revision", ".status.running.revision", description="The commit that runs."),
        Column("Phase", ".status.phase"),
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        Column("Reason", ".status.conditions[?(@.type=='Ready')].reason"),
        Column("Image", ".status.running.image", wide=True, description="The image that runs."),
        Column("Release", ".status.current.number", type="integer", wide=True,
               description="Number of the release being worked on, or of the last one."),
        Column("Message", ".status.conditions[?(@.type=='Ready')].message", wide=True),
        _AGE,
    ),
)  # fmt: skip

KINDS: Final = (BRAND, BRAND_RELEASE)

UNSEEN: Final = {"observedGeneration": -1}
"""The status of an object before the operator has written one: to kstatus, an object without a status is as it should be."""


def custom_resource_definition(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind, as an API object."""
    name = kind.resource.__name__
    names: dict[str, Any] = {
        "kind": name,
        "listKind": f"{name}List",
        "plural": kind.plural,
        "singular": name.lower(),
    }
    if kind.short_names:
        names["shortNames"] = list(kind.short_names)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": kind.scope, "names": names, "versions": [_version(kind)]},
    }


def _version(kind: Kind) -> dict[str, Any]:
    version: dict[str, Any] = {"name": VERSION, "served": True, "storage": True}
    if kind.status:
        version["subresources"] = {"status": {}}
    if kind.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in kind.selectable]
    version["additionalPrinterColumns"] = [column.to_wire() for column in kind.columns]
    version["schema"] = {"openAPIV3Schema": _object_schema(kind)}
    return version


def _object_schema(kind: Kind) -> dict[str, Any]:
    """The whole object. apiVersion and kind are left out: the API server adds its own words for them."""
    properties = {"metadata": _METADATA, "spec": structural_schema(kind.spec)}
    if kind.status:
        properties["status"] = {"default": UNSEEN, **structural_schema(kind.status)}
    schema: dict[str, Any] = {
        "description": " ".join((kind.resource.__doc__ or "").split()),
        "type": "object",
        "required": ["spec"],
        "properties": properties,
    }
    if kind.rules:
        schema |= kind.rules
    return schema


_METADATA: Final = {
    "type": "object",
    # The name becomes the value of a label, which may have no more.
    "properties": {"name": {"type": "string", "maxLength": 63}},
}


class _ReadableDumper(yaml.SafeDumper):
    """YAML for people: sentences and rules without doubled quotes, and nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _readable_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    needs_quotes = "'" in text or ": " in text or " #" in text
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=">" if needs_quotes else None)


_ReadableDumper.add_representer(str, _readable_text)


def as_yaml(definition: dict[str, Any]) -> str:
    """The text of the generated file."""
    return HEADER + yaml.dump(definition, Dumper=_ReadableDumper, sort_keys=False, width=WIDTH, allow_unicode=True)


def generated_files(kinds: Iterable[Kind] = KINDS) -> dict[str, str]:
    """Every generated file: its name and its text."""
    return {kind.file_name: as_yaml(custom_resource_definition(kind)) for kind in kinds}
