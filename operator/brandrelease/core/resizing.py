"""Whether the fleet is still divided otherwise: then a shard has no leader yet, or one object could have two.

Whoever has got the Lease of its shard looks at those of all other divisions, and begins to lead when it sees none that is
held. Of two replicas of two divisions each has written its own Lease before it looks at the other's, so at least one of
them sees that of the other, and waits. As in `leadership`, a Lease counts as held until it has not changed for
LEASE_SECONDS under one's eyes; also one that is gone meanwhile, since its holder may not know yet that somebody deleted it.
"""

from collections.abc import Mapping

from brandrelease.core.leadership import LEASE_SECONDS, Lease, Sighting, sighted

Sightings = Mapping[str, Sighting]
"""Leases of other divisions, by name."""


def looked(before: Sightings, others: Mapping[str, Lease], now: float) -> Sightings:
    """What is known after a look at them. One that is gone is kept as it was seen last."""
    return {**before, **{name: sighted(before.get(name), lease, now) for name, lease in others.items()}}


def still_held(seen: Sightings, now: float) -> tuple[str, ...]:
    """Names of those by which somebody may lead. One that was let go is nobody's at once."""
    return tuple(
        sorted(
            name
            for name, sighting in seen.items()
            if sighting.lease and sighting.lease.holder and now < sighting.since + LEASE_SECONDS
        )
    )
