"""A namespace is deleted in the middle of a release. The namespace controller, which empties it, is played."""

import time

import pytest

from apiserver.objects import BRANDS, RELEASES
from apiserver.operated_site import RESYNC, SETTLE, Site, is_apply
from support.fault_proxy import Request

WATCHED = 5.0
CALM = 6.0
"""Requests per second, with the lists of the resync, while the namespace is being emptied."""


def is_of_a_pass(request: Request) -> bool:
    return request.query.get("limit") != "500"


def rate(site: Site) -> float:
    start = time.monotonic()
    time.sleep(WATCHED)
    return len(list(filter(is_of_a_pass, site.proxy.since(start)))) / WATCHED


@pytest.mark.timeout(120, func_only=True)
@pytest.mark.parametrize("first", ["Deployment", "BrandRelease"])
def test_a_namespace_that_goes_in_mid_release_is_left_alone_and_forgotten(site: Site, first: str) -> None:
    site.brand()
    site.start()
    site.is_live("one")
    before, pid = site.generation(), site.operator.pid
    site.push("two")
    site.controller.sees_no_new_pods.set()
    site.release("two")
    site.until("it deploys", lambda: site.status()["phase"] == "Deploying" and site.generation() > before, SETTLE)
    site.controller.plays.clear()
    site.api.delete(f"/api/v1/namespaces/{site.name}").expect(200)
    site.push("three")
    site.release("three")  # a change is allowed as long as there is something to change
    release, deployment = f"{RELEASES.format(site.name)}/e0", site.deployment_path()
    one, other = (deployment, release) if first == "Deployment" else (release, deployment)
    site.api.delete(one).expect(200)
    assert rate(site) <= CALM
    if first == "Deployment":
        assert site.status()["conditions"][0]["reason"] == "DeploymentNotFound", site.status()
    start = time.monotonic()
    site.api.delete(other).expect(200)
    site.until("it is forgotten", lambda: "brandrelease_info{" not in site.operator.get("/metrics"), SETTLE)
    brand = f"{BRANDS}/{site.name}"

    def holders() -> list[str | None]:
        return [each.get("release") for each in site.api.get(brand).expect(200)["status"]["environments"]]

    site.until("the Brand tells of nobody", lambda: holders() == [None], SETTLE)
    time.sleep(2 * RESYNC)
    assert [each for each in site.proxy.since(start) if is_apply(each)] == []
    assert rate(site) <= 1 / WATCHED
    assert site.operator.pid == pid
    assert site.runs()
