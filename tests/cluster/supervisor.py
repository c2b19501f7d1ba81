"""The one process that a local cluster consists of on the host: it holds the node's namespaces and the image registry.

Started by ``cluster.local.up`` as ``python -m cluster.supervisor RUN_DIRECTORY NAME PROGRAMS HOURS``. Whatever ends it,
kill -9 included, ends everything: the kernel kills its children, the node's namespaces go with the node's process 1, and
with the network namespace goes the link to the host and the host's routes over it.
"""

import subprocess
import sys
import time
from pathlib import Path

from cluster import node, pause, plan, registry_server
from cluster.addresses import SLOTS, Addresses
from cluster.commands import run
from cluster.errors import ClusterError
from cluster.node import LINK
from cluster.places import PYTHON_ROOT
from cluster.plan import Plan
from cluster.processes import Program, start, wait_until

NAMESPACES = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
SHORT_SECONDS = 30.0
SECONDS_PER_HOUR = 3600.0


def main(run_directory: Path, name: str, programs: Path, hours: float) -> None:
    """Start registry and node, then wait for one of them to end, or for ``hours`` to pass; then end."""
    node_program = _node_program(run_directory)
    # The node waits for its plan and its link, both of which need its namespaces to exist.
    process = start(node_program)
    wait_until(
        "That the node has namespaces", lambda: _has_namespaces(process.pid), SHORT_SECONDS, node_program, process
    )
    addresses = _take_slot(process.pid)
    _route(addresses)
    the_plan = Plan(name, run_directory, programs, addresses)
    registry = registry_server.program(run_directory, addresses.registry)
    registry_process = start(registry)
    node.write_files(the_plan)
    registry_server.wait(addresses.registry, registry, registry_process)
    pause.push(addresses.registry)
    plan.write(the_plan)
    _wait_for_the_end({"the node": process, "the image registry": registry_process}, hours)


def _node_program(run_directory: Path) -> Program:
    environment = f"PYTHONPATH={PYTHON_ROOT}"
    python = ("env", environment, sys.executable, "-m", "cluster.node", str(run_directory))
    log = run_directory / "logs" / "cluster.log"
    return Program("the node", ("unshare", *NAMESPACES, *python), log, "/usr/sbin:/usr/bin:/sbin:/bin")


def _has_namespaces(pid: int) -> bool:
    own = Path("/proc/self/ns/net").readlink()
    return Path(f"/proc/{pid}/ns/net").readlink() != own


def _take_slot(pid: int) -> Addresses:
    """Make the link between the host and the node in the network namespace of ``pid``, in the first free slot."""
    refused = ""
    for slot in SLOTS:
        addresses = Addresses(slot)
        try:
            run(*f"ip link add {addresses.link} type veth peer name {LINK} netns {pid}".split())
        except ClusterError as error:
            refused = str(error)
            continue
        return addresses
    message = f"All {len(SLOTS)} slots for clusters are taken; end one with `python -m cluster down`. {refused}"
    raise ClusterError(message)


def _route(addresses: Addresses) -> None:
    run("ip", "address", "add", f"{addresses.host}/30", "dev", addresses.link)
    run("ip", "link", "set", addresses.link, "up")
    run("ip", "route", "add", addresses.pods, "via", addresses.node)
    run("ip", "route", "add", addresses.services, "via", addresses.node)


def _wait_for_the_end(processes: dict[str, subprocess.Popen[bytes]], hours: float) -> None:
    end = time.monotonic() + hours * SECONDS_PER_HOUR
    while time.monotonic() < end:
        for name, process in processes.items():
            if process.poll() is not None:
                message = f"{name.capitalize()} ended with exit code {process.returncode}."
                raise ClusterError(message)
        time.sleep(0.2)
    message = f"The cluster ended by itself, as planned, after {hours:g} hours."
    raise ClusterError(message)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]))
    except ClusterError as reason:
        sys.exit(str(reason))
