"""Who asks: read from what the API server keeps of every write, and never wrong about whom to name."""

from typing import Any

import pytest

from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.apis.ownership import managers, owners

Json = dict[str, Any]

REF = ("f:spec", "f:ref")


def wrote(manager: str, fields: Json, time: str | None = "2026-01-01T12:00:00Z") -> Json:
    """An entry of managedFields, as the API server writes it."""
    entry: Json = {"manager": manager, "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": fields}
    return entry if time is None else entry | {"time": time}


def annotation(name: str) -> Json:
    return {"f:metadata": {"f:annotations": {".": {}, f"f:brandrelease.dev/{name}": {}}}}


ASKED_REF: Json = {"f:spec": {"f:brand": {}, "f:ref": {}}}

OWNERS: dict[str, tuple[Json, tuple[str, ...]]] = {
    "nobody is recorded": ({}, ()),
    "one has written it": ({"managedFields": [wrote("ada", ASKED_REF)]}, ("ada",)),
    "one has written other fields": ({"managedFields": [wrote("ada", {"f:spec": {"f:brand": {}}})]}, ()),
    "one has written something that is no object there": ({"managedFields": [wrote("ada", {"f:spec": "x"})]}, ()),
    "an entry has no fields": ({"managedFields": [{"manager": "ada", "time": "2026-01-01T12:00:00Z"}]}, ()),
    "several have, and the last comes first": (
        {
            "managedFields": [
                wrote("flux", ASKED_REF, "2026-01-01T12:00:00Z"),
                wrote("ada", ASKED_REF, "2026-01-01T12:00:09Z"),
            ]
        },
        ("ada", "flux"),
    ),
    "one has by two ways, and is named once": (
        {
            "managedFields": [
                wrote("ada", ASKED_REF, "2026-01-01T12:00:00Z"),
                wrote("flux", ASKED_REF, "2026-01-01T12:00:05Z"),
                wrote("ada", ASKED_REF, "2026-01-01T12:00:09Z"),
            ]
        },
        ("ada", "flux"),
    ),
    "an entry without a time is older than every other": (
        {"managedFields": [wrote("before", ASKED_REF, None), wrote("ada", ASKED_REF)]},
        ("ada", "before"),
    ),
}


@pytest.mark.parametrize(("metadata", "expected"), OWNERS.values(), ids=OWNERS)
def test_a_field_is_owned_by_those_who_wrote_it_the_last_one_first(metadata: Json, expected: tuple[str, ...]) -> None:
    assert owners(metadata, REF) == expected


def test_whoever_asks_is_known_for_the_ref_and_for_each_verb_apart() -> None:
    metadata = {
        "managedFields": [
            wrote("flux", ASKED_REF),
            wrote("erin", {"f:spec": {"f:suspend": {}}}),
            wrote("ada", annotation("requestedAt")),
            wrote("bob", annotation("rollbackTo")),
            wrote("carol", annotation("abort")),
            wrote("dave", annotation("override")),
        ]
    }
    assert managers(metadata) == {
        "spec.ref": "flux",
        "spec.suspend": "erin",
        "brandrelease.dev/requestedAt": "ada",
        "brandrelease.dev/rollbackTo": "bob",
        "brandrelease.dev/abort": "carol",
        "brandrelease.dev/override": "dave",
    }


def test_what_nobody_has_asked_for_has_nobody_who_asked() -> None:
    assert managers({"managedFields": [wrote("flux", ASKED_REF)]}) == {"spec.ref": "flux"}
    assert managers({}) == {}


def test_an_object_read_from_the_api_server_knows_its_verbs_and_who_set_them() -> None:
    release = BrandRelease.from_object(
        {
            "metadata": {
                "name": "drumeo",
                "namespace": "drumeo-production",
                "uid": "u",
                "generation": 1,
                "resourceVersion": "7",
                "creationTimestamp": "2026-01-01T12:00:00Z",
                "annotations": {"brandrelease.dev/abort": "3", "brandrelease.dev/rollbackTo": "1"},
                "managedFields": [wrote("ada", annotation("abort"))],
            },
            "spec": {"brand": "drumeo", "environment": "production", "ref": "master"},
        }
    )
    assert (release.abort, release.rollback_to, release.override, release.requested_at) == ("3", "1", None, None)
    assert release.managers == {"brandrelease.dev/abort": "ada"}
