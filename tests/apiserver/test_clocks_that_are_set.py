"""The operator's machine gets another time of day in the middle of a release, as from NTP: nothing ends early or late."""

import json
import time
from pathlib import Path

import pytest

from apiserver.operated_site import SETTLE, Site, is_apply, is_status_write
from support.machine_clock import MachineClock

HOUR, YEAR = 3600, 365 * 86400
DEADLINE, SOAK = 10, 4
TRUNCATED = 2.0
"""Times in a status are whole seconds, and it is written a moment after it was decided."""

LATE = 5.0
"""For the last look, on a busy machine."""


def looked_at(site: Site, times: int = 2) -> None:
    """Passes over the object from now on."""
    for number in range(times):
        start = time.monotonic()
        site.say("note", f"{start} {number}")
        site.until("it is looked at", lambda: site.asked_for("e0", start), SETTLE)  # noqa: B023 - called at once


def said(site: Site, commit: str, phase: str) -> float:
    """When the status was first written with this phase of the release of the commit."""
    for request in filter(is_status_write, site.proxy.requests):
        status = json.loads(request.body)["status"]
        if status["phase"] == phase and status["current"]["commit"] == commit:
            return request.at
    raise AssertionError(f"{commit} was never {phase}.")


def deploys(site: Site, branch: str) -> str:
    """A release whose new pods do not come, until `sees_no_new_pods` is cleared; the commit."""
    before = site.generation()
    site.controller.sees_no_new_pods.set()
    commit = site.push(branch)
    site.release(branch)
    site.until("it deploys", lambda: site.status()["phase"] == "Deploying" and site.generation() > before, SETTLE)
    seen = {"observedGeneration": site.generation()}
    site.until("the controller acts", lambda: seen.items() <= site.deployment()["status"].items(), SETTLE)
    return commit


@pytest.mark.timeout(120, func_only=True)
def test_a_machine_whose_clock_is_set_ends_no_release_early_and_none_late(site: Site, tmp_path: Path) -> None:
    clock = MachineClock(tmp_path)
    site.brand(deadline=DEADLINE, soak=SOAK)
    site.start(more=clock.environment)
    site.is_live("one")
    for number, (rolling_out, watched) in enumerate(((HOUR, -HOUR), (-HOUR, YEAR))):
        commit = deploys(site, f"good{number}")
        clock.is_off_by(rolling_out)
        looked_at(site)
        assert site.status()["phase"] == "Deploying", "no deadline has fired"
        site.controller.sees_no_new_pods.clear()
        site.until("it is watched", lambda: site.status()["phase"] == "Verifying", SETTLE)
        clock.is_off_by(watched)
        looked_at(site)
        site.becomes_live(commit)
        took = said(site, commit, "Live") - said(site, commit, "Verifying")
        assert took > SOAK - TRUNCATED, "the whole soak was kept"
    bad = deploys(site, "bad")
    clock.is_off_by(-HOUR)
    site.until("it is given up", lambda: site.status()["phase"] == "RollingBack", DEADLINE + SETTLE)
    took = said(site, bad, "RollingBack") - said(site, bad, "Deploying")
    assert DEADLINE - TRUNCATED < took < DEADLINE + LATE
    assert "clock" not in site.operator.last_lines(500)


@pytest.mark.timeout(120, func_only=True)
def test_the_next_process_goes_on_where_the_last_one_was_though_its_machines_clock_is_wrong(
    site: Site, tmp_path: Path
) -> None:
    clock = MachineClock(tmp_path)
    site.brand(deadline=HOUR // 10)
    site.start()
    site.is_live("one")
    for number, seconds in enumerate((HOUR, -HOUR)):
        commit = deploys(site, f"two{number}")
        site.operator.kill()
        clock.is_off_by(seconds)
        start = time.monotonic()
        site.start(more=clock.environment)
        looked_at(site)
        assert site.status()["phase"] == "Deploying"
        assert [each for each in site.proxy.since(start) if is_apply(each)] == []
        assert "This machine's clock differs from the API server's" in site.operator.last_lines(500)
        site.controller.sees_no_new_pods.clear()
        site.becomes_live(commit)
