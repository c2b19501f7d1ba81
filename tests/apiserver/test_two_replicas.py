"""Two processes, one Lease: one leads at a time, another one goes on where it ends, and what it has begun is done once."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from apiserver.json_api import Api
from apiserver.operated_site import SETTLE
from apiserver.replicas import Replica, ReplicatedSite
from cluster.api import ApiServer
from support.git_server import GitServer
from support.registry import RegistryServer

EXIT_DEPOSED = 75
KILLED, TOLD = 20.0, 8.0
"""Seconds until the other replica's first write (F13)."""

pytestmark = pytest.mark.timeout(120, func_only=True)


@pytest.fixture
def site(
    api_server: ApiServer, api: Api, namespace: str, git: GitServer, registry: RegistryServer, tmp_path: Path
) -> Iterator[ReplicatedSite]:
    with ReplicatedSite(api_server, api, namespace, git, registry, tmp_path).open() as told:
        yield told


def first_write(site: ReplicatedSite, of: Replica, since: float, limit: float) -> float:
    """Seconds after a moment at which it was sent."""
    write = site.until("the other replica writes", lambda: of.writes(since), limit)[0]
    return write.at - since


def test_one_leads_and_when_it_is_stopped_or_killed_the_other_goes_on_in_mid_release(site: ReplicatedSite) -> None:
    site.brand()
    site.start_both()
    leader, other = site.roles()
    site.is_live("one")

    assert other.watches() == 0
    assert not other.writes()
    assert {request.path.rpartition("/")[2] for request in other.proxy.requests if "apis/" in request.path} == {
        "brandrelease"
    }, "a replica that stands by asks for nothing but the Lease"
    for path in ("/healthz", "/readyz"):
        assert other.operator.get(path) == leader.operator.get(path) == "ok\n"
    assert site.lease()["spec"]["holderIdentity"].startswith(f"{leader.name}_")

    site.controller.plays.clear()
    before, commit = site.generation(), site.push("two")
    site.release("two")
    site.until("it is deploying", lambda: site.status()["phase"] == "Deploying" and site.generation() > before, SETTLE)
    site.controller.plays.set()
    told = leader.signal(signal.SIGTERM)
    took = first_write(site, other, told, TOLD)
    print(f"SIGTERM: first write of the other after {took:.1f} s")
    assert took <= TOLD
    assert leader.exit_code(10) == 0, leader.operator.last_lines()
    site.becomes_live(commit)
    assert site.generation() == before + 1

    leader.start()
    site.controller.plays.clear()
    before, commit = site.generation(), site.push("three")
    site.release("three")
    site.until("it is deploying", lambda: site.status()["phase"] == "Deploying" and site.generation() > before, SETTLE)
    site.controller.plays.set()
    other.operator.kill()
    killed = time.monotonic()
    took = first_write(site, leader, killed, KILLED + 5)
    print(f"SIGKILL: first write of the other after {took:.1f} s")
    assert took <= KILLED
    status = site.becomes_live(commit)
    assert site.generation() == before + 1
    assert [entry["outcome"] for entry in status["history"] if entry["commit"] == commit] == ["Succeeded"]
