"""Everything that runs beside a fleet: the simulated cluster, one git server, one registry, and the operator."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apiserver.objects import serve_our_kinds
from bench.fleet.meter import Meter
from cluster.simulated import Simulated, simulated
from soak.kube import Kube
from support import account
from support.account import Account
from support.git_server import GitServer
from support.kubectl import Kubectl
from support.operator_process import RUN, OperatorProcess
from support.registry import RegistryServer

OWN: Final = "brandrelease-system"
BUILDS: Final = "brandrelease-builds"


@dataclass(frozen=True)
class Stage:
    """What the measures share. kube asks as an administrator; the operator has an account with its rights only."""

    cluster: Simulated
    kube: Kube
    git: GitServer
    registry: RegistryServer
    kubeconfig: Path
    directory: Path

    @contextmanager
    def operator(self, module: Sequence[str] = RUN, **settings: str) -> Iterator[OperatorProcess]:
        """It runs while the block does. module: what runs it, with its arguments."""
        operator = self.new_operator(module, **settings)
        operator.start()
        try:
            yield operator
        finally:
            operator.stop()

    def new_operator(self, module: Sequence[str] = RUN, **settings: str) -> OperatorProcess:
        """One that has not started, with the settings of an installation but for what is plain HTTP here."""
        needed = {
            "KUBECONFIG": str(self.kubeconfig),
            "AWS_EC2_METADATA_DISABLED": "true",
            "BRANDRELEASE_NAMESPACE": OWN,
            "BRANDRELEASE_BUILD_NAMESPACE": BUILDS,
            "BRANDRELEASE_CACHE_DIR": str(self.directory / "mirrors"),
            "BRANDRELEASE_ALLOW_INSECURE_SOURCES": "true",
            "BRANDRELEASE_INSECURE_REGISTRIES": self.registry.host,
        }
        return OperatorProcess(self.directory / "operator.log", needed | settings, module)

    def meter(self, operator: OperatorProcess) -> Meter:
        """What measures it and all that runs beside it."""
        others = {name: running.process.pid for name, running in self.cluster.programs.items()}
        return Meter(operator, others, self.cluster.audit_log)


@asynccontextmanager
async def stage(directory: Path) -> AsyncIterator[Stage]:
    """Everything but the operator, while the block runs."""
    with ExitStack() as stack:
        cluster = stack.enter_context(simulated(directory / "cluster", say=print))
        serve_our_kinds(cluster.server)
        git = stack.enter_context(GitServer(directory / "git"))
        registry = stack.enter_context(RegistryServer(directory / "registry"))
        async with Kube(cluster.server.kubeconfig) as kube:
            kubeconfig = directory / "operator.kubeconfig"
            await _account(kube, Kubectl.of(cluster.server), kubeconfig)
            yield Stage(cluster, kube, git, registry, kubeconfig, directory)


async def _account(kube: Kube, kubectl: Kubectl, kubeconfig: Path) -> None:
    for name in (OWN, BUILDS):
        await kube.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    kubectl.apply(*account.shared(), server_side=True)
    operator = Account(kubectl, "fleet", OWN, BUILDS)
    operator.create(kubeconfig)
    operator.see_everything()
