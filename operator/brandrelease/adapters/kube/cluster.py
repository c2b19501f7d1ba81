"""The port `Cluster` on the Kubernetes API."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Final
from weakref import WeakValueDictionary

import structlog

from brandrelease.adapters.kube.allowed import where_allowed
from brandrelease.adapters.kube.api import (
    BRAND_RELEASES,
    BRANDS,
    DEPLOYMENTS,
    EVENTS,
    JOBS,
    PODS,
    ApiError,
    KubeApi,
)
from brandrelease.adapters.kube.claims import first_claims
from brandrelease.adapters.kube.fellows import PlatformFailure, fellows, platform_failures
from brandrelease.adapters.kube.logs import log_tail
from brandrelease.adapters.kube.pod_events import WARNINGS_ABOUT_PODS, pod_warnings
from brandrelease.adapters.kube.reading_brands import BrandReader
from brandrelease.adapters.kube.reading_secrets import read_secret
from brandrelease.adapters.kube.together import Together
from brandrelease.adapters.kube.views import deployment_view, pod_view
from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseStatus
from brandrelease.apis.reasons import Reason
from brandrelease.apis.wellknown import API_VERSION, NAME_LABEL, RELEASE_LABEL
from brandrelease.core.actions import DeploymentPatch
from brandrelease.core.holding import is_settled
from brandrelease.core.render import deployment_body
from brandrelease.core.snapshot import BrandInvalid, DeploymentView, Fellow, PodView, PodWarning, Refusal
from brandrelease.ports import DeploymentChanged, Refused, Secret, StatusConflict, StatusWritten

log = structlog.get_logger(__name__)

CONFLICT, GONE = 409, 404

PAGE: Final = 100
"""BrandReleases that are read at once where all of them are looked through: a megabyte at most, as a rule."""

TRIES: Final = 10
"""Of one change of a Deployment whose status is written at the same time; each takes some milliseconds."""

REFUSALS = {400, 403, 404, 409, 422}
"""Answers that mean "not so": asking the same thing again at once gives the same answer."""


class KubeCluster:
    """Live reads and fenced writes."""

    def __init__(self, api: KubeApi, namespaces: frozenset[str], now: Callable[[], datetime]) -> None:
        """namespaces: those that are watched; empty means all."""
        self._api, self._now = api, now
        self._brands = BrandReader(api)
        self._namespaces: list[str | None] = [*sorted(namespaces)] or [None]
        self._settled: dict[tuple[str, str], str] = {}
        """Uids of BrandReleases that hold their environment for good, by namespace and name."""
        self._asking: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        """Held while it is asked who holds the environments, by namespace and Brand."""
        self._failures = Together(self._failures_of_the_platform)

    async def brand_release(self, namespace: str, name: str) -> BrandRelease | None:
        # Where many come and go, events are late now and then; whoever is told that it is gone looks once more.
        body = await self._api.get(BRAND_RELEASES, namespace, name, at_its_word=True)
        if body is None:
            self._settled.pop((namespace, name), None)
            return None
        return BrandRelease.from_object(body)

    async def brand(self, name: str, *, may_be_old: bool = False) -> Brand | BrandInvalid | None:
        return await (self._brands.before(name) if may_be_old else self._brands.live(name))

    async def holder(self, release: BrandRelease) -> str:
        spec, is_old = release.spec, is_settled(release.created_at, self._now())
        if not is_old:  # it settles nothing yet, so the others of its Brand are not asked for
            return await self._ask_for_holder(release, f"spec.brand={spec.brand},spec.environment={spec.environment}")
        # One list settles all of a Brand: after a start, the others wait for that of the first.
        async with self._asking.setdefault((release.namespace, spec.brand), asyncio.Lock()):
            if self._settled.get((release.namespace, release.name)) == release.uid:
                return release.name
            return await self._ask_for_holder(release, f"spec.brand={spec.brand}")

    async def _ask_for_holder(self, release: BrandRelease, fields: str) -> str:
        claims = first_claims(await self._api.items(BRAND_RELEASES, release.namespace, fields=fields))
        for claim in claims.values():
            if is_settled(claim.created, self._now()):
                self._settled[release.namespace, claim.name] = claim.uid
        first = claims.get(release.spec.environment)
        return first.name if first else release.name

    async def commits_being_built(self, brand: str, *, but: str) -> frozenset[str]:
        bodies = await self._brand_releases(fields=f"spec.brand={brand}")
        waiting = [
            body.get("status", {}).get(place) or {}
            for body in bodies
            for place in ("current", "next")
            if body["metadata"]["uid"] != but
        ]
        return frozenset(str(c["commit"]) for c in waiting if c and "image" not in c and "outcome" not in c)

    async def deployment(self, namespace: str, name: str) -> DeploymentView | None:
        body = await self._api.get(DEPLOYMENTS, namespace, name)
        return deployment_view(body) if body else None

    async def pods(self, namespace: str, release_name: str, release_number: int) -> tuple[PodView, ...]:
        labels = f"{NAME_LABEL}={release_name},{RELEASE_LABEL}={release_number}"
        bodies = await self._api.items(PODS, namespace, labels=labels)
        return tuple(map(pod_view, bodies))

    async def log_tail(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        return await log_tail(self._api, namespace, pod, container, previous=previous)

    async def warnings(self, namespace: str, pods: Sequence[str]) -> Mapping[str, tuple[PodWarning, ...]]:
        try:
            events = await self._api.items(EVENTS, namespace, fields=WARNINGS_ABOUT_PODS) if pods else []
        except ApiError:  # they make a verdict clearer; they must not keep it from being reached
            log.warning("The Events about pods could not be listed.", namespace=namespace, exc_info=True)
            return {}
        return pod_warnings(events, pods)

    async def platform_failures(self, reason: Reason, since: datetime, *, but: str) -> tuple[Fellow, ...]:
        try:
            failures = await self._failures()
        except ApiError:  # it is told for people; a rollback does not wait for it
            log.warning("Other releases that fail alike could not be looked for.", exc_info=True)
            return ()
        return fellows(failures, reason, since, but=but)

    async def _failures_of_the_platform(self) -> tuple[PlatformFailure, ...]:
        """Page by page: of a fleet of thousands, all of it at once would take the loop for too long, and the memory."""

        async def of(namespace: str | None) -> list[PlatformFailure]:
            pages = self._api.pages(BRAND_RELEASES, namespace, PAGE)
            return [failure async for page in pages for failure in platform_failures(page)]

        return tuple(await where_allowed(self._namespaces, of))

    async def secret(self, namespace: str, name: str) -> Secret | None:
        return await read_secret(self._api, namespace, name)

    async def write_status(self, release: BrandRelease, status: BrandReleaseStatus) -> StatusWritten:
        """What others change of the object and nothing here depends on must not keep a status from being written.

        So a conflict is looked into: while all that was read is as it was, the status is written all the same.
        """
        try:
            return await self._write_status(release, status)
        except StatusConflict:
            body = await self._api.get(BRAND_RELEASES, release.namespace, release.name, at_its_word=True)
            if body is None or not _is_as_it_was(body, release):
                raise
            try:
                return await self._exchange_status(body, status)
            except ApiError as error:
                if error.status in REFUSALS:
                    raise StatusConflict(error.message) from error
                raise

    async def _exchange_status(self, body: dict[str, Any], status: BrandReleaseStatus) -> StatusWritten:
        """Write the status if generation and status are still those of the body, whatever else changes meanwhile."""
        metadata = body["metadata"]
        same = (("/metadata/uid", metadata["uid"]), ("/metadata/generation", metadata["generation"]))
        operations: list[dict[str, Any]] = [
            *({"op": "test", "path": path, "value": value} for path, value in (*same, ("/status", body.get("status")))),
            {"op": "add", "path": "/status", "value": status.to_wire()},
        ]
        written = await self._api.patch_status(BRAND_RELEASES, metadata["namespace"], metadata["name"], operations)
        return StatusWritten(str(written["metadata"]["resourceVersion"]), over=None)

    async def _write_status(self, release: BrandRelease, status: BrandReleaseStatus) -> StatusWritten:
        body: dict[str, Any] = {
            "apiVersion": API_VERSION,
            "kind": "BrandRelease",
            "metadata": {
                "name": release.name,
                "namespace": release.namespace,
                "uid": release.uid,
                "resourceVersion": release.resource_version,
            },
            "spec": release.spec.to_wire(),
            "status": status.to_wire(),
        }
        try:
            written = await self._api.replace_status(BRAND_RELEASES, body)
        except ApiError as error:
            if error.status in {CONFLICT, GONE}:
                raise StatusConflict(error.message) from error
            raise
        return StatusWritten(str(written["metadata"]["resourceVersion"]), over=release.resource_version)

    async def apply(self, patch: DeploymentPatch) -> None:
        """Apply to exactly what was read. In a rollout the status is written all the time, which leaves the plan as it is."""
        for _ in range(TRIES):
            try:
                await self._api.apply(DEPLOYMENTS, deployment_body(patch))
            except ApiError as error:
                if error.status not in REFUSALS:
                    raise
                patch = await self._still_valid(patch, error)
            else:
                return
        raise DeploymentChanged

    async def _still_valid(self, patch: DeploymentPatch, error: ApiError) -> DeploymentPatch:
        """The same change of the Deployment as it is now, if nothing but its status is new. Raises DeploymentChanged, Refused."""
        if error.status in {CONFLICT, GONE}:
            now = await self.deployment(patch.namespace, patch.deployment)
            if now is None or (now.uid, now.generation) != (patch.uid, patch.generation):
                raise DeploymentChanged from error
            if now.resource_version != patch.resource_version:
                return replace(patch, resource_version=now.resource_version)
        message = f"The API server refuses the change of Deployment {patch.deployment}: {error.message}"
        raise Refused(Refusal(Reason.DeploymentRefused, message)) from error

    async def _brand_releases(self, fields: str | None = None) -> list[dict[str, Any]]:
        """Those of all namespaces that are watched."""
        return await where_allowed(self._namespaces, partial(self._api.items, BRAND_RELEASES, fields=fields))


def _is_as_it_was(body: dict[str, Any], release: BrandRelease) -> bool:
    """Whether nothing has changed of what was read, but for the version."""
    now = BrandRelease.from_object(body)
    return now.model_copy(update={"resource_version": release.resource_version}) == release


class WatchedObjects:
    """Metadata of everything that is watched: what the resync compares."""

    _RESOURCES: ClassVar = {r.plural: r for r in (BRAND_RELEASES, BRANDS, DEPLOYMENTS, PODS, JOBS)}

    def __init__(
        self, api: KubeApi, namespaces: frozenset[str], build_namespace: str, selectors: Mapping[str, str]
    ) -> None:
        self._api, self._selectors = api, selectors
        self._namespaces: list[str | None] = [*sorted(namespaces)] or [None]
        """Where BrandReleases are, with their Deployments, pods and hooks; None: everywhere."""
        self._with_builds: list[str | None] = (
            [*sorted(namespaces - {build_namespace}), build_namespace] if namespaces else [None]
        )

    async def __call__(self, kind: str) -> list[dict[str, Any]]:
        match kind:
            case "brands":
                namespaces: list[str | None] = [None]
            case "jobs":
                namespaces = self._with_builds
            case _:
                namespaces = self._namespaces
        versions = partial(self._api.versions, self._RESOURCES[kind], labels=self._selectors.get(kind))
        return await where_allowed(namespaces, versions)
