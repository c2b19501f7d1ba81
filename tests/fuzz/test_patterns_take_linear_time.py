"""No regular expression can be made to think for long: each is run on long repeats of what it is made of itself.

A pattern that takes time in the square of its text needs minutes for these lengths, and one that goes back and forth
needs for ever; one that is linear needs milliseconds. So the limit is far from both, and no clock can make it flicker:
it counts the processor's time of this process only. (The patterns of the CRDs are checked by the API server in Go, whose
engine is linear, and where pydantic checks any, by one in Rust, which is too.)
"""

import contextlib
import re
import signal
from collections.abc import Iterator

import pytest

from support.patterns import Found, all_patterns, hostile

SIZES = (24, 2_000, 20_000)
SECONDS = 1.0
"""Of processor time, for each string."""


class TooLong(Exception):
    """The pattern still thinks."""


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    def over(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def slowest(found: Found) -> str | None:
    """The beginning of a string that takes too long; None where none does."""
    pattern = found.compiled
    for size in SIZES:
        for text in hostile(found, size):
            try:
                with at_most(SECONDS):
                    pattern.fullmatch(text)
                    for _ in () if found.whole else pattern.finditer(text):
                        pass
            except TooLong:
                return f"{text[:40]!r}... of {len(text)} characters"
    return None


def test_there_are_many_patterns_and_this_test_knows_them() -> None:
    assert len(all_patterns()) >= 55
    assert {found.module.split(".")[1] for found in all_patterns()} >= {"core", "adapters"}


@pytest.mark.parametrize("found", all_patterns(), ids=str)
def test_time_grows_with_the_text_and_not_faster(found: Found) -> None:
    assert slowest(found) is None


@pytest.mark.parametrize("bad", [r"(a+)+$", r"(a|a)*b", r"x*x*y"])
def test_a_pattern_that_thinks_for_long_would_be_noticed(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "SECONDS", 0.3)
    assert slowest(Found("here", bad, re.NOFLAG)) is not None
