"""What the command `doctor` says of the Leases, with shards and without."""

from datetime import UTC, datetime, timedelta
from typing import Any

from brandrelease.cli.doctor.finding import State
from brandrelease.cli.doctor.leading import _leaders

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def lease(name: str, holder: str = "a_1", seconds: float = 1.0) -> dict[str, Any]:
    renewed = (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    return {"metadata": {"name": name}, "spec": {"holderIdentity": holder, "renewTime": renewed}}


def told(*leases: dict[str, Any]) -> list[tuple[State, str]]:
    return [(each.state, each.what) for each in _leaders(list(leases), "system", NOW)]


def test_without_any_lease_nobody_has_led_yet() -> None:
    nobody = (State.Unknown, "Namespace system has no Lease brandrelease: no operator has led there yet.")
    assert told() == [nobody]
    assert told({"metadata": {"name": "brandrelease"}, "spec": {}}) == [nobody]
    assert told(lease("somebody-elses")) == [nobody]


def test_each_shard_is_told_of_with_one_that_nobody_leads_and_one_that_nobody_was_started_for() -> None:
    assert told(lease("brandrelease-0-of-3"), lease("brandrelease-1-of-3", seconds=60)) == [
        (State.Good, "Shard 0/3: a_1 leads, and was last heard of 1 s ago."),
        (State.Bad, "Shard 1/3: No replica of the operator leads. a_1 did, and was last heard of 60 s ago."),
        (State.Unknown, "Shard 2/3: Namespace system has no Lease brandrelease-2-of-3: no operator has led there yet."),
    ]


def test_leases_of_a_former_division_are_not_told_of() -> None:
    former = [lease("brandrelease", "", 90), lease("brandrelease-0-of-2", "", 100)]
    assert [text for _, text in told(*former, lease("brandrelease-0-of-2"), lease("brandrelease-1-of-2"))] == [
        "Shard 0/2: a_1 leads, and was last heard of 1 s ago.",
        "Shard 1/2: a_1 leads, and was last heard of 1 s ago.",
    ]
    assert told(lease("brandrelease"), lease("brandrelease-0-of-2", "", 100)) == [
        (State.Good, "a_1 leads, and was last heard of 1 s ago.")
    ]
