"""A story whose metrics outlive the operator's process, as they do in Prometheus."""

from brandrelease.controller.reconcile import Reconciler
from brandrelease.controller.world import World
from brandrelease.telemetry import Metrics
from support.story import Story


class Counted(Story):
    """Every new process counts on with the same metrics."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        super().__init__()

    def new_reconciler(self, world: World) -> Reconciler:
        return Reconciler(world, self, self.metrics, lambda *_: None, lambda *_: False)
