"""`status`: all environments in a table, or everything about one, once or for as long as it is watched."""

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing, nullcontext, suppress
from datetime import datetime
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.text import Text

from brandrelease.adapters.kube.api import BRAND_RELEASES, BRANDS, ApiError
from brandrelease.adapters.kube.following import follow_all
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.apis.conditions import ConditionType
from brandrelease.cli.called import called
from brandrelease.cli.command import Command, describe, duration, output_argument, print_object
from brandrelease.cli.exits import Exit, Problem
from brandrelease.cli.finding import FORBIDDEN, find, no_such_brand, readable
from brandrelease.cli.following import watch
from brandrelease.cli.session import Session
from brandrelease.cli.terminal import laid_out, phase_text
from brandrelease.core.words import cut, seconds, short

Json = dict[str, Any]

HEAD = ("BRAND", "ENV", "REF", "REVISION", "PHASE", "REASON", "SINCE")
REF_WIDTH = 24


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("brand", metavar="BRAND", nargs="?", help="only this Brand")
    parser.add_argument("environment", metavar="ENV", nargs="?", help="everything about this environment")
    parser.add_argument("--watch", "-w", action="store_true", help="go on showing it until interrupted")
    parser.add_argument(
        "--timeout", type=duration, metavar="TIME", help="with --watch: how long, as 90s, 30m or 1h (default: for ever)"
    )
    output_argument(parser)


async def _status(at: Session, arguments: Namespace) -> Exit:
    if arguments.environment:
        return await _one(at, arguments)
    if arguments.watch:
        with suppress(TimeoutError):
            async with asyncio.timeout(arguments.timeout):
                await _watch_all(at, arguments)
        return Exit.Live
    bodies = await _all(at, arguments.brand)
    if arguments.output:
        at.terminal.objects({"apiVersion": "v1", "kind": "List", "items": bodies}, arguments.output)
    elif bodies:
        at.terminal.table(HEAD, _rows(bodies, at.clock.now()))
    else:
        await _tell_of_none(at, arguments.brand)
    return Exit.Live


async def _one(at: Session, arguments: Namespace) -> Exit:
    release = await find(at.api, arguments.brand, arguments.environment)
    if arguments.watch:
        await watch(at, release, arguments.timeout, arguments.output)
    elif arguments.output:
        await print_object(at, release, arguments.output)
    else:
        describe(at, release)
    return Exit.Live


async def _all(at: Session, brand: str | None) -> list[Json]:
    """All BrandReleases, or those of the Brand, as far as the caller may see them."""
    fields = f"spec.brand={brand}" if brand else None
    try:
        return await at.api.items(BRAND_RELEASES, None, fields=fields)
    except ApiError as error:
        if error.status != FORBIDDEN:
            raise
        return await _of_namespaces(at, brand, fields, error)


async def _of_namespaces(at: Session, brand: str | None, fields: str | None, refused: ApiError) -> list[Json]:
    """Whoever may not look everywhere may look in some of the namespaces that the Brands name."""
    found: list[Json] = []
    seen, closed = 0, []
    for namespace in await _namespaces(at, brand, refused):
        try:
            found += await at.api.items(BRAND_RELEASES, namespace, fields=fields)
            seen += 1
        except ApiError as error:
            if error.status != FORBIDDEN:
                raise
            closed.append(namespace)
    if not seen:
        raise refused
    if closed:
        at.terminal.complain(f"Left out, since you may not look there: {', '.join(closed)}.")
    return found


async def _namespaces(at: Session, brand: str | None, refused: ApiError) -> list[str]:
    try:
        brands = await at.api.items(BRANDS, None)
    except ApiError as error:
        raise refused from error
    homes = {
        place.get("namespace") or f"{body['metadata']['name']}-{place['name']}"
        for body in brands
        if brand in {None, body["metadata"]["name"]}
        for place in body["spec"]["environments"]
    }
    return sorted(homes)


async def _tell_of_none(at: Session, brand: str | None) -> None:
    if brand and await at.api.get(BRANDS, None, brand) is None:
        raise await no_such_brand(at.api, brand)
    of, name = (f" of {brand}", brand) if brand else ("", "BRAND")
    at.terminal.line(f"There are no BrandReleases{of} yet. This makes one: {called()} deploy {name} ENV --ref <branch>")


async def _watch_all(at: Session, arguments: Namespace) -> None:
    """The table drawn anew at each change; without a terminal a line for each object that has changed."""
    if arguments.output:
        raise Problem("--watch with -o follows one environment: give BRAND and ENV.", Exit.Usage)
    select = {"fieldSelector": f"spec.brand={arguments.brand}"} if arguments.brand else {}
    screen = Live(console=at.terminal.console, refresh_per_second=1, screen=True) if at.terminal.is_live else None
    told: dict[str, Sequence[str | Text]] = {}
    with screen or nullcontext():
        async with aclosing(follow_all(at.api, BRAND_RELEASES, None, select)) as looks:
            async for found in looks:
                now = at.clock.now()
                if screen:
                    screen.update(Group(*laid_out(HEAD, _rows(found.values(), now))))
                else:
                    _tell_changes(at, found, told, now)


def _tell_changes(at: Session, found: Mapping[str, Json], told: dict[str, Sequence[str | Text]], now: datetime) -> None:
    for uid, body in found.items():
        *row, _ = _row(readable(body), now)
        if told.get(uid) != row:
            told[uid] = row
            at.terminal.line(Text("  ").join((Text(f"{now:%H:%M:%SZ}"), *(Text(str(cell)) for cell in row))))


def _rows(bodies: Iterable[Json], now: datetime) -> list[Sequence[str | Text]]:
    return [_row(release, now) for release in sorted(map(readable, bodies), key=_place)]


def _place(release: BrandRelease) -> tuple[str, str, str]:
    return release.spec.brand, release.spec.environment, release.namespace


def _row(release: BrandRelease, now: datetime) -> Sequence[str | Text]:
    status, spec = release.status, release.spec
    ready = next((each for each in status.conditions if each.type is ConditionType.Ready), None)
    since = seconds((now - ready.last_transition_time).total_seconds()) if ready else ""
    commit = status.running.commit if status.running else None
    ref = short(spec.ref) if spec.ref == commit else cut(spec.ref, REF_WIDTH)
    return (
        spec.brand,
        spec.environment,
        ref,
        short(commit) if commit else "-",
        phase_text(status.phase),
        str(ready.reason) if ready else "",
        since,
    )


STATUS = Command(
    "status",
    "how the environments stand; with BRAND ENV: everything about one",
    _arguments,
    _status,
    ("status", "status drumeo production --watch"),
)
