"""kopf's registrations, and nothing else: every event only says "look at this one again".

Only raw event handlers are registered, so kopf writes nothing: no finalizer, no annotation, on nobody's object.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from typing import Any, Final

import kopf
import structlog

from brandrelease.apis.wellknown import BUILD_KEY_LABEL, GROUP, NAME_LABEL, RELEASE_LABEL, VERSION
from brandrelease.controller.interest import Interest
from brandrelease.controller.queue import Key
from brandrelease.controller.resync import Known

log = structlog.get_logger(__name__)

OnKeys = Callable[[Iterable[Key]], None]

SELECTORS: Final = {"deployments": NAME_LABEL, "pods": RELEASE_LABEL, "jobs": BUILD_KEY_LABEL}
"""Label that an object must bear to be watched; the other kinds are watched whole."""

REQUEST_SECONDS: Final = 10
LONGEST_PAUSE: Final = 10.0
"""Seconds until ended watches are started again."""

WATCH_SECONDS: Final = 240
"""A watch is renewed this often; the API server would otherwise choose at random up to an hour."""


class Pump:
    """kopf's watches; they feed the queue.

    They are started again whenever they end: kopf gives up on an error that it does not know, or after a minute of
    refusals. The resync finds meanwhile what the watches miss.
    """

    def __init__(self, namespaces: frozenset[str], build_namespace: str, *, kubeconfig: bool) -> None:
        self._namespaces = (*sorted(namespaces), build_namespace) if namespaces else ()
        self._kubeconfig = kubeconfig

    async def run(self, interest: Interest, known: Known, enqueue: OnKeys, forget: Callable[[Key], None]) -> None:
        """Watch until SIGTERM or SIGINT, which kopf turns into its own end."""
        while True:
            try:
                await kopf.operator(
                    registry=_registry(interest, known, enqueue, forget, kubeconfig=self._kubeconfig),
                    settings=_settings(),
                    standalone=True,
                    clusterwide=not self._namespaces,
                    namespaces=self._namespaces,
                )
            except Exception:
                pause = random.uniform(1, LONGEST_PAUSE)  # noqa: S311 - spreads the load, keeps no secret
                log.warning("The watches ended; they are started again.", pause=round(pause, 1), exc_info=True)
                await asyncio.sleep(pause)
            else:
                return


def _registry(
    interest: Interest, known: Known, enqueue: OnKeys, forget: Callable[[Key], None], *, kubeconfig: bool
) -> kopf.OperatorRegistry:
    """The handlers, on a registry of their own: nothing is global."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.event(GROUP, VERSION, "brandreleases", registry=handlers)
    async def on_brand_release(event: Any, body: Any, **_: Any) -> None:
        key = Key(str(body["metadata"]["namespace"]), str(body["metadata"]["name"]))
        if event["type"] == "DELETED":
            known.brand_releases.gone(body["metadata"])
            enqueue(interest.forget(key))
            forget(key)
            return
        interest.learn(key, str(body["spec"]["brand"]))
        if known.brand_releases.is_news(body["metadata"]):
            enqueue([key])

    def wake(kind: str, concerned: Callable[[Any], Iterable[Key]]) -> Any:
        async def on_event(event: Any, body: Any, **_: Any) -> None:
            versions = known.of(kind)
            if event["type"] == "DELETED":
                versions.gone(body["metadata"])
                enqueue(concerned(body["metadata"]))
            elif versions.is_news(body["metadata"]):
                enqueue(concerned(body["metadata"]))

        return on_event

    @kopf.on.login(registry=handlers)
    async def login(**arguments: Any) -> Any:
        return kopf.login_with_kubeconfig(**arguments) if kubeconfig else kopf.login_with_service_account(**arguments)

    kopf.on.event(GROUP, VERSION, "brands", registry=handlers, id="brand")(wake("brands", interest.of_brand))
    kopf.on.event("apps", "v1", "deployments", registry=handlers, id="deployment")(
        wake("deployments", interest.of_marked)
    )
    kopf.on.event("", "v1", "pods", registry=handlers, id="pod")(wake("pods", interest.of_marked))
    kopf.on.event("batch", "v1", "jobs", registry=handlers, id="job")(wake("jobs", interest.of_job))
    return handlers


def _settings() -> kopf.OperatorSettings:
    """Kopf as an event pump: no posting, no scanning, no peering, bounded requests, watches with label selectors."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.peering.standalone = True
    chosen.scanning.disabled = True
    chosen.networking.request_timeout = REQUEST_SECONDS
    chosen.networking.connect_timeout = REQUEST_SECONDS / 2
    chosen.watching.server_timeout = WATCH_SECONDS
    chosen.watching.client_timeout = WATCH_SECONDS + 10
    chosen.watching.connect_timeout = REQUEST_SECONDS / 2
    chosen.watching.chunk_size = 500
    for plural, label in SELECTORS.items():
        chosen.watching.label_selectors[plural] = label
    chosen.process.ultimate_exiting_timeout = 25
    return chosen
