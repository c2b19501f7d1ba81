"""One object as it changes, for those who look at one and not at all."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

from brandrelease.adapters.kube.api import ApiError, KubeApi, Resource

Json = dict[str, Any]

WATCH_SECONDS: Final = 240
"""A watch is renewed this often."""

GONE: Final = 410


async def follow(api: KubeApi, resource: Resource, namespace: str, name: str) -> AsyncIterator[Json | None]:
    """The object as it is, and again after each change, for ever; None where there is none. Raises ApiError."""
    while True:
        body = await api.get(resource, namespace, name)
        yield body
        version = body["metadata"]["resourceVersion"] if body else None
        async for changed in _changes(api, resource, namespace, name, version):
            yield changed


async def _changes(
    api: KubeApi, resource: Resource, namespace: str, name: str, version: str | None
) -> AsyncIterator[Json | None]:
    """What happens to the object from a version on, until the watch ends."""
    query = {"watch": "true", "fieldSelector": f"metadata.name={name}", "timeoutSeconds": str(WATCH_SECONDS)}
    if version:
        query["resourceVersion"] = version
    async for line in api.lines(resource.path(namespace), query):
        event = json.loads(line)
        match event["type"]:
            case "ADDED" | "MODIFIED":
                yield event["object"]
            case "DELETED":
                yield None
            case "ERROR" if event["object"].get("code") == GONE:
                return
            case "ERROR":
                raise ApiError(event["object"].get("code", 0), event["object"].get("message", "The watch failed."))
