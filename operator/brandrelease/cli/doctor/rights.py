"""What the caller may do, and what the operator may do that it needs."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from brandrelease.adapters.kube.api import BRAND_RELEASES, BRANDS, DEPLOYMENTS, PODS, ApiError, Resource
from brandrelease.adapters.kube.permissions import BRAND, BUILDS, CLUSTER, OWN, Grant, Permission, Where
from brandrelease.cli.doctor.finding import Finding, State
from brandrelease.cli.session import Session

Json = dict[str, Any]

GROUP: Final = "/apis/authorization.k8s.io/v1"
MY_ACCESS: Final = Resource(GROUP, "selfsubjectaccessreviews", namespaced=False)
ACCESS: Final = Resource(GROUP, "subjectaccessreviews", namespaced=False)

ACCOUNT: Final = "brandrelease"
"""Name of the operator's service account in its namespace."""

BUILD_NAMESPACE: Final = "brandrelease-builds"
AT_ONCE: Final = 16
"""Questions that the API server is asked at the same time."""

YOURS: Final = (
    (BRAND_RELEASES, "list", "", "see releases"),
    (BRAND_RELEASES, "patch", "", "ask for releases, rollbacks and the like"),
    (BRAND_RELEASES, "create", "", "begin to release an environment"),
    (BRANDS, "get", "", "read Brands"),
    (DEPLOYMENTS, "get", "", "see how many pods are wanted (live view)"),
    (PODS, "list", "", "see pods (live view, logs)"),
    (PODS, "get", "log", "read logs"),
)


async def yours(at: Session, _: str) -> AsyncIterator[Finding]:
    """What the commands need of whoever calls them."""
    for resource, verb, subresource, what in YOURS:
        review = {"spec": {"resourceAttributes": _attributes(resource, verb, subresource)}}
        if await _allowed(at, MY_ACCESS, review):
            yield Finding(State.Good, f"You may {what}, in all namespaces.")
        else:
            yield Finding(State.Unknown, f"You may not {what} in all namespaces; perhaps you may in some of them.")


@dataclass(frozen=True, slots=True)
class _Need:
    """One right in one place. namespace: None for what is in no namespace."""

    permission: Permission
    verb: str
    namespace: str | None

    def __str__(self) -> str:
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.permission.kind}{where}"


async def operators(at: Session, namespace: str) -> AsyncIterator[Finding]:
    """Each right that nothing works without, asked of the API server for the operator's service account."""
    user = f"system:serviceaccount:{namespace}:{ACCOUNT}"
    needs = [*_needs(CLUSTER, [None]), *_needs(OWN, [namespace]), *_needs(BUILDS, [BUILD_NAMESPACE])]
    needs += _needs(BRAND, [home async for home in _homes(at)])
    turns = asyncio.Semaphore(AT_ONCE)

    async def asked(need: _Need) -> bool:
        attributes = _attributes(need.permission.resource, need.verb, need.permission.subresource, need.namespace)
        async with turns:
            return await _allowed(at, ACCESS, {"spec": {"resourceAttributes": attributes, "user": user}})

    try:
        answers = await asyncio.gather(*map(asked, needs))
    except ApiError as error:
        yield Finding(
            State.Unknown, f"Only an administrator may ask whether the operator has its rights: {error.message}"
        )
        return
    missing = [str(need) for need, allowed in zip(needs, answers, strict=True) if not allowed]
    if not missing:
        yield Finding(State.Good, f"{user} has all rights that it needs ({len(needs)} were asked for).")
        return
    shown = "; ".join(missing[:5]) + (f"; and {len(missing) - 5} more" if len(missing) > 5 else "")  # noqa: PLR2004
    yield Finding(
        State.Bad,
        f"{user} may not: {shown}.",
        "Give them by the Helm chart (brandNamespaces), or by deploy/install.yaml and deploy/rbac/brand-namespace.yaml "
        "(docs/permissions.md).",
    )


def _needs(grant: Grant, namespaces: Sequence[str | None]) -> Iterator[_Need]:
    for permission in grant.permissions:
        if permission.what_for.startswith("nothing"):
            continue
        for verb in permission.verbs:
            for namespace in namespaces:
                yield _Need(permission, str(verb), namespace if grant.where is not Where.Cluster else None)


async def _homes(at: Session) -> AsyncIterator[str]:
    """The namespaces that Brands name."""
    seen: set[str] = set()
    for body in await at.api.items(BRANDS, None):
        for place in body["spec"]["environments"]:
            home = place.get("namespace") or f"{body['metadata']['name']}-{place['name']}"
            if home not in seen:
                seen.add(home)
                yield home


def _attributes(resource: Resource, verb: str, subresource: str = "", namespace: str | None = None) -> Json:
    found = {"group": resource.group, "resource": resource.plural, "verb": verb}
    more = {"subresource": subresource, "namespace": namespace}
    return found | {key: value for key, value in more.items() if value}


async def _allowed(at: Session, kind: Resource, review: Json) -> bool:
    name = "SelfSubjectAccessReview" if kind is MY_ACCESS else "SubjectAccessReview"
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": name, **review}
    return bool((await at.api.ask(kind, body))["status"]["allowed"])
