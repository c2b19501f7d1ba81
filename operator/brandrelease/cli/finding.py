"""From BRAND and ENVIRONMENT, as people say them, to the BrandRelease."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from brandrelease.adapters.kube.api import BRAND_RELEASES, BRANDS, ApiError, KubeApi
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.cli.called import called
from brandrelease.cli.exits import Exit, Problem
from brandrelease.core.words import one_of

Json = dict[str, Any]

FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class Home:
    """Where an environment of a Brand lives."""

    namespace: str
    deployment: str


async def home_of(api: KubeApi, brand: str, environment: str) -> Home:
    """As the Brand names it; as it is by default where the Brand may not be read."""
    usual = f"{brand}-{environment}"
    try:
        body = await api.get(BRANDS, None, brand)
    except ApiError as error:
        if error.status == FORBIDDEN:
            return Home(usual, f"{usual}-deployment")
        raise
    if body is None:
        raise await no_such_brand(api, brand)
    places = {each["name"]: each for each in body["spec"]["environments"]}
    place = places.get(environment)
    if place is None:
        offer = _offer(environment, list(places), "environments")
        raise Problem(f'Brand "{brand}" has no environment "{environment}". {offer}', Exit.Usage)
    return Home(place.get("namespace") or usual, place.get("deployment") or f"{usual}-deployment")


async def no_such_brand(api: KubeApi, brand: str) -> Problem:
    """That there is no Brand of the name, and what could have been meant."""
    names = [each["metadata"]["name"] for each in await api.items(BRANDS, None)]
    return Problem(f'There is no Brand "{brand}". {_offer(brand, names, "Brands")}', Exit.Usage)


async def find(api: KubeApi, brand: str, environment: str) -> BrandRelease:
    """The BrandRelease that holds the environment; raises Problem where there is none."""
    home = await home_of(api, brand, environment)
    found = await look(api, home.namespace, brand, environment)
    if found is None:
        raise Problem(
            f"Nothing was ever released to {brand} {environment}: there is no BrandRelease for it in namespace "
            f"{home.namespace}. This makes one: {called()} deploy {brand} {environment} --ref <branch>",
            Exit.Usage,
        )
    return found


async def look(api: KubeApi, namespace: str, brand: str, environment: str) -> BrandRelease | None:
    """The oldest BrandRelease for the environment, which is the one that holds it; None if there is none."""
    fields = f"spec.brand={brand},spec.environment={environment}"
    bodies = await api.items(BRAND_RELEASES, namespace, fields=fields)
    oldest = min(bodies, key=_age, default=None)
    return readable(oldest) if oldest else None


def readable(body: Json) -> BrandRelease:
    """The object; raises Problem where this version of the command cannot read it."""
    try:
        return BrandRelease.from_object(body)
    except ValidationError as error:
        name = f"{body['metadata']['namespace']}/{body['metadata']['name']}"
        raise Problem(
            f"BrandRelease {name} cannot be read by this version of the command: {error.errors()[0]['msg']}. "
            "Use the version that belongs to the operator of this cluster.",
            Exit.Unavailable,
        ) from error


def _age(body: Json) -> tuple[str, str]:
    return str(body["metadata"]["creationTimestamp"]), str(body["metadata"]["uid"])


def _offer(wrong: str, names: Sequence[str], things: str) -> str:
    """What could have been meant."""
    if close := difflib.get_close_matches(wrong, names, n=3):
        return f"Did you mean {one_of(close)}?"
    return f"The {things} are {one_of(sorted(names)[:20])}." if names else f"There are no {things} yet."
