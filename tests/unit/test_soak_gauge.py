"""Growth is seen where there is some, and not where the load goes up and down."""

import os

import pytest

from soak.gauge import Lives, Sample, growths, sample_of


def samples(rss: list[float], files: int = 40) -> list[Sample]:
    return [Sample(10.0 * number, each, files, 8, 0.0) for number, each in enumerate(rss)]


@pytest.mark.parametrize(
    ("rss", "is_flat"),
    [([100.0, 104.0, 101.0, 103.0] * 5, True), ([100.0 + each for each in range(20)], False)],
)
def test_memory_that_grows_by_more_than_a_tenth_is_not_flat(rss: list[float], is_flat: bool) -> None:
    found = {growth.what: growth for growth in growths(samples(rss))}
    assert found["rss"].is_flat is is_flat
    assert found["files"].is_flat
    assert found["threads"].is_flat


def test_files_that_stay_open_are_told() -> None:
    leaking = [Sample(10.0 * number, 100.0, 40 + 5 * number, 8, 0.0) for number in range(20)]
    assert [growth.what for growth in growths(leaking) if not growth.is_flat] == ["files"]


def test_nothing_is_said_of_what_was_seen_for_a_moment() -> None:
    assert growths(samples([100.0, 200.0])) == []
    assert growths([]) == []


def test_only_the_last_process_counts_and_not_while_it_warms_up() -> None:
    lives = Lives({1: samples([1.0] * 20), 2: samples([100.0] * 20)})
    assert {each.rss for each in lives.last(0.0, 1000.0)} == {100.0}
    assert [each.at for each in lives.last(0.0, 70.0)] == [50.0, 60.0, 70.0]


def test_this_very_process_can_be_looked_at_and_one_that_is_gone_cannot() -> None:
    seen = sample_of(os.getpid())
    assert seen is not None
    assert seen.rss > 10
    assert seen.files > 2
    assert sample_of(2**22 + 1) is None
