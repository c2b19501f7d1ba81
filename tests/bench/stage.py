"""The real cluster on which sections are measured, and sites on it, each with an operator of its own."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cluster import api
from cluster.clusters import Cluster
from e2e.story import Story
from support import account, images
from support.git_server import GitServer
from support.kubectl import Kubectl

CRDS: Final = Path(__file__).parents[2] / "crds"


@dataclass(frozen=True)
class Stage:
    """A cluster and a git server."""

    cluster: Cluster
    git: GitServer
    directory: Path

    @contextmanager
    def story(self, name: str, **options: Any) -> Iterator[Story]:
        """A brand with its namespaces; its operator is killed and all of it is deleted in the end."""
        directory = self.directory / name
        directory.mkdir()
        told = Story(name, self.cluster, self.git, directory, **options)
        with told.played():
            yield told


@contextmanager
def stage() -> Iterator[Stage]:
    """A cluster of its own while the block runs."""
    name = f"bench-{os.getpid()}"
    cluster = api.up(name, say=say)
    try:
        images.push(images.BUILDER, cluster)
        kubectl = Kubectl.of(cluster)
        kubectl.run("apply", "--server-side", "-f", str(CRDS))
        kubectl.serves_its_kinds()
        kubectl.apply(*account.shared(), server_side=True)
        with tempfile.TemporaryDirectory() as scratch, GitServer(Path(scratch) / "git", cluster.host_address) as git:
            yield Stage(cluster, git, Path(scratch))
    finally:
        api.down(name)


def say(text: str) -> None:
    """How far it is: beside the table, which is what it prints."""
    print(text, file=sys.stderr, flush=True)
