"""What a command is, and the arguments that several of them share."""

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from brandrelease.adapters.kube.api import BRAND_RELEASES
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.cli.called import called
from brandrelease.cli.exits import Exit
from brandrelease.cli.finding import readable
from brandrelease.cli.following import to_the_end
from brandrelease.cli.session import Session
from brandrelease.cli.standing import Follow, message
from brandrelease.cli.terminal import JSON, YAML, Terminal
from brandrelease.cli.view import facts, headline
from brandrelease.cli.wishes import Wish, name_of

WAIT_SECONDS: Final = 3600.0
"""A build, a migration, a rollout and a soak together may take so long."""

UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}
_DURATION: Final = re.compile(r"(\d{1,7})([smh]?)")

Run = Callable[[Session, Namespace], Awaitable[Exit]]
RunAlone = Callable[[Terminal, Namespace], bool]
"""Does what needs no cluster; False where one is needed."""


@dataclass(frozen=True, slots=True)
class Command:
    """One word after `brandrelease`. sentence: what it does, as the help tells it. examples: as they are typed."""

    name: str
    sentence: str
    arguments: Callable[[ArgumentParser], None]
    run: Run
    examples: tuple[str, ...] = ()
    run_alone: RunAlone = lambda _terminal, _arguments: False


def environment_arguments(parser: ArgumentParser) -> None:
    """BRAND ENV."""
    parser.add_argument("brand", metavar="BRAND", help="name of the Brand")
    parser.add_argument("environment", metavar="ENV", help="name of one of its environments")


def waiting_arguments(parser: ArgumentParser) -> None:
    """--wait, --timeout and -o."""
    parser.add_argument(
        "--wait", "-w", action="store_true", help="follow it to its end; the exit code tells how it ended"
    )
    parser.add_argument(
        "--timeout",
        type=duration,
        default=WAIT_SECONDS,
        metavar="TIME",
        help="with --wait: how long at most, as 90s, 30m or 1h (default 1h); it goes on in the cluster",
    )
    output_argument(parser)


def output_argument(parser: ArgumentParser) -> None:
    """-o json|yaml."""
    parser.add_argument("--output", "-o", choices=(JSON, YAML), help="print the object instead of text")


def duration(text: str) -> float:
    """Seconds, out of 90, 90s, 30m or 1h."""
    if found := _DURATION.fullmatch(text):
        return float(int(found.group(1)) * UNITS[found.group(2)])
    raise ArgumentTypeError(f"'{text}' is no time: write 90s, 30m or 1h")


async def carry_out(at: Session, release: BrandRelease, wish: Wish, said: str, arguments: Namespace) -> Exit:
    """Write the wish, and follow it if asked to. said: what is told of it."""
    body = await at.api.merge(BRAND_RELEASES, release.namespace, release.name, wish.patch())
    return await follow_up(at, readable(body), wish, said, arguments)


async def follow_up(at: Session, release: BrandRelease, wish: Wish, said: str, arguments: Namespace) -> Exit:
    """After something was written: tell it, and follow it if asked to. release: as it is since then."""
    for_people, name = not arguments.output, name_of(release)
    if for_people:
        at.terminal.line(said)
    if not arguments.wait:
        if for_people:
            at.terminal.line(f"Follow it: {called()} status {name} --watch")
        else:
            await print_object(at, release, arguments.output)
        return Exit.Live
    what = Follow(wish, at.clock.now(), release.generation, release.resource_version)
    end = await to_the_end(at, release, what, arguments.timeout, silent=not for_people)
    if not for_people:
        await print_object(at, release, arguments.output)
    elif at.terminal.is_live:
        await _tell_the_end(at, release, end.message)
    elif not end.told:
        at.terminal.line(end.message)
    if for_people and end.exit in {Exit.RolledBack, Exit.Failed, Exit.Blocked}:
        at.terminal.line(f"What to do: {called()} explain {name}")
    return end.exit


async def print_object(at: Session, release: BrandRelease, form: str) -> None:
    """The object as the API server has it now."""
    at.terminal.objects(await at.api.get(BRAND_RELEASES, release.namespace, release.name), form)


def describe(at: Session, release: BrandRelease, said: str | None = None) -> None:
    """Everything about one environment. said: instead of the message of the object."""
    at.terminal.line(headline(release))
    at.terminal.words(said or message(release), indent=2)
    at.terminal.facts(facts(release, at.clock.now()))


async def _tell_the_end(at: Session, release: BrandRelease, said: str) -> None:
    body = await at.api.get(BRAND_RELEASES, release.namespace, release.name)
    if body is None:
        at.terminal.words(said)
        return
    describe(at, readable(body), said)
