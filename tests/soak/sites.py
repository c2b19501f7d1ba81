"""What the platform team sets up before any release: Brands, namespaces, repositories, Deployments, and bystanders."""

import asyncio
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from apiserver.objects import BRANDS, RELEASES
from soak.kube import Kube, Object
from soak.player import BUILDS, DEPLOYMENTS
from soak.truth import Behaviour, Made, Truth
from support.git_server import GitServer, Repository
from support.registry import RegistryServer

ENVIRONMENTS: Final = 10
"""Of each Brand."""

NAMESPACES: Final = "/api/v1/namespaces"
BYSTANDERS: Final = "bystanders"
"""A namespace in which nothing may ever be touched."""

DEADLINE: Final = 10
SOAK: Final = 3
RESTARTS: Final = 1
HISTORY: Final = 10

BY_HAND: Final = "by-hand"
"""Tag of the image that runs before the first release."""

EXTERNAL_EVERY, HOOKS_EVERY = 4, 3
"""Every so manieth Brand has its images from CI, or hooks."""


@dataclass(frozen=True)
class Site:
    """One environment of a Brand, and the BrandRelease of it."""

    number: int
    repository: Repository

    @property
    def brand(self) -> str:
        return f"b{self.number // ENVIRONMENTS:02}"

    @property
    def name(self) -> str:
        """Of the BrandRelease, of the environment and of its branch."""
        return f"e{self.number % ENVIRONMENTS}"

    @property
    def namespace(self) -> str:
        return f"soak-{self.brand}"

    @property
    def path(self) -> str:
        return f"{RELEASES.format(self.namespace)}/{self.name}"

    @property
    def deployment(self) -> str:
        return f"{self.brand}-{self.name}-deployment"

    @property
    def deployment_path(self) -> str:
        return f"{DEPLOYMENTS.format(self.namespace)}/{self.deployment}"

    @cached_property
    def is_external(self) -> bool:
        """CI makes its images."""
        return self.number // ENVIRONMENTS % EXTERNAL_EVERY == EXTERNAL_EVERY - 1

    @cached_property
    def has_hooks(self) -> bool:
        return not self.is_external and self.number // ENVIRONMENTS % HOOKS_EVERY == HOOKS_EVERY - 1

    def really(self, behaviour: Behaviour) -> Behaviour:
        """What can happen here."""
        if behaviour is Behaviour.MigrationFails and not self.has_hooks:
            return Behaviour.Good
        if behaviour in {Behaviour.DoesNotBuild, Behaviour.BuildIsLost} and self.is_external:
            return Behaviour.Good
        return behaviour

    def commit(self, truth: Truth, behaviour: Behaviour, parent: str | None, undoes: str | None = None) -> str:
        """A commit on the site's branch, on top of another; the full id."""
        message = f"It {behaviour}" if undoes is None else f'Revert "It fails"\n\nThis reverts commit {undoes}.'
        commit = self.repository.commit({}, message, self.name, parent)
        truth.made(Made(commit, behaviour, parent, undoes))
        return commit


async def set_up(
    kube: Kube, git: GitServer, registry: RegistryServer, host: str, truth: Truth, count: int
) -> list[Site]:
    """All sites. host: of the registry, as Brands name it."""
    for namespace in (BUILDS, BYSTANDERS):
        await kube.post(NAMESPACES, _named("v1", "Namespace", namespace))
    digest = await asyncio.to_thread(registry.push_image, f"sites/{BY_HAND}", BY_HAND, BY_HAND)
    image = f"{host}/sites/{BY_HAND}@{digest}"
    sites: list[Site] = []
    for first in range(0, count, ENVIRONMENTS):
        repository = git.repository(f"b{first // ENVIRONMENTS:02}")
        mine = [Site(number, repository) for number in range(first, min(first + ENVIRONMENTS, count))]
        base = await asyncio.to_thread(repository.commit, {"page": "hello"}, "The first", "base")
        truth.made(Made(base, Behaviour.Good))
        await kube.post(NAMESPACES, _named("v1", "Namespace", mine[0].namespace))
        await kube.post(BRANDS, _brand(mine, host))
        for site in mine:
            await kube.post(DEPLOYMENTS.format(site.namespace), deployment(site.deployment, image))
        sites += mine
    await _bystanders(kube, sites[0], image)
    return sites


async def _bystanders(kube: Kube, site: Site, image: str) -> None:
    """A Deployment of the same name elsewhere, and a BrandRelease there that asks for what is not its own."""
    labels = {"brandrelease.dev/name": site.name, "brandrelease.dev/release": "1"}
    await kube.post(DEPLOYMENTS.format(BYSTANDERS), deployment(site.deployment, image, labels))
    await kube.post(RELEASES.format(BYSTANDERS), release(site))


def release(site: Site) -> Object:
    """The BrandRelease of a site."""
    body = _named("brandrelease.dev/v1alpha1", "BrandRelease", site.name)
    return body | {"spec": {"brand": site.brand, "environment": site.name, "ref": site.name}}


def deployment(name: str, image: str, labels: dict[str, str] | None = None) -> Object:
    """A Deployment as its owner wrote it."""
    body, chosen = _named("apps/v1", "Deployment", name), {"app": name}
    body["metadata"]["labels"] = labels or {}
    pod = {"metadata": {"labels": chosen}, "spec": {"containers": [{"name": "app", "image": image}]}}
    return body | {"spec": {"replicas": 1, "selector": {"matchLabels": chosen}, "template": pod}}


def _brand(sites: list[Site], host: str) -> Object:
    site = sites[0]
    hook = {"command": ["php", "artisan", "migrate", "--force"], "timeoutSeconds": 60}
    rules = {
        "namespace": site.namespace,
        "progressDeadlineSeconds": DEADLINE,
        "soakSeconds": SOAK,
        "restartLimit": RESTARTS,
        "revisionHistoryLimit": HISTORY,
        "rollback": {"afterMigration": "Rollback"},
        **({"hooks": {"preDeploy": hook, "postDeploy": hook}} if site.has_hooks else {}),
    }
    return _named("brandrelease.dev/v1alpha1", "Brand", site.brand) | {
        "spec": {
            "source": {"url": site.repository.url},
            "image": {"repository": f"{host}/sites/{site.brand}"},
            "build": {"external": {}} if site.is_external else {"buildKit": {}},
            "environments": [{"name": each.name, **rules} for each in sites],
        }
    }


def _named(version: str, kind: str, name: str) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
