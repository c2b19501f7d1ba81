"""docs/api.md has every field of the CRDs, with an example of each that the models can read."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from brandrelease.apis.brand import Brand
from brandrelease.apis.brand_status import BrandStatus
from brandrelease.apis.brandrelease import BrandReleaseSpec, BrandReleaseStatus
from brandrelease.codegen import api_page as codegen
from brandrelease.codegen.api_page import MissingExampleError, api_page, examples
from brandrelease.codegen.crd import BRAND, BRAND_RELEASE, KINDS, custom_resource_definition
from brandrelease.codegen.schema import VALIDATIONS
from support.documents import ROOT

PAGE = (ROOT / "docs/api.md").read_text("utf-8")


def fields(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        yield name, field
        yield from fields(field.get("items", field))


def all_fields() -> list[tuple[str, Mapping[str, Any]]]:
    roots = [custom_resource_definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for kind in KINDS]
    parts = [root["properties"][part] for root in roots for part in ("spec", "status")]
    return [each for part in parts for each in fields(part)]


def test_the_page_is_what_is_generated() -> None:
    assert api_page() == PAGE


def test_every_field_has_a_row_with_its_words() -> None:
    missing = [
        name
        for name, field in all_fields()
        if not any(
            line.startswith(f"| `{name}` |") and field["description"].replace("|", "\\|") in line
            for line in PAGE.splitlines()
        )
    ]
    assert not missing


def test_every_rule_stands_there_in_the_words_of_the_api_server() -> None:
    told = PAGE.replace("\\", "")
    sentences = {
        rule["message"].replace("\\", "")
        for _, field in all_fields()
        for part in (field, field.get("items", {}))
        for rule in part.get(VALIDATIONS, ())
    }
    assert sentences
    assert [sentence for sentence in sentences if sentence not in told] == []


def test_the_models_read_every_example() -> None:
    for body in examples(BRAND):
        assert Brand.from_object({**body, "metadata": {**body["metadata"], "uid": "a uid"}})
        assert BrandStatus.model_validate(body.get("status", {}))
    for body in examples(BRAND_RELEASE):
        assert BrandReleaseSpec.model_validate(body["spec"])
        assert BrandReleaseStatus.model_validate(body["status"])


def test_a_field_without_an_example_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = examples(BRAND)
    for body in bodies:
        body["spec"]["image"].pop("secretName", None)
    monkeypatch.setattr(codegen, "examples", lambda _: bodies)
    with pytest.raises(MissingExampleError, match=r"Brand\.spec\.image\.secretName"):
        api_page.__wrapped__()
