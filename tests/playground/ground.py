"""What the tutorial begins with: a cluster with a site that somebody has deployed by hand, its repository, and the operator."""

import shlex
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from cluster.clusters import Cluster
from demo import brand
from support import images
from support.documents import ROOT
from support.git_server import GitServer
from support.kubectl import Kubectl
from support.operator_process import OperatorProcess

Object = dict[str, Any]

ENVIRONMENTS: Final = ("staging", "production")
NAMESPACES: Final = tuple(f"{brand.BRAND}-{name}" for name in ENVIRONMENTS)
ADA: Final = {
    f"GIT_{who}_{what}": text
    for who in ("AUTHOR", "COMMITTER")
    for what, text in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))
}


class Playground:
    """Runs while the block runs. Its files are in the directory until the next one is opened there."""

    def __init__(self, cluster: Cluster, directory: Path) -> None:
        self.cluster, self.directory, self.kubectl = cluster, directory, Kubectl.of(cluster)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def environment_file(self) -> Path:
        """What a reader's shell sources."""
        return self.directory / "environment"

    def log(self) -> str:
        """The end of the operator's log."""
        return self.operator.last_lines()

    def _open(self, stack: ExitStack) -> None:
        self._forget_the_last_one()
        base = images.push(images.PHP, self.cluster)
        git = stack.enter_context(GitServer(self.directory / "git", address=self.cluster.host_address))
        repository = git.repository(brand.BRAND)
        repository.takes_pushes()
        repository.commit(brand.files(base, "Drumeo"), "Welcome page")
        stack.callback(self._clear)
        self._site(base)
        self.operator = OperatorProcess(self.directory / "operator.log", self._settings())
        self.operator.start()
        stack.callback(self.operator.stop)
        self.environment_file.write_text(self._environment(git), "utf-8")

    def _forget_the_last_one(self) -> None:
        """Its repository has what somebody has pushed, and it has been at other addresses; its log is about it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for place in ("git", "mirrors"):
            shutil.rmtree(self.directory / place, ignore_errors=True)
        for file in ("operator.log", "environment"):
            (self.directory / file).unlink(missing_ok=True)

    def _site(self, base: str) -> None:
        """One Deployment and one Service in each environment, as they were made by hand long ago."""
        self.kubectl.run("apply", "--server-side", "-f", str(ROOT / "crds"))
        self.kubectl.serves_its_kinds()
        for name in (*NAMESPACES, brand.BUILDS):
            self.kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for namespace in NAMESPACES:
            deployment, service = brand.site(base)
            deployment["metadata"] = {
                "name": f"{namespace}-deployment",
                "namespace": namespace,
                "labels": {"app": brand.BRAND},
            }
            deployment["spec"]["replicas"] = 1
            service["metadata"]["namespace"] = namespace
            self.kubectl.apply(deployment, service)
        for namespace in NAMESPACES:
            self.kubectl.run(
                "rollout", "status", f"deployment/{namespace}-deployment", "-n", namespace, "--timeout=120s", limit=130
            )

    def _settings(self) -> dict[str, str]:
        return {
            "KUBECONFIG": str(self.cluster.kubeconfig),
            "BRANDRELEASE_BUILD_NAMESPACE": brand.BUILDS,
            "BRANDRELEASE_WATCH_NAMESPACES": ",".join(NAMESPACES),
            "BRANDRELEASE_CACHE_DIR": str(self.directory / "mirrors"),
            "BRANDRELEASE_ALLOW_INSECURE_SOURCES": "true",
            "BRANDRELEASE_INSECURE_REGISTRIES": self.cluster.registry,
            "BRANDRELEASE_BUILD_IMAGE": images.push(images.BUILDER, self.cluster),
        }

    def _environment(self, git: GitServer) -> str:
        addresses = {
            name.upper(): f"http://{(self.kubectl.get('service', 'site', f'{brand.BRAND}-{name}') or {})['spec']['clusterIP']}/"
            for name in ENVIRONMENTS
        }
        variables = {
            "KUBECONFIG": str(self.cluster.kubeconfig),
            "GIT": git.url,
            "REGISTRY": self.cluster.registry,
            **addresses,
            **ADA,
        }
        lines = [f"export {name}={shlex.quote(text)}" for name, text in variables.items()]
        programs = f"{self.cluster.programs}:{Path(sys.executable).parent}"
        return "\n".join([*lines, f"export PATH={shlex.quote(programs)}:$PATH", ""])

    def _clear(self) -> None:
        """What the reader and we have made, but for the cluster."""
        self.kubectl.delete("brand", brand.BRAND, wait=False)
        for name in (*NAMESPACES, brand.BUILDS):
            self.kubectl.delete("namespace", name, wait=False)
