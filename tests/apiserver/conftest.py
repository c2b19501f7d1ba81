"""One real etcd and kube-apiserver for this folder, with our CRDs in it. No controllers run: nothing moves by itself."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from apiserver.json_api import Api
from apiserver.objects import serve_our_kinds
from apiserver.operated_site import Site
from apiserver.row_of_brands import Row
from apiserver.shop import Shop
from cluster.api import ApiServer, control_plane
from support.git_server import GitServer
from support.kubectl import Kubectl
from support.registry import RegistryServer

TEST_SECONDS = 75


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The limit is for tests: the first start on a machine compiles the programs, and that has limits of its own."""
    for item in items:
        is_here = item.path.is_relative_to(Path(__file__).parent)
        if is_here and item.get_closest_marker("timeout") is None:  # it would hide one of the module
            item.add_marker(pytest.mark.timeout(TEST_SECONDS, func_only=True))


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """The API server, with the generated CRDs established."""
    with control_plane(tmp_path_factory.mktemp("apiserver") / "plane", say=print) as server:
        serve_our_kinds(server)
        yield server


@pytest.fixture(scope="session")
def api(api_server: ApiServer) -> Api:
    """Plain requests to it, as an administrator."""
    return Api(api_server.kubeconfig)


@pytest.fixture(scope="session")
def kubectl(api_server: ApiServer) -> Kubectl:
    return Kubectl.of(api_server)


@pytest.fixture
def namespace(api: Api) -> str:
    """A namespace of the test's own. Without controllers nothing would ever remove it, so it stays."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "test-"}}
    return str(api.post("/api/v1/namespaces", body).expect(201)["metadata"]["name"])


@pytest.fixture(scope="session")
def git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with GitServer(tmp_path_factory.mktemp("git")) as server:
        yield server


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path_factory.mktemp("registry")) as server:
        yield server


@pytest.fixture
def row(
    api_server: ApiServer, api: Api, namespace: str, git: GitServer, registry: RegistryServer, tmp_path: Path
) -> Iterator[Row]:
    """Many brands and one operator, which a test starts."""
    with Row(api_server, api, namespace, git, registry, tmp_path).at_work() as row:
        yield row


@pytest.fixture
def site(
    api_server: ApiServer, api: Api, namespace: str, git: GitServer, registry: RegistryServer, tmp_path: Path
) -> Iterator[Site]:
    told = Site(api_server, api, namespace, git, registry, tmp_path)
    with ExitStack() as after:
        after.callback(told.controller.end)
        after.enter_context(told.proxy)
        after.callback(lambda: told.operator.kill() if hasattr(told, "operator") else None)
        yield told


@pytest.fixture(scope="session")
def shop(
    api_server: ApiServer, api: Api, git: GitServer, registry: RegistryServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """One operator for all tests of the command line: each takes an environment of its own."""
    directory = tmp_path_factory.mktemp("shop")
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "shop-"}}
    name = str(api.post("/api/v1/namespaces", body).expect(201)["metadata"]["name"])
    site = Site(api_server, api, name, git, registry, directory)
    with ExitStack() as after:
        after.callback(site.controller.end)
        after.enter_context(site.proxy)
        after.callback(lambda: site.operator.kill() if hasattr(site, "operator") else None)
        yield Shop(site, directory)
