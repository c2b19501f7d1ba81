"""A BrandRelease as what asks for an environment, from JSON. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from brandrelease.core.holding import Claim


def claim_of(body: dict[str, Any]) -> Claim:
    """The API server writes all three itself, so they are well-formed."""
    metadata = body["metadata"]
    return Claim(
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        uid=str(metadata["uid"]),
        name=str(metadata["name"]),
    )


def first_claims(bodies: Iterable[dict[str, Any]]) -> Mapping[str, Claim]:
    """Of BrandReleases of one Brand, those of an environment all in one namespace: the claim that holds each environment."""
    first: dict[str, Claim] = {}
    for body in bodies:
        environment, claim = str(body["spec"]["environment"]), claim_of(body)
        first[environment] = min(claim, first.get(environment, claim))
    return first
