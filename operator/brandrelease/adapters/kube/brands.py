"""The port `Brands` on the Kubernetes API."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from brandrelease.adapters.kube.api import BRAND_RELEASES, BRANDS, ApiError, KubeApi
from brandrelease.adapters.kube.claims import first_claims
from brandrelease.adapters.kube.reading_brands import read_brand
from brandrelease.apis.brand import Brand
from brandrelease.apis.brand_status import BrandStatus
from brandrelease.apis.wellknown import API_VERSION
from brandrelease.core.brands.seen import SeenBrand
from brandrelease.ports import StatusConflict

CONFLICT: Final = 409
GONE: Final = 404

FEW_HOMES: Final = 4
"""So many namespaces of one Brand are asked one after the other; for more, one list of all is asked for."""


@dataclass(frozen=True, slots=True)
class _Held:
    """Who held the environments of a Brand. homes: their namespaces. last_change: that of its BrandReleases before it."""

    homes: Mapping[str, str]
    last_change: int
    holders: Mapping[str, str]


class KubeBrands:
    """Live reads and fenced writes of Brands."""

    def __init__(self, api: KubeApi, namespaces: frozenset[str], last_change: Callable[[str], int]) -> None:
        """namespaces: those that are watched; empty means all.

        last_change tells a number that is another one after a BrandRelease of the Brand of this name has come or gone.
        """
        self._api, self._namespaces, self._last_change = api, namespaces, last_change
        self._held: dict[str, _Held] = {}

    async def brand(self, name: str) -> SeenBrand | None:
        body = await self._api.get(BRANDS, None, name)
        if body is None:
            self._held.pop(name, None)
            return None
        return _seen(body)

    async def holders(self, brand: Brand) -> Mapping[str, str]:
        """Asked again when it may be another answer: a list in each pass over a Brand was most of a fleet's lists."""
        homes, last_change = brand.namespaces(), self._last_change(brand.name)
        held = self._held.get(brand.name)
        if held is None or (held.homes, held.last_change) != (homes, last_change):
            held = self._held[brand.name] = _Held(homes, last_change, await self._ask_for_holders(brand.name, homes))
        return held.holders

    async def _ask_for_holders(self, brand: str, homes: Mapping[str, str]) -> Mapping[str, str]:
        fields = f"spec.brand={brand}"
        bodies = [
            body
            for place in self._places(frozenset(homes.values()))
            for body in await self._api.items(BRAND_RELEASES, place, fields=fields)
            if homes.get(body["spec"]["environment"]) == body["metadata"]["namespace"]
        ]
        return {environment: claim.name for environment, claim in first_claims(bodies).items()}

    def _places(self, homes: frozenset[str]) -> list[str | None]:
        """Where to look: a list of all namespaces makes the API server go through the whole fleet for one Brand."""
        watched = homes & self._namespaces if self._namespaces else homes
        return [*sorted(watched)] if self._namespaces or len(watched) <= FEW_HOMES else [None]

    async def write_status(self, seen: SeenBrand, status: BrandStatus) -> str:
        body = {
            "apiVersion": API_VERSION,
            "kind": "Brand",
            "metadata": {"name": seen.name, "uid": seen.uid, "resourceVersion": seen.resource_version},
            "status": status.to_wire(),  # the spec stays as it is, whatever it is, where only the status is written
        }
        try:
            written = await self._api.replace_status(BRANDS, body)
        except ApiError as error:
            if error.status in {CONFLICT, GONE}:
                raise StatusConflict(error.message) from error
            raise
        return str(written["metadata"]["resourceVersion"])


def _seen(body: dict[str, Any]) -> SeenBrand:
    metadata = body["metadata"]
    return SeenBrand(
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata["generation"],
        resource_version=metadata["resourceVersion"],
        brand=read_brand(body),
        status=_status(body.get("status") or {}),
    )


def _status(written: dict[str, Any]) -> BrandStatus:
    """What was written before; nothing where another version of the operator wrote what this one cannot read."""
    try:
        return BrandStatus.model_validate(written)
    except ValidationError:
        return BrandStatus()
