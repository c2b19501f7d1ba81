"""The contract of all builders, kept by `buildKit` on the real cluster; the others keep it in tests/adapters."""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace

import aiohttp
import pytest

from brandrelease.adapters.builders.buildkit import BuildKit
from brandrelease.adapters.builders.buildkit_job import JobProfile
from brandrelease.adapters.kube.api import KubeApi
from brandrelease.adapters.registry import RegistryApi
from brandrelease.apis.brand import Brand
from brandrelease.core.builds.images import BuildOrder, build_order
from brandrelease.core.builds.seen import ImageLookup
from brandrelease.ports import Builder
from brandrelease.settings import SecurityProfile
from cluster.clusters import Cluster
from support import images
from support.builder_contract import *  # noqa: F403 - the contract
from support.builder_contract import LAST_WORDS, Source
from support.git_server import GitServer, Repository
from support.kubectl import Kubectl

STEPS = {
    Source.Good: "RUN echo {number} > /built.txt",
    Source.Broken: f"RUN echo '{LAST_WORDS}' && false",
    Source.Slow: "RUN sleep 600",
    Source.Endless: "RUN sleep 601",
}


@dataclass
class BuildKitWorkshop:
    """Jobs on the cluster, in a namespace of this test alone."""

    cluster: Cluster
    repository: Repository
    namespace: str
    api: KubeApi
    session: aiohttp.ClientSession
    many: int = 4
    builds_itself: bool = True
    commits: dict[tuple[Source, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kubectl = Kubectl.of(self.cluster)
        self.base = images.push(images.BUSYBOX, self.cluster)
        self.registry = RegistryApi(self.session, frozenset({self.cluster.registry}))

    async def process(self) -> Builder:
        image, insecure = images.push(images.BUILDER, self.cluster), frozenset({self.cluster.registry})
        return BuildKit(self.api, JobProfile(self.namespace, image, SecurityProfile.UserNamespace, insecure))

    def order(self, source: Source, number: int = 1) -> BuildOrder:
        if source is Source.Missing:
            return build_order(self._brand(number), "f" * 40, 1)
        if (source, number) not in self.commits:
            dockerfile = f"FROM {self.base}\n{STEPS[source].format(number=number)}\n"
            self.commits[source, number] = self.repository.commit({"Dockerfile": dockerfile}, f"{source} {number}")
        order = build_order(self._brand(number), self.commits[source, number], 1)
        return replace(order, timeout_seconds=10) if source is Source.Endless else order

    async def starts(self, order: BuildOrder) -> int:
        """A Job is never made anew under its name, so it is one build if its pod was made once."""
        job = self.kubectl.get("job", order.name, self.namespace)
        return sum((job or {}).get("status", {}).get(end, 0) for end in ("active", "succeeded", "failed"))

    async def look_up(self, order: BuildOrder) -> ImageLookup:
        return await self.registry.look_up(order.repository, order.tag, None)

    async def is_at_work(self, order: BuildOrder) -> bool:
        pods = self.kubectl.list("pods", self.namespace, f"batch.kubernetes.io/job-name={order.name}")
        return any(pod.get("status", {}).get("phase") == "Running" for pod in pods)

    def _brand(self, number: int) -> Brand:
        """Each with a repository of its own: docker-registry 2.8 refuses a blob that comes twice at once into one."""
        spec = {
            "source": {"url": self.repository.url},
            "image": {"repository": f"{self.cluster.registry}/{self.namespace}/{number}"},
            "build": {"buildKit": {}},
            "environments": [{"name": "production"}],
        }
        kind = {"apiVersion": "brandrelease.dev/v1alpha1", "kind": "Brand"}
        self.kubectl.apply({**kind, "metadata": {"name": self.namespace}, "spec": spec})  # it owns the Jobs
        return Brand.from_object(self.kubectl.get("brand", self.namespace) or {})


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    name = f"contract-{secrets.token_hex(4)}"
    kubectl = Kubectl.of(cluster)
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    kubectl.delete("brand", name, wait=False)
    kubectl.delete("namespace", name, wait=False)


@pytest.fixture
async def factory(cluster: Cluster, git: GitServer, namespace: str) -> AsyncIterator[BuildKitWorkshop]:
    api = await KubeApi.connect(cluster.kubeconfig)
    async with aiohttp.ClientSession() as session:
        yield BuildKitWorkshop(cluster, git.repository(namespace), namespace, api, session)
    await api.close()


@pytest.fixture
def workshop(factory: BuildKitWorkshop) -> BuildKitWorkshop:
    return factory
