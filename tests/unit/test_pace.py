"""How soon an object is looked at again."""

import pytest

from brandrelease.controller.pace import AT_ONCE_LIMIT, BUNDLE, CROWD, CROWDED_PACE, PACE, Pace

KEY, NOON = "drumeo", 1000.0


def test_so_many_passes_follow_each_other_at_once_and_then_one_for_each_pace() -> None:
    pace: Pace[str] = Pace()
    for _ in range(AT_ONCE_LIMIT):
        assert pace.pause_after_many(KEY, NOON) == 0
        pace.asked(KEY, NOON)
    pace.asked(KEY, NOON)
    assert pace.pause_after_many(KEY, NOON) == PACE
    assert pace.pause_after_many(KEY, NOON + PACE) == 0


def test_what_rests_for_long_enough_may_have_as_many_passes_again() -> None:
    pace: Pace[str] = Pace()
    for _ in range(2 * AT_ONCE_LIMIT):
        pace.asked(KEY, NOON)
    pace.asked(KEY, NOON + 2 * AT_ONCE_LIMIT * PACE)
    assert pace.pause_after_many(KEY, NOON + 2 * AT_ONCE_LIMIT * PACE) == 0


@pytest.mark.parametrize(
    ("under_way", "waiting", "pause"),
    [(True, CROWD, CROWDED_PACE), (True, CROWD - 1, BUNDLE), (False, CROWD, BUNDLE), (False, CROWD - 1, BUNDLE)],
)
def test_events_wait_a_moment_after_a_pass_and_for_longer_about_what_is_under_way_in_a_crowd(
    *, under_way: bool, waiting: int, pause: float
) -> None:
    pace: Pace[str] = Pace()
    assert pace.pause_after_event(KEY, NOON, waiting) == 0
    pace.ended(KEY, NOON, under_way=under_way)
    assert pace.pause_after_event(KEY, NOON, waiting) == pytest.approx(pause)
    assert pace.pause_after_event(KEY, NOON + pause, waiting) == 0


@pytest.mark.parametrize(("waiting", "pause"), [(CROWD, CROWDED_PACE), (CROWD - 1, BUNDLE)])
def test_a_pass_that_asks_for_the_next_gets_it_at_once_unless_pods_are_on_their_way(waiting: int, pause: float) -> None:
    pace: Pace[str] = Pace()
    pace.ended(KEY, NOON, under_way=False)
    assert pace.pause_under_way(KEY, NOON, waiting) == 0
    pace.ended(KEY, NOON, under_way=True)
    assert pace.pause_under_way(KEY, NOON, waiting) == pytest.approx(pause)
    assert pace.pause_under_way(KEY, NOON + pause, waiting) == 0


def test_a_pass_says_whether_the_object_is_still_under_way() -> None:
    pace: Pace[str] = Pace()
    pace.ended(KEY, NOON, under_way=True)
    assert pace.is_under_way(KEY)
    pace.ended(KEY, NOON, under_way=False)
    assert not pace.is_under_way(KEY)


def test_what_is_gone_leaves_nothing_behind() -> None:
    pace: Pace[str] = Pace()
    for _ in range(2 * AT_ONCE_LIMIT):
        pace.asked(KEY, NOON)
    pace.ended(KEY, NOON, under_way=True)
    pace.forget(KEY)
    assert not pace.is_under_way(KEY)
    assert pace.pause_after_many(KEY, NOON) == 0
