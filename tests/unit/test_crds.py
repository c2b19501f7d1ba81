"""The generated CRDs: what must hold of every field, and that `crds/` is what the models say."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from kubernetes import client
from pydantic import Field, ValidationError

from brandrelease.apis.brand import Brand
from brandrelease.apis.model import ApiModel, rules
from brandrelease.codegen.__main__ import main
from brandrelease.codegen.crd import KINDS, Kind, custom_resource_definition, generated_files
from brandrelease.codegen.schema import SchemaError, structural_schema

CRDS = Path(__file__).resolve().parents[2] / "crds"
TYPES = {"string", "integer", "boolean", "object", "array"}
FORBIDDEN = {"$ref", "$defs", "anyOf", "oneOf", "allOf", "not", "nullable", "const", "title", "uniqueItems"}
METADATA = "BrandRelease.metadata", "Brand.metadata"


@dataclass(frozen=True)
class Place:
    """A schema within a schema, and where it is."""

    path: str
    schema: dict[str, Any]
    field: bool
    """Whether it has a name of its own; the items of a list and the values of a map have not."""

    def __str__(self) -> str:
        return self.path


def places(schema: dict[str, Any], path: str, *, field: bool = True) -> Iterator[Place]:
    yield Place(path, schema, field)
    for name, inner in schema.get("properties", {}).items():
        yield from places(inner, f"{path}.{name}")
    if "items" in schema:
        yield from places(schema["items"], f"{path}[]", field=False)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from places(schema["additionalProperties"], f"{path}{{}}", field=False)


def schema_of(kind: Kind) -> dict[str, Any]:
    version = custom_resource_definition(kind)["spec"]["versions"][0]
    return dict(version["schema"]["openAPIV3Schema"])


ALL = [place for kind in KINDS for place in places(schema_of(kind), kind.resource.__name__)]
RULES = [(place.path, rule) for place in ALL for rule in place.schema.get("x-kubernetes-validations", [])]


# --- what holds everywhere ----------------------------------------------------------------------------------------------
# One test looks at all places, and names those where it does not hold: there are hundreds of them.


def where_not(holds: Callable[[dict[str, Any]], object], places: Iterable[Place] = ALL) -> list[str]:
    """Paths of the places whose schema is not as it must be, or lacks what is asked for."""

    def breaks(schema: dict[str, Any]) -> bool:
        try:
            return not holds(schema)
        except KeyError:
            return True

    return [place.path for place in places if breaks(place.schema)]


def of_type(name: str) -> list[Place]:
    found = [place for place in ALL if place.schema.get("type") == name]
    assert found, f"there is no {name} at all"
    return found


def test_every_place_has_one_type_that_is_no_float() -> None:
    assert len(ALL) > 200, "the schemas are walked through"
    assert where_not(lambda schema: schema["type"] in TYPES) == []


def test_nothing_stands_in_the_schema_that_is_not_structural() -> None:
    assert where_not(lambda schema: not FORBIDDEN & set(schema)) == []
    assert where_not(lambda schema: schema.get("additionalProperties") is not False) == []


def test_every_field_says_what_it_is() -> None:
    # The API server forbids any words about metadata.
    fields = [place for place in ALL if place.field and not place.path.startswith(METADATA)]
    assert where_not(lambda schema: schema["description"][0].isupper(), fields) == []
    assert where_not(lambda schema: schema["description"].endswith((".", ")")), fields) == []


def test_no_field_needs_quotes_in_yaml() -> None:
    """For readers of YAML 1.1, kubectl among them, these are true and false."""
    names = {place.path.rpartition(".")[2].removesuffix("[]").removesuffix("{}") for place in ALL}
    assert names.isdisjoint({"on", "off", "yes", "no", "y", "n", "true", "false", "null"})


def test_every_text_has_an_end() -> None:
    assert where_not(lambda schema: {"maxLength", "enum", "format"} & set(schema), of_type("string")) == []


def test_every_number_has_a_lower_bound() -> None:
    numbers = of_type("integer")
    signed = [place for place in numbers if place.path.endswith(".exitCode")]  # Windows has negative ones
    unseen = [place for place in numbers if place.path.endswith(".status.observedGeneration")]  # by nobody yet: -1
    assert where_not(lambda schema: schema["minimum"] >= -(2**31), signed) == []
    assert where_not(lambda schema: schema["minimum"] >= -1, unseen) == []
    others = [each for each in numbers if each not in (*signed, *unseen)]
    assert where_not(lambda schema: schema["minimum"] >= 0, others) == []


def test_every_number_that_a_person_writes_has_an_upper_bound() -> None:
    written = [place for place in of_type("integer") if ".spec." in place.path]
    assert where_not(lambda schema: schema["maximum"] > schema["minimum"], written) == []


def test_every_list_has_an_end_and_says_how_it_is_merged() -> None:
    lists = of_type("array")
    assert where_not(lambda schema: schema["maxItems"] > 0, lists) == []
    assert where_not(lambda schema: schema["x-kubernetes-list-type"] in {"atomic", "set", "map"}, lists) == []


def test_every_map_has_an_end() -> None:
    maps = [place for place in ALL if "additionalProperties" in place.schema]
    assert where_not(lambda schema: schema["maxProperties"] > 0, maps) == []


def test_every_rule_has_a_sentence() -> None:
    assert [path for path, rule in RULES if len(rule["message"].split()) < 3 or "\n" in rule["message"]] == []


def test_no_rule_selects_a_field_by_a_reserved_word() -> None:
    """The API server takes `e.namespace` but does not see its bounds; it has to be written `e.__namespace__`."""
    reserved = re.compile(
        r"[.](as|break|const|continue|else|for|function|if|import|let|loop|namespace|package|return|var|void|while)\b"
    )
    assert [path for path, rule in RULES if reserved.search(rule["rule"])] == []


def test_a_field_with_a_default_is_not_required() -> None:
    def holds(schema: dict[str, Any]) -> bool:
        return not any("default" in schema["properties"][name] for name in schema.get("required", []))

    assert where_not(holds) == []


# --- files --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_the_file_in_the_repository_is_what_the_models_say(kind: Kind) -> None:
    text = (CRDS / kind.file_name).read_text("utf-8")

    assert text == generated_files()[kind.file_name], "Run 'make generate' and commit what it writes."
    assert yaml.safe_load(text) == custom_resource_definition(kind)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_the_kubernetes_client_knows_every_key(kind: Kind) -> None:
    """The client's model forbids what it does not know, at any depth: a misspelt key, `const`, a wrong type."""
    definition = custom_resource_definition(kind)

    model = client.V1CustomResourceDefinition(**definition)

    assert model.model_dump(by_alias=True, exclude_none=True) == definition


def test_check_passes_on_what_was_just_generated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--directory", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("wrote ") == len(KINDS)

    assert main(["--directory", str(tmp_path), "--check"]) == 0
    assert main(["--directory", str(tmp_path)]) == 0
    assert capsys.readouterr() == ("", "")


def test_check_names_what_differs_and_says_what_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--directory", str(tmp_path)])
    changed, missing, extra = (
        tmp_path / "brandrelease.dev_brands.yaml",
        tmp_path / KINDS[1].file_name,
        tmp_path / "x.yaml",
    )
    changed.write_text("edited by hand", "utf-8")
    missing.unlink()
    extra.write_text("of a kind that is no more", "utf-8")
    capsys.readouterr()

    assert main(["--directory", str(tmp_path), "--check"]) == 1

    complaint = capsys.readouterr().err
    assert [str(path) in complaint for path in (changed, missing, extra)] == [True] * 3
    assert "make generate" in complaint
    assert changed.read_text("utf-8") == "edited by hand"


def test_generating_takes_away_the_file_of_a_kind_that_is_no_more(tmp_path: Path) -> None:
    extra = tmp_path / "brandrelease.dev_old.yaml"
    extra.write_text("old", "utf-8")

    assert main(["--directory", str(tmp_path)]) == 0

    assert not extra.exists()


def test_a_float_or_a_union_is_an_error_at_once() -> None:
    class Unsayable(ApiModel):
        either: int | str = Field(description="Two types.")

    with pytest.raises(SchemaError, match=r"\.either: 'anyOf' has no place"):
        structural_schema(Unsayable)


def test_optional_and_single_choices_become_plain_fields() -> None:
    class Sayable(ApiModel):
        """First paragraph.

        Second paragraph.
        """

        maybe: int | None = Field(default=None, description="May be absent.")
        one: Literal["one"] = Field(description="The only choice.")

    schema = structural_schema(Sayable)

    assert schema["description"] == "First paragraph."
    assert schema["properties"]["maybe"] == {"description": "May be absent.", "type": "integer"}
    assert schema["properties"]["one"] == {"description": "The only choice.", "type": "string", "enum": ["one"]}
    assert schema["required"] == ["one"]


def test_rules_of_a_model_and_of_the_field_that_holds_it_both_count() -> None:
    class Inner(ApiModel):
        model_config = ApiModel.model_config | {"json_schema_extra": rules(("a", "of the model"))}

    class Outer(ApiModel):
        inner: Inner = Field(description="Holds.", json_schema_extra=rules(("b", "of the field")))

    inner = structural_schema(Outer)["properties"]["inner"]

    assert [rule["message"] for rule in inner["x-kubernetes-validations"]] == ["of the model", "of the field"]


def test_the_models_refuse_what_a_newer_crd_would_no_longer_check() -> None:
    """The operator reads objects that were stored under older rules; it must notice, not guess."""
    with pytest.raises(ValidationError, match="exactly one builder"):
        Brand.from_object(
            {
                "metadata": {"name": "drumeo", "uid": "1"},
                "spec": {
                    "source": {"url": "https://git.example.com/drumeo.git"},
                    "image": {"repository": "registry.example.com/drumeo"},
                    "build": {},
                    "environments": [{"name": "production"}],
                },
            }
        )


def test_no_rule_joins_the_name_of_an_object_with_anything() -> None:
    """Up to Kubernetes 1.36 the API server takes metadata.name for endless, and then refuses the whole CRD as too expensive."""
    for kind in KINDS:
        schema = custom_resource_definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for rule in schema.get("x-kubernetes-validations", []):
            assert "metadata.name +" not in rule["rule"]
            assert "+ self.metadata.name" not in rule["rule"]
