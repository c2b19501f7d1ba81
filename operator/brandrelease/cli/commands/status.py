"""`status`: all environments in a table, or everything about one, once or for as long as it is watched."""

from argparse import ArgumentParser, Namespace
from datetime import datetime

from brandrelease.adapters.kube.api import BRAND_RELEASES
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.apis.conditions import ConditionType
from brandrelease.cli.command import WAIT_SECONDS, Command, output_argument, print_object
from brandrelease.cli.exits import Exit, Problem
from brandrelease.cli.finding import find, readable
from brandrelease.cli.following import watch
from brandrelease.cli.session import Session
from brandrelease.cli.view import details
from brandrelease.core.words import seconds, short

HEAD = ("BRAND", "ENV", "REF", "REVISION", "PHASE", "READY", "REASON", "SINCE")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("brand", metavar="BRAND", nargs="?", help="only this Brand")
    parser.add_argument("environment", metavar="ENV", nargs="?", help="everything about this environment")
    parser.add_argument("--watch", "-w", action="store_true", help="go on showing it until interrupted")
    parser.add_argument("--timeout", type=float, default=WAIT_SECONDS, metavar="SECONDS", help="with --watch: how long")
    output_argument(parser)


async def _status(at: Session, arguments: Namespace) -> Exit:
    if arguments.environment:
        return await _one(at, arguments)
    if arguments.watch:
        raise Problem("--watch follows one environment: give BRAND and ENV.", Exit.Usage)
    fields = f"spec.brand={arguments.brand}" if arguments.brand else None
    bodies = await at.api.items(BRAND_RELEASES, None, fields=fields)
    if arguments.output:
        at.terminal.objects({"apiVersion": "v1", "kind": "List", "items": bodies}, arguments.output)
        return Exit.Live
    if not bodies:
        of = f" of {arguments.brand}" if arguments.brand else ""
        at.terminal.line(
            f"There are no BrandReleases{of} yet. 'brandrelease deploy BRAND ENV --ref <branch>' makes one."
        )
        return Exit.Live
    now = at.clock.now()
    at.terminal.table(HEAD, sorted(_row(readable(body), now) for body in bodies))
    return Exit.Live


def _row(release: BrandRelease, now: datetime) -> tuple[str, ...]:
    status, spec = release.status, release.spec
    ready = next((each for each in status.conditions if each.type is ConditionType.Ready), None)
    since = seconds((now - ready.last_transition_time).total_seconds()) if ready else ""
    return (
        spec.brand,
        spec.environment,
        spec.ref,
        short(status.running.commit) if status.running and status.running.commit else "",
        str(status.phase or ""),
        str(ready.status) if ready else "",
        str(ready.reason) if ready else "",
        since,
    )


async def _one(at: Session, arguments: Namespace) -> Exit:
    release = await find(at.api, arguments.brand, arguments.environment)
    if arguments.watch:
        await watch(at, release, arguments.timeout)
        return Exit.Live
    if arguments.output:
        await print_object(at, release, arguments.output)
        return Exit.Live
    for line in details(release, at.clock.now()):
        at.terminal.line(line)
    return Exit.Live


STATUS = Command("status", "how the environments stand; with BRAND ENV: everything about one", _arguments, _status)
