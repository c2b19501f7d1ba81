"""What is older than what is known is not believed, for a minute."""

import pytest

from brandrelease.core.freshness import STALE_SECONDS, Seen, is_outdated

KNOWN, DELETED = Seen(100, at=1000.0), Seen(100, at=1000.0, there=False)


@pytest.mark.parametrize(
    ("version", "known", "now", "outdated"),
    [
        pytest.param(99, KNOWN, 1000.0, True, id="one version older"),
        pytest.param(99, KNOWN, 1000.0 + STALE_SECONDS - 0.1, True, id="older, nearly a minute later"),
        pytest.param(99, KNOWN, 1000.0 + STALE_SECONDS, False, id="after a minute etcd was restored from a backup"),
        pytest.param(100, KNOWN, 1000.0, False, id="the same: nothing has happened since"),
        pytest.param(101, KNOWN, 1000.0, False, id="newer"),
        pytest.param(1, None, 0.0, False, id="nothing is known yet"),
        pytest.param(99, DELETED, 1000.0, True, id="there, and it was deleted after that"),
        pytest.param(101, DELETED, 1000.0, False, id="there again"),
        pytest.param(None, KNOWN, 1000.0, True, id="not there, and nobody has told of its end"),
        pytest.param(None, KNOWN, 1000.0 + STALE_SECONDS, False, id="not there, after a minute"),
        pytest.param(None, DELETED, 1000.0, False, id="not there any more"),
        pytest.param(None, None, 0.0, False, id="not there, and nothing is known of it"),
    ],
)
def test_only_what_is_older_than_what_is_known_is_outdated(
    version: int | None, known: Seen | None, now: float, outdated: bool
) -> None:
    assert is_outdated(version, known, now) is outdated
