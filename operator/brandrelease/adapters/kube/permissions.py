"""Every right that the operator has in Kubernetes. The chart's roles and `docs/permissions.md` are generated from it.

A request of the adapters that has no line here fails a unit test; a line that no story uses fails `make e2e`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from brandrelease.adapters.kube.api import (
    BRAND_RELEASES,
    BRANDS,
    DEPLOYMENTS,
    EVENTS,
    JOBS,
    LEASES,
    PODS,
    SECRETS,
    Resource,
)


class Verb(StrEnum):
    """What may be done, as RBAC calls it."""

    Get = "get"
    List = "list"
    Watch = "watch"
    Create = "create"
    Update = "update"
    Patch = "patch"
    Delete = "delete"


class Where(StrEnum):
    """Where a right holds."""

    Cluster = "the whole cluster"
    Default = "the namespace default"
    Own = "the operator's own namespace"
    Builds = "the build namespace"
    Brand = "each brand namespace that it is bound in"


@dataclass(frozen=True, slots=True)
class Permission:
    """Some verbs on one resource. what_for: a phrase."""

    resource: Resource
    verbs: tuple[Verb, ...]
    what_for: str
    subresource: str = ""

    @property
    def kind(self) -> str:
        """The resource as RBAC and people name it, as `pods/log`."""
        return f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural


@dataclass(frozen=True, slots=True)
class Grant:
    """Rights that are given together, as one Role or ClusterRole of this name.

    without: what is lost where it is not given, as a sentence; empty where nothing works without it.
    """

    role: str
    where: Where
    permissions: tuple[Permission, ...]
    without: str = ""


SEEN: Final = (Verb.Get, Verb.List, Verb.Watch)
WATCHED: Final = (Verb.List, Verb.Watch)
TOLD: Final = (Verb.Get, Verb.Create, Verb.Patch)

CLUSTER: Final = Grant(
    "brandrelease",
    Where.Cluster,
    (
        Permission(BRANDS, SEEN, "what a brand is; Brands are in no namespace"),
        Permission(BRANDS, (Verb.Update,), "whether a Brand is ready", "status"),
    ),
)

DEFAULT: Final = Grant(
    "brandrelease-events-of-brands",
    Where.Default,
    (Permission(EVENTS, TOLD, "Events about Brands, which the API server wants here; a repeated one is counted"),),
    without="Without it there are no Events about Brands; their status says it all.",
)

OWN: Final = Grant(
    "brandrelease",
    Where.Own,
    (
        Permission(SECRETS, (Verb.Get,), "logins of checks and notifications, by name"),
        Permission(
            LEASES,
            (Verb.Get, Verb.List, Verb.Create, Verb.Update),
            "which replica leads, and whether the fleet is still divided otherwise; the names of Leases change with the shards",
        ),
    ),
)

BUILDS: Final = Grant(
    "brandrelease-builds",
    Where.Builds,
    (
        Permission(JOBS, (*SEEN, Verb.Create, Verb.Delete), "builds; whether one could be made, by a dry run"),
        Permission(PODS, SEEN, "how a build stands"),
        Permission(PODS, (Verb.Get,), "the end of the log of a build that failed", "log"),
        Permission(SECRETS, (Verb.Get,), "logins to git and the registry that a Brand names, by name"),
        Permission(BRAND_RELEASES, WATCHED, "nothing: kopf watches every kind in every namespace that it watches"),
        Permission(DEPLOYMENTS, WATCHED, "nothing, likewise"),
    ),
)

BRAND: Final = Grant(
    "brandrelease-brand-namespace",
    Where.Brand,
    (
        Permission(BRAND_RELEASES, SEEN, "what is asked for; who else waits for a build or failed alike"),
        Permission(BRAND_RELEASES, (Verb.Update,), "where a release stands", "status"),
        Permission(
            BRAND_RELEASES, (Verb.Patch,), "the same while somebody else writes the object all the time", "status"
        ),
        Permission(DEPLOYMENTS, SEEN, "what runs"),
        Permission(DEPLOYMENTS, (Verb.Patch,), "the image of one container and our own marks, by server-side apply"),
        Permission(PODS, SEEN, "the verdict"),
        Permission(PODS, (Verb.Get,), "the end of the log of a container that failed", "log"),
        Permission(JOBS, SEEN, "how hooks stand; what stands in the way of one"),
        Permission(EVENTS, (Verb.List,), "why pods do not start"),
        Permission(EVENTS, TOLD, "what happens to a release, told where people look; a repeated Event is counted"),
    ),
)

HOOKS: Final = Grant(
    "brandrelease-hooks",
    Where.Brand,
    (Permission(JOBS, (Verb.Create, Verb.Delete), "hooks: migrations and what follows a release"),),
    without="Without it Brands that have hooks there cannot release (`HookNotStarted`); all others can.",
)

SECRETS_IN_LOGS: Final = Grant(
    "brandrelease-secrets-in-logs",
    Where.Brand,
    (Permission(SECRETS, (Verb.Get,), "to take their values out of logs, by name; nothing else is done with them"),),
    without="Without it the logs of pods that use Secrets are withheld: the status says so, and the verdict stays the same.",
)

EVERYWHERE: Final = Grant(
    "brandrelease-watch-everywhere",
    Where.Cluster,
    (
        Permission(BRAND_RELEASES, WATCHED, "all of them, in one watch"),
        Permission(DEPLOYMENTS, WATCHED, "those that bear our label"),
        Permission(PODS, WATCHED, "those that bear our label"),
        Permission(JOBS, WATCHED, "those that bear our label"),
    ),
    without="Without it `BRANDRELEASE_WATCH_NAMESPACES` has to name the brand namespaces.",
)

GRANTS: Final = (CLUSTER, DEFAULT, OWN, BUILDS, BRAND, HOOKS, SECRETS_IN_LOGS, EVERYWHERE)
