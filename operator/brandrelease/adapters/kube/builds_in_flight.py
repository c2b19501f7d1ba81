"""Which builds were started and have not ended, by the BrandReleases' own records: what a restart must know."""

from typing import Any, Final

from brandrelease.adapters.kube.allowed import where_allowed
from brandrelease.adapters.kube.api import BRAND_RELEASES, KubeApi
from brandrelease.core.builds.fairness import BuildInFlight
from brandrelease.core.builds.images import EXTERNAL, build_name

PAGE: Final = 50
"""BrandReleases in one answer: each brings its whole history, and may be 150 KiB."""


async def builds_in_flight(api: KubeApi, namespaces: frozenset[str], page: int = PAGE) -> list[BuildInFlight]:
    """The builds of all BrandReleases in these namespaces; empty means all. Raises ApiError."""

    async def of(namespace: str | None) -> list[BuildInFlight]:
        pages = api.pages(BRAND_RELEASES, namespace, page)
        return [build async for bodies in pages for body in bodies if (build := _build(body))]

    return await where_allowed([*sorted(namespaces)] or [None], of)


def _build(body: dict[str, Any]) -> BuildInFlight | None:
    """The object is read as it is: one that breaks today's rules may have a build that runs all the same."""
    status = body.get("status", {})
    current = status.get("next") or status.get("current") or {}
    build = current.get("build") or {}
    ended = "image" in current or "outcome" in current or "finishedAt" in current or "finishedAt" in build
    if ended or build.get("builder", EXTERNAL) == EXTERNAL:  # a build that CI makes takes no place
        return None
    metadata, brand = body["metadata"], str(body["spec"]["brand"])
    name = build_name(brand, str(build["key"]), int(build["attempt"]))
    return BuildInFlight(metadata["namespace"], metadata["name"], brand, name)
