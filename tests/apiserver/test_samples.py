"""deploy/samples on a real API server: it takes them as they stand, without a warning, and so do the operator's models."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import BrandReleaseSpec
from support.kubectl import Kubectl

Object = dict[str, Any]
SAMPLES = sorted((Path(__file__).resolve().parents[2] / "deploy" / "samples").glob("*.yaml"))


def documents(sample: Path, kind: str) -> list[Object]:
    return [each for each in yaml.safe_load_all(sample.read_text("utf-8")) if each["kind"] == kind]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_sample_is_taken_as_it_stands(kubectl: Kubectl, sample: Path) -> None:
    releases = documents(sample, "BrandRelease")
    names = {release["metadata"]["namespace"] for release in releases}
    kubectl.apply(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names))
    kubectl.run("apply", "--server-side", "--dry-run=server", "--warnings-as-errors", "-f", str(sample))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_the_releases_of_a_sample_are_those_that_its_brand_allows(sample: Path) -> None:
    """Brand, environment, namespace and branch belong together."""
    (body,) = documents(sample, "Brand")
    brand = Brand.from_object({**body, "metadata": {**body["metadata"], "uid": "1"}})
    places = {each.name: each.namespace or f"{brand.name}-{each.name}" for each in brand.spec.environments}
    refs = {each.name: each.allowed_refs for each in brand.spec.environments}
    for release in documents(sample, "BrandRelease"):
        spec = BrandReleaseSpec.model_validate(release["spec"])
        assert spec.brand == brand.name
        assert release["metadata"]["namespace"] == places[spec.environment]
        assert not refs[spec.environment] or f"refs/heads/{spec.ref}" in refs[spec.environment]


def test_there_is_one_for_each_builder() -> None:
    builders = {key for sample in SAMPLES for body in documents(sample, "Brand") for key in body["spec"]["build"]}
    assert builders - {"timeoutSeconds"} == {"codeBuild", "buildKit", "external"}
