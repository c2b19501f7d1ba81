"""`history`: the releases of one environment, newest first."""

from argparse import ArgumentParser, Namespace

from brandrelease.apis.brandrelease import PastRelease
from brandrelease.cli.command import Command, environment_arguments, output_argument
from brandrelease.cli.exits import Exit
from brandrelease.cli.finding import find
from brandrelease.cli.session import Session
from brandrelease.cli.view import moment
from brandrelease.core.words import cut, seconds, short

HEAD = ("", "RELEASE", "OUTCOME", "REASON", "COMMIT", "BY", "STARTED", "TOOK", "MESSAGE")
MESSAGE_WIDTH = 100


def _arguments(parser: ArgumentParser) -> None:
    environment_arguments(parser)
    output_argument(parser)


async def _history(at: Session, arguments: Namespace) -> Exit:
    release = await find(at.api, arguments.brand, arguments.environment)
    history = release.status.history
    if arguments.output:
        at.terminal.objects([past.to_wire() for past in history], arguments.output)
        return Exit.Live
    if not history:
        at.terminal.line(f"No release of {arguments.brand} to {arguments.environment} has ended yet.")
        return Exit.Live
    running = release.status.running.number if release.status.running else None
    at.terminal.table(HEAD, [_row(past, runs=past.number == running) for past in history])
    return Exit.Live


def _row(past: PastRelease, *, runs: bool) -> tuple[str, ...]:
    return (
        "*" if runs else "",
        str(past.number),
        past.outcome,
        past.reason,
        short(past.commit),
        past.requested_by or "",
        moment(past.started_at),
        seconds((past.finished_at - past.started_at).total_seconds()),
        cut(" ".join(past.message.split()), MESSAGE_WIDTH),
    )


HISTORY = Command(
    "history", "the releases of an environment, newest first; * is the one that runs", _arguments, _history
)
