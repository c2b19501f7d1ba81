"""One real cluster for all stories of a run; an operator and namespaces for each."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import pytest

from cluster import api
from cluster.certificates import Authority
from cluster.clusters import Cluster
from e2e.codebuild_story import REGION, CodeBuildStory
from e2e.database_story import DatabaseStory
from e2e.registry_story import RegistryStory
from e2e.signals_story import AlarmStory, EdgeStory, LoggedStory, MeteredStory
from e2e.story import Story
from support import account, images
from support.codebuild import CodeBuildServer, ecr_host
from support.git_server import GitServer
from support.kubectl import Kubectl, eventually
from support.log_shipper import LogShipper
from support.mariadb import MariaDb
from support.opensearch.server import OpenSearchServer
from support.registry import RegistryServer
from support.seen_objects import recorded
from support.wire import Wire

CRDS = Path(__file__).parents[2] / "crds"
CLUSTER = "BRANDRELEASE_TEST_CLUSTER"
TEST_SECONDS = 240


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The limit is for stories: the first one waits for the cluster and its images, which have limits of their own."""
    for item in items:
        is_here = item.path.is_relative_to(Path(__file__).parent)
        if is_here and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS, func_only=True))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster that `make e2e` has started, or one of this session's own."""
    name = os.environ.get(CLUSTER)
    started = api.up(name or f"e2e-{os.getpid()}")
    try:
        images.push(images.BUILDER, started)  # before the clock of any story runs
        images.made(images.PHP)
        kubectl = Kubectl.of(started)
        kubectl.run("apply", "--server-side", "-f", str(CRDS))
        kubectl.serves_its_kinds()
        kubectl.apply(*account.shared(), server_side=True)
        with recorded(kubectl, started.run_directory):
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


@pytest.fixture(scope="session")
def aws(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeBuildServer]:
    """An AWS that builds. What is in its ECR is in the cluster's registry, as only nodes of the provider `local` know."""
    cluster.mirror(ecr_host(REGION))
    with CodeBuildServer(tmp_path_factory.mktemp("aws"), registry=cluster.registry) as server:
        yield server


@pytest.fixture
def story(cluster: Cluster, git: GitServer, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Story]:
    """A brand named after the test, its site running by hand, and the operator at work."""
    marker = request.node.get_closest_marker("builder")
    chosen = marker.kwargs if marker else {}
    builder = marker.args[0] if marker else "external"
    yield from _played(Story(_name(request), cluster, git, tmp_path, builder=builder, **chosen))


@pytest.fixture
def story_in_all_namespaces(
    cluster: Cluster, git: GitServer, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Story]:
    """A story whose operator is to look after the whole cluster, in which no other story may be."""
    everywhere = {"BRANDRELEASE_WATCH_NAMESPACES": "", "BRANDRELEASE_LEADER_ELECTION": "true"}
    told = Story(_name(request), cluster, git, tmp_path, settings=everywhere)
    others = ("get", "brandreleases", "--all-namespaces", "--output=name")
    eventually(lambda: not told.kubectl.run(*others), 60, "Other stories have not ended")
    yield from _played(told)


@pytest.fixture
def two_stories(
    cluster: Cluster, git: GitServer, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[tuple[Story, Story]]:
    """Two brands that one operator looks after."""
    one, two = (f"{_name(request)[:25]}-{which}" for which in ("one", "two"))
    (tmp_path / two).mkdir()
    other = Story(two, cluster, git, tmp_path / two)
    story = Story(one, cluster, git, tmp_path, beside=other.namespace)
    other.operator, other.account, other.own, other.builds = story.operator, story.account, story.own, story.builds
    with story.played(), other.played():
        yield story, other


@pytest.fixture
def database_story(
    cluster: Cluster, git: GitServer, mariadb: MariaDb, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[DatabaseStory]:
    """A story whose site has a database of its own."""
    name = _name(request)
    yield from _played(DatabaseStory(name, cluster, git, tmp_path, database=mariadb.database(name)))


@pytest.fixture
def codebuild_story(
    cluster: Cluster, git: GitServer, aws: CodeBuildServer, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[CodeBuildStory]:
    """A story whose images CodeBuild builds."""
    yield from _played(CodeBuildStory(_name(request), cluster, git, tmp_path, aws=aws))


@pytest.fixture(scope="session")
def logs() -> Iterator[OpenSearchServer]:
    with OpenSearchServer() as server:
        yield server


@pytest.fixture
def edge_story(cluster: Cluster, git: GitServer, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[EdgeStory]:
    """A story whose site is behind an nginx."""
    authority = Authority(tmp_path / "authority")
    authority.create()
    yield from _played(EdgeStory(_name(request), cluster, git, tmp_path, authority=authority))


@pytest.fixture
def logged_story(
    cluster: Cluster, git: GitServer, logs: OpenSearchServer, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[LoggedStory]:
    """A story whose pods' logs are in OpenSearch."""
    with _wire_to(logs.url) as wire:
        told = LoggedStory(_name(request), cluster, git, tmp_path, logs=logs, wire=wire)
        with LogShipper(told.kubectl, told.namespace, logs, told.index):
            yield from _played(told)


@pytest.fixture
def metered_story(
    cluster: Cluster, git: GitServer, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[MeteredStory]:
    """A story whose site counts its requests."""
    yield from _played(MeteredStory(_name(request), cluster, git, tmp_path))


@pytest.fixture
def alarm_story(
    cluster: Cluster, git: GitServer, aws: CodeBuildServer, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[AlarmStory]:
    """A story whose database has an alarm in CloudWatch."""
    with _wire_to(aws.url) as wire:
        yield from _played(AlarmStory(_name(request), cluster, git, tmp_path, aws=aws, wire=wire))


def _wire_to(url: str) -> Wire:
    parts = urlsplit(url)
    return Wire((parts.hostname or "", parts.port or 0))


@pytest.fixture
def registry_story(
    cluster: Cluster, git: GitServer, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[RegistryStory]:
    """A story whose images are in a registry of its own, which only the nodes of the provider `local` can be told of."""
    with RegistryServer(tmp_path / "registry", cluster.host_address) as server:
        cluster.allow_plain_http(server.host)
        own = replace(cluster, registry=server.host)
        told = RegistryStory(_name(request), own, git, tmp_path, server=server)
        with told.after:
            yield from _played(told)


def _name(request: pytest.FixtureRequest) -> str:
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[:30].strip("-")


Told = TypeVar("Told", bound=Story)


def _played(told: Told) -> Iterator[Told]:
    with told.played():
        yield told
