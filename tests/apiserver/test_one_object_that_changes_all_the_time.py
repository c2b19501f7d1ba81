"""500 events a second that concern one BrandRelease; and somebody who changes it before each write of its status."""

import json
import os
import re
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from apiserver.objects import RELEASES
from apiserver.operated_site import SETTLE, Site, is_status_write
from brandrelease.apis.wellknown import NAME_LABEL, RELEASE_LABEL
from brandrelease.controller.pace import AT_ONCE_LIMIT, PACE
from support.fault_proxy import Request

STORM_SECONDS = 8.0
EVENTS = 500.0
"""A second, of a pod of the BrandRelease: told by the proxy, since no API server of a test takes so many writes."""

PATIENCE = 40.0


def pod_event(site: Site, number: int) -> dict[str, Any]:
    """A pod of e0 has changed."""
    labels = {NAME_LABEL: "e0", RELEASE_LABEL: "1"}
    metadata = {"name": "flaps", "namespace": site.name, "uid": "flaps", "labels": labels}
    version = {"resourceVersion": str(10**9 + number)}
    return {"type": "MODIFIED", "object": {"apiVersion": "v1", "kind": "Pod", "metadata": metadata | version}}


def passes(site: Site) -> float:
    metrics = site.operator.get("/metrics")
    found = re.findall(r'^brandrelease_passes_total\{result="\w+"\} (\S+)$', metrics, re.MULTILINE)
    return sum(float(count) for count in found)


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def seconds_to_release(site: Site, branch: str, number: int) -> float:
    commit, start = site.push(branch), time.monotonic()
    site.release(branch, number)
    site.becomes_live(commit, number, limit=PATIENCE)
    return time.monotonic() - start


@pytest.mark.timeout(150, func_only=True)
def test_a_storm_of_events_costs_two_passes_a_second_before_long_and_holds_up_nobody(site: Site) -> None:
    site.brand(environments=2)
    site.start()
    site.is_live("one", 0)
    site.is_live("one", 1)
    ordinary = max(seconds_to_release(site, f"ordinary{number}", 1) for number in range(2))
    time.sleep(AT_ONCE_LIMIT * PACE / 2)  # what e0 has had at once is made up for
    with site.proxy.telling("pods", lambda number: pod_event(site, number), EVENTS) as events:
        begin, before, cost = time.monotonic(), passes(site), processor_seconds(site.operator.pid)
        time.sleep(STORM_SECONDS)
        bounded, seconds = passes(site) - before, time.monotonic() - begin
        told = len(events) / seconds
        used = (processor_seconds(site.operator.pid) - cost) / seconds
        requests = len(site.proxy.since(begin)) / seconds
        meanwhile = seconds_to_release(site, "meanwhile", 1)
        in_the_storm = seconds_to_release(site, "storm", 0)
    ordinary = max(ordinary, seconds_to_release(site, "after", 1))
    print(
        f"{told:.0f} events, {bounded / seconds:.1f} passes and {requests:.0f} requests a second, {used:.0%} of a processor; "
        f"a release of another object takes {meanwhile:.1f} s instead of {ordinary:.1f} s, one of this object {in_the_storm:.1f} s"
    )
    assert told > EVENTS / 2
    assert bounded <= AT_ONCE_LIMIT + seconds / PACE + 2
    assert meanwhile <= 2 * ordinary + 3


def is_marked(site: Site) -> None:
    """Somebody changes what no release depends on."""
    mark = {"metadata": {"annotations": {"example.com/storm": str(time.monotonic_ns())}}}
    site.api.merge(f"{RELEASES.format(site.name)}/e0", mark).expect(200)


def is_exchange(request: Request) -> bool:
    return request.is_for("PATCH", "/e0/status")


@pytest.mark.timeout(90, func_only=True)
def test_somebody_who_changes_the_object_before_each_write_does_not_keep_its_status_from_being_written(
    site: Site,
) -> None:
    site.brand(soak=1)
    site.start()
    with site.proxy.fault(is_status_write, before=lambda: is_marked(site)) as each:
        site.is_live("one")
        site.is_live("two")

    def exchanged() -> list[Request]:
        return list(filter(is_exchange, site.proxy.requests))

    site.until("all are answered", lambda: all(r.status for r in (*each.met, *exchanged())), SETTLE)
    assert {request.status for request in each.met} == {409}
    assert {request.status for request in exchanged()} == {200}
    assert [entry["number"] for entry in site.status()["history"]] == [2, 1]


def test_what_is_asked_for_while_a_status_is_exchanged_is_heard_though_no_event_tells_of_it(site: Site) -> None:
    def is_the_end(request: Request) -> bool:
        return is_status_write(request) and json.loads(request.body)["status"]["phase"] == "Live"

    site.brand()
    site.start()
    with ExitStack() as lost:

        def is_marked_and_nothing_tells() -> None:
            lost.enter_context(site.proxy.losing_events(lambda event: event.kind == "BrandRelease"))
            is_marked(site)

        with (
            site.proxy.fault(is_the_end, before=is_marked_and_nothing_tells, times=1) as end,
            site.proxy.fault(is_exchange, before=lambda: site.say("requestedAt", "now"), times=1) as exchange,
        ):
            site.is_live("one")
            site.until("it is heard", lambda: site.status()["lastHandled"].get("requestedAt") == "now", SETTLE)
    assert (len(end.met), len(exchange.met)) == (1, 1)
