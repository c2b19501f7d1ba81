"""A cluster whose nodes and pods are simulated: a real control plane, and kwok in place of every kubelet.

Deployments roll out as on real nodes, by the real controllers, but a pod costs some small writes and no process. So there
can be thousands. Nothing schedules: pods name their node (``spec.nodeName``), and no figure has the scheduler's time in it.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cluster import audit, kubeconfig, kwok, toolchain
from cluster.api_questions import ApiQuestions
from cluster.certificates import Authority
from cluster.commands import run
from cluster.control_plane import ApiServer, Layout, Running, control_plane
from cluster.ports import free_port
from cluster.processes import Program, start, wait_until

NODES: Final = ("simulated-0", "simulated-1", "simulated-2", "simulated-3")
READY_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Simulated:
    """A running one. Its audit log has what service accounts have asked for."""

    server: ApiServer
    programs: dict[str, Running]

    @property
    def audit_log(self) -> Path:
        return audit.log(self.server.directory)


@contextlib.contextmanager
def simulated(directory: Path, say: Callable[[str], None] = lambda _: None) -> Iterator[Simulated]:
    """Run one on loopback while the block runs. Needs no root. Raises ClusterError with the culprit's log."""
    (directory / "configuration").mkdir(parents=True)
    audit.write_policy(directory)
    programs_there = toolchain.programs((*toolchain.CONTROL_PLANE, toolchain.KWOK), say)
    with control_plane(directory, say, audit.options(directory)) as server, contextlib.ExitStack() as after:
        running = {"etcd": server.etcd, "kube-apiserver": server.server}
        layout = Layout(directory, programs_there, directory / "etcd", 0, 0)
        authority = Authority(layout.keys)
        for program in (_controllers(layout, authority, server.url), _kubelets(layout, authority, server.url)):
            running[program.name] = Running(program, start(program))
            after.callback(running[program.name].kill)
        _nodes(server, layout, authority, running["kwok"])
        yield Simulated(server, running)


def _controllers(layout: Layout, authority: Authority, url: str) -> Program:
    """Return what makes pods of Deployments. Its own limits of requests are lifted: they would be what is measured."""
    return layout.program(
        "kube-controller-manager",
        f"--kubeconfig={_login(layout, authority, url, 'controller-manager')}",
        "--controllers=deployment-controller,replicaset-controller",
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
        "--concurrent-deployment-syncs=20",
        "--concurrent-replicaset-syncs=20",
        "--leader-elect=false",
        "--secure-port=0",
    )


def _kubelets(layout: Layout, authority: Authority, url: str) -> Program:
    port = free_port()
    pair = authority.issue("kubelets", "kubelets", addresses=("127.0.0.1",))
    return kwok.program(layout, _login(layout, authority, url, "kwok"), port, pair)


def _login(layout: Layout, authority: Authority, url: str, user: str) -> Path:
    pair = authority.issue(user, user, "system:masters")
    path = layout.directory / "configuration" / f"{user}.kubeconfig"
    return kubeconfig.write(path, url, authority.pair.certificate, pair)


def _nodes(server: ApiServer, layout: Layout, authority: Authority, kubelets: Running) -> None:
    nodes = [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}} for name in NODES]
    file = layout.directory / "configuration" / "nodes.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": nodes}))
    run(server.kubectl, "--kubeconfig", server.kubeconfig, "create", "--filename", file)
    questions = ApiQuestions(server.url, authority.pair.certificate, layout.pair("admin"))
    wait_until(
        "That the simulated nodes are ready",
        lambda: all(_is_ready(questions.object(f"/api/v1/nodes/{name}") or {}) for name in NODES),
        READY_SECONDS,
        kubelets.program,
        kubelets.process,
    )


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
