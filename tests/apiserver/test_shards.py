"""Operators of several shards on one API server, each behind a proxy of its own: every brand is looked after exactly once.

Also while the fleet is divided anew: the new ones wait, the old ones go on until they are told to stop, and nobody's release
is left out or done twice.
"""

import re
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from apiserver.json_api import Api
from apiserver.operated_site import is_apply
from apiserver.replicas import LEASES, Replica
from apiserver.row_of_brands import Row
from brandrelease.core.sharding import Shard
from cluster.api import ApiServer
from support.fault_proxy import Request
from support.git_server import GitServer
from support.registry import RegistryServer

OF_EACH = 4
"""Brands of each of two shards: which they are depends on their names, and those on the namespace of the test."""

WAITING = "The fleet is still divided otherwise"


class Shards:
    """A row of brands, and one replica for each shard of each division."""

    def __init__(self, row: Row, server: ApiServer, directory: Path, after: ExitStack) -> None:
        self.row, self._server, self._directory, self._after = row, server, directory, after
        halves = ([n for n in range(1000) if Shard(half, 2).has(row.brand_name(n))] for half in range(2))
        self.brands = [number for half in halves for number in half[:OF_EACH]]

    def replicas(self, count: int) -> list[Replica]:
        """Those of one division, started."""
        found = []
        for index in range(count):
            settings = {**self.row.settings, "BRANDRELEASE_SHARD": f"{index}/{count}"}
            replica = Replica(self._server, self._directory / f"{index}-of-{count}", settings)
            self._after.enter_context(replica.proxy)
            self._after.callback(replica.end)
            found.append(replica)
        with ThreadPoolExecutor(count) as threads:
            list(threads.map(Replica.start, found))
        return found

    def lay_out_leases(self, count: int) -> None:
        """So that nobody has to wait for 15 s."""
        for index in range(count):
            name = Shard(index, count).lease
            bare = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}}
            self.row.api.post(LEASES.format(self.row.name), bare).expect(201)

    def lead(self, replicas: Sequence[Replica], limit: float) -> None:
        self.row.until("each shard has its leader", lambda: all(each.leads() for each in replicas), limit)

    def release_all(self) -> dict[int, str]:
        """A new commit of every brand is asked for; the commits."""
        commits = {number: self.row.push(number, image=True) for number in self.brands}
        for number in self.brands:
            self.row.release(number)
        return commits

    def all_succeed(self, commits: dict[int, str]) -> dict[int, dict[str, Any]]:
        return {number: self.row.ends(number, commit, "Succeeded") for number, commit in commits.items()}

    def owner(self, number: int, replicas: Sequence[Replica]) -> Replica:
        count = len(replicas)
        return next(each for i, each in enumerate(replicas) if Shard(i, count).has(self.row.brand_name(number)))

    def accepted_about(self, number: int, of: Replica) -> list[Request]:
        return [each for each in of.accepted() if self.row.about(number)(each)]

    def each_is_written_by_its_own_alone(self, replicas: Sequence[Replica]) -> None:
        for number in self.brands:
            writers = {each.name for each in replicas if self.accepted_about(number, each)}
            assert writers == {self.owner(number, replicas).name}, number

    def each_is_told_of_once(self, replicas: Sequence[Replica]) -> None:
        """By the metrics: soon every BrandRelease is on one page, and none is on two."""
        everyone = sorted(map(self.row.brand_name, self.brands))

        def told() -> list[str]:
            pages = "".join(each.operator.get("/metrics") for each in replicas)
            return sorted(re.findall(r'(?m)^brandrelease_info\{.*name="([^"]+)".*\} 1', pages))

        self.row.until("every brand is told of", lambda: len(told()) >= len(everyone), 20)
        assert told() == everyone


@pytest.fixture
def shards(
    api_server: ApiServer, api: Api, namespace: str, git: GitServer, registry: RegistryServer, tmp_path: Path
) -> Iterator[Shards]:
    row = Row(api_server, api, namespace, git, registry, tmp_path)
    with row.at_work(), ExitStack() as after:
        shards = Shards(row, api_server, tmp_path, after)
        for number in shards.brands:
            row.brand(number, build={"external": {}})
        row.runs(shards.brands)
        yield shards


@pytest.mark.timeout(150, func_only=True)
def test_two_shards_cover_every_brand_exactly_once_also_across_a_resize_to_three(shards: Shards) -> None:
    shards.lay_out_leases(2)
    old = shards.replicas(2)
    shards.lead(old, 20)
    shards.all_succeed(shards.release_all())
    for each in old:
        assert each.accepted(), "no shard is empty"
    shards.each_is_written_by_its_own_alone(old)
    shards.each_is_told_of_once(old)

    new = shards.replicas(3)
    shards.row.until("all of them wait", lambda: all(WAITING in each.operator.last_lines(50) for each in new), 30)
    shards.all_succeed(shards.release_all())
    shards.each_is_written_by_its_own_alone(old)
    for each in new:
        assert not each.leads()
        assert [str(request) for request in each.writes()] == [], "it waits, and nothing else"
        assert each.operator.last_lines(50).count(WAITING) == 1
        assert each.operator.get("/healthz") == "ok\n"

    before = {number: shards.row.deployment(number)["metadata"]["generation"] for number in shards.brands}
    commits = shards.release_all()
    told = [each.signal(signal.SIGTERM) for each in old]
    shards.lead(new, 15)
    print(f"resize: {time.monotonic() - told[0]:.1f} s until every new shard leads")
    assert [each.exit_code(20) for each in old] == [0, 0]
    statuses = shards.all_succeed(commits)
    for number, commit in commits.items():
        assert shards.row.deployment(number)["metadata"]["generation"] == before[number] + 1, "one change of each"
        assert [entry["commit"] for entry in statuses[number]["history"]].count(commit) == 1
    shards.each_is_told_of_once(new)
    for number in shards.brands:
        later = [request.at for each in new for request in shards.accepted_about(number, each)]
        earlier = [request.at for each in old for request in shards.accepted_about(number, each)]
        assert not later or max(earlier) < min(later), "the new one has begun after the old one has ended"
    assert all(is_of_its_shard(shards, new, each) for each in new)


def is_of_its_shard(shards: Shards, replicas: Sequence[Replica], one: Replica) -> bool:
    """Whether every change of a Deployment that it made is of one of its own brands."""
    own = [shards.row.about(number) for number in shards.brands if shards.owner(number, replicas) is one]
    return all(any(about(request) for about in own) for request in one.accepted() if is_apply(request))


@pytest.mark.timeout(120, func_only=True)
def test_after_shards_were_killed_one_operator_takes_all_over_once_their_leases_have_expired(shards: Shards) -> None:
    shards.lay_out_leases(2)
    old = shards.replicas(2)
    shards.lead(old, 20)
    shards.all_succeed(shards.release_all())
    for each in old:
        each.operator.kill()
    killed = time.monotonic()
    shards.lay_out_leases(1)
    (whole,) = shards.replicas(1)
    commits = shards.release_all()
    shards.lead([whole], 25)
    took = time.monotonic() - killed
    print(f"killed: the whole is led after {took:.1f} s")
    assert took > 10, "before that one of them might still have written"
    shards.all_succeed(commits)
    shards.each_is_told_of_once([whole])
