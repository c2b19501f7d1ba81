"""The soak itself works: a short one with a plan that is known, and that every oracle could have looked at something."""

import asyncio
from pathlib import Path

import pytest

from soak.__main__ import summary
from soak.plan import plan_of
from soak.run import soak

SECONDS, RELEASES, SITES, SEED = 40.0, 50, 20, 8


@pytest.mark.timeout(300, func_only=True)
def test_a_short_soak_with_faults_loses_nothing_and_violates_nothing(tmp_path: Path) -> None:
    result = asyncio.run(soak(plan_of(SEED, SECONDS, RELEASES, SITES), tmp_path))
    told = summary(result, "make soak")
    print(told)
    assert not result.violations, told
    assert result.outcomes["Succeeded"] >= 2 * SITES
    assert result.releases >= RELEASES - 5  # some are left before their first status, by a newer request
