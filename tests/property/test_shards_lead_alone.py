"""Whatever befalls replicas while the fleet is divided anew, and anew: never two lead one brand, and in the end one leads each.

The elections and fences are the real ones, in virtual time (`support.election`).
"""

import asyncio
import math
from collections.abc import Sequence
from itertools import combinations

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from brandrelease.core.leadership import LEASE_SECONDS, REQUEST_SECONDS
from brandrelease.core.sharding import Shard
from support.election import Life, Run, Span, Term, play
from support.virtual_time import VirtualTimeLoop

TROUBLED, CALM, SLACK = 120.0, 60.0, 0.001
BRANDS = [f"brand-{number}" for number in range(12)]
Draw = st.DrawFn

spans = st.lists(st.builds(Span, st.floats(0, 100), st.sampled_from([0.5, 5, 9, 16, 20])), max_size=2)


@st.composite
def one_life(draw: Draw, shard: Shard, begins: float, ends: float) -> Life:
    """A replica of one division: it comes a little late, and goes a little late."""
    gone = min(ends + draw(st.sampled_from([0.0, 0.3, 3.0, 20.0])), TROUBLED) if ends < math.inf else math.inf
    return Life(
        born=begins + draw(st.sampled_from([0.0, 0.01, 2.0])),
        pauses=draw(spans),
        slow=draw(spans),
        slow_by=draw(st.sampled_from([1.0, 3.9, 8.0])),
        lost_answers=draw(spans),
        cut=draw(spans),
        ends=sorted(draw(st.lists(st.tuples(st.floats(0, TROUBLED), st.booleans()), max_size=2))),
        shard=shard,
        gone=gone,
    )


@st.composite
def histories(draw: Draw) -> tuple[int, list[Life]]:
    """The last division, and the lives of the replicas of all."""
    counts = draw(st.lists(st.integers(1, 3), min_size=2, max_size=3))
    moments = sorted(draw(st.lists(st.floats(20, 90), min_size=len(counts) - 1, max_size=len(counts) - 1)))
    spans_of_divisions = zip(counts, [0.0, *moments], [*moments, math.inf], strict=True)
    return counts[-1], [
        draw(one_life(Shard(index, count), begins, ends))
        for count, begins, ends in spans_of_divisions
        for index in range(count)
        for _ in range(draw(st.integers(1, 2)))
    ]


def run(lives: Sequence[Life], deletions: Sequence[float] = ()) -> Run:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(play(lives, deletions, TROUBLED, CALM))


def last_write_of(term: Term) -> float:
    return term.end + (REQUEST_SECONDS if term.end == term.limit and not term.let_go else 0.0)


def never_two(told: Run) -> None:
    for brand in BRANDS:
        of_it = [term for term in told.terms if term.shard.has(brand)]
        for earlier, later in combinations(sorted(of_it, key=lambda term: term.start), 2):
            assert later.start >= last_write_of(earlier) - SLACK, (brand, earlier, later)


def each_has_one(told: Run, count: int) -> None:
    leading = [term for term in told.terms if term.start <= TROUBLED + CALM < term.end]
    assert sorted(str(term.shard) for term in leading) == sorted(f"{index}/{count}" for index in range(count))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_never_two_for_one_brand_and_in_the_end_one_for_each(history: tuple[int, list[Life]]) -> None:
    count, lives = history
    told = run(lives)
    event(f"{len({term.shard.count for term in told.terms})} divisions led")
    never_two(told)
    each_has_one(told, count)


def divided(count: int, born: float = 0.0, gone: float = math.inf) -> list[Life]:
    return [Life(shard=Shard(index, count), born=born, gone=gone) for index in range(count) for _ in "ab"]


def test_while_the_old_ones_lead_the_new_ones_wait_and_the_old_ones_lead_on() -> None:
    told = run([*divided(2), *divided(3, born=30)])
    never_two(told)
    each_has_one(told, 2)
    assert {term.shard.count for term in told.terms} == {2}


def test_after_a_resize_the_new_ones_lead_as_soon_as_they_are_sure_of_their_own_leases() -> None:
    told = run([*divided(2, gone=60), *divided(3, born=58)])
    never_two(told)
    each_has_one(told, 3)
    assert max(term.start for term in told.terms) < 58 + LEASE_SECONDS + 5


def test_back_to_a_division_that_was_there_before_its_leases_are_taken_at_once() -> None:
    told = run([*divided(1, gone=40), *divided(2, born=41, gone=80), *divided(1, born=81)])
    never_two(told)
    each_has_one(told, 1)
    assert 81 <= told.terms[-1].start < 84


def test_shards_that_are_killed_are_waited_for_until_their_leases_have_expired() -> None:
    killed = [Life(shard=each.shard, ends=[(60, False)], gone=60.001) for each in divided(2)]
    told = run([*killed, *divided(1, born=60)])
    never_two(told)
    each_has_one(told, 1)
    assert told.terms[-1].start >= 60 + LEASE_SECONDS - 2


def test_a_lease_that_is_deleted_while_others_wait_for_it_lets_nobody_lead_beside_its_holder() -> None:
    told = run([*divided(2, gone=80), *divided(3, born=40)], deletions=[60.0, 61.5])
    never_two(told)
    each_has_one(told, 3)
