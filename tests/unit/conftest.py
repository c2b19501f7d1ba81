"""Worlds to tell stories in."""

from collections.abc import Iterator
from functools import cache

import pytest
from structlog.testing import capture_logs

from support.story import Story


@pytest.fixture
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
def world(quiet: None) -> Story:
    return Story()


@pytest.fixture
def live(quiet: None) -> Story:
    """A world in which release 1 is live."""
    return _live().copied()


@cache
def _live() -> Story:
    """Played once; stories go on in copies of it."""
    story = Story()
    story.release("one")
    assert story.headline() == ("Live", "Succeeded")
    return story
