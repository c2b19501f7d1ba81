"""`history`: the releases of one environment, newest first."""

from argparse import ArgumentParser, Namespace

from brandrelease.apis.brandrelease import Outcome, PastRelease
from brandrelease.cli.command import Command, environment_arguments, output_argument
from brandrelease.cli.exits import Exit
from brandrelease.cli.finding import find
from brandrelease.cli.session import Session
from brandrelease.core.words import cut, seconds, short

HEAD = ("", "RELEASE", "OUTCOME", "REASON", "COMMIT", "BY", "STARTED (UTC)", "TOOK", "MESSAGE")
SHORT_HEAD = ("", "RELEASE", "OUTCOME", "COMMIT", "BY", "STARTED (UTC)", "TOOK")
BY_WIDTH = 12


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
    if at.terminal.is_live:
        notes = ["" if past.outcome is Outcome.Succeeded else f"{past.reason}: {past.message}" for past in history]
        at.terminal.table(SHORT_HEAD, [_short_row(past, runs=past.number == running) for past in history], notes)
    else:
        at.terminal.table(HEAD, [_row(past, runs=past.number == running) for past in history])
    return Exit.Live


def _row(past: PastRelease, *, runs: bool) -> tuple[str, ...]:
    """Everything, on one line however long it is."""
    return (
        "*" if runs else "",
        str(past.number),
        past.outcome,
        past.reason,
        short(past.commit),
        past.requested_by or "",
        f"{past.started_at:%Y-%m-%d %H:%M}",
        _took(past),
        " ".join(past.message.split()),
    )


def _short_row(past: PastRelease, *, runs: bool) -> tuple[str, ...]:
    """What fits into 80 columns."""
    return (
        "*" if runs else "",
        str(past.number),
        past.outcome,
        short(past.commit),
        cut(past.requested_by or "", BY_WIDTH),
        f"{past.started_at:%m-%d %H:%M}",
        _took(past),
    )


def _took(past: PastRelease) -> str:
    return seconds((past.finished_at - past.started_at).total_seconds())


HISTORY = Command(
    "history",
    "the releases of an environment, newest first; * is the one that runs",
    _arguments,
    _history,
    ("history drumeo production",),
)
