"""`promote`: what runs in one environment goes to another: the same commit, and so the same image."""

from argparse import ArgumentParser, Namespace

from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.cli.called import called
from brandrelease.cli.command import Command, waiting_arguments
from brandrelease.cli.commands.asking import deploy
from brandrelease.cli.exits import Exit, Problem
from brandrelease.cli.finding import find
from brandrelease.cli.session import Session
from brandrelease.core.words import short


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("brand", metavar="BRAND", help="name of the Brand")
    parser.add_argument("source", metavar="FROM", help="environment whose running release is taken")
    parser.add_argument("environment", metavar="TO", help="environment that gets it")
    parser.add_argument("--force", action="store_true", help="set the ref also where a GitOps tool keeps it")
    waiting_arguments(parser)


async def _promote(at: Session, arguments: Namespace) -> Exit:
    if arguments.source == arguments.environment:
        raise Problem("FROM and TO are the same environment.", Exit.Usage)
    source = await find(at.api, arguments.brand, arguments.source)
    running = source.status.running
    if running is None or running.commit is None:
        raise Problem(
            f"It is not known which commit runs in {arguments.brand} {arguments.source}: no release of it was live yet. "
            f"Release one there first: {called()} deploy {arguments.brand} {arguments.source}",
            Exit.Usage,
        )
    arguments.ref = running.commit
    ended = await deploy(at, arguments)
    if ended is not Exit.Live:
        return ended
    target = await find(at.api, arguments.brand, arguments.environment)
    if not arguments.output:
        branch = source.spec.ref if source.spec.ref != running.commit else "<branch>"
        at.terminal.words(
            f"Its ref is this commit from now on. To follow a branch again: "
            f"{called()} deploy {arguments.brand} {arguments.environment} --ref {branch}"
        )
    return _compared(at, source, target, arguments) if arguments.wait else ended


def _compared(at: Session, source: BrandRelease, target: BrandRelease, arguments: Namespace) -> Exit:
    """The image must be the same one, to the digest: that is what a promotion promises."""
    one, other = source.status.running, target.status.running
    if one and other and one.image == other.image:
        if not arguments.output:
            both = f"{source.spec.environment} and {target.spec.environment}"
            at.terminal.words(f"{both} run {short(one.commit)} as {one.image}.")
        return Exit.Live
    at.terminal.complain(
        f"{target.spec.environment} runs {other.image if other else 'nothing'}, and {source.spec.environment} ran "
        f"{one.image if one else 'nothing'}: the commit is the same one, but its image was built anew in between, for "
        "example because the Brand's build has changed. Release it to both, so that they run the same image."
    )
    return Exit.Failed


PROMOTE = Command(
    "promote",
    "what runs in FROM goes to TO: the same commit, the same image",
    _arguments,
    _promote,
    ("promote drumeo staging production --wait",),
)
