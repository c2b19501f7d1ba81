"""Never do two replicas write at the same time, whatever befalls them; and in the end there is always one that leads.

Clocks may be hours apart, stand still or jump; processes are paused, killed and told to stop; requests are slow, cut, and
done without an answer; somebody deletes the Lease. What must hold is that a second is as long for one as for the other.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from brandrelease.core.leadership import LEASE_SECONDS, REQUEST_SECONDS, RETRY_SECONDS
from support.election import Life, Run, Span, play
from support.virtual_time import VirtualTimeLoop

TROUBLED, CALM = 120.0, 60.0
SLACK = 0.001

moments = st.integers(0, int(TROUBLED * 10)).map(lambda tenths: tenths / 10)
spans = st.lists(
    st.builds(Span, moments, st.sampled_from([0.5, 3, 5, 9, 12, 16, 30])).map(
        lambda span: Span(span.start, min(span.seconds, TROUBLED - span.start))
    ),
    max_size=3,
)
lives = st.builds(
    Life,
    born=st.sampled_from([0.0, 0.0, 0.01, 7.0]),
    wall_clock=st.sampled_from([0.0, -3600.0, 3600.0]),
    clock_stands=st.booleans(),
    pauses=spans,
    slow=spans,
    slow_by=st.sampled_from([1.0, 3.9, 4.1, 8.0, 20.0]),
    lost_answers=spans,
    cut=spans,
    ends=st.lists(st.tuples(moments, st.booleans()), max_size=3).map(sorted),
)


def run(story: Coroutine[Any, Any, Run]) -> Run:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(story)


def never_two(told: Run) -> None:
    for earlier, later in pairwise(sorted(told.terms, key=lambda term: term.start)):
        in_flight = REQUEST_SECONDS if earlier.end == earlier.limit and not earlier.let_go else 0.0
        assert later.start >= earlier.end + in_flight - SLACK, (earlier, later)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(lives, min_size=2, max_size=3), st.lists(moments, max_size=2))
def test_never_two_and_in_the_end_one(replicas: Sequence[Life], deletions: Sequence[float]) -> None:
    told = run(play(replicas, deletions, TROUBLED, CALM))
    event(f"{len(told.terms)} terms")
    never_two(told)
    assert len(told.leaders(TROUBLED + CALM)) == 1


@pytest.mark.parametrize("clocks", [(0.0, 0.0), (3600.0, -3600.0), (-3600.0, 3600.0)])
def test_with_nothing_in_the_way_the_first_leads_to_the_end_whatever_the_clocks_say(
    clocks: tuple[float, float],
) -> None:
    told = run(play([Life(wall_clock=clock) for clock in clocks], [], TROUBLED, CALM))
    assert len(told.terms) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        Life(slow=[Span(30, 2)], slow_by=30),
        Life(cut=[Span(30, 5)]),
        Life(lost_answers=[Span(30, 2.5)]),
        Life(pauses=[Span(30, 7)]),
    ],
    ids=["a request that hangs", "some seconds without the API server", "a lost answer", "a pause of 7 s"],
)
def test_a_short_trouble_of_the_leader_is_no_reason_to_end(trouble: Life) -> None:
    told = run(play([trouble, Life(born=1)], [], TROUBLED, CALM))
    assert [term.who for term in told.terms] == ["r0-1"]


def test_after_the_leader_is_killed_another_leads_as_soon_as_its_last_renewal_has_expired() -> None:
    told = run(play([Life(ends=[(60, False)]), Life(born=1)], [], TROUBLED, CALM))
    first, second = told.terms
    assert LEASE_SECONDS - RETRY_SECONDS <= second.start - first.end <= LEASE_SECONDS + 2.5


def test_after_the_leader_has_let_go_another_leads_with_its_next_look() -> None:
    told = run(play([Life(ends=[(60, True)]), Life(born=1)], [], TROUBLED, CALM))
    first, second = told.terms
    assert 0 <= second.start - first.end <= 2.5


def test_a_leader_that_was_paused_for_30_seconds_has_ended_before_another_leads() -> None:
    told = run(play([Life(pauses=[Span(60, 30)]), Life(born=1)], [], TROUBLED, CALM))
    never_two(told)
    assert [term.who for term in told.terms] == ["r0-1", "r1-1"]


@pytest.mark.parametrize("moment", [60.0, 60.7, 61.4])
def test_a_lease_that_is_deleted_under_the_leader_is_made_again_by_whoever_sees_it_first(moment: float) -> None:
    told = run(play([Life(), Life(born=1)], [moment], TROUBLED, CALM))
    never_two(told)
    assert len(told.terms) <= 2
    assert len(told.leaders(TROUBLED + CALM)) == 1
