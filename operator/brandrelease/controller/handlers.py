"""kopf as the event pump: its registrations, its settings, and its life. The only file that imports kopf.

Only raw event handlers are registered, so kopf writes nothing: no finalizer, no annotation, on nobody's object.
"""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable, Collection
from typing import Any, Final

import kopf
import structlog

from brandrelease.apis.wellknown import GROUP, NAME_LABEL, RELEASE_LABEL, VERSION

log = structlog.get_logger(__name__)

OnEvent = Callable[[str, str | None, dict[str, Any]], None]
"""Takes the plural of the kind, the type of the event and the object."""

WATCHED: Final = {
    "brandreleases": (GROUP, VERSION),
    "brands": (GROUP, VERSION),
    "deployments": ("apps", "v1"),
    "pods": ("", "v1"),
    "jobs": ("batch", "v1"),
}
SELECTORS: Final = {"deployments": NAME_LABEL, "pods": RELEASE_LABEL, "jobs": NAME_LABEL}
"""Label that an object must bear to be watched; the other kinds are watched whole. Jobs are builds and hooks."""

REQUEST_SECONDS: Final = 10
WATCH_SECONDS: Final = 240
"""A watch is renewed this often; the API server would otherwise choose at random up to an hour."""

CANCEL_AGAIN: Final = 2.0
"""Seconds after which kopf's tasks are cancelled again, if one goes on that was cancelled."""

LONGEST_PAUSE: Final = 10.0
"""Seconds until ended watches are started again."""

PAGE: Final = 200
"""Objects in one page of a list: a page is read whole before anything else happens on kopf's loop."""

IDLE_SECONDS: Final = 0.5
"""kopf keeps a task for each object that had an event until this long after it; with 5 s a start holds all of the fleet."""

AT_ONE_TIME: Final = 50
"""Events that are taken in before others may use the loop: a few milliseconds."""


class Pump:
    """kopf's watches.

    They are started again whenever they end: kopf gives up on an error that it does not know, or after a minute of
    refusals. The resync finds meanwhile what the watches miss. kopf has a thread and an event loop of its own, because
    at its end it cancels every task of its loop, whoever made it.
    """

    def __init__(
        self,
        namespaces: frozenset[str],
        build_namespace: str,
        *,
        kubeconfig: bool,
        kinds: Collection[str] = frozenset(WATCHED),
    ) -> None:
        self._namespaces = tuple(sorted(namespaces | {build_namespace})) if namespaces else ()
        self._kubeconfig, self._kinds = kubeconfig, kinds
        self._stop = asyncio.Event()
        self._kopf: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    async def run(self, on_event: OnEvent) -> None:
        """Watch until it is stopped; on_event is called on the loop that this runs on."""
        handing_over = HandingOver(asyncio.get_running_loop(), on_event)
        handlers = _registry(handing_over, self._kinds, kubeconfig=self._kubeconfig)
        try:
            while not self._stop.is_set():
                await self._watch_once(handlers)
        finally:
            self.stop()

    def stop(self) -> None:
        """End the watches."""
        self._stop.set()
        if self._kopf:
            kopfs_loop, flag = self._kopf
            with contextlib.suppress(RuntimeError):  # that loop has just ended by itself
                kopfs_loop.call_soon_threadsafe(flag.set)

    async def _watch_once(self, handlers: kopf.OperatorRegistry) -> None:
        try:
            await asyncio.to_thread(asyncio.run, self._watch(handlers))
        except Exception:
            pause = random.uniform(1, LONGEST_PAUSE)  # noqa: S311 - spreads the load, keeps no secret
            log.warning("The watches ended; they are started again.", pause=round(pause, 1), exc_info=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)

    async def _watch(self, handlers: kopf.OperatorRegistry) -> None:
        flag, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.set_exception_handler(tell_of_forgotten)
        self._kopf = loop, flag
        if self._stop.is_set():  # since the loop above looked
            return
        # Made before kopf's tasks, of which kopf cancels all at its end, and nobody else's.
        guard = asyncio.create_task(cancel_the_rest(asyncio.current_task()))
        try:
            await kopf.operator(
                registry=handlers,
                settings=_settings(),
                standalone=True,
                clusterwide=not self._namespaces,
                namespaces=self._namespaces,
                stop_flag=flag,
            )
        finally:
            guard.cancel()
            self._kopf = None


class HandingOver:
    """Events on their way from kopf's thread to the operator's loop: in their order, some at a time.

    To wake a loop costs a system call, and a storm has thousands of events a second.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_event: OnEvent) -> None:
        self._loop, self._on_event = loop, on_event
        self._events: deque[tuple[str, str | None, dict[str, Any]]] = deque()
        self._is_awake = False

    def __call__(self, kind: str, event_type: str | None, body: dict[str, Any]) -> None:
        """Called on kopf's thread."""
        self._events.append((kind, event_type, body))
        if not self._is_awake:  # set before the loop is told, and unset by the loop before it looks for the last time
            self._is_awake = True
            self._loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        self._is_awake = False
        try:
            for _ in range(min(AT_ONE_TIME, len(self._events))):
                self._on_event(*self._events.popleft())
        finally:  # what one event leads to may fail; the next ones are not to blame
            if self._events:
                self._is_awake = True
                self._loop.call_soon(self._take)


class NothingToCompare(kopf.DiffBaseStorage):
    """kopf compares each object with how it was at the last event, for handlers of changes. There are none of these here."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        return None

    def store(self, **_: Any) -> None:
        """Nothing: kopf writes nothing here."""


def tell_of_forgotten(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say what kopf leaves behind: when watches end together, it raises the error of one and forgets the others'."""
    if "future" in context and isinstance(error := context.get("exception"), Exception):
        log.warning("A watch ended together with others.", error=str(error))
    else:
        loop.default_exception_handler(context)


async def cancel_the_rest(running: asyncio.Task[Any] | None) -> None:
    """Cancel every task but the running one, again and again, as long as one of them was cancelled and goes on.

    kopf cancels its streams once, when it ends, and waits for them without a limit. A stream that just then waits to
    repeat a request can swallow that and go on (kopf 1.45, clients/api.py: `stream` returns if its stopper, a task that
    is cancelled with it, is done first). If it then finds objects, it hands them to a scheduler whose tasks have ended,
    and waits behind a shield until that has taken them: to cancel the stream is not enough any more, and what it waits
    for was never cancelled by anybody. Then kopf would never end, and its watches never be started again.
    """
    before: set[asyncio.Task[Any]] = set()
    while True:
        await asyncio.sleep(CANCEL_AGAIN)
        others = asyncio.all_tasks() - {running, asyncio.current_task()}
        cancelled = {task for task in others if task.cancelling()}
        if cancelled & before:
            for task in others:
                task.cancel()
        before = cancelled


def _registry(on_event: OnEvent, kinds: Collection[str], *, kubeconfig: bool) -> kopf.OperatorRegistry:
    """The handlers, on a registry of their own: nothing is global."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.login(registry=handlers)
    async def login(**arguments: Any) -> Any:
        return kopf.login_with_kubeconfig(**arguments) if kubeconfig else kopf.login_with_service_account(**arguments)

    def passing_on(kind: str) -> Any:
        async def handler(event: Any, **_: Any) -> None:
            on_event(kind, event["type"], event["object"])

        return handler

    for kind in kinds:
        group, version = WATCHED[kind]
        kopf.on.event(group, version, kind, registry=handlers, id=kind)(passing_on(kind))
    return handlers


def _settings() -> kopf.OperatorSettings:
    """No posting, no scanning, no peering, bounded requests, watches with label selectors."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.peering.standalone = True
    chosen.scanning.disabled = True
    chosen.networking.request_timeout = REQUEST_SECONDS
    chosen.networking.connect_timeout = REQUEST_SECONDS / 2
    chosen.watching.server_timeout = WATCH_SECONDS
    chosen.watching.client_timeout = WATCH_SECONDS + 10
    chosen.watching.connect_timeout = REQUEST_SECONDS / 2
    chosen.watching.chunk_size = PAGE
    chosen.queueing.idle_timeout = IDLE_SECONDS
    chosen.persistence.diffbase_storage = NothingToCompare()
    for plural, label in SELECTORS.items():
        chosen.watching.label_selectors[plural] = label
    chosen.process.ultimate_exiting_timeout = None  # it would kill the process that has started the watches again
    return chosen
