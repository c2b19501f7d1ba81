"""The peer of a storm: the same images set by hand, one PATCH a Deployment, with nobody who looks whether it went well."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.fleet.population import Site, at_once
from bench.fleet.stage import Stage
from soak.kube import Object

LIMIT: Final = 600.0


@dataclass(frozen=True)
class ByHand:
    """Seconds from the first PATCH until all Deployments were patched, and until all had changed over."""

    count: int
    patched: float
    rolled_out: float


async def by_hand(stage: Stage, sites: Sequence[Site]) -> ByHand:
    """Set a new image on the Deployments of these sites, as many at once as a storm's operator has workers."""
    digest = await asyncio.to_thread(stage.registry.push_image, "sites/by-hand", "again", "set by hand")
    image = f"{stage.registry.host}/sites/by-hand@{digest}"
    missing = {(site.namespace, site.deployment) for site in sites}
    listed, done = asyncio.Event(), asyncio.Event()

    def seen(kind: str, body: Object) -> None:
        listed.set()
        if _image(body) == image and _is_rolled_out(body):
            missing.discard((body["metadata"]["namespace"], body["metadata"]["name"]))
            if not missing:
                done.set()

    async def one(site: Site) -> None:
        containers = [{"name": "app", "image": image}]
        body = {"spec": {"template": {"spec": {"containers": containers}}}}
        await stage.kube.strategic(site.deployment_path, body)

    looking = asyncio.create_task(stage.kube.follow("/apis/apps/v1/deployments", seen))
    try:
        await listed.wait()
        began = time.monotonic()
        await at_once(sites, one)
        patched = time.monotonic() - began
        await asyncio.wait_for(done.wait(), LIMIT)
        return ByHand(len(sites), patched, time.monotonic() - began)
    finally:
        looking.cancel()


def _image(body: Object) -> str:
    return str(body["spec"]["template"]["spec"]["containers"][0]["image"])


def _is_rolled_out(body: Object) -> bool:
    status = body.get("status", {})
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    return status.get("observedGeneration") == body["metadata"]["generation"] and counts == [1, 1, 1]
