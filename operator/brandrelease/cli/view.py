"""One BrandRelease for a person's eye: a headline, the steps of its release, and what to know beside them. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from brandrelease.apis.brandrelease import BrandRelease, CurrentRelease
from brandrelease.cli.standing import message
from brandrelease.cli.steps import State, Step, steps
from brandrelease.cli.terminal import phase_text
from brandrelease.core.plain import plain
from brandrelease.core.quarantine import active
from brandrelease.core.words import seconds, short

MARKS: Final = {State.Ahead: "·", State.Running: "▶", State.Done: "✔", State.Failed: "✘"}
STYLES: Final = {State.Ahead: "dim", State.Running: "cyan", State.Done: "green", State.Failed: "red"}
BAR_WIDTH: Final = 24
CHANGES: Final = 5


def headline(release: BrandRelease) -> Text:
    """Brand, environment, phase and message."""
    name = Text(f"{release.spec.brand} {release.spec.environment}", style="bold")
    return Text("   ").join((name, phase_text(release.status.phase), Text(plain(message(release)))))


def live_view(release: BrandRelease, now: datetime) -> RenderableType:
    """What is drawn anew at each change, while a person follows the release."""
    table = Table.grid(padding=(0, 2))
    for step in steps(release.status, now):
        table.add_row(*_row(step))
    return Group(headline(release), table)


def _row(step: Step) -> tuple[RenderableType, ...]:
    style = STYLES[step.state]
    bar: RenderableType = Text("")
    if step.share is not None:
        bar = ProgressBar(total=1.0, completed=step.share, width=BAR_WIDTH)
    return Text(f"  {MARKS[step.state]}", style=style), Text(step.name, style=style), Text(plain(step.detail)), bar


def details(release: BrandRelease, now: datetime) -> Iterator[Text]:
    """Everything that one wants to know of one environment, line by line."""
    yield headline(release)
    for name, text in _facts(release, now):
        yield Text(f"  {name:<12}", style="dim") + Text(plain(text))


def _facts(release: BrandRelease, now: datetime) -> Iterator[tuple[str, str]]:
    status, spec = release.status, release.spec
    if running := status.running:
        for_how_long = seconds((now - running.since).total_seconds())
        yield "running", f"release {running.number}, {short(running.commit)}, for {for_how_long}"
        yield "image", running.image
    tracked = f", looked at every {spec.track_interval_seconds} s" if spec.track_interval_seconds else ""
    yield "ref", f"{spec.ref}{tracked}"
    work = status.next or status.current
    if work is not None:
        yield from _release(work)
        for step in steps(status, now):
            yield step.name, f"{MARKS[step.state]} {step.detail}".rstrip()
    for entry in active(status):
        yield "quarantine", f"{short(entry.commit)}: {entry.reason} in release {entry.release}"
    if status.last_handled and status.last_handled.answer:
        yield "answer", status.last_handled.answer


def _release(work: CurrentRelease) -> Iterator[tuple[str, str]]:
    who = f" by {work.requested_by}" if work.requested_by else ", found by tracking" if work.tracked else ""
    yield "release", f"{work.number}, {short(work.commit)} of {work.ref}, asked for{who} at {moment(work.started_at)}"
    changes = work.changes or ()
    for change in changes[:CHANGES]:
        yield "change", f"{short(change.commit)} {change.author}: {change.subject}"
    if (total := work.changes_total or len(changes)) > CHANGES:
        yield "", f"and {total - min(len(changes), CHANGES)} more"
    if work.build and work.build.logs_url:
        yield "log", work.build.logs_url


def moment(when: datetime) -> str:
    """A time as people read it."""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"
