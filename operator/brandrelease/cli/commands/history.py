"""`history`: the releases of one environment, newest first."""

from argparse import ArgumentParser, Namespace

from brandrelease.apis.brandrelease import Outcome, PastRelease
from brandrelease.cli.command import Command, environment_arguments, output_argument
from brandrelease.cli.exits import Exit
from brandrelease.cli.finding import find
from brandrelease.cli.session import Session
from brandrelease.core.words import cut, seconds, short

HEAD = ("", "RELEASE", "OUTCOME", "REASON", "COMMIT", "BY", "STARTED (UTC)", "TOOK")
BY_WIDTH = 20


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
    rows = [_row(past, runs=past.number == running) for past in history]
    if at.terminal.is_live:
        notes = ["" if past.outcome is Outcome.Succeeded else past.message for past in history]
        at.terminal.table(HEAD, rows, notes)
    else:
        told = [" ".join(past.message.split()) for past in history]
        at.terminal.table((*HEAD, "MESSAGE"), [(*row, text) for row, text in zip(rows, told, strict=True)])
    return Exit.Live


def _row(past: PastRelease, *, runs: bool) -> tuple[str, ...]:
    return (
        "*" if runs else "",
        str(past.number),
        past.outcome,
        past.reason,
        short(past.commit),
        cut(past.requested_by or "", BY_WIDTH),
        f"{past.started_at:%Y-%m-%d %H:%M}",
        seconds((past.finished_at - past.started_at).total_seconds()),
    )


HISTORY = Command(
    "history",
    "the releases of an environment, newest first; * is the one that runs",
    _arguments,
    _history,
    ("history drumeo production",),
)
