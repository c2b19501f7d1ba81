"""Who leads: by what was seen of the Lease and for how long it has stood still, and never by what the time is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from brandrelease.core.leadership import (
    LEASE_SECONDS,
    NOBODY_YET,
    RENEW_SECONDS,
    REQUEST_SECONDS,
    RETRY_SECONDS,
    Lay,
    Lease,
    Lost,
    Renew,
    Sighting,
    Step,
    Take,
    Wait,
    next_step,
    released,
    renewed,
    sighted,
)

TODAY = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
LONG_AGO, LATER = TODAY - timedelta(hours=3), TODAY + timedelta(hours=3)
MICROSECOND = timedelta(microseconds=1)


def held(by: str, renewed_at: datetime = TODAY, transitions: int = 4) -> Lease:
    return Lease(by, LONG_AGO, renewed_at, transitions, "uid")


LET_GO = held("")
TAKEN = Take(Lease("me", TODAY, TODAY, 5, "uid"))
LAID_OUT = Lease(NOBODY_YET, None, TODAY)


@pytest.mark.parametrize(
    ("lease", "seen_for", "leads", "step"),
    [
        pytest.param(None, 0, False, Lay(LAID_OUT), id="there is none"),
        pytest.param(None, 99, False, Lay(LAID_OUT), id="there has been none for long, as far as was seen"),
        pytest.param(LAID_OUT, 0, False, Wait(2), id="it is new, and one that was deleted may still have a leader"),
        pytest.param(
            LAID_OUT, 15, False, Take(Lease("me", TODAY, TODAY, 1)), id="it is new, and nobody has renewed it"
        ),
        pytest.param(LAID_OUT, 0, True, Lost(NOBODY_YET), id="another one was laid out after it was deleted"),
        pytest.param(LET_GO, 0, False, TAKEN, id="it was let go"),
        pytest.param(held("other"), 0, False, Wait(2), id="another leads"),
        pytest.param(held("other"), 14.5, False, Wait(0.5), id="it expires soon"),
        pytest.param(held("other"), 15, False, TAKEN, id="it has expired"),
        pytest.param(held("other", LONG_AGO), 1, False, Wait(2), id="the clock of the other is slow"),
        pytest.param(held("other", LATER), 15, False, TAKEN, id="the clock of the other is fast"),
        pytest.param(held("me", LONG_AGO), 0, False, Renew(held("me")), id="it was taken and the answer lost"),
        pytest.param(held("me", LONG_AGO), 2, True, Renew(held("me")), id="it is renewed"),
        pytest.param(held("other"), 0, True, Lost("other"), id="another has taken it"),
        pytest.param(held("other"), 99, True, Lost("other"), id="another had taken it, and is gone too"),
        pytest.param(LET_GO, 0, True, Lost(""), id="somebody has emptied it"),
        pytest.param(None, 0, True, Renew(Lease("me", TODAY, TODAY)), id="it was deleted under the leader"),
    ],
)
def test_what_a_replica_does_next(lease: Lease | None, seen_for: float, leads: bool, step: Step) -> None:
    assert next_step("me", Sighting(lease, 1000 - seen_for), 1000, TODAY, leads=leads) == step


@pytest.mark.parametrize(
    ("before", "lease", "since"),
    [
        pytest.param(None, None, 50, id="the first look finds none"),
        pytest.param(None, held("other"), 50, id="the first look finds one"),
        pytest.param(Sighting(held("other"), 40), held("other"), 40, id="nothing has changed"),
        pytest.param(Sighting(held("other"), 40), held("other", LATER), 50, id="it was renewed"),
        pytest.param(Sighting(held("other"), 40), held("other", LONG_AGO), 50, id="it was renewed by a slow clock"),
        pytest.param(Sighting(held("other"), 40), held("third"), 50, id="it has changed hands"),
        pytest.param(Sighting(held("other"), 40), None, 50, id="it was deleted"),
        pytest.param(Sighting(None, 40), None, 40, id="it is still gone"),
        pytest.param(
            Sighting(held("other"), 40), replace(held("other"), uid="new"), 50, id="it was deleted and made again alike"
        ),
    ],
)
def test_the_time_begins_anew_with_each_change(before: Sighting | None, lease: Lease | None, since: float) -> None:
    assert sighted(before, lease, 50) == Sighting(lease, since)


@pytest.mark.parametrize(
    ("today", "written"),
    [
        (TODAY + timedelta(seconds=2), TODAY + timedelta(seconds=2)),
        (TODAY, TODAY + MICROSECOND),
        (LONG_AGO, TODAY + MICROSECOND),
    ],
)
def test_no_two_renewals_are_the_same_also_where_the_clock_stands_still_or_goes_back(
    today: datetime, written: datetime
) -> None:
    assert renewed(held("me"), today) == held("me", written)


def test_a_lease_without_times_as_a_person_may_write_it_can_be_renewed_and_taken() -> None:
    bare = Lease("me")
    assert renewed(bare, TODAY) == Lease("me", None, TODAY)
    assert next_step("you", Sighting(bare, 0), 15, TODAY, leads=False) == Take(Lease("you", TODAY, TODAY, 1))


def test_letting_go_leaves_nobody_as_holder_and_counts_no_transition() -> None:
    assert released(held("me"), TODAY) == Lease("", TODAY, TODAY, 4, "uid")


def test_the_last_write_of_a_leader_is_answered_before_another_may_take_its_lease() -> None:
    assert RENEW_SECONDS + REQUEST_SECONDS < LEASE_SECONDS
    assert REQUEST_SECONDS + RETRY_SECONDS + REQUEST_SECONDS <= RENEW_SECONDS, "one request that hangs is no end"
