"""Follow a release to its end: as a live view for a person, as lines for a log, as objects for a program."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from brandrelease.adapters.kube.api import BRAND_RELEASES, ApiError
from brandrelease.adapters.kube.following import follow
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.cli.ended import ended
from brandrelease.cli.exits import Exit, Problem
from brandrelease.cli.finding import readable
from brandrelease.cli.seen_pods import SeenPods
from brandrelease.cli.session import Session
from brandrelease.cli.showing import Lines, Nothing, Screen, Show
from brandrelease.cli.standing import Ending, Follow, ending, out_of_time, warning
from brandrelease.core.plain import line

Json = dict[str, Any]

TICK: Final = 1.0
"""Seconds after which the view is drawn anew though nothing has changed: times go on."""

AGAIN: Final = 2.0
"""Pause after the API server did not answer."""

UNREACHABLE: Final = "The cluster does not answer; asking again."


async def to_the_end(at: Session, release: BrandRelease, what: Follow, limit: float, *, silent: bool = False) -> Ending:
    """Show how it goes until it has ended, or for so many seconds. silent: show nothing."""
    last = release
    try:
        async with asyncio.timeout(limit):
            async with (
                _show(at, release, Nothing() if silent else Lines(at, release)) as show,
                aclosing(_seen(at, release)) as looks,
            ):
                async for last, trouble in looks:
                    what = what.seen(last)
                    show.see(last, trouble or warning(what, last, at.clock.now()))
                    if end := ending(what, last, at.clock.now()):
                        return replace(end, told=show.told.endswith(f" {line(end.message)}"))
    except TimeoutError:
        pass
    return out_of_time(what, last, limit, at.clock.now())


async def watch(at: Session, release: BrandRelease, limit: float | None, form: str | None) -> None:
    """Show how it goes for so many seconds, whatever comes to an end. form: json or yaml, an object for each change."""
    try:
        async with asyncio.timeout(limit):
            if form:
                await _print(at, release, form)
            async with _show(at, release, Lines(at)) as show, aclosing(_seen(at, release)) as looks:
                async for last, trouble in looks:
                    show.see(last, trouble)
    except TimeoutError:
        return


async def _print(at: Session, release: BrandRelease, form: str) -> None:
    async with aclosing(follow(at.api, BRAND_RELEASES, release.namespace, release.name)) as looks:
        async for body in looks:
            _same(release, body)
            at.terminal.objects(body, form)


@asynccontextmanager
async def _show(at: Session, release: BrandRelease, otherwise: Show) -> AsyncIterator[Show]:
    """The screen for a person at a terminal."""
    if not at.terminal.is_live or isinstance(otherwise, Nothing):
        yield otherwise
        return
    pods = SeenPods(at, release)
    try:
        with Screen(at, pods) as screen:
            yield screen
    finally:
        await pods.close()


async def _seen(at: Session, release: BrandRelease) -> AsyncGenerator[tuple[BrandRelease, str | None], None]:
    """The object after each change, and once a second in between; and what keeps it from being seen.

    An API server that is away for a while is waited for.
    """
    news: asyncio.Queue[BrandRelease | Problem | str] = asyncio.Queue()
    reading, getting = asyncio.create_task(_read(at, release, news)), asyncio.create_task(news.get())
    last: BrandRelease = release
    trouble: str | None = None
    try:
        while True:
            yield last, trouble
            if not (await asyncio.wait({getting}, timeout=TICK))[0]:
                continue
            told, getting = getting.result(), asyncio.create_task(news.get())
            match told:
                case Problem():
                    raise told
                case str():
                    trouble = told
                case _:
                    last, trouble = told, None
    finally:
        await ended(reading, getting)


async def _read(at: Session, release: BrandRelease, news: "asyncio.Queue[BrandRelease | Problem | str]") -> None:
    while True:
        try:
            async with aclosing(follow(at.api, BRAND_RELEASES, release.namespace, release.name)) as looks:
                async for body in looks:
                    await news.put(_same(release, body))
        except ApiError as error:
            if error.status in {401, 403}:
                await news.put(Problem(f"The cluster does not let you follow it: {error.message}", Exit.Unavailable))
                return
            await news.put(UNREACHABLE)
            await asyncio.sleep(AGAIN)
        except Problem as problem:
            await news.put(problem)
            return


def _same(release: BrandRelease, body: Json | None) -> BrandRelease:
    """The object as it is now; raises Problem where it is another one, or none."""
    if body is None or body["metadata"]["uid"] != release.uid:
        raise Problem(f"BrandRelease {release.namespace}/{release.name} was deleted.", Exit.Failed)
    return readable(body)
