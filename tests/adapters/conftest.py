"""A registry and a git server for all tests of a module, and an AWS for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.codebuild import CodeBuildServer
from support.git_server import GitServer
from support.registry import RegistryServer


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path_factory.mktemp("registry")) as server:
        yield server


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with GitServer(tmp_path_factory.mktemp("git")) as server:
        yield server


@pytest.fixture
def aws(registry: RegistryServer, tmp_path: Path) -> Iterator[CodeBuildServer]:
    """A server that pushes tiny images instead of building, with a project and a repository of this test alone."""
    with CodeBuildServer(tmp_path, registry=registry.host, real=False) as server:
        server.create_project("drumeo", "http://git.invalid/drumeo.git", f"{registry.host}/{tmp_path.name[:40]}/drumeo")
        yield server


@pytest.fixture
def login(aws: CodeBuildServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of an operator that AWS knows."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIACANARY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret-9f2c")
