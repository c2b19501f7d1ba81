"""What a command is, and the arguments that several of them share."""

from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from brandrelease.adapters.kube.api import BRAND_RELEASES
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.cli.exits import Exit
from brandrelease.cli.finding import readable
from brandrelease.cli.following import to_the_end
from brandrelease.cli.session import Session
from brandrelease.cli.standing import Follow
from brandrelease.cli.terminal import JSON, YAML
from brandrelease.cli.view import details
from brandrelease.cli.wishes import Wish

WAIT_SECONDS: Final = 3600.0
"""A build, a migration, a rollout and a soak together may take so long."""

Run = Callable[[Session, Namespace], Awaitable[Exit]]


@dataclass(frozen=True, slots=True)
class Command:
    """One word after `brandrelease`. sentence: what it does, as the help tells it."""

    name: str
    sentence: str
    arguments: Callable[[ArgumentParser], None]
    run: Run


def environment_arguments(parser: ArgumentParser) -> None:
    """BRAND ENV."""
    parser.add_argument("brand", metavar="BRAND", help="name of the Brand")
    parser.add_argument("environment", metavar="ENV", help="name of one of its environments")


def waiting_arguments(parser: ArgumentParser) -> None:
    """--wait and --timeout."""
    parser.add_argument(
        "--wait", "-w", action="store_true", help="follow it to its end; the exit code tells how it ended"
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=WAIT_SECONDS,
        metavar="SECONDS",
        help=f"with --wait: how long at most (default {WAIT_SECONDS:g}); it goes on in the cluster",
    )
    output_argument(parser)


def output_argument(parser: ArgumentParser) -> None:
    """-o json|yaml."""
    parser.add_argument("--output", "-o", choices=(JSON, YAML), help="print the object instead of text")


async def carry_out(at: Session, release: BrandRelease, wish: Wish, said: str, arguments: Namespace) -> Exit:
    """Write the wish, and follow it if asked to. said: what is told before."""
    asked_at = at.clock.now()
    await at.api.merge(BRAND_RELEASES, release.namespace, release.name, wish.patch())
    return await follow_up(at, release, Follow(wish, asked_at), said, arguments)


async def follow_up(at: Session, release: BrandRelease, what: Follow, said: str, arguments: Namespace) -> Exit:
    """After something was written: tell it, and follow it if asked to."""
    for_people = not arguments.output
    if for_people:
        at.terminal.line(said)
    if not arguments.wait:
        if for_people:
            at.terminal.line(f"Follow it: brandrelease status {release.spec.brand} {release.spec.environment} --watch")
        else:
            await print_object(at, release, arguments.output)
        return Exit.Live
    end = await to_the_end(at, release, what, arguments.timeout, silent=not for_people)
    if for_people:
        await _tell_the_end(at, release, end.message)
    else:
        await print_object(at, release, arguments.output)
    return end.exit


async def print_object(at: Session, release: BrandRelease, form: str) -> None:
    """The object as the API server has it now."""
    at.terminal.objects(await at.api.get(BRAND_RELEASES, release.namespace, release.name), form)


async def _tell_the_end(at: Session, release: BrandRelease, message: str) -> None:
    body = await at.api.get(BRAND_RELEASES, release.namespace, release.name)
    if body is None or not at.terminal.is_live:
        at.terminal.line(message)
        return
    for line in details(readable(body), at.clock.now()):
        at.terminal.line(line)
