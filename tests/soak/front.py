"""What the operator takes for the registry: it passes everything on to the real one, and has bad moments."""

import asyncio
from typing import Final, Self

import aiohttp
from aiohttp import web

HOST: Final = "127.0.0.1"


class RegistryFront:
    """Reads only: images are pushed past it. status: if not 0, the answer to everything. delay: seconds before each."""

    def __init__(self, upstream: str) -> None:
        self.status, self.delay = 0, 0.0
        self.asked = 0
        self._upstream = upstream

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await self._client.close()

    @property
    def host(self) -> str:
        return f"{HOST}:{self._runner.addresses[0][1]}"

    async def _serve(self, asked: web.Request) -> web.Response:
        self.asked += 1
        await asyncio.sleep(self.delay)
        if self.status:
            headers = {"Retry-After": "1"} if self.status == 429 else {}
            return web.Response(status=self.status, headers=headers, text="{}")
        headers = {name: text for name, text in asked.headers.items() if name.lower() != "host"}
        url = f"http://{self._upstream}{asked.raw_path}"
        async with self._client.request(asked.method, url, headers=headers) as answer:
            content = await answer.read()
            kept = {
                name: text
                for name, text in answer.headers.items()
                if name.lower() not in {"transfer-encoding", "content-length", "content-encoding"}
            }
            length = answer.headers.get("Content-Length")
        if asked.method == "HEAD" and length:
            kept["Content-Length"] = length
        return web.Response(status=answer.status, headers=kept, body=content)
