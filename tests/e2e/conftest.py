"""One real cluster for all stories of a run; an operator and namespaces for each."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from cluster import api
from cluster.clusters import Cluster
from e2e.database_story import DatabaseStory
from e2e.story import Story
from support import images
from support.git_server import GitServer
from support.kubectl import Kubectl
from support.mariadb import MariaDb

CRDS = Path(__file__).parents[2] / "crds"
CLUSTER = "BRANDRELEASE_TEST_CLUSTER"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster that `make e2e` has started, or one of this session's own."""
    name = os.environ.get(CLUSTER)
    started = api.up(name or f"e2e-{os.getpid()}")
    try:
        images.push(images.BUILDER, started)  # before the clock of any story runs
        kubectl = Kubectl.of(started)
        kubectl.run("apply", "--server-side", "-f", str(CRDS))
        kubectl.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        yield started
    finally:
        if name is None:
            api.down(started.name)


@pytest.fixture(scope="session")
def git(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with GitServer(tmp_path_factory.mktemp("git"), address=cluster.host_address) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb(cluster: Cluster) -> Iterator[MariaDb]:
    with MariaDb(cluster.host_address) as server:
        yield server


@pytest.fixture
def story(cluster: Cluster, git: GitServer, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Story]:
    """A brand named after the test, its site running by hand, and the operator at work."""
    marker = request.node.get_closest_marker("builder")
    chosen = marker.kwargs if marker else {}
    builder = marker.args[0] if marker else "external"
    yield from _played(Story(_name(request), cluster, git, tmp_path, builder=builder, **chosen))


@pytest.fixture
def database_story(
    cluster: Cluster, git: GitServer, mariadb: MariaDb, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[DatabaseStory]:
    """A story whose site has a database of its own."""
    name = _name(request)
    yield from _played(DatabaseStory(name, cluster, git, tmp_path, database=mariadb.database(name)))


def _name(request: pytest.FixtureRequest) -> str:
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[:30].strip("-")


Told = TypeVar("Told", bound=Story)


def _played(told: Told) -> Iterator[Told]:
    told.namespaces()
    try:
        yield told
    finally:
        told.operator.kill()
        for namespace in (told.namespace, told.builds):
            told.kubectl.delete("namespace", namespace, wait=False)
        told.kubectl.delete("brand", told.name, wait=False)
