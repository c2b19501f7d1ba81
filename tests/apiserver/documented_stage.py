"""The brand of which the pages speak, on an API server of its own: `drumeo`, with a release that is live and one that was bad."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from apiserver.json_api import Api
from apiserver.objects import BRANDS, RELEASES, brand, serve_our_kinds
from apiserver.played_cluster import PlayedCluster
from cluster.api import ApiServer, control_plane
from support.documents import ROOT, Command
from support.git_server import GitServer
from support.kubectl import Kubectl, eventually
from support.operator_process import OperatorProcess
from support.registry import RegistryServer
from support.shell_session import Done, play

Object = dict[str, Any]

NAMESPACE, BUILDS, SYSTEM = "drumeo-production", "brandrelease-builds", "brandrelease-system"
NAMESPACES = (NAMESPACE, "drumeo-staging", "pianote-production", BUILDS, SYSTEM, "monitoring")
FILES_OF_THE_READER = ("id_ed25519", "known_hosts", "token", "ca.crt")
SETTLE = 30.0
_LEASE = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {"name": "brandrelease", "namespace": SYSTEM},
}
"""Nobody's, so that the operator leads at once."""


class Stage:
    """One API server, the operator at work, and a terminal."""

    def __init__(self, server: ApiServer, git: GitServer, registry: RegistryServer, directory: Path) -> None:
        self.server, self.registry, self.directory = server, registry, directory
        self.api, self.kubectl = Api(server.kubeconfig), Kubectl.of(server)
        self.repository = git.repository("drumeo")
        self.cluster = PlayedCluster(Api(server.kubeconfig), NAMESPACE, BUILDS, registry)
        self.operator = OperatorProcess(
            directory / "operator.log",
            {
                "KUBECONFIG": str(server.kubeconfig),
                "BRANDRELEASE_CACHE_DIR": str(directory / "mirrors"),
                "BRANDRELEASE_LEADER_ELECTION": "true",
                "BRANDRELEASE_ALLOW_INSECURE_SOURCES": "true",
                "BRANDRELEASE_INSECURE_REGISTRIES": registry.host,
            },
        )

    def set_up(self) -> None:
        """The site as it was deployed by hand, its Brand, a good release, and a bad one that was rolled back."""
        names = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in NAMESPACES]
        self.kubectl.apply(*names)
        self.kubectl.apply(_LEASE)
        self.kubectl.apply(_deployment("drumeo-production-deployment", NAMESPACE), _deployment("brandrelease", SYSTEM))
        for name in ("drumeo", "pianote"):
            self.api.post(BRANDS, self._brand(name)).expect(201)
        self.operator.start()
        self._released(self._push(), "Live")
        bad = self._push()
        self.cluster.bad_commits.add(bad)
        self._released(bad, "RolledBack")
        self.kubectl.apply(_release("drumeo-staging", "staging", "1"))

    def _brand(self, name: str) -> Object:
        hook = {"preDeploy": {"command": ["php", "artisan", "migrate"]}}
        production = {"name": "production", "soakSeconds": 0, "hooks": hook, "rollback": {"afterMigration": "Rollback"}}
        return brand(
            {
                "metadata.name": name,
                "spec.source.url": self.repository.url,
                "spec.image.repository": f"{self.registry.host}/sites/drumeo",
                "spec.build": {"external": {}},
                "spec.environments": [production, {"name": "staging"}],
            }
        )

    def _push(self) -> str:
        commit = self.repository.commit({"page": str(self.repository.head())})
        self.registry.push_image("sites/drumeo", commit, commit)
        return commit

    def _released(self, commit: str, phase: str) -> None:
        self.kubectl.apply(_release(NAMESPACE, "production", commit))
        eventually(lambda: self._ended(commit, phase), SETTLE, lambda: (self.status(), self.operator.last_lines(5)))

    def status(self) -> Object:
        """What the operator knows of `drumeo` in production."""
        return dict(self.api.get(f"{RELEASES.format(NAMESPACE)}/drumeo").body.get("status") or {})

    def _ended(self, commit: str, phase: str) -> bool:
        status = self.status()
        return status.get("phase") == phase and status["current"]["commit"] == commit

    def play(self, commands: list[Command], limit: float) -> list[Done]:
        """Somebody types all of them, in a folder with what the repository has and a few files of their own."""
        desk = self.directory / "desk"
        desk.mkdir(exist_ok=True)
        for name in ("crds", "deploy", "docs"):
            if not (desk / name).exists():
                (desk / name).symlink_to(ROOT / name)
        for name in FILES_OF_THE_READER:
            (desk / name).write_text("theirs\n")
        environment = {
            "PATH": f"{self.server.kubectl.parent}:{os.environ['PATH']}",
            "HOME": str(self.directory),
            "KUBECONFIG": str(self.server.kubeconfig),
        }
        return play(commands, environment, desk, limit)

    def close(self) -> None:
        self.operator.kill()
        self.cluster.end()


@contextmanager
def stage(directory: Path) -> Iterator[Stage]:
    """All of it, while the block runs."""
    with ExitStack() as after:
        server = after.enter_context(control_plane(directory / "plane", say=print))
        serve_our_kinds(server)
        git = after.enter_context(GitServer(directory / "git"))
        registry = after.enter_context(RegistryServer(directory / "registry"))
        opened = Stage(server, git, registry, directory)
        after.callback(opened.close)
        opened.set_up()
        yield opened


def _deployment(name: str, namespace: str) -> Object:
    labels = {"app": name}
    pod = {"containers": [{"name": "app", "image": "registry.example.com/by-hand:1"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _release(namespace: str, environment: str, asked: str) -> Object:
    annotations = {"brandrelease.dev/requestedAt": asked}
    return {
        "apiVersion": "brandrelease.dev/v1alpha1",
        "kind": "BrandRelease",
        "metadata": {"name": "drumeo", "namespace": namespace, "annotations": annotations},
        "spec": {"brand": "drumeo", "environment": environment, "ref": "master"},
    }
