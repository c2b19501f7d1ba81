"""Commits whose Dockerfile tries to get out of its build, to read what is not its own, and to use up the node.

What a build could reach by the network is not tried: the network of the test cluster takes no notice of NetworkPolicies.
A build that never ends is in the contract of builders.
"""

import asyncio
import hashlib
import json
import re
import secrets
import ssl
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from brandrelease.adapters.builders.buildkit import BuildKit
from brandrelease.adapters.builders.buildkit_job import JobProfile
from brandrelease.adapters.kube.api import KubeApi
from brandrelease.apis.build import Resources
from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.images import BuildOrder
from brandrelease.core.builds.seen import BuildFailed, BuildState, BuildSucceeded
from brandrelease.settings import SecurityProfile
from cluster.clusters import Cluster
from cluster.node_configuration import MOST_PROCESSES_OF_A_POD
from e2e.probes import NO_SUCH_FILE, PROBES, Canaries, Probe, files, search
from support import build_namespace, images
from support.builder_contract import ended
from support.git_server import GitServer, Link, Repository
from support.kubectl import Kubectl
from support.registry import RegistryServer, User

NONE: Final = Resources()


@dataclass
class Places:
    """Where builds run, as what we ship makes it, and a git server and a registry that both want a password."""

    cluster: Cluster
    namespace: str
    repository: Repository
    registry: RegistryServer
    canaries: Canaries
    kubectl: Kubectl
    brand_uid: str


@pytest.fixture
def places(cluster: Cluster, tmp_path: Path) -> Iterator[Places]:
    namespace = f"untrusted-{secrets.token_hex(4)}"
    canaries, kubectl, address = Canaries.new(), Kubectl.of(cluster), cluster.host_address
    user = User("ci", canaries.registry)
    with ExitStack() as after:
        git = after.enter_context(GitServer(tmp_path / "git", address, user="deploy", password=canaries.git))
        registry = after.enter_context(RegistryServer(tmp_path / "registry", address, user=user))
        after.callback(kubectl.delete, "namespace", namespace, wait=False)
        after.enter_context(build_namespace.guarded(kubectl, namespace, address))
        login = {key: value.decode() for key, value in user.secret(registry.host).items()}
        kubectl.apply(
            secret(namespace, "git", {"username": "deploy", "password": canaries.git}),
            secret(namespace, "registry", login, "kubernetes.io/dockerconfigjson"),
            secret(namespace, "of-another-brand", {"password": canaries.another}),
            brand(namespace, git, registry),
        )
        after.callback(kubectl.delete, "brand", namespace, wait=False)
        uid = (kubectl.get("brand", namespace) or {})["metadata"]["uid"]
        yield Places(cluster, namespace, git.repository(namespace), registry, canaries, kubectl, uid)


def secret(namespace: str, name: str, values: Mapping[str, str], kind: str = "Opaque") -> dict[str, object]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "stringData": dict(values)}


def brand(namespace: str, git: GitServer, registry: RegistryServer) -> dict[str, object]:
    """It owns the Jobs."""
    spec = {
        "source": {"url": f"{git.url}/{namespace}.git"},
        "image": {"repository": f"{registry.host}/sites"},
        "build": {"buildKit": {}},
        "environments": [{"name": "production"}],
    }
    return {"apiVersion": "brandrelease.dev/v1alpha1", "kind": "Brand", "metadata": {"name": namespace}, "spec": spec}


@dataclass
class Workshop:
    """Builds whatever it is given."""

    places: Places
    builder: BuildKit

    def order(
        self, name: str, source: Mapping[str, str], resources: Resources = NONE, context: str = "."
    ) -> BuildOrder:
        """The order for a commit of these files."""
        places, base = self.places, images.push(images.BUSYBOX, self.places.cluster)
        whole = {path: type(text)(text.replace("@BASE@", base)) for path, text in source.items()}
        return BuildOrder(
            brand=places.namespace,
            brand_uid=places.brand_uid,
            builder="buildKit",
            source_url=places.repository.url,
            source_secret="git",
            commit=places.repository.commit(whole, name, branch=name),
            repository=f"{places.registry.host}/{name}",
            registry_secret="registry",
            tag=name,
            key=hashlib.sha256(name.encode()).hexdigest(),
            attempt=1,
            timeout_seconds=120,
            context=context,
            resources=resources,
        )

    async def built(self, order: BuildOrder) -> BuildState:
        await self.builder.start(order)
        return await ended(self.builder, order)

    async def refused(self, order: BuildOrder) -> BuildFailed:
        state = await self.built(order)
        assert isinstance(state, BuildFailed), state
        return state

    def log(self, order: BuildOrder) -> str:
        return self.places.kubectl.logs(f"job/{order.name}", self.places.namespace, "--container=build")


@pytest.fixture
async def workshop(places: Places) -> AsyncIterator[Workshop]:
    api = await KubeApi.connect(places.cluster.kubeconfig)
    image, plain = images.push(images.BUILDER, places.cluster), {places.cluster.registry, places.registry.host}
    profile = JobProfile(places.namespace, image, SecurityProfile.UserNamespace, frozenset(plain))
    yield Workshop(places, BuildKit(api, profile))
    await api.close()


GOOD = {"Dockerfile": "FROM @BASE@\nRUN --mount=type=cache,id=shared,target=/cache echo mine > /cache/theirs\n"}


async def test_a_dockerfile_that_tries_everything_gets_nothing(workshop: Workshop) -> None:
    """It is built, for to try is no crime; and each thing that it tries ends as the table says."""
    places = workshop.places
    assert isinstance(await workshop.built(workshop.order("neighbour", GOOD)), BuildSucceeded)
    probes = (
        *PROBES,
        search(places.canaries),
        Probe("registry", f"wget -q -O - http://{places.registry.host}/v2/_catalog", "401 Unauthorized"),
        Probe("node's-files", f"cat {places.cluster.kubeconfig}", NO_SUCH_FILE),
    )
    order = workshop.order("curious", files(probes, places.canaries))
    state = await workshop.built(order)
    log = workshop.log(order)
    assert isinstance(state, BuildSucceeded), f"{state}\n{log}"
    said = dict(re.findall(r"^#\d+ [\d.]+ \[([\w'-]+)\] ?(.*)$", log, re.MULTILINE))
    assert said.keys() == {probe.name for probe in probes}
    assert {p.name: said[p.name] for p in probes if not re.search(p.refused, said[p.name])} == {}
    assert int(said["uid-map"].split()[1]) >= 65536, "root of a build is nobody on the node"
    assert not [word for word in places.canaries.secret if word in log]


def source(*lines: str) -> dict[str, str]:
    return {"Dockerfile": "\n".join(("FROM @BASE@", *lines, ""))}


async def test_a_build_that_asks_for_more_than_it_may_is_refused(workshop: Workshop) -> None:
    login = Link("/secrets/registry")
    orders = {
        "leads out of the repository": workshop.order("context", {"docker": login}, context="docker"),
        "Dockerfile: no such file or directory": workshop.order("link", {"Dockerfile": Link(f"{login}/config.json")}),
        "security.insecure is not allowed": workshop.order("rights", source("RUN --security=insecure id")),
        "network.host is not allowed": workshop.order("network", source("RUN --network=host id")),
        # It would be tried again and again, and nobody would blame the commit.
        "did not complete successfully": workshop.order("liar", source(
            "RUN echo 'error: failed to solve: failed to push it'; false # failed to push"
        )),
    }  # fmt: skip
    for words, state in zip(orders, await asyncio.gather(*map(workshop.refused, orders.values())), strict=True):
        assert words in state.message + state.log_tail, state
        assert (state.reason, state.retriable) == (Reason.BuildFailed, False), state
        assert not [word for word in workshop.places.canaries.secret if word in state.log_tail]


MEMORY = Resources.model_validate({"limits": {"memory": "300Mi"}})
DISK = Resources.model_validate({"limits": {"ephemeral-storage": "300Mi"}})
FORK = "n=0; while (sleep 60 &) 2>/dev/null && [ $n -lt 5000 ]; do n=$((n+1)); done; echo There were $n.; false"


async def test_a_build_that_uses_up_all_there_is_ends_and_the_others_go_on(workshop: Workshop) -> None:
    forks = workshop.order("processes", source(f"RUN {FORK}"))
    memory, processes, disk, other = await asyncio.gather(
        workshop.refused(workshop.order("memory", source("RUN tail /dev/zero"), MEMORY)),
        workshop.refused(forks),
        workshop.refused(workshop.order("disk", source("RUN dd if=/dev/zero of=/big bs=1M count=400; sleep 60"), DISK)),
        workshop.built(workshop.order("other", GOOD)),
    )
    assert isinstance(other, BuildSucceeded), other
    assert "used more memory than it may; raise spec.build.buildKit.resources.limits.memory" in memory.message
    assert "used more of the node's disk than it may" in disk.message
    assert "usage exceeds the total limit of containers 300Mi" in disk.message
    there_were = re.search(r"There were (\d+)\.", workshop.log(forks).replace(FORK, ""))
    assert there_were, processes
    assert 100 < int(there_were[1]) < MOST_PROCESSES_OF_A_POD
    assert {(s.reason, s.retriable) for s in (memory, processes, disk)} == {(Reason.BuildFailed, False)}


def test_who_gives_no_name_is_told_nothing(cluster: Cluster) -> None:
    """A build has no name to give, where it can reach the API server and the kubelet."""
    config = json.loads(Kubectl.of(cluster).run("config", "view", "--output=json"))
    server = str(config["clusters"][0]["cluster"]["server"])
    kubelet = f"{server.rpartition(':')[0]}:10250"
    assert answer_to_nobody(f"{server}/api/v1/secrets") == 403
    assert answer_to_nobody(f"{server}/apis/brandrelease.dev/v1alpha1/brands") == 403
    assert answer_to_nobody(f"{kubelet}/pods") == 401


def answer_to_nobody(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5, context=ssl._create_unverified_context()) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
