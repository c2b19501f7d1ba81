"""The node: process 1 of its own network, mount and process namespaces. Started by ``cluster.supervisor`` only.

Everything it mounts, routes, filters and starts belongs to these namespaces, so the kernel removes all of it when this
process ends, however it ends.
"""

import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cluster import audit, cgroups, control_plane, kubeconfig, plan
from cluster.addresses import API_PORT
from cluster.api_questions import ApiQuestions
from cluster.commands import run
from cluster.control_plane import Layout
from cluster.errors import ClusterError
from cluster.node_configuration import CONTAINERD_SOCKET, NodeConfiguration
from cluster.plan import Plan
from cluster.processes import Program, start, wait_until

LINK = "uplink"
SHORT_SECONDS = 30.0
READY_SECONDS = 90.0
PAUSE_BEFORE_RESTART_SECONDS = 1.0

# What the kubelet wants of the machine. It would write these for the whole machine; see _with_pretended_settings.
KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}

Running = dict[int, Program]


def main(run_directory: Path) -> None:
    """Bring the node up, say so in the file ``ready``, then keep its programs running for ever."""
    # The supervisor writes the plan last, when the link, the certificates and the registry are there.
    wait_until("That the supervisor has made a plan", (run_directory / plan.FILE).exists, SHORT_SECONDS)
    the_plan = plan.read(run_directory)
    _mount()
    _join_network(the_plan)
    cgroups.create(the_plan.name)
    running = _start_everything(the_plan)
    (run_directory / "ready").touch()
    print("The node is ready.", flush=True)
    _keep_running(running)


def _mount() -> None:
    run("mount", "--make-rprivate", "/")
    for directory in ("/run", "/var/lib", "/var/log"):
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", directory)
    # The kubelet's mounts of volumes have to reach containerd, and those of containers the kubelet.
    run("mount", "--make-rshared", "/")


def _join_network(the_plan: Plan) -> None:
    addresses = the_plan.addresses
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", f"{addresses.node}/30", "dev", LINK)
    run("ip", "link", "set", LINK, "up")
    # The node's own connections to ClusterIPs need some route before kube-proxy translates them.
    run("ip", "route", "add", addresses.services, "via", addresses.host)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _start_everything(the_plan: Plan) -> Running:
    layout = Layout(the_plan.run_directory, the_plan.programs, Path("/run/etcd"), 2379, 2380)
    configuration = NodeConfiguration(the_plan.name, the_plan.run_directory, the_plan.programs, the_plan.addresses)
    questions = ApiQuestions(the_plan.addresses.api, layout.keys / "ca.crt", layout.pair("admin"))
    running: Running = {}

    def begin(program: Program, until: Callable[[], bool] = lambda: True, limit: float = SHORT_SECONDS) -> None:
        process = start(program)
        running[process.pid] = program
        wait_until(f"That {program.name} is ready", until, limit, program, process)

    begin(control_plane.etcd(layout))
    begin(_containerd(layout, configuration))
    begin(_api_server(layout, the_plan), questions.is_ready, READY_SECONDS)
    begin(_controllers(layout, the_plan))
    begin(_scheduler(layout, the_plan))
    begin(_kube_proxy(layout, configuration))
    coredns = layout.program("coredns", f"-conf={configuration.file('Corefile')}")
    begin(coredns)
    wait_until(
        "That containerd is ready", Path(CONTAINERD_SOCKET).exists, SHORT_SECONDS, _containerd(layout, configuration)
    )
    kubelet = _kubelet(layout, configuration)
    begin(kubelet, lambda: _node_is_ready(questions, the_plan.name), READY_SECONDS)
    wait_until(
        "That the namespace `default` has its ServiceAccount",
        lambda: questions.object("/api/v1/namespaces/default/serviceaccounts/default") is not None,
        SHORT_SECONDS,
        _controllers(layout, the_plan),
    )
    wait_until("That coredns answers", lambda: _listens(the_plan.addresses.node, 53), SHORT_SECONDS, coredns)
    return running


def _listens(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1.0):
            return True
    except OSError:
        return False


def _node_is_ready(questions: ApiQuestions, name: str) -> bool:
    node = questions.object(f"/api/v1/nodes/{name}") or {}
    conditions = node.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _containerd(layout: Layout, configuration: NodeConfiguration) -> Program:
    return layout.program("containerd", f"--config={configuration.file('containerd.toml')}", "--log-level=info")


def _api_server(layout: Layout, the_plan: Plan) -> Program:
    addresses = the_plan.addresses
    own = ("--bind-address=0.0.0.0", f"--advertise-address={addresses.node}", *audit.options(layout.directory))
    return control_plane.api_server(layout, addresses.services, API_PORT, *own)


def _controllers(layout: Layout, the_plan: Plan) -> Program:
    keys = layout.keys
    return layout.program(
        "kube-controller-manager",
        f"--kubeconfig={_kubeconfig(layout, the_plan, 'controller-manager')}",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={keys / 'service-accounts.key'}",
        f"--root-ca-file={keys / 'ca.crt'}",
        f"--cluster-signing-cert-file={keys / 'ca.crt'}",
        f"--cluster-signing-key-file={keys / 'ca.key'}",
        "--leader-elect=false",
    )


def _scheduler(layout: Layout, the_plan: Plan) -> Program:
    return layout.program(
        "kube-scheduler", f"--kubeconfig={_kubeconfig(layout, the_plan, 'scheduler')}", "--leader-elect=false"
    )


def _kube_proxy(layout: Layout, configuration: NodeConfiguration) -> Program:
    return layout.program(
        "kube-proxy", f"--config={configuration.file('kube-proxy.json')}", f"--hostname-override={configuration.name}"
    )


def _kubelet(layout: Layout, configuration: NodeConfiguration) -> Program:
    directory = layout.directory
    kubelet = layout.program(
        "kubelet",
        f"--config={configuration.file('kubelet.json')}",
        f"--kubeconfig={configuration.file('kubelet.kubeconfig')}",
        f"--hostname-override={configuration.name}",
        f"--node-ip={configuration.addresses.node}",
        f"--root-dir={directory / 'kubelet'}",
        f"--cert-dir={directory / 'kubelet' / 'pki'}",
        "--v=1",
    )
    return _with_pretended_settings(kubelet)


def _with_pretended_settings(kubelet: Program) -> Program:
    """Show the kubelet ordinary files in place of some kernel settings.

    It insists on certain values and writes them for the whole machine, which would outlive the node. In a mount
    namespace of its own it finds them as it wants them. Containers see the real ones; volumes still propagate.
    """
    pretended = Path("/run/kernel-settings")
    lines = ["set -e", "mount --make-private /proc"]
    for name, value in KERNEL_SETTINGS.items():
        (pretended / name).parent.mkdir(parents=True, exist_ok=True)
        (pretended / name).write_text(value + "\n")
        lines.append(f"mount --bind {pretended / name} /proc/sys/{name}")
    lines.append('exec "$@"')
    wrapper = ("unshare", "--mount", "--propagation", "unchanged", "/bin/sh", "-c", "\n".join(lines), "kubelet")
    return Program(kubelet.name, (*wrapper, *kubelet.argv), kubelet.log, kubelet.path)


def _kubeconfig(layout: Layout, the_plan: Plan, name: str) -> Path:
    return the_plan.run_directory / "configuration" / f"{name}.kubeconfig"


def write_files(the_plan: Plan) -> None:
    """Write certificates and configuration; done by the supervisor, before the node has namespaces."""
    addresses = the_plan.addresses
    layout = Layout(the_plan.run_directory, the_plan.programs, Path("/run/etcd"), 2379, 2380)
    authority = control_plane.create_certificates(layout, (addresses.node, addresses.first_service))
    authority.issue("kubelet", f"system:node:{the_plan.name}", "system:nodes", (the_plan.name, addresses.node))
    authority.issue("controller-manager", "system:kube-controller-manager")
    authority.issue("scheduler", "system:kube-scheduler")
    authority.issue("kube-proxy", "system:kube-proxy")
    NodeConfiguration(the_plan.name, the_plan.run_directory, the_plan.programs, addresses).write()
    audit.write_policy(the_plan.run_directory)
    for user in ("kubelet", "controller-manager", "scheduler", "kube-proxy"):
        kubeconfig.write(
            _kubeconfig(layout, the_plan, user), addresses.api, authority.pair.certificate, layout.pair(user)
        )
    kubeconfig.write(
        the_plan.run_directory / "kubeconfig", addresses.api, authority.pair.certificate, layout.pair("admin")
    )


def _keep_running(running: Running) -> None:
    """Start every program that ends again, as an init system does, and bury the orphans that process 1 inherits."""
    while True:
        pid, status = os.wait()
        program = running.pop(pid, None)
        if program is None:
            continue
        code = os.waitstatus_to_exitcode(status)
        print(f"{program.name} ended with exit code {code} and is started again. Its log is {program.log}.", flush=True)
        time.sleep(PAUSE_BEFORE_RESTART_SECONDS)
        running[start(program).pid] = program


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except ClusterError as error:
        sys.exit(f"The node could not start. {error}")
