"""A mistake is refused when the object is written, with a sentence that says what to write instead."""

import re

import pytest

from apiserver.bad_checks import BAD_CHECKS
from apiserver.bad_notifications import BAD_NOTIFICATIONS
from apiserver.bad_objects import BAD_BRANDS, BAD_RELEASES, Bad
from apiserver.json_api import Answer, Api
from apiserver.objects import BRANDS, RELEASES, brand, brand_release

REFUSED = (400, 422)
NOT_ALL_RULES_RAN = "<nil>"
HOLD_TWO_MISTAKES = {"an endless number"}  # it is no integer to JSON, and too large besides
UNHELPFUL = ("failed rule", "no such key", "evaluation error", "should match", "internal error")


@pytest.mark.parametrize("bad", [*BAD_BRANDS, *BAD_CHECKS, *BAD_NOTIFICATIONS], ids=lambda bad: bad.what)
def test_a_bad_brand_is_refused_with_a_sentence(api: Api, bad: Bad) -> None:
    _refused_with_its_sentence(api.post(BRANDS, brand(bad.changes), dryRun="All"), bad)


@pytest.mark.parametrize("bad", BAD_RELEASES, ids=lambda bad: bad.what)
def test_a_bad_brand_release_is_refused_with_a_sentence(api: Api, bad: Bad) -> None:
    _refused_with_its_sentence(api.post(RELEASES.format("default"), brand_release(bad.changes), dryRun="All"), bad)


@pytest.mark.parametrize(
    ("field", "answer"),
    [
        ("brand", "cannot be changed; create another BrandRelease for the other brand"),
        ("environment", "cannot be changed; create another BrandRelease for the other environment"),
    ],
)
def test_brand_and_environment_of_a_release_cannot_be_changed(
    api: Api, namespace: str, field: str, answer: str
) -> None:
    api.post(RELEASES.format(namespace), brand_release()).expect(201)
    refused = api.merge(f"{RELEASES.format(namespace)}/drumeo", {"spec": {field: "other"}})
    assert refused.code == 422
    assert f"spec.{field}: Invalid value: {answer}" in _without_values(refused.message)


def test_one_mistake_gets_one_answer(api: Api) -> None:
    """Somebody who reads three sentences about one wrong word looks for three mistakes."""
    several = {}
    for bad in (*BAD_BRANDS, *BAD_CHECKS, *BAD_NOTIFICATIONS, *BAD_RELEASES):
        path, body = (RELEASES.format("default"), brand_release) if bad in BAD_RELEASES else (BRANDS, brand)
        causes = api.post(path, body(bad.changes), dryRun="All").causes
        sentences = {cause["message"] for cause in causes if cause["field"] != NOT_ALL_RULES_RAN}
        if len(sentences) > 1:
            several[bad.what] = sentences
    assert set(several) == HOLD_TWO_MISTAKES, several


def _without_values(message: str) -> str:
    """Up to Kubernetes 1.34 the server names the type of a value that breaks a rule, and not the value."""
    return re.sub(r'Invalid value: "[^"]*"', "Invalid value", message)


def _refused_with_its_sentence(answer: Answer, bad: Bad) -> None:
    assert answer.code in REFUSED, f"{answer.code}: accepted"
    field, _, sentence = bad.answer.partition(": ")
    # Between field and sentence the server repeats the value that was written; kubectl prints it all in one line.
    named = any(cause["field"] == field and sentence in cause["message"] for cause in answer.causes)
    assert named or _without_values(bad.answer) in _without_values(answer.message), answer.message
    assert not [words for words in UNHELPFUL if words in answer.message]
