"""Who holds an environment, and when that is settled."""

from datetime import UTC, datetime, timedelta

import pytest

from brandrelease.adapters.kube.claims import claim_of, first_claims
from brandrelease.core.holding import SETTLED_AFTER, Claim, is_settled

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_the_oldest_holds_the_environment() -> None:
    assert min(Claim(NOON, "a", "new"), Claim(NOON - SECOND, "z", "old")).name == "old"


def test_of_two_of_the_same_second_everybody_names_the_same() -> None:
    one, other = Claim(NOON, "a", "one"), Claim(NOON, "b", "other")
    assert min(one, other) == min(other, one) == one


@pytest.mark.parametrize(
    ("age", "settled"), [(timedelta(), False), (SETTLED_AFTER, False), (SETTLED_AFTER + SECOND, True)]
)
def test_it_is_settled_as_soon_as_nothing_older_can_come(age: timedelta, *, settled: bool) -> None:
    assert is_settled(NOON - age, NOON) is settled


def test_a_claim_is_read_from_what_the_api_server_writes() -> None:
    metadata = {"creationTimestamp": "2026-01-01T12:00:00Z", "uid": "a", "name": "one"}
    assert claim_of({"metadata": metadata}) == Claim(NOON, "a", "one")


def test_each_environment_is_held_by_its_own_oldest() -> None:
    wishes = [("new", "production", 2), ("old", "production", 1), ("only", "staging", 3)]
    bodies = [
        {
            "metadata": {"creationTimestamp": f"2026-01-01T12:00:0{second}Z", "uid": name, "name": name},
            "spec": {"environment": environment},
        }
        for name, environment, second in wishes
    ]
    assert {environment: claim.name for environment, claim in first_claims(bodies).items()} == {
        "production": "old",
        "staging": "only",
    }
