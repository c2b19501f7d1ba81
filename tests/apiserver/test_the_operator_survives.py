"""The operator as a process, behind a proxy that makes the troubles of an API server. The Deployment controller is played.

What an event, an answer or a whole server that is gone may cost: time, and never a second change of a Deployment.
"""

import os
import re
import signal
import time
from collections.abc import Callable

import pytest

from apiserver.json_api import Api
from apiserver.objects import BRANDS, RELEASES
from apiserver.operated_site import KINDS, RESYNC, SETTLE, Site, is_apply, is_change, is_status_write
from support.fault_proxy import Event, Request
from support.kubectl import Kubectl

NEVER = 3600.0
"""As the time between resyncs: only the watches can tell."""

RESTART = 30.0
"""kopf takes 5 seconds to end, and up to 10 pass until the watches are started again."""

KOPF_KILLS = 25.0
"""kopf would kill the process so many seconds after its end, if it was set to (process.ultimate_exiting_timeout)."""

LISTS = [*KINDS, "jobs"]
"""Of one resync, in their order: hooks are Jobs in the watched namespace, builds are Jobs in the build namespace."""


def tells_of_a_changed_release(event: Event) -> bool:
    return (event.type, event.kind) == ("MODIFIED", "BrandRelease")


# --- what it leaves, and what it costs --------------------------------------------------------------------------------


def test_a_release_leaves_no_finalizer_and_nothing_of_kopf_on_any_object(site: Site, api: Api) -> None:
    site.brand()
    site.start()
    site.is_live()
    for body in (site.object(), site.deployment(), api.get(f"{BRANDS}/{site.name}").expect(200)):
        assert "finalizers" not in body["metadata"], body["metadata"]
        assert "kopf" not in str(body).lower(), body
    managers = {entry["manager"] for entry in site.deployment()["metadata"]["managedFields"]}
    assert "brandrelease" in managers


def test_only_the_status_the_deployment_and_events_are_written_and_only_what_is_watched_is_read(site: Site) -> None:
    site.brand()
    site.start()
    site.is_live()
    namespace = f"namespaces/{site.name}"
    ours = {
        f"PUT /apis/brandrelease.dev/v1alpha1/{namespace}/brandreleases/e0/status",
        f"PATCH /apis/apps/v1/{namespace}/deployments/{site.name}-e0-deployment",
        f"PUT /apis/brandrelease.dev/v1alpha1/brands/{site.name}/status",
        f"POST /api/v1/{namespace}/events",
    }

    def writes() -> set[str]:
        return {str(request).split(" {")[0] for request in site.proxy.requests if request.is_write}

    site.until("all of it was written, the Brand's status too", lambda: ours <= writes(), SETTLE)
    assert writes() == ours
    reads = {request.path for request in site.proxy.requests if not request.is_write}
    discovery = re.compile(r"/api(/v1)?|/apis(/[\w.]+/\w+)?|/version")
    kinds = "|".join(KINDS)
    objects = re.compile(rf"/apis?/.*/({kinds})(/[^/]+)?")
    assert [path for path in reads if not discovery.fullmatch(path) and not objects.fullmatch(path)] == []


@pytest.mark.timeout(90, func_only=True)
@pytest.mark.parametrize("count", [1, 30])
def test_idle_releases_cost_the_lists_of_the_resync_and_nothing_else_however_many_they_are(
    site: Site, count: int
) -> None:
    site.brand(environments=count)
    commit = site.push("master")
    for number in range(count):
        site.release("master", number)
    site.start(resync=1)
    for number in range(count):
        site.becomes_live(commit, number, limit=40)

    def resyncs(since: float) -> list[Request]:
        lists = [
            each for each in site.proxy.since(since) if each.is_for("GET", "/builds/jobs") and each.query.get("limit")
        ]
        return [each for each in lists if each.status]  # answered: the last list of a resync

    site.until("all is quiet", lambda: _quiet_for(site, 2.5), SETTLE)
    begin = len(resyncs(0))
    site.until("a resync ends", lambda: len(resyncs(0)) > begin, SETTLE)
    start = resyncs(0)[-1].at + 0.001
    site.until("two more end", lambda: len(resyncs(start)) >= 2, SETTLE)
    requests = site.proxy.since(start)[: 2 * len(LISTS)]
    assert [request.path.rpartition("/")[2] for request in requests] == LISTS * 2, requests
    assert all(request.method == "GET" and request.status == 200 for request in requests)
    assert 'brandrelease_resyncs_total{result="failed"} 0.0' in site.operator.get("/metrics")


def _quiet_for(site: Site, seconds: float) -> bool:
    return all(request.query.get("limit") == "500" for request in site.proxy.since(time.monotonic() - seconds))


def test_every_change_of_the_deployment_follows_live_reads_in_the_same_pass(site: Site) -> None:
    site.brand()
    site.start()
    site.is_live("one")
    site.is_live("two")
    requests = site.proxy.since(0)
    applies = [place for place, request in enumerate(requests) if is_change(request)]
    assert len(applies) == 2
    for place in applies:
        begin = max(i for i in range(place) if requests[i].is_for("GET", "/brandreleases/e0"))
        reads = [each for each in requests[begin:place] if each.is_for("GET", "/e0") or "/deployments/" in each.path]
        assert {read.path.split("/")[-2] for read in reads} == {"brandreleases", "deployments"}
        assert all(read.status == 200 and "resourceVersion" not in read.query for read in reads)
        assert requests[place].at - requests[begin].at < 5
    assert not [each for each in requests if each.query.get("resourceVersion") == "0"]


# --- events that never come -------------------------------------------------------------------------------------------


def test_a_change_whose_event_is_lost_is_found_by_the_resync(site: Site) -> None:
    site.brand()
    site.start()
    site.is_live("one")
    site.until("nothing else asks for a pass", lambda: _quiet_for(site, RESYNC + 1), SETTLE)
    with site.proxy.losing_events(tells_of_a_changed_release):
        site.is_live("two")
    found = re.search(r"(?m)^brandrelease_lost_events_total (\S+)$", site.operator.get("/metrics"))
    assert found
    assert float(found[1]) >= 1


def test_a_deletion_whose_event_is_lost_is_found_and_another_object_of_the_name_is_released(site: Site) -> None:
    site.brand()
    site.start()
    site.is_live("one")
    with site.proxy.losing_events():
        site.api.delete(f"{RELEASES.format(site.name)}/e0").expect(200)
        time.sleep(3 * RESYNC)  # that nothing happens can only be waited for
        start = time.monotonic()
        time.sleep(RESYNC)
        assert site.asked_for("e0", start) == [], "after a resync nobody looks at what is gone"
    site.is_live("two")


def test_a_release_that_one_answer_shows_as_gone_is_looked_at_once_more(site: Site) -> None:
    site.brand()
    site.start()
    site.is_live("one")
    site.until("nothing else asks for a pass", lambda: _quiet_for(site, 1), SETTLE)
    commit = site.push("two")
    with site.proxy.fault(lambda request: request.is_for("GET", "/brandreleases/e0"), status=404, times=1) as fault:
        site.release("two")
        site.becomes_live(commit)
    assert len(fault.met) == 1


def test_with_all_watches_mute_a_new_release_is_seen_after_one_resync_at_most(site: Site) -> None:
    site.brand()
    site.start()
    with site.proxy.losing_events():
        commit, start = site.push("master"), time.monotonic()
        site.release("master")
        made = time.monotonic()
        read = site.until("it is looked at", lambda: site.asked_for("e0", start), SETTLE)[0]
        gets = [each for each in site.proxy.since(made) if each.is_for("GET", "/brandreleases") and each.at < read.at]
        lists = [each for each in gets if "limit" in each.query]  # the Brand's first pass asks for some of them
        assert len(lists) <= 1, "the first list after it was made has it"
        site.becomes_live(commit)


@pytest.mark.parametrize(("kind", "type_"), [("BrandRelease", "ADDED"), ("Deployment", "MODIFIED")])
def test_a_kind_whose_events_are_all_lost_delays_a_release_and_does_not_stop_it(
    site: Site, kind: str, type_: str
) -> None:
    site.brand()
    site.start()
    before = site.generation()
    with site.proxy.losing_events(lambda event: (event.kind, event.type) == (kind, type_)):
        site.is_live()
    assert site.generation() == before + 1


# --- watches that end -------------------------------------------------------------------------------------------------


def test_watches_that_are_cut_or_end_with_410_are_taken_up_again_without_a_resync(site: Site) -> None:
    site.brand()
    site.start(resync=NEVER)
    site.is_live("one")
    site.proxy.end_watches_with_error(410, "Expired")
    site.is_live("two")
    site.proxy.end_watches()
    site.is_live("three")


@pytest.mark.timeout(120, func_only=True)
@pytest.mark.parametrize("how", ["ERROR 500 event", "HTTP 410"])
def test_what_ends_kopf_starts_the_watches_again_in_the_same_process(site: Site, how: str) -> None:
    site.brand()
    site.start(resync=NEVER)
    site.is_live("one")
    pid = site.operator.pid
    if how == "HTTP 410":
        with site.proxy.fault(lambda request: request.is_watch, status=410) as fault:
            site.proxy.end_watches()
            site.until("a watch is refused", lambda: fault.met, SETTLE)
    else:
        site.proxy.end_watches_with_error(500, "InternalError")
    site.until("kopf has ended", lambda: "The watches ended" in site.operator.last_lines(200), SETTLE)
    commit = site.push("two")
    site.release("two")
    site.becomes_live(commit, limit=RESTART)
    if how == "HTTP 410":
        time.sleep(KOPF_KILLS)
    assert site.runs()
    assert site.operator.pid == pid
    site.is_live("three")


# --- a server in trouble ----------------------------------------------------------------------------------------------

STORM_SECONDS = 60.0
STORM_RATE = 5.0
"""Requests per second, on average, of an operator whose every request is refused."""


@pytest.mark.timeout(240)
def test_a_minute_of_503_is_survived_by_the_process_and_the_release_in_flight(site: Site) -> None:
    site.brand(deadline=20)
    site.start()
    site.is_live("one")
    site.controller.plays.clear()
    before, commit, pid = site.generation(), site.push("two"), site.operator.pid
    site.release("two")
    site.until("it is deploying", lambda: site.status()["phase"] == "Deploying" and site.generation() > before, SETTLE)
    with site.proxy.fault(lambda _: True, status=503) as storm:
        site.proxy.end_watches()
        site.controller.plays.set()
        time.sleep(STORM_SECONDS)
        rate = len(storm.met) / STORM_SECONDS
    busiest = max(sum(0 <= other.at - one.at < 1 for other in storm.met) for one in storm.met)
    print(f"503 for {STORM_SECONDS:g} s: {rate:.2f} requests per second, {busiest} in the busiest second")
    assert rate <= STORM_RATE
    status = site.becomes_live(commit, limit=30)
    assert {entry["outcome"] for entry in status["history"]} == {"Succeeded"}
    assert site.generation() == before + 1
    assert site.runs()
    assert site.operator.pid == pid
    site.watches(30)


KOPF_GIVES_UP = 54.0
"""Seconds of refusals after which a watch of kopf's ends, and 5 s after it kopf cancels what still goes on."""


@pytest.mark.timeout(240)
def test_watches_that_wait_to_ask_again_while_kopf_ends_do_not_keep_all_of_them_closed(site: Site) -> None:
    """Each of them swallows kopf's cancellation or does not, as the order of a set will have it: three are let wait."""

    def is_for_first(request: Request) -> bool:
        return request.path.endswith(("/pods", "/jobs"))

    site.brand()
    site.start()
    site.is_live("one")
    with site.proxy.fault(is_for_first, status=503):
        site.proxy.end_watches()
        time.sleep(KOPF_GIVES_UP - 24)
        with site.proxy.fault(lambda request: not is_for_first(request), status=503):
            site.proxy.end_watches()  # these ask 20 s after this, and would again after 33 s
            time.sleep(24 + 5.5)
    site.watches(30)
    site.is_live("two")


@pytest.mark.parametrize("status", [429, 500])
def test_some_seconds_of_refusals_during_a_release_only_delay_it(site: Site, status: int) -> None:
    site.brand()
    site.start()
    before, commit = site.generation(), site.push("master")
    headers = {"Retry-After": "1"} if status == 429 else {}
    with site.proxy.fault(lambda request: not request.is_watch, status=status, headers=headers) as fault:
        site.release("master")
        site.until("some are refused", lambda: len(fault.met) >= 3, SETTLE)
    site.becomes_live(commit)
    assert site.generation() == before + 1


def test_connections_that_are_refused_for_some_seconds_only_delay_a_release(site: Site) -> None:
    site.brand()
    site.start()
    site.is_live("one")
    with site.proxy.refusing_connections():
        commit = site.push("two")
        site.release("two")
        time.sleep(2 * RESYNC)
    site.becomes_live(commit)


def test_answers_that_take_longer_than_a_request_may_only_delay_a_release(site: Site) -> None:
    site.brand()
    site.start()
    before, commit = site.generation(), site.push("master")
    with site.proxy.fault(lambda request: not request.is_watch, delay=5.0, times=3):
        site.release("master")
        site.becomes_live(commit, limit=25)
    assert site.generation() == before + 1


# --- writes ----------------------------------------------------------------------------------------------------------


def test_a_conflict_on_the_status_voids_the_plan_and_its_action(site: Site) -> None:
    site.brand()
    site.start()
    site.is_live("one")
    start, stale, wanted = time.monotonic(), site.push("stale"), site.push("wanted")

    def is_intent_to_deploy(request: Request) -> bool:
        return is_status_write(request) and b'"rollout"' in request.body and stale.encode() in request.body

    with site.proxy.fault(is_intent_to_deploy, before=lambda: site.release("wanted"), times=1) as conflict:
        site.release("stale")
        site.becomes_live(wanted)
    assert [request.status for request in conflict.met] == [409]
    applied = [request.body for request in site.proxy.since(start) if is_change(request)]
    assert len(applied) == 1
    assert wanted.encode() in applied[0]


@pytest.mark.parametrize("written", [is_status_write, is_apply])
def test_a_write_whose_answer_is_lost_is_not_done_twice(site: Site, written: Callable[[Request], bool]) -> None:
    site.brand()
    site.start()
    before = site.generation()
    with site.proxy.fault(written, lose_answer=True) as lost:
        site.is_live("one")
        assert site.generation() == before + 1
        site.is_live("two")
    assert lost.met
    assert site.generation() == before + 2


# --- the end ----------------------------------------------------------------------------------------------------------


def test_with_the_operator_down_kubectl_delete_returns_at_once_and_the_deployment_stays(
    site: Site, kubectl: Kubectl
) -> None:
    site.brand()
    site.start()
    site.is_live()
    site.operator.kill()
    before = site.deployment()
    kubectl.run("delete", "brandrelease", "e0", "--namespace", site.name, "--timeout=20s")  # fails where it has to wait
    site.api.get(f"{RELEASES.format(site.name)}/e0").expect(404)
    assert site.deployment() == before


def test_sigterm_ends_the_process_with_code_0_within_ten_seconds(site: Site) -> None:
    site.brand()
    site.start()
    site.is_live()
    process = site.operator._process
    assert process is not None
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(10) == 0, site.operator.last_lines()
