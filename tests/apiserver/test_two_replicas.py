"""Two processes, one Lease: one leads at a time, another one goes on where it ends, and what it has begun is done once."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from apiserver.json_api import Api
from apiserver.operated_site import SETTLE, is_apply, is_status_write
from apiserver.replicas import LEASES, Replica, ReplicatedSite, of_the_lease
from cluster.api import ApiServer
from support.fault_proxy import Request
from support.git_server import GitServer
from support.registry import RegistryServer

EXIT_DEPOSED = 75
KILLED, TOLD = 20.0, 8.0
"""Seconds until the other replica's first write (F13)."""

WOKEN = 3.0
"""Seconds until a process has ended that wakes without its Lease; 0.2 where nobody else has much to do."""

waits_for_a_lease_to_expire = pytest.mark.timeout(120, func_only=True)


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


@waits_for_a_lease_to_expire
def test_one_leads_and_when_it_is_stopped_or_killed_the_other_goes_on_in_mid_release(site: ReplicatedSite) -> None:
    site.brand()
    site.lay_out_the_lease()
    site.start_both()
    leader, other = site.roles()
    site.is_live("one")

    assert not other.watches_any()
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
    told = leader.signal(signal.SIGTERM)
    site.until("the other leads", other.leads, TOLD)
    site.controller.plays.set()
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
    other.operator.kill()
    killed = time.monotonic()
    site.controller.plays.set()
    took = first_write(site, leader, killed, KILLED + 5)
    print(f"SIGKILL: first write of the other after {took:.1f} s")
    assert took <= KILLED
    status = site.becomes_live(commit)
    assert site.generation() == before + 1
    assert [entry["outcome"] for entry in status["history"] if entry["commit"] == commit] == ["Succeeded"]


@waits_for_a_lease_to_expire
def test_a_leader_that_is_paused_for_30_seconds_right_before_its_change_never_makes_it(site: ReplicatedSite) -> None:
    """It has decided, has written what it means to do, and wakes when another replica has done it."""
    site.brand()
    site.lay_out_the_lease()
    site.start_both()
    old, new = site.roles()
    site.is_live("one")
    before, commit = site.generation(), site.push("two")
    paused: list[float] = []

    def means_to_deploy(request: Request) -> bool:
        return is_status_write(request) and b'"rollout"' in request.body and commit.encode() in request.body

    with old.proxy.fault(means_to_deploy, before=lambda: paused.append(old.signal(signal.SIGSTOP)), times=1):
        site.release("two")
        site.until("it is paused", lambda: paused, SETTLE)
    took = first_write(site, new, paused[0], KILLED + 5)
    print(f"SIGSTOP: first write of the other after {took:.1f} s")
    assert took <= KILLED
    site.becomes_live(commit)
    assert new.leads()
    time.sleep(max(0.0, paused[0] + 30 - time.monotonic()))

    woken = old.signal(signal.SIGCONT)
    code = old.exit_code(5)
    print(f"SIGCONT: ended after {time.monotonic() - woken:.2f} s")
    assert time.monotonic() - woken <= WOKEN
    assert code == EXIT_DEPOSED, old.operator.last_lines()
    taken_over = new.writes()[0].at
    assert [str(request) for request in old.accepted(taken_over)] == []
    assert [str(request) for request in old.writes(woken)] == [], "nothing was even sent"
    assert sum(is_apply(request) for request in new.accepted()) == 1
    assert site.generation() == before + 1
    assert [entry["outcome"] for entry in site.status()["history"] if entry["commit"] == commit] == ["Succeeded"]


@waits_for_a_lease_to_expire
def test_a_leader_that_is_cut_off_from_the_lease_alone_stops_before_the_other_starts(site: ReplicatedSite) -> None:
    """Its releases could go on, and there is always something to write; its renewals get no answer."""
    site.brand(environments=2)
    site.lay_out_the_lease()
    site.start_both()
    old, new = site.roles()
    site.is_live("one")
    with old.proxy.fault(lambda request: of_the_lease(request) and request.method == "PUT", delay=60, times=1) as hung:
        site.until("a renewal hangs", lambda: hung.met, 5)
        site.until("another one is sent", lambda: len(renewals(old, hung.met[0].at)) >= 3, 12)
    assert old.leads(), "one request that hangs is no end"

    commits = [site.push(f"feature-{number}") for number in range(40)]
    with old.proxy.fault(of_the_lease, delay=60) as cut:
        site.until("a renewal hangs", lambda: cut.met, 5)
        renewed = [request.at for request in renewals(old, 0) if request.status == 200][-1]
        noticed = old.end_noticed()
        for commit in commits:
            if not old.operator.runs:
                break
            site.release(commit, number=1)
            time.sleep(0.4)
        code, ended = old.exit_code(1), noticed.result(1)
    print(f"cut: last write {old.writes()[-1].at - renewed:.1f} s, end {ended - renewed:.1f} s after the last renewal")
    assert code == EXIT_DEPOSED, old.operator.last_lines()
    assert "The Lease could not be renewed in time" in old.operator.last_lines()
    # The proxy notes when a request has come, which is a moment after it was sent.
    assert 6 < old.writes()[-1].at - renewed <= 11, "it has written to the end, and no longer"
    assert ended - renewed <= 11
    commit = site.push("two")
    site.release("two", number=1)
    took = first_write(site, new, renewed, KILLED + 5)
    print(f"cut: first write of the other {took:.1f} s after the last renewal of the old")
    assert took > old.writes()[-1].at - renewed
    site.becomes_live(commit, number=1)


def renewals(of: Replica, since: float) -> list[Request]:
    return [request for request in of.proxy.since(since) if of_the_lease(request) and request.method == "PUT"]


@waits_for_a_lease_to_expire
def test_of_two_that_start_together_exactly_one_leads_each_time(site: ReplicatedSite) -> None:
    site.brand()
    path = LEASES.format(site.name) + "/brandrelease"
    for number in range(3):
        if number:
            site.lay_out_the_lease()
        start = time.monotonic()
        site.start_both()
        leader, other = site.roles(limit=25)
        took = time.monotonic() - start
        assert took > 15 or number, "without a Lease there may still be a leader that does not know that it was deleted"
        site.is_live(f"branch-{number}")
        assert not other.leads()
        assert not other.writes(start)
        other.signal(signal.SIGTERM)
        assert other.exit_code(5) == 0, other.operator.last_lines()
        leader.operator.kill()
        site.api.delete(path).expect(200)


def clock(ahead: str) -> dict[str, str]:
    """The time of day for a process, by so much; its monotonic clock goes on as it does."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    return {"LD_PRELOAD": str(library), "FAKETIME": ahead, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@waits_for_a_lease_to_expire
def test_clocks_that_are_two_hours_apart_make_nobody_take_over_early_or_late(site: ReplicatedSite) -> None:
    site.brand()
    site.lay_out_the_lease()
    site.a.start(clock("-1h"))
    site.b.start(clock("+1h"))
    slow, fast = site.roles()
    assert slow is site.a
    site.is_live("one")
    assert not fast.leads()
    commit = site.push("two")
    slow.operator.kill()
    killed = time.monotonic()
    site.release("two")
    took = first_write(site, fast, killed, KILLED + 5)
    print(f"SIGKILL, the other's clock 2 hours ahead: its first write after {took:.1f} s")
    assert 10 < took <= KILLED
    site.a.start(clock("-1h"))
    site.becomes_live(commit)
    site.is_live("three")
    time.sleep(4)
    assert not site.a.leads()
    assert not site.a.writes(killed)
