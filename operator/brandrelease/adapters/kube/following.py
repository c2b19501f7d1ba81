"""One object or a few as they change, for those who look at these and not at all."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Final

from brandrelease.adapters.kube.api import ApiError, KubeApi, Resource

Json = dict[str, Any]

WATCH_SECONDS: Final = 240
"""A watch is renewed this often."""

SILENCE: Final = WATCH_SECONDS + 30.0
"""Seconds without a byte after which the connection is lost, as after a night with the lid closed."""

GONE: Final = 410


async def follow(api: KubeApi, resource: Resource, namespace: str, name: str) -> AsyncGenerator[Json | None, None]:
    """The object as it is, and again after each change, for ever; None where there is none. Raises ApiError."""
    async with aclosing(follow_all(api, resource, namespace, {"fieldSelector": f"metadata.name={name}"})) as looks:
        async for found in looks:
            yield next(iter(found.values()), None)


async def follow_all(
    api: KubeApi, resource: Resource, namespace: str | None, select: Mapping[str, str]
) -> AsyncGenerator[Mapping[str, Json], None]:
    """All objects that are selected, by their uid, and again after each change, for ever. Raises ApiError.

    select: labelSelector and fieldSelector.
    """
    while True:
        items, version = await api.listing(
            resource, namespace, labels=select.get("labelSelector"), fields=select.get("fieldSelector")
        )
        found = {body["metadata"]["uid"]: body for body in items}
        yield found
        async with aclosing(_changes(api, resource, namespace, {**select, "resourceVersion": version})) as changes:
            async for there, body in changes:
                uid = body["metadata"]["uid"]
                found = {**found, uid: body} if there else {key: each for key, each in found.items() if key != uid}
                yield found


async def _changes(
    api: KubeApi, resource: Resource, namespace: str | None, select: Mapping[str, str]
) -> AsyncGenerator[tuple[bool, Json], None]:
    """What happens from a version on, until the watch ends: whether the object is there, and the object."""
    query = {"watch": "true", "timeoutSeconds": str(WATCH_SECONDS), **select}
    async with aclosing(api.lines(resource.path(namespace), query, SILENCE)) as lines:
        async for line in lines:
            event = json.loads(line)
            match event["type"]:
                case "ADDED" | "MODIFIED":
                    yield True, event["object"]
                case "DELETED":
                    yield False, event["object"]
                case "ERROR" if event["object"].get("code") == GONE:
                    return
                case "ERROR":
                    raise ApiError(event["object"].get("code", 0), event["object"].get("message", "The watch failed."))
