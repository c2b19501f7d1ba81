"""What a soak does is a function of its seed, and of nothing else."""

import pytest

from soak.plan import AT_ONCE, RESTARTS, Ask, Trouble, plan_of

PLAN = plan_of(seed=7, seconds=1200, releases=2000, sites=200)


def test_the_same_seed_gives_the_same_plan_and_another_seed_another_one() -> None:
    assert plan_of(7, 1200, 2000, 200) == PLAN
    assert plan_of(8, 1200, 2000, 200) != PLAN


@pytest.mark.parametrize(("seconds", "releases", "sites"), [(40.0, 50, 20), (300.0, 400, 50), (1200.0, 2000, 200)])
def test_a_plan_asks_for_as_many_releases_as_it_shall(seconds: float, releases: int, sites: int) -> None:
    plan = plan_of(3, seconds, releases, sites)
    asked = sum(step.releases for step in plan.steps) + sites
    assert releases <= asked <= releases + 1
    assert all(0 <= step.at <= plan.ends_at for step in plan.steps)
    assert all(fault.at + fault.seconds <= plan.ends_at + 1e-6 for fault in plan.faults)


def test_each_site_gets_a_good_release_before_anything_else() -> None:
    for site in range(PLAN.sites):
        first = next(step for step in PLAN.steps if step.site == site)
        assert (first.ask, first.behaviour) == (Ask.Release, "good")


def test_there_are_never_too_many_faults_at_once_and_the_process_is_left_alone_in_the_end() -> None:
    for fault in PLAN.faults:
        beside = [other for other in PLAN.faults if other.at <= fault.at < other.at + other.seconds]
        assert len(beside) <= AT_ONCE
        assert fault.trouble not in RESTARTS or fault.at <= PLAN.quiet_at


@pytest.mark.parametrize("trouble", Trouble)
def test_a_long_soak_meets_every_kind_of_fault(trouble: Trouble) -> None:
    assert any(fault.trouble is trouble for fault in PLAN.faults)


@pytest.mark.parametrize("ask", Ask)
def test_a_long_soak_asks_for_everything(ask: Ask) -> None:
    assert any(step.ask is ask for step in PLAN.steps)
