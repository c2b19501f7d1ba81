"""The board within the operator: fed by the watches of the replica that leads, and by a few of its own on one that stands by.

So it is the same board whichever replica answers. Nobody who looks at it costs the Kubernetes API anything.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, Final

import structlog
from aiohttp import web

from brandrelease.adapters.kube.views import pod_view
from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseStatus
from brandrelease.board.access import Access
from brandrelease.board.addresses import Board
from brandrelease.board.held import KINDS, Held
from brandrelease.board.pages import Pages
from brandrelease.board.presence import Presence
from brandrelease.board.streams import Streams
from brandrelease.controller.handlers import OnEvent, Pump
from brandrelease.controller.resync import Known, Lists, Resync
from brandrelease.core.pod_line import pod_line
from brandrelease.core.words import seconds
from brandrelease.ports import Clock
from brandrelease.settings import BoardAccess, Settings
from brandrelease.telemetry import Metrics

log = structlog.get_logger(__name__)

OLD_AFTER: Final = 2.5
"""So many resyncs without a list, and a reader is told that what stands there may be old."""


class Onlooking:
    """What this replica shows on its board; nothing at all where the board is off."""

    def __init__(
        self, settings: Settings, lists: Lists, clock: Clock, metrics: Metrics, since_resync: Callable[[], float]
    ) -> None:
        """since_resync: seconds without a list, of the replica that leads."""
        self._settings, self._lists, self._since_resync = settings, lists, since_resync
        self._held = Held(lambda body: pod_line(pod_view(body)))
        self._presence = Presence(self._held.gone)
        self._board: Board | None = None
        if settings.board is BoardAccess.Off:
            return
        metrics.fleet.tell(self._see)
        pages = Pages(self._held, clock.now, self._trouble, settings.instance)
        access = Access(settings.token_of_board, clock.now)
        self._board = Board(self._held, pages, Streams(secrets.token_hex(4), pages), access)
        if access.is_open:
            log.warning("The board is open: whoever reaches the port reads commits and ends of logs there.")

    def add_to(self, app: web.Application) -> None:
        """Serve the board."""
        if self._board is not None:
            self._board.add_to(app)

    def beside(self, arrivals: OnEvent) -> OnEvent:
        """The same events for both."""
        if self._board is None:
            return arrivals

        def both(kind: str, event_type: str | None, body: dict[str, Any]) -> None:
            arrivals(kind, event_type, body)
            self._on_event(kind, event_type, body)

        return both

    async def lists(self, kind: str) -> list[dict[str, Any]]:
        """The lists of the resync, which also show the board what is there no more."""
        if self._board is None or kind not in KINDS:
            return await self._lists(kind)
        before = self._presence.before(kind)
        listed = await self._lists(kind)
        self._presence.compare(kind, before, [item["metadata"] for item in listed])
        return listed

    async def stand_by(self) -> None:
        """Watch what the board is made of, while another replica leads; until cancelled."""
        if self._board is None:
            return
        settings = self._settings
        nobody = {kind: lambda _: () for kind in KINDS}
        not_served = Metrics()  # what is served counts the work of a replica that leads
        resync = Resync(self.lists, Known(), nobody, lambda _: None, lambda *_: None, not_served)
        pump = Pump(
            settings.watch_namespaces,
            settings.build_namespace,
            kubeconfig=settings.kubeconfig is not None,
            kinds=KINDS,
        )
        leading, self._since_resync = self._since_resync, resync.silence
        try:
            await asyncio.gather(pump.run(self._on_event), resync.run(settings.resync_seconds))
        finally:
            self._since_resync = leading

    def _on_event(self, kind: str, event_type: str | None, body: dict[str, Any]) -> None:
        if kind not in KINDS:
            return
        (self._presence.left if event_type == "DELETED" else self._presence.saw)(kind, body["metadata"])
        self._held(kind, event_type, body)

    def _see(self, release: BrandRelease, status: BrandReleaseStatus) -> None:
        """Within a pass, which must not fail for what is only looked at."""
        try:
            self._held.see(release, status)
        except Exception:
            log.warning("The board could not take a status in; releases go on.", exc_info=True)

    def _trouble(self) -> str:
        silence = self._since_resync()
        if silence <= self._settings.resync_seconds * OLD_AFTER:
            return ""
        return (
            f"No list of the Kubernetes API has succeeded for {seconds(silence)}: what stands here may be old. "
            "Look at the operator's log, and whether the API server answers."
        )
