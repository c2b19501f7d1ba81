"""A reverse proxy with TLS that lets through who shows the right Authorization header, as stands in front of many sources."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web
from yarl import URL

from cluster.certificates import Authority


class Gate:
    """What stands between; `allowed` is the header that opens it, and may be changed."""

    def __init__(self, behind: str, allowed: str, authority: Path) -> None:
        self.allowed = allowed
        self.seen: list[str] = []
        """Authorization headers that came, in order; empty texts where none came."""
        self.url = ""
        self._behind = behind
        self._authority = Authority(authority)

    @property
    def ca(self) -> bytes:
        """The authority's certificate, as it belongs under caFile."""
        return self._authority.pair.certificate.read_bytes()

    @asynccontextmanager
    async def open(self, host: str = "127.0.0.1") -> AsyncIterator["Gate"]:
        """Serve while the block runs, with a certificate for ``host`` alone."""
        self._authority.create()
        pair = self._authority.issue("gate", "gate", addresses=(host,))
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(pair.certificate, pair.key)
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._serve)
        runner = web.AppRunner(application)
        await runner.setup()
        async with aiohttp.ClientSession() as self._client:
            try:
                await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
                self.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
                yield self
            finally:
                await runner.cleanup()

    async def _serve(self, asked: web.Request) -> web.Response:
        shown = asked.headers.get("Authorization", "")
        self.seen.append(shown)
        if shown != self.allowed:
            # As careless as servers are: what was shown is in the answer.
            return web.json_response({"error": f"{shown} is not allowed"}, status=401)
        url = URL(f"{self._behind}{asked.raw_path}", encoded=True)
        headers = {"Content-Type": asked.headers.get("Content-Type", "application/json")}
        async with self._client.request(asked.method, url, data=await asked.read(), headers=headers) as answer:
            return web.Response(
                body=await answer.read(), status=answer.status, headers={"Content-Type": answer.content_type}
            )
