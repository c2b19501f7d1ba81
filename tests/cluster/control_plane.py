"""The command lines of etcd and the Kubernetes control plane, and the API server alone for tests that need no node."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cluster import certificates, debian, kubeconfig, toolchain
from cluster.api_questions import ApiQuestions
from cluster.certificates import Authority, KeyPair
from cluster.ports import free_port
from cluster.processes import Program, start, wait_until

KUBERNETES = "BRANDRELEASE_TEST_KUBERNETES"
READY_SECONDS = 60.0
API_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost", "127.0.0.1")


@dataclass(frozen=True)
class Layout:
    """Where one control plane keeps its files and listens. ``programs`` is the directory of the compiled programs."""

    directory: Path
    programs: Path
    etcd_data: Path
    etcd_port: int
    etcd_peer_port: int

    @property
    def keys(self) -> Path:
        """The directory of the certificates."""
        return self.directory / "keys"

    def program(self, name: str, *arguments: str) -> Program:
        """Return the compiled program ``name`` with its log in ``logs/``."""
        path = f"{self.programs}:/usr/sbin:/usr/bin:/sbin:/bin"
        return Program(name, (str(self.programs / name), *arguments), self.directory / "logs" / f"{name}.log", path)

    def pair(self, name: str) -> KeyPair:
        """Return the certificate and key files called ``name``."""
        return KeyPair(self.keys / f"{name}.crt", self.keys / f"{name}.key")


def create_certificates(layout: Layout, addresses: tuple[str, ...]) -> Authority:
    """Make the authority and the certificates that every control plane needs; ``addresses`` are the API server's own."""
    authority = Authority(layout.keys)
    authority.create()
    certificates.signing_key(layout.keys)
    authority.issue("apiserver", "kube-apiserver", addresses=(*API_NAMES, *addresses))
    authority.issue("admin", "admin", "system:masters")
    authority.issue("apiserver-kubelet-client", "kube-apiserver-kubelet-client", "system:masters")
    return authority


def etcd(layout: Layout) -> Program:
    """Return etcd on loopback; it never waits for the disk, because nothing here has to survive a power cut."""
    client = f"http://127.0.0.1:{layout.etcd_port}"
    peer = f"http://127.0.0.1:{layout.etcd_peer_port}"
    return layout.program(
        "etcd",
        f"--data-dir={layout.etcd_data}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--log-level=warn",
    )


def api_server(layout: Layout, services: str, port: int, *more: str) -> Program:
    """Return kube-apiserver on ``port`` with the ClusterIP range ``services``."""
    keys = layout.keys
    return layout.program(
        "kube-apiserver",
        f"--etcd-servers=http://127.0.0.1:{layout.etcd_port}",
        f"--secure-port={port}",
        f"--service-cluster-ip-range={services}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--client-ca-file={keys / 'ca.crt'}",
        f"--tls-cert-file={keys / 'apiserver.crt'}",
        f"--tls-private-key-file={keys / 'apiserver.key'}",
        f"--kubelet-client-certificate={keys / 'apiserver-kubelet-client.crt'}",
        f"--kubelet-client-key={keys / 'apiserver-kubelet-client.key'}",
        f"--kubelet-certificate-authority={keys / 'ca.crt'}",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={keys / 'service-accounts.pub'}",
        f"--service-account-signing-key-file={keys / 'service-accounts.key'}",
        "--profiling=false",
        *more,
    )


@dataclass
class Running:
    """A program of the control plane, which can be killed and started again."""

    program: Program
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it as a lost node would."""
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        """Start it again, on the data that it had."""
        self.process = start(self.program)


@dataclass(frozen=True)
class ApiServer:
    """A running etcd and kube-apiserver. There is no controller: nothing makes pods of a Deployment."""

    kubeconfig: Path
    kubectl: Path
    url: str
    directory: Path
    etcd: Running
    server: Running


@contextlib.contextmanager
def control_plane(
    directory: Path, say: Callable[[str], None] = lambda _: None, options: tuple[str, ...] = ()
) -> Iterator[ApiServer]:
    """Run etcd and kube-apiserver on loopback, on free ports, while the block runs. Needs no root; starts in about 3 s.

    ``directory`` receives keys and logs and is removed at the end. ``options`` are more of kube-apiserver's. Raises
    ClusterError with the culprit's log. The environment may name another version of Kubernetes:
    ``BRANDRELEASE_TEST_KUBERNETES``.
    """
    debian.require(debian.FOR_THE_CONTROL_PLANE, say)
    ports = [free_port() for _ in range(3)]
    version = os.environ.get(KUBERNETES, toolchain.KUBERNETES)
    programs_there = toolchain.programs(toolchain.control_plane(version), say)
    layout = Layout(directory, programs_there, directory / "etcd", ports[0], ports[1])
    authority = create_certificates(layout, ())
    url = f"https://127.0.0.1:{ports[2]}"
    # Without a controller-manager there is no default ServiceAccount, and loopback may not become an Endpoints address.
    alone = (
        "--bind-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        "--disable-admission-plugins=ServiceAccount",
    )
    programs = (etcd(layout), api_server(layout, "10.96.0.0/16", ports[2], *alone, *options))
    running: list[Running] = []
    try:
        running = [Running(program, start(program)) for program in programs]
        questions = ApiQuestions(url, authority.pair.certificate, layout.pair("admin"))
        wait_until("That the API server is ready", questions.is_ready, READY_SECONDS, programs[1], running[1].process)
        admin = kubeconfig.write(directory / "kubeconfig", url, authority.pair.certificate, layout.pair("admin"))
        kubectl = toolchain.programs(toolchain.CONTROL_PLANE, say) / "kubectl"
        yield ApiServer(admin, kubectl, url, directory, *running)
    finally:
        for each in reversed(running):
            each.kill()  # a graceful API server without its etcd lingers for over a minute
        shutil.rmtree(directory, ignore_errors=True)
