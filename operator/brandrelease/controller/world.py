"""The ports of a pass: all that it can ask, and all that it can change."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from brandrelease.controller.tracking import Tracking
from brandrelease.ports import (
    Builder,
    Caches,
    Clock,
    Cluster,
    Deliveries,
    GitRemote,
    Hooks,
    Measurements,
    Registry,
    Secret,
    Turns,
)


@dataclass(frozen=True, slots=True)
class World:
    """The ports, and what is between them and a pass."""

    cluster: Cluster
    git: GitRemote
    registry: Registry
    builders: Mapping[str, Builder]
    hooks: Hooks
    caches: Caches
    measurements: Measurements
    turns: Turns
    deliveries: Deliveries
    clock: Clock
    build_namespace: str
    tracking: Tracking = field(default_factory=Tracking)

    async def secret(self, name: str | None) -> Secret | None:
        """A Secret of the build namespace, if one is named."""
        return await self.cluster.secret(self.build_namespace, name) if name else None
