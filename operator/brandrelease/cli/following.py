"""Follow a release to its end: as a live view for a person, as lines for a log."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from rich.live import Live
from rich.text import Text

from brandrelease.adapters.kube.api import BRAND_RELEASES, ApiError
from brandrelease.adapters.kube.following import follow
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.cli.exits import Exit, Problem
from brandrelease.cli.finding import readable
from brandrelease.cli.session import Session
from brandrelease.cli.standing import Ending, Follow, ending, message
from brandrelease.cli.terminal import phase_text
from brandrelease.cli.view import live_view

TICK: Final = 1.0
"""Seconds after which the view is drawn anew though nothing has changed: times go on."""

AGAIN: Final = 2.0
"""Pause after the API server did not answer."""


async def to_the_end(at: Session, release: BrandRelease, what: Follow, limit: float, *, silent: bool = False) -> Ending:
    """Show how it goes until it has ended, or for so many seconds. silent: show nothing."""
    show = _show(at, silent=silent)
    last = release
    try:
        async with asyncio.timeout(limit):
            with show:
                async for last in _seen(at, release):
                    what = what.seen(last)
                    show.see(last)
                    if end := ending(what, last, at.clock.now()):
                        return end
    except TimeoutError:
        pass
    return Ending(
        Exit.Timeout,
        f"Not at its end after {limit:g} s; it goes on in the cluster. It says: {message(last)}",
    )


async def watch(at: Session, release: BrandRelease, limit: float) -> None:
    """Show how it goes for so many seconds, whatever comes to an end."""
    try:
        async with asyncio.timeout(limit):
            with (show := _show(at, silent=False)):
                async for last in _seen(at, release):
                    show.see(last)
    except TimeoutError:
        return


async def _seen(at: Session, release: BrandRelease) -> AsyncIterator[BrandRelease]:
    """The object after each change, and once a second in between. An API server that is away for a while is waited for."""
    news: asyncio.Queue[BrandRelease | Problem] = asyncio.Queue()
    reading = asyncio.create_task(_read(at, release, news))
    last = release
    try:
        while True:
            yield last
            try:
                told = await asyncio.wait_for(news.get(), TICK)
            except TimeoutError:
                continue
            if isinstance(told, Problem):
                raise told
            last = told
    finally:
        reading.cancel()


async def _read(at: Session, release: BrandRelease, news: asyncio.Queue[BrandRelease | Problem]) -> None:
    while True:
        try:
            async for body in follow(at.api, BRAND_RELEASES, release.namespace, release.name):
                if body is None or body["metadata"]["uid"] != release.uid:
                    await news.put(
                        Problem(f"BrandRelease {release.namespace}/{release.name} was deleted.", Exit.Failed)
                    )
                    return
                await news.put(readable(body))
        except ApiError as error:
            if error.status in {401, 403}:
                await news.put(Problem(f"The cluster does not let you follow it: {error.message}", Exit.Unavailable))
                return
            await asyncio.sleep(AGAIN)
        except Problem as problem:
            await news.put(problem)
            return


def _show(at: Session, *, silent: bool) -> "_Screen | _Lines | _Nothing":
    if silent:
        return _Nothing()
    return _Screen(at) if at.terminal.is_live else _Lines(at)


class _Nothing:
    """For a program that reads the object at the end."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def see(self, release: BrandRelease) -> None:
        pass


class _Screen:
    """For a person: the same lines drawn anew."""

    def __init__(self, at: Session) -> None:
        self._at, self._live = at, Live(console=at.terminal.console, auto_refresh=False, transient=True)

    def __enter__(self) -> None:
        self._live.start()

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def see(self, release: BrandRelease) -> None:
        self._live.update(live_view(release, self._at.clock.now()), refresh=True)


class _Lines:
    """For a log: a line whenever the phase or the message changes."""

    def __init__(self, at: Session) -> None:
        self._at, self._last = at, ""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def see(self, release: BrandRelease) -> None:
        text = f"{phase_text(release.status.phase).plain:<12} {message(release)}"
        if text != self._last:
            self._last = text
            self._at.terminal.line(Text(f"{self._at.clock.now():%H:%M:%S}  {text}"))
