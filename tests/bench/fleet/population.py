"""Brands, and one BrandRelease and one Deployment for each of their environments."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from apiserver.objects import BRANDS, RELEASES
from bench.fleet.stage import Stage
from cluster.kwok import FAILS_AFTER
from cluster.simulated import NODES
from soak.kube import Object
from support import account
from support.git_server import Repository

ENVIRONMENTS: Final = 20
"""Of each Brand, unless it is to have fewer."""

AT_ONCE: Final = 16
"""Requests that are under way at the same time: as many as the operator has workers."""

Item = TypeVar("Item")

DEPLOYMENTS: Final = "/apis/apps/v1/namespaces/{}/deployments"
BINDINGS: Final = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings"


@dataclass(frozen=True)
class Site:
    """One environment of a Brand, with the BrandRelease of the same name and its Deployment."""

    brand: str
    number: int

    @property
    def name(self) -> str:
        return f"e{self.number:02}"

    @property
    def namespace(self) -> str:
        return f"fleet-{self.brand}"

    @property
    def path(self) -> str:
        return f"{RELEASES.format(self.namespace)}/{self.name}"

    @property
    def deployment(self) -> str:
        return f"{self.brand}-{self.name}"

    @property
    def deployment_path(self) -> str:
        return f"{DEPLOYMENTS.format(self.namespace)}/{self.deployment}"


@dataclass
class Brands:
    """Some brands of which each has its own repository. good: releases of each site after which all others crash."""

    stage: Stage
    prefix: str
    environments: int = ENVIRONMENTS
    good: int | None = None
    sites: list[Site] = field(default_factory=list)
    repositories: dict[str, Repository] = field(default_factory=dict)
    base: dict[str, str] = field(default_factory=dict)
    """The first commit of each repository, on which all others are based: what contains a bad one is refused."""

    async def grow(self, count: int) -> list[Site]:
        """Have this many sites, without BrandReleases; the new ones."""
        new: list[Site] = []
        while len(self.sites) + len(new) < count:
            brand = f"{self.prefix}{(len(self.sites) + len(new)) // self.environments:03}"
            new += [Site(brand, number) for number in range(self.environments)]
        names = list(dict.fromkeys(site.brand for site in new))
        for name in names:
            self.repositories[name] = await asyncio.to_thread(self.stage.git.repository, name)
        image = await asyncio.to_thread(self.stage.registry.push_image, "sites/by-hand", "by-hand")
        await at_once(names, self._brand)
        await at_once(new, lambda site: self._deployment(site, f"{self.stage.registry.host}/sites/by-hand@{image}"))
        self.sites += new
        return new

    async def commit(self, brands: Iterable[str]) -> dict[str, str]:
        """A new commit of each brand, of which CI has pushed the image; the full id by brand."""
        made: dict[str, str] = {}
        number = next(_NUMBERS)

        async def one(brand: str) -> None:
            made[brand] = await asyncio.to_thread(self._commit, brand, number)

        await at_once(dict.fromkeys(brands), one, limit=4)
        return made

    async def ask(self, sites: Sequence[Site], commits: dict[str, str]) -> dict[Site, float]:
        """Want this commit on all of these sites, by `spec.ref`; when each was asked for, by the wall clock."""
        asked: dict[Site, float] = {}

        async def one(site: Site) -> None:
            asked[site] = time.time()  # noqa: TID251 - held against the clock of the audit log
            await self.stage.kube.apply(site.path, release(site, commits[site.brand]), "ci")

        await at_once(sites, one)
        return asked

    def _commit(self, brand: str, number: int) -> str:
        repository = self.repositories[brand]
        base = self.base.get(brand) or repository.commit({"page": "hello"}, "The first page", "base")
        self.base[brand] = base
        commit = repository.commit({"page": f"page {number}"}, f"Page {number}", parent=base)
        self.stage.registry.push_image(f"sites/{brand}", commit, f"{brand} {number}")
        return commit

    async def _brand(self, name: str) -> None:
        kube, namespace = self.stage.kube, f"fleet-{name}"
        await kube.post("/api/v1/namespaces", named("v1", "Namespace", namespace))
        await kube.post(BINDINGS.format(namespace), account.brand_namespace())
        spec = {
            "source": {"url": self.repositories[name].url},
            "image": {"repository": f"{self.stage.registry.host}/sites/{name}"},
            "build": {"external": {}},
            "environments": [self._environment(Site(name, number)) for number in range(self.environments)],
        }
        await kube.post(BRANDS, named("brandrelease.dev/v1alpha1", "Brand", name) | {"spec": spec})

    def _environment(self, site: Site) -> Object:
        rules = {"soakSeconds": 0, "restartLimit": 0}
        return {"name": site.name, "namespace": site.namespace, "deployment": site.deployment, **rules}

    async def _deployment(self, site: Site, image: str) -> None:
        chosen = {"app": site.deployment}
        labels = chosen | ({} if self.good is None else {FAILS_AFTER: str(self.good)})
        node = NODES[site.number % len(NODES)]
        pod = {"nodeName": node, "containers": [{"name": "app", "image": image}]}
        template = {"metadata": {"labels": labels}, "spec": pod}
        spec = {"replicas": 1, "selector": {"matchLabels": chosen}, "template": template}
        body = named("apps/v1", "Deployment", site.deployment) | {"spec": spec}
        await self.stage.kube.post(DEPLOYMENTS.format(site.namespace), body)


_NUMBERS: Final = itertools.count(1)


def release(site: Site, ref: str) -> Object:
    """The BrandRelease of a site."""
    body = named("brandrelease.dev/v1alpha1", "BrandRelease", site.name)
    return body | {"spec": {"brand": site.brand, "environment": site.name, "ref": ref}}


def named(version: str, kind: str, name: str) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}


async def at_once(items: Iterable[Item], work: Callable[[Item], Awaitable[None]], limit: int = AT_ONCE) -> None:
    """Do it with each, so many at the same time."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(limit):
            group.create_task(worker())
