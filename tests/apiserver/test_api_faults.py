"""Each trouble that an API server makes, on each kind of request that a release needs: it costs time and nothing else.

The kinds of requests are not listed here: a learning run without any fault tells them. Then one operator has a release
for each kind, and each of them meets the fault so many times on requests of its kind.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from apiserver.json_api import Api
from apiserver.kinds_of_requests import kind_of
from apiserver.row_of_brands import Row, created, differences, images_of_numbers
from cluster.api import ApiServer
from support.fault_proxy import Fault, Request
from support.git_server import GitServer
from support.registry import RegistryServer

LIMIT: Final = 420
ENDS_WITHIN: Final = 150.0
KINDS_AT_LEAST: Final = 14

TIMES: Final = 3
RETRY_AFTER: Final = 3

BUSIEST_SECOND: Final = 60
"""Requests about one release within one second: a quick one without a fault makes 40, a loop that does not wait hundreds."""

MOST: Final = 4
"""So many times the requests of a run without a fault are the most that one with a fault may need."""

NOT_WAITED_FOR: Final = frozenset({"GET pods/log"})
"""What is read within 2 s or not at all: on a machine that has much to do, perhaps never."""

HOOKS: Final = {"preDeploy": {"command": ["migrate"], "timeoutSeconds": 60}}
FIRST: Final = 100
AT_A_TIME: Final = 10
"""Releases at once: so few that the machine, and not the fault, never is what makes a request late."""


@dataclass(frozen=True)
class Trouble:
    """One way to fail. what: fields of the proxy's Fault. writes: only they can meet it; reads: likewise."""

    name: str
    what: dict[str, Any] = field(default_factory=dict)
    writes: bool = True
    reads: bool = True

    def befalls(self, kind: str) -> bool:
        return self.reads if kind.startswith("GET") else self.writes


TROUBLES: Final = (
    Trouble("409", {"status": 409}, reads=False),
    Trouble("429", {"status": 429, "headers": {"Retry-After": str(RETRY_AFTER)}}),
    Trouble("500", {"status": 500}),
    Trouble("503", {"status": 503}),
    Trouble("504", {"status": 504}),
    Trouble("cut before", {"lose_request": True}),
    Trouble("cut after", {"lose_answer": True}),
    Trouble("5 s late", {"delay": 5.0}),
    Trouble("stale", {"stale": True}, writes=False),
)


@pytest.fixture
def row(
    api_server: ApiServer, api: Api, namespace: str, git: GitServer, registry: RegistryServer, tmp_path: Path
) -> Iterator[Row]:
    with Row(api_server, api, namespace, git, registry, tmp_path, resync=RETRY_AFTER + 1).at_work() as row:
        yield row


def begin(row: Row, numbers: Iterable[int]) -> dict[int, str]:
    """The first release of each brand; the commits."""
    for number in numbers:
        row.brand(number, build={"buildKit": {}}, hooks=HOOKS)
    row.runs(numbers)
    commits = {number: row.push(number, image=False) for number in numbers}
    for number in numbers:
        row.release(number)
    return commits


def is_met(row: Row, number: int, kind: str) -> Callable[[Request], bool]:
    """Whether a request is of this kind and about this brand; what is about no brand in particular counts for it too."""
    about, anyone = row.about(number), row.about_anyone

    def is_it(request: Request) -> bool:
        return kind_of(request) == kind and (about(request) or not anyone(request))

    return is_it


@pytest.mark.timeout(LIMIT, func_only=True)
@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_a_trouble_on_any_kind_of_request_costs_time_and_nothing_else(row: Row, trouble: Trouble) -> None:
    row.operator.start()
    row.ends(0, begin(row, [0])[0], "Succeeded")
    row.until("there was a resync", lambda: any(is_of_a_resync(each) for each in row.proxy.since(0)))
    row.is_quiet()
    learned = [each for each in row.proxy.since(0) if row.about(0)(each) or is_of_a_resync(each)]
    kinds = {kind_of(each) for each in learned}
    assert len(kinds) >= KINDS_AT_LEAST, kinds
    usual, end = sum(map(row.about(0), learned)), row.end_state(0)

    trials = dict(enumerate(filter(trouble.befalls, sorted(kinds)), FIRST))
    with ExitStack() as faults:
        met = {
            number: faults.enter_context(row.proxy.fault(is_met(row, number, kind), times=TIMES, **trouble.what))
            for number, kind in trials.items()
        }
        for some in range(FIRST, FIRST + len(trials), AT_A_TIME):
            for number, commit in begin(row, [each for each in trials if some <= each < some + AT_A_TIME]).items():
                row.ends(number, commit, "Succeeded", ENDS_WITHIN)
    row.is_quiet()

    assert {trials[number] for number, fault in met.items() if not fault.met} <= NOT_WAITED_FOR
    wrong = {trials[number]: differences(row.end_state(number), end) for number in trials}
    assert not {kind: what for kind, what in wrong.items() if what}
    nothing_was_done_twice(row, 1 + len(trials))
    costs = {kind: cost_of(row, number) for number, kind in trials.items()}
    print(f"{trouble.name}: without it {usual} requests for a release, with it {costs}")
    assert not {kind for kind, (total, busiest) in costs.items() if total > MOST * usual or busiest > BUSIEST_SECOND}
    if "headers" in trouble.what:
        for fault in met.values():
            no_request_comes_again_too_early(row, fault)


@pytest.mark.timeout(LIMIT, func_only=True)
def test_a_right_that_is_missing_is_told_by_the_object_and_by_a_metric_until_it_is_given(row: Row) -> None:
    row.brand(0, build={"external": {}})
    row.operator.start()

    def ready() -> dict[str, Any]:
        conditions = row.status(0).get("conditions", [])
        return next((dict(each) for each in conditions if each["type"] == "Ready"), {})

    with row.proxy.fault(lambda request: kind_of(request) == "GET deployments", status=403) as refused:
        commit = row.push(0, image=True)
        row.release(0)
        row.until("it is told", lambda: ready().get("reason") == "PermissionMissing")
        assert f'may not get deployments in namespace "{row.name}"' in ready()["message"]
        written = len([each for each in row.proxy.since(0) if kind_of(each) == "PUT brandreleases/status"])
        row.until("it was asked again", lambda: len(refused.met) >= 3)
        assert len([each for each in row.proxy.since(0) if kind_of(each) == "PUT brandreleases/status"]) == written
        line = 'brandrelease_kubernetes_requests_total{code="403",method="GET",resource="deployments"}'
        assert line in row.operator.get("/metrics")
    row.ends(0, commit, "Succeeded")
    row.until("that is over", lambda: (ready()["status"], ready()["reason"]) == ("True", "Succeeded"))
    assert [entry["outcome"] for entry in row.status(0)["history"]] == ["Succeeded"]


def is_of_a_resync(request: Request) -> bool:
    return not request.is_watch and "limit" in request.query


def nothing_was_done_twice(row: Row, releases: int) -> None:
    requests = row.proxy.since(0)
    jobs = Counter(created(requests, "/jobs"))
    assert len(jobs) == 2 * releases, jobs  # a build and a migration each
    assert set(jobs.values()) == {1}, jobs
    assert set(row.cluster.commands.values()) == {1}, row.cluster.commands
    assert not {each for each, images in images_of_numbers(requests).items() if len(images) > 1}


def cost_of(row: Row, number: int) -> tuple[int, int]:
    """Requests about a brand, in all and within the busiest second."""
    moments = [each.at for each in row.proxy.since(0) if row.about(number)(each)]
    return len(moments), max(sum(0 <= other - one < 1 for other in moments) for one in moments)


def no_request_comes_again_too_early(row: Row, fault: Fault) -> None:
    """Of those that one pass makes. A Brand is read by passes over it and over its releases: each waits for itself."""
    for met in fault.met:
        if "/brands/" in met.path:
            continue
        again = [
            each.at - met.at
            for each in row.proxy.since(met.at)
            if each is not met
            and (each.method, each.path, each.query, each.body) == (met.method, met.path, met.query, met.body)
        ]
        assert not [pause for pause in again if pause < RETRY_AFTER], (str(met), again)
