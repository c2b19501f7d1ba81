"""A BrandRelease as what asks for an environment, from JSON. Pure."""

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
