"""The builder `external`: CI pushes the image, and the operator only waits for it to appear in the registry."""

from brandrelease.core.builds.images import BuildOrder
from brandrelease.core.builds.seen import BuildAbsent, BuildState


class External:
    """Nothing is ours to start, to ask or to stop: the registry tells all."""

    async def state(self, order: BuildOrder) -> BuildState:  # noqa: ARG002 - the port's signature
        return BuildAbsent()

    async def start(self, order: BuildOrder) -> None: ...

    async def cancel(self, order: BuildOrder) -> None: ...
