"""Notices on their way to endpoints: in the background, each until it is taken or given up. No pass waits for any of it.

Nothing in it is needed after a restart: what no status says to have been told is simply told again.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, assert_never

import structlog

from brandrelease.apis.notifications import GitHub, Slack, Webhook
from brandrelease.controller.work_queue import Key
from brandrelease.core.telling.notice import Delivered, Delivery, Notice, Undelivered
from brandrelease.ports import Notifier, NotTaken, Secret, Taken
from brandrelease.telemetry import Metrics

log = structlog.get_logger(__name__)

AT_ONCE_LIMIT: Final = 8
"""Endpoints that are spoken to at the same time."""

PACE: Final = 1.0
"""Seconds between two notices to one server with one Secret: what Slack allows for a channel, and GitHub likes."""

FIRST_PAUSE: Final = 2.0
LONGEST_PAUSE: Final = 300.0
"""Seconds until a notice that was not taken is tried again; each pause is twice as long as the one before."""

LONGEST_REST: Final = 3600.0
"""Seconds that an endpoint may ask to be left alone for."""

PATIENCE: Final = 6 * 3600.0
"""Seconds for which one notice is tried. After that it is old news."""

ReadSecret = Callable[[str], Awaitable[Secret | None]]
"""Reads a Secret of the operator's own namespace."""


@dataclass(slots=True)
class _Lane:
    """The way to one server with one Secret: one notice at a time, and not too often."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    free_at: float = 0.0


@dataclass(slots=True)
class _Errand:
    """The notice for one endpoint that is wanted now."""

    notice: Notice
    since: float
    task: asyncio.Task[None] | None = None
    is_wanted: bool = True
    is_sending: bool = False
    result: Delivery | None = None
    tries: int = 0

    @property
    def is_done(self) -> bool:
        """Whether a notice was taken or given up, and nothing is on its way since."""
        return isinstance(self.result, Delivered) or (self.result is not None and self.result.given_up)

    def is_news_to(self, notice: Notice) -> bool:
        """Whether whoever made this notice did not know of the result yet: it is not what is wanted after it."""
        made_from = self.result and (self.result.notice.uid, self.result.notice.told_at)
        return self.is_done and made_from == (notice.uid, notice.told_at)


class BackgroundDeliveries:
    """One errand for each endpoint of each BrandRelease, never more."""

    def __init__(
        self, notifiers: Mapping[type, Notifier], read_secret: ReadSecret, wake: Callable[[Key], None], metrics: Metrics
    ) -> None:
        """notifiers: by the class of the endpoint. wake is told of each BrandRelease of which something was learnt."""
        self._notifiers, self._read_secret, self._wake, self._metrics = notifiers, read_secret, wake, metrics
        self._errands: dict[Key, dict[str, _Errand]] = {}
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._places = asyncio.Semaphore(AT_ONCE_LIMIT)

    def results(self, namespace: str, name: str) -> Mapping[str, Delivery]:
        errands = self._errands.get(Key(namespace, name), {})
        return {endpoint: errand.result for endpoint, errand in errands.items() if errand.result is not None}

    def want(self, namespace: str, name: str, notices: Sequence[Notice]) -> None:
        key, wanted = Key(namespace, name), {notice.to.name: notice for notice in notices}
        errands = self._errands.setdefault(key, {})
        for endpoint in [endpoint for endpoint in errands if endpoint not in wanted]:
            self._drop(errands, endpoint)
        for endpoint, notice in wanted.items():
            self._take_up(key, errands, endpoint, notice)
        if not errands:
            del self._errands[key]

    def forget(self, namespace: str, name: str) -> None:
        for errand in self._errands.pop(Key(namespace, name), {}).values():
            if errand.task is not None:
                errand.task.cancel()

    async def close(self) -> None:
        """End everything that is on its way."""
        tasks = [each.task for errands in self._errands.values() for each in errands.values() if each.task]
        self._errands.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _drop(self, errands: dict[str, _Errand], endpoint: str) -> None:
        """Nothing is to be told any more. What is being sent in this moment is not torn off: its end is worth knowing.

        So is what was learnt last: the pass that wants nothing may have begun before.
        """
        errand = errands[endpoint]
        errand.is_wanted = False
        if errand.is_sending or errand.is_done:
            return
        if errand.task is not None:
            errand.task.cancel()
        del errands[endpoint]

    def _take_up(self, key: Key, errands: dict[str, _Errand], endpoint: str, notice: Notice) -> None:
        """A newer notice takes the place of one that waits, and its pause; but another address is tried at once."""
        errand, now = errands.get(endpoint), asyncio.get_running_loop().time()
        if errand is not None and errand.task is not None and not errand.task.done():
            if errand.notice.id != notice.id:
                errand.since = now
            is_elsewhere, errand.notice, errand.is_wanted = errand.notice.to != notice.to, notice, True
            if errand.is_sending or not is_elsewhere:
                return
            errand.task.cancel()
        if errand is not None and errand.is_news_to(notice):
            return
        fresh = errands[endpoint] = _Errand(notice, since=now)
        fresh.task = asyncio.create_task(self._run(key, fresh))

    async def _run(self, key: Key, errand: _Errand) -> None:
        """Try until it is taken, given up, or wanted no more."""
        while errand.is_wanted:
            result, pause = await self._try(errand)
            is_news = _said(result) != _said(errand.result)
            errand.result = result
            if is_news:
                self._wake(key)
            if not isinstance(result, Undelivered) or result.given_up:
                return
            if errand.notice.to == result.notice.to:
                await asyncio.sleep(pause)
            else:  # it was corrected in the Brand meanwhile
                errand.tries = 0

    async def _try(self, errand: _Errand) -> tuple[Delivery, float]:
        """One try, as soon as it is its turn; and the pause after it, in seconds."""
        loop = asyncio.get_running_loop()
        notice, answer = await self._send(errand)
        kind = _kind(notice)
        if isinstance(answer, Taken):
            self._metrics.outside.notifications.labels(kind, "taken").inc()
            return Delivered(notice, answer.known_as), 0.0
        errand.tries += 1
        pause = max(_pause(errand.tries), answer.pause or 0.0)
        given_up = loop.time() + pause - errand.since > PATIENCE
        self._metrics.outside.notifications.labels(kind, "given_up" if given_up else "failed").inc()
        log.warning("A notification was not taken.", endpoint=notice.to.name, kind=kind, problem=answer.problem)
        problem = f"{answer.problem} It is given up." if given_up else answer.problem
        return Undelivered(notice, problem, given_up), pause

    async def _send(self, errand: _Errand) -> tuple[Notice, Taken | NotTaken]:
        """What is sent is what is wanted when its turn has come."""
        loop, lane = asyncio.get_running_loop(), self._lane(errand.notice)
        async with lane.lock:
            await asyncio.sleep(max(0.0, lane.free_at - loop.time()))
            async with self._places:
                with _sending(errand) as notice:
                    answer = await self._tell(notice)
            rest = answer.pause if isinstance(answer, NotTaken) and answer.pause else 0.0
            lane.free_at = loop.time() + max(PACE, min(rest, LONGEST_REST))
        return notice, answer

    async def _tell(self, notice: Notice) -> Taken | NotTaken:
        endpoint = notice.to.endpoint
        try:
            secret = await self._read_secret(endpoint.secret_name)
            if secret is None:
                return NotTaken(
                    f'There is no Secret "{endpoint.secret_name}" in the operator\'s namespace, which the Brand names '
                    f'for its notification "{notice.to.name}". Create it, or correct secretName.'
                )
            return await self._notifiers[type(endpoint)].tell(notice, secret)
        except Exception:
            log.exception("A notification could not be sent.", endpoint=notice.to.name)
            return NotTaken("The operator could not send it, or not read its Secret; the operator's log says more.")

    def _lane(self, notice: Notice) -> _Lane:
        now = asyncio.get_running_loop().time()
        self._lanes = {way: lane for way, lane in self._lanes.items() if lane.lock.locked() or lane.free_at > now}
        return self._lanes.setdefault(_way(notice), _Lane())


@contextmanager
def _sending(errand: _Errand) -> Iterator[Notice]:
    errand.is_sending = True
    try:
        yield errand.notice
    finally:
        errand.is_sending = False


def _way(notice: Notice) -> tuple[str, str]:
    """Server and Secret: who counts the requests."""
    match notice.to.endpoint:
        case Slack() | GitHub() as endpoint:
            return endpoint.api_url, endpoint.secret_name
        case Webhook() as endpoint:
            return endpoint.url, endpoint.secret_name
        case _:
            assert_never(notice.to.endpoint)


def _kind(notice: Notice) -> str:
    name = type(notice.to.endpoint).__name__
    return name[:1].lower() + name[1:]


def _pause(tries: int) -> float:
    pause: float = min(FIRST_PAUSE * 2 ** min(tries - 1, 12), LONGEST_PAUSE)
    return pause * random.uniform(0.8, 1.2)  # noqa: S311 - spreads the load, keeps no secret


def _said(result: Delivery | None) -> object:
    """What is new to whoever reads it: other words of the same trouble are, one more try is not."""
    match result:
        case Undelivered(_, problem, given_up):
            return problem, given_up
        case Delivered(notice, _):
            return notice.id
        case None:
            return None
        case _:
            assert_never(result)
