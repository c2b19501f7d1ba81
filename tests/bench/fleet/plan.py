"""How large the fleets are and how long is looked at them, as the environment says it."""

import os
from dataclasses import dataclass
from typing import Final, Self

SIZES: Final = "FLEET"
SECONDS: Final = "FLEET_SECONDS"

FULL: Final = "100,1000,5000"
REST: Final = "120"


@dataclass(frozen=True)
class Plan:
    """sizes: one after another, the same fleet that grows. rest: seconds for which the largest is looked at at rest.

    crowd: of how many there are storms in which all have a new commit, and of how many releases the neighbour's fail.
    profiled: of how many the storm with the profiler is.
    """

    sizes: tuple[int, ...]
    rest: float

    @classmethod
    def told(cls) -> Self:
        """FLEET=40 and FLEET_SECONDS=10 make a short one; figures need whole minutes, because what is done at rest is done once a minute."""
        sizes = sorted(int(each) for each in (os.environ.get(SIZES) or FULL).split(","))
        return cls(tuple(sizes), float(os.environ.get(SECONDS) or REST))

    @property
    def largest(self) -> int:
        return self.sizes[-1]

    def rest_of(self, size: int) -> float:
        """The largest is what goals are about; of the others a minute is enough."""
        return self.rest if size == self.largest else min(self.rest, 60.0)

    @property
    def crowd(self) -> int:
        """The largest size up to a thousand."""
        return max((size for size in self.sizes if size <= 1000), default=self.sizes[0])

    @property
    def profiled(self) -> int:
        return min(self.crowd, 300)
