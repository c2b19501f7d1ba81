"""Two replicas of the operator on one site, each behind a proxy of its own, so that one can be cut off from the Lease."""

import os
import re
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from apiserver.json_api import Api
from apiserver.operated_site import KINDS, RESYNC, SETTLE, Site
from cluster.api import ApiServer
from support.fault_proxy import FaultProxy, Request
from support.git_server import GitServer
from support.operator_process import OperatorProcess
from support.registry import RegistryServer

LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"


def of_the_lease(request: Request) -> bool:
    return "/leases" in request.path


class Replica:
    """One process, its proxy and its log."""

    def __init__(self, server: ApiServer, directory: Path, settings: Mapping[str, str]) -> None:
        directory.mkdir()
        self.name, self._directory = directory.name, directory
        self.proxy = FaultProxy(server.kubeconfig, directory)
        self._settings = {
            **settings,
            "BRANDRELEASE_LEADER_ELECTION": "true",
            "BRANDRELEASE_INSTANCE": self.name,
            "BRANDRELEASE_RESYNC_SECONDS": str(RESYNC),
            "BRANDRELEASE_CACHE_DIR": str(directory / "mirrors"),
        }

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        more = {"KUBECONFIG": str(self.proxy.kubeconfig), **(environment or {})}
        self.operator = OperatorProcess(self._directory / "operator.log", self._settings | more)
        self.operator.start()

    def end(self) -> None:
        if hasattr(self, "operator"):
            self.operator.kill()

    def signal(self, which: signal.Signals) -> float:
        """Send it, and do not wait for what comes of it; the moment."""
        os.kill(self.operator.pid, which)
        return time.monotonic()

    def exit_code(self, limit: float) -> int:
        process = self.operator._process
        assert process is not None
        return process.wait(limit)

    def end_noticed(self) -> Future[float]:
        """The moment at which the process ends, also while the test is busy."""
        process = self.operator._process
        assert process is not None
        noticed: Future[float] = Future()

        def wait() -> None:
            process.wait()
            noticed.set_result(time.monotonic())

        threading.Thread(target=wait, daemon=True).start()
        return noticed

    def leads(self) -> bool:
        found = re.search(r"(?m)^brandrelease_leader (\S+)$", self.operator.get("/metrics"))
        assert found
        return float(found[1]) == 1

    def writes(self, since: float = 0.0) -> list[Request]:
        """All but those of the Lease: what only a leader may send."""
        return [each for each in self.proxy.since(since) if each.is_write and not of_the_lease(each)]

    def accepted(self, since: float = 0.0) -> list[Request]:
        return [each for each in self.writes(since) if each.status and each.status < 300]

    def watches_all(self) -> bool:
        """Whether every kind is watched, as by whoever leads."""
        return all(map(self.proxy.open_watches, KINDS))

    def watches_any(self) -> bool:
        return any(map(self.proxy.open_watches, KINDS))


class ReplicatedSite(Site):
    """A site with two replicas, `a` and `b`."""

    def __init__(
        self, server: ApiServer, api: Api, namespace: str, git: GitServer, registry: RegistryServer, directory: Path
    ) -> None:
        super().__init__(server, api, namespace, git, registry, directory)
        self.a, self.b = (Replica(server, directory / name, self._settings) for name in "ab")

    @contextmanager
    def open(self) -> Iterator["ReplicatedSite"]:
        with ExitStack() as after:
            after.callback(self.controller.end)
            for each in (self.a, self.b):
                after.enter_context(each.proxy)
                after.callback(each.end)
            yield self

    def lay_out_the_lease(self) -> None:
        """As a manifest does: with it a replica of a new installation leads at once."""
        bare = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "brandrelease"}}
        self.api.post(LEASES.format(self.name), bare).expect(201)

    def start_both(self, *environments: Mapping[str, str]) -> None:
        """Both at the same moment."""
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(Replica.start, (self.a, self.b), environments or ({}, {})))

    def roles(self, limit: float = SETTLE) -> tuple[Replica, Replica]:
        """The replica that leads and the one that stands by, as soon as there is a leader whose watches are open."""

        def found() -> tuple[Replica, Replica] | None:
            leaders = [each for each in (self.a, self.b) if each.operator.runs and each.leads()]
            assert len(leaders) < 2, "two leaders"
            if not leaders or not leaders[0].watches_all():
                return None
            return leaders[0], self.b if leaders[0] is self.a else self.a

        leader, other = self.until("one of them leads", found, limit)
        self.proxy, self.operator = leader.proxy, leader.operator  # for the words of a failure
        return leader, other

    def lease(self) -> dict[str, Any]:
        return dict(self.api.get(f"{LEASES.format(self.name)}/brandrelease").body)
