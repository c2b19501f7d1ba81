"""/healthz, /readyz and /metrics: what the kubelet and Prometheus ask."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from brandrelease.telemetry import Metrics

STUCK_SECONDS: Final = 300
"""A key that waits longer than this for a worker means that all workers hang: a restart helps."""

RESYNCS_MISSED: Final = 5
"""So many resyncs in a row without a list mean that the API server does not speak to this process any more."""


LEASE_SILENCE_SECONDS: Final = 180
"""So long without any answer about the Lease mean the same to a replica that stands by. A leader has ended long before."""


class Probes:
    """The HTTP server of the process. A replica that stands by is ready: it does all that it is there for."""

    def __init__(
        self,
        metrics: Metrics,
        oldest_wait: Callable[[], float],
        since_resync: Callable[[], float],
        since_election: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Three times in seconds, as they are when they are asked for."""
        self._metrics, self._oldest_wait, self._since_resync = metrics, oldest_wait, since_resync
        self._since_election = since_election
        self._resync_limit = float("inf")

    async def start(
        self, host: str, port: int, resync_seconds: float, more: Callable[[web.Application], None] = lambda _: None
    ) -> web.AppRunner:
        """Serve; the caller cleans the runner up. more: adds what is served beside it."""
        self._resync_limit = resync_seconds * RESYNCS_MISSED
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._serve_metrics)
        more(app)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        return runner

    async def _healthz(self, _: web.Request) -> web.Response:
        if (wait := self._oldest_wait()) > STUCK_SECONDS:
            return web.Response(status=503, text=f"An object has waited {wait:.0f} s for a pass: all workers hang.\n")
        if (silence := self._since_resync()) > self._resync_limit:
            return web.Response(status=503, text=f"No list of the Kubernetes API has succeeded for {silence:.0f} s.\n")
        if (silence := self._since_election()) > LEASE_SILENCE_SECONDS:
            return web.Response(status=503, text=f"Nothing was heard about the Lease for {silence:.0f} s.\n")
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _serve_metrics(self, _: web.Request) -> web.Response:
        self._metrics.queue_oldest_seconds.set(self._oldest_wait())
        # In a thread: the page of a fleet of thousands takes longer than anybody may hold the loop up.
        body = await asyncio.to_thread(generate_latest, self._metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
