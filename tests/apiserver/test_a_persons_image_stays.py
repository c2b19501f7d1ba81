"""Somebody else's hand on the image before a release has changed the Deployment, where it may not, and where it is tracked.

However the release goes on meanwhile: the operator answers with at most one change, and a person's image stays until
somebody asks for a release.
"""

import time
from collections.abc import Callable
from typing import Final

import pytest

from apiserver.json_api import Api
from apiserver.objects import RELEASES
from apiserver.operated_site import SETTLE, Object, Site
from apiserver.test_nobody_fights import (
    FIGHT,
    PERSONS,
    THEIRS,
    Tool,
    asks_for_two,
    changes,
    image,
    live,
    phase,
    ready,
    set_image,
    syncs,
)
from support.kubectl import Kubectl

INTERVAL: Final = 5
LONG_ENOUGH: Final = 2 * INTERVAL + 2
"""Seconds in which a tracked ref is looked at twice, and an image that CI waits for is asked for too."""

GoesOn = Callable[[], object]
"""What lets the release go on."""

pytestmark = pytest.mark.timeout(75, func_only=True)


def building(site: Site) -> GoesOn:
    """CI has not pushed the image yet."""
    commit = site.repository.commit({"page": "two"}, branch="two")
    site.release("two")
    site.until("CI is waited for", lambda: phase(site) == "Building", SETTLE)
    return lambda: site.registry.push_image(f"sites/{site.name}", commit, commit)


def migrating(site: Site) -> GoesOn:
    """The hook's Job runs, for as long as nobody says that it has ended."""
    site.change_environment(hooks={"preDeploy": {"command": ["migrate"]}})
    asks_for_two(site)
    site.until("its hook runs", lambda: phase(site) == "Migrating" and jobs(site), SETTLE)
    return lambda: complete(site, jobs(site)[0])


def quarantined(site: Site) -> GoesOn:
    """Somebody went back from two to one, and asks for two again."""
    live(site)
    site.say("rollbackTo", "1")
    site.until("it is back", lambda: site.status()["running"]["number"] == 3, SETTLE)
    site.say("requestedAt", "two again")
    site.until("it is refused", lambda: ready(site)["reason"] == "CommitQuarantined", SETTLE)
    return nothing


def tracked(site: Site) -> GoesOn:
    """The ref moves on while it is followed."""
    tracks(site)
    return lambda: site.push("one")


def tracked_while_building(site: Site) -> GoesOn:
    """Tracking has begun a release that nobody asked for, and CI has not pushed its image yet."""
    tracks(site)
    commit = site.repository.commit({"page": "newer"}, branch="one")
    site.until("CI is waited for", lambda: phase(site) == "Building", SETTLE)
    return lambda: site.registry.push_image(f"sites/{site.name}", commit, commit)


def tracked_while_quarantined(site: Site) -> GoesOn:
    """The ref is refused, and moves on to a commit that undoes what is bad."""
    quarantined(site)
    tracks(site)

    def is_mended() -> None:
        bad = site.repository.head("two")
        commit = site.repository.commit({"page": "mended"}, f"Undo\n\nThis reverts commit {bad}.", "two")
        site.registry.push_image(f"sites/{site.name}", commit, commit)

    return is_mended


STANDS: Final = {"Building": building, "Migrating": migrating, "CommitQuarantined": quarantined, "tracked": tracked}
KEEPS: Final = {
    "CommitQuarantined": quarantined,
    "tracked": tracked,
    "tracked while Building": tracked_while_building,
    "tracked while CommitQuarantined": tracked_while_quarantined,
}


@pytest.fixture
def begun(site: Site) -> Site:
    """Release 1 is live."""
    site.brand()
    site.start()
    site.is_live("one")
    return site


@pytest.mark.parametrize("stand", STANDS)
def test_a_tool_that_insists_is_answered_by_one_change_at_most(begun: Site, api: Api, stand: str) -> None:
    goes_on = STANDS[stand](begun)
    start = time.monotonic()
    with Tool(syncs(begun, api), THEIRS).at_work():
        goes_on()
        time.sleep(FIGHT)
    assert len(changes(begun, start)) <= 1
    assert image(begun) == THEIRS


@pytest.mark.parametrize("stand", KEEPS)
def test_a_persons_image_stays_until_somebody_asks(begun: Site, kubectl: Kubectl, stand: str) -> None:
    goes_on = KEEPS[stand](begun)
    stays_until_somebody_asks(begun, kubectl, goes_on)


def stays_until_somebody_asks(site: Site, kubectl: Kubectl, goes_on: GoesOn) -> None:
    start = time.monotonic()
    set_image(kubectl, site)
    goes_on()
    time.sleep(LONG_ENOUGH)
    assert changes(site, start) == []
    assert image(site) == PERSONS
    site.is_live("three")
    assert len(changes(site, start)) == 1
    assert image(site) == site.status()["running"]["image"]


def nothing() -> None:
    """The release does not go on by itself."""


def tracks(site: Site) -> None:
    path = f"{RELEASES.format(site.name)}/e0"
    site.api.merge(path, {"spec": {"trackIntervalSeconds": INTERVAL}}).expect(200)


def jobs(site: Site) -> list[Object]:
    return list(site.api.get(f"/apis/batch/v1/namespaces/{site.name}/jobs").expect(200)["items"])


def complete(site: Site, job: Object) -> None:
    """What the Job controller says of a Job that has ended well."""
    path, now = f"/apis/batch/v1/namespaces/{site.name}/jobs/{job['metadata']['name']}", "2026-01-01T12:00:00Z"
    kinds = ("SuccessCriteriaMet", "Complete")
    conditions = [{"type": kind, "status": "True", "lastTransitionTime": now} for kind in kinds]
    told = {"startTime": now, "completionTime": now, "succeeded": 1, "conditions": conditions}
    site.api.merge(f"{path}/status", {"status": told}).expect(200)
