"""The board of the real operator: what a release does is seen while it happens, on every replica, at no cost to the API server."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import pytest

from apiserver.json_api import Api
from apiserver.operated_site import SETTLE, Site
from apiserver.played_cluster import PlayedCluster
from apiserver.replicas import ReplicatedSite, of_the_lease
from cluster.api import ApiServer
from support.fault_proxy import Request
from support.git_server import GitServer
from support.operator_process import OperatorProcess
from support.registry import RegistryServer

OPEN: Final = {"BRANDRELEASE_BOARD": "open"}
VIEWERS: Final = 12


class Viewer:
    """Somebody whose page is open: what the stream has told them, all in one text."""

    def __init__(self, operator: OperatorProcess, query: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", operator._port, timeout=60)
        self._connection.request("GET", f"/board/events{query}")
        self._answer = self._connection.getresponse()
        self.told, self.names = "", list[str]()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._connection.close()

    def _listen(self) -> None:
        with suppress(OSError, http.client.HTTPException):  # it was closed, at one end or the other
            for line in self._answer:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    self.names.append(value)
                elif name == "data":
                    data: dict[str, Any] = json.loads(value)
                    self.told += str(data.get("html", ""))


def asked_of_the_api(site: Site, since: float) -> list[Request]:
    """All but watches, which come to an end and begin anew whoever looks, and the resync's lists."""
    return [each for each in site.proxy.since(since) if not each.is_watch and "limit" not in each.query]


def has(site: Site, page: str, *words: str) -> bool:
    text = site.operator.get(page)
    return all(word in text for word in words)


def test_a_release_is_seen_while_it_happens_and_who_looks_costs_nothing(site: Site) -> None:
    site.brand()
    site.start(more=OPEN)
    one = site.is_live("one")
    for page in ("/board", f"/board/brands/{site.name}"):
        site.until(f"{page} has it", partial(has, site, page, "Live", one[:12]), SETTLE)

    site.until("nothing is going on", lambda: not asked_of_the_api(site, time.monotonic() - 1), SETTLE)
    began = time.monotonic()
    with ExitStack() as pages:
        queries = ("", f"?brand={site.name}") * (VIEWERS // 2)
        viewers = [pages.enter_context(Viewer(site.operator, query)) for query in queries]
        watch_a_release(site, viewers, began)
    site.api.delete(f"/apis/brandrelease.dev/v1alpha1/namespaces/{site.name}/brandreleases/e0").expect(200)
    site.until("it is gone from the board", lambda: "Never released." in site.operator.get("/board"), SETTLE)


def watch_a_release(site: Site, viewers: list[Viewer], began: float) -> None:
    for path in ("/board", f"/board/brands/{site.name}") * 5:
        site.operator.get(path)
    site.until("all have the page", lambda: all("whole" in each.names for each in viewers), 5)
    time.sleep(0.5)
    assert [str(request) for request in asked_of_the_api(site, began)] == []

    site.controller.plays.clear()
    two = site.push("two")
    site.release("two")
    site.until("all see it go out", lambda: all(two[:12] in v.told and "Deploying" in v.told for v in viewers), SETTLE)
    site.controller.plays.set()
    site.becomes_live(two)
    site.until(
        "all see it live",
        lambda: all(v.told.rpartition(two[:12])[0].rpartition("badge good")[1] for v in viewers),
        SETTLE,
    )
    assert {name for each in viewers for name in each.names} == {"beat", "whole", "parts"}


@pytest.fixture
def replicas(
    api_server: ApiServer, api: Api, namespace: str, git: GitServer, registry: RegistryServer, tmp_path: Path
) -> Iterator[ReplicatedSite]:
    with ReplicatedSite(api_server, api, namespace, git, registry, tmp_path).open() as told:
        yield told


@pytest.mark.timeout(120, func_only=True)  # two processes start, and one of them takes 5 s to end
def test_a_replica_that_stands_by_shows_the_same_board_also_when_the_leader_is_gone(replicas: ReplicatedSite) -> None:
    site = replicas
    site.brand()
    site.lay_out_the_lease()
    site.start_both(OPEN, OPEN)
    leader, other = site.roles()
    shown = ("brandreleases", "brands", "pods")
    site.until("the other watches what is shown", lambda: all(map(other.proxy.open_watches, shown)), SETTLE)
    assert not any(map(other.proxy.open_watches, ("deployments", "jobs")))
    with Viewer(other.operator) as viewer:
        one = site.is_live("one")
        site.until("it is seen there", lambda: one[:12] in viewer.told and "badge good" in viewer.told, SETTLE)
        assert not other.writes()
        assert {each.path.rpartition("/")[2] for each in other.proxy.requests if not of_the_lease(each)} <= {
            "brandreleases",
            "brands",
            "pods",
            "identity",
            "apis",
            "api",
            "v1",
            "v1alpha1",
        }

        leader.operator.stop()
        site.until("the other leads", lambda: other.leads() and other.watches_all(), SETTLE)
        site.operator, site.proxy = other.operator, other.proxy
        two = site.is_live("two")
        site.until("the same viewer sees the next release", lambda: two[:12] in viewer.told, SETTLE)


def test_a_release_that_is_rolled_back_is_told_with_its_pods_and_why(site: Site) -> None:
    site.brand()
    site.controller.plays.clear()
    cluster = PlayedCluster(Api(site.server.kubeconfig), site.name, site.name, site.registry)
    try:
        site.start(more=OPEN)
        one = site.is_live("one")
        bad = site.push("bad")
        cluster.bad_commits.add(bad)
        page = f"/board/brands/{site.name}"
        with Viewer(site.operator, f"?brand={site.name}") as viewer:
            cluster.leaves_old_pods.set()
            site.release("bad")
            site.until(
                "the pod that crashes is seen", lambda: "CrashLoopBackOff (container app)" in viewer.told, SETTLE
            )
            cluster.leaves_old_pods.clear()
            site.until("it is rolled back", lambda: site.status().get("phase") == "RolledBack", SETTLE)
            site.until("that is seen", lambda: "Ended: RolledBack" in viewer.told, SETTLE)
        told = site.operator.get(page)
        said = (one[:12], bad[:12], "Blame: Release, the commit&#39;s own doing.", "was to blame for a failed release")
        assert [word for word in said if word not in told] == []
        assert 'href="/board/reasons/CrashLoopBackOff"' in told
        assert "A container of a new pod ended more often" in site.operator.get("/board/reasons/CrashLoopBackOff")
    finally:
        cluster.end()
