"""Requests and watches for what is played and for what looks on: straight to the API server, past every fault."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlencode

import aiohttp

from support.fault_proxy import LINE_LIMIT, _administrator

Object = dict[str, Any]
OnEvent = Callable[[str, Object], None]
"""Takes ADDED, MODIFIED or DELETED, and the object."""

MERGE: Final = {"Content-Type": "application/merge-patch+json"}
APPLY: Final = {"Content-Type": "application/apply-patch+yaml"}
STRATEGIC: Final = {"Content-Type": "application/strategic-merge-patch+json"}
WATCH_SECONDS: Final = 300
TRIES: Final = 3
"""An API server without processor time answers 504; what can be done twice is then done again."""


class Answer(Exception):
    """The API server said no. code: the HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class Kube:
    """The API server as an administrator sees it."""

    def __init__(self, kubeconfig: Path) -> None:
        self._url, self._tls = _administrator(kubeconfig)

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=0)
        timeout = aiohttp.ClientTimeout(total=60)
        self._client = aiohttp.ClientSession(connector=connector, timeout=timeout, read_bufsize=LINE_LIMIT)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def get(self, path: str, **query: str) -> Object:
        return await self._ask("GET", path, query=query)

    async def post(self, path: str, body: Object) -> Object:
        return await self._ask("POST", path, body, query={"fieldValidation": "Strict"})

    async def merge(self, path: str, body: Object) -> Object:
        return await self._ask("PATCH", path, body, MERGE, query={"fieldValidation": "Strict", "fieldManager": "ci"})

    async def strategic(self, path: str, body: Object) -> Object:
        """As `kubectl set image` does it: lists are merged by name."""
        query = {"fieldValidation": "Strict", "fieldManager": "kubectl-set"}
        return await self._ask("PATCH", path, body, STRATEGIC, query=query)

    async def apply(self, path: str, body: Object, manager: str) -> Object:
        """Server-side apply: `body` is all that `manager` wants to own."""
        query = {"fieldValidation": "Strict", "fieldManager": manager, "force": "true"}
        return await self._ask("PATCH", path, body, APPLY, query=query)

    async def delete(self, path: str) -> None:
        """Delete at once; what is gone already is as good."""
        try:
            await self._ask("DELETE", path, query={"gracePeriodSeconds": "0", "propagationPolicy": "Background"})
        except Answer as no:
            if no.code != 404:
                raise

    async def _ask(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> Object:
        url, tries = f"{self._url}{path}?{urlencode(query or {})}", 1 if method == "POST" else TRIES
        while True:
            tries -= 1
            async with self._client.request(method, url, json=body, headers=headers) as answer:
                told: Object = await answer.json()
            if answer.status < 400:
                return told
            if answer.status < 500 or not tries:
                raise Answer(answer.status, str(told.get("message", "")))

    async def follow(self, path: str, on_event: OnEvent, **query: str) -> None:
        """Every object and every change of it, until cancelled. What was deleted between two watches is told too."""
        known: dict[str, Object] = {}
        while True:
            try:
                listed = await self.get(path, **query)
            except (Answer, aiohttp.ClientError, TimeoutError):  # it has no time for us just now
                await asyncio.sleep(0.5)
                continue
            there = {each["metadata"]["uid"]: each for each in listed["items"]}
            for uid in known.keys() - there.keys():
                on_event("DELETED", known.pop(uid))
            for uid, each in there.items():
                if uid not in known or known[uid]["metadata"]["resourceVersion"] != each["metadata"]["resourceVersion"]:
                    known[uid] = each
                    on_event("MODIFIED", each)
            version = listed["metadata"]["resourceVersion"]
            async for kind, body in self._watch(path, version, query):
                if kind == "DELETED":
                    known.pop(body["metadata"]["uid"], None)
                else:
                    known[body["metadata"]["uid"]] = body
                on_event(kind, body)

    async def _watch(self, path: str, version: str, query: dict[str, str]) -> AsyncIterator[tuple[str, Object]]:
        """The changes since a version, until the API server has enough."""
        told = {"watch": "true", "resourceVersion": version, "timeoutSeconds": str(WATCH_SECONDS), **query}
        timeout = aiohttp.ClientTimeout(total=None)
        try:
            async with self._client.get(f"{self._url}{path}?{urlencode(told)}", timeout=timeout) as answer:
                async for line in answer.content:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        return
                    yield event["type"], event["object"]
        except aiohttp.ClientError:
            await asyncio.sleep(0.1)
