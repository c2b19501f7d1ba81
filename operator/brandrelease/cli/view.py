"""One BrandRelease for a person's eye: a headline, the steps of its release, and what to know beside them. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from brandrelease.apis.brandrelease import BrandRelease, CurrentRelease
from brandrelease.cli.new_pods import NewPods
from brandrelease.cli.standing import message
from brandrelease.cli.step_lines import Part, StepLine, step_lines
from brandrelease.cli.terminal import Fact, phase_text
from brandrelease.core.plain import line, plain
from brandrelease.core.quarantine import active
from brandrelease.core.steps import StepState
from brandrelease.core.tone import Tone
from brandrelease.core.words import seconds, short

MARKS: Final = {
    StepState.Ahead: "·",
    StepState.Running: "▶",
    StepState.Done: "✔",
    StepState.Failed: "✘",
    StepState.Stopped: "■",
}
STYLES: Final = {
    StepState.Ahead: "dim",
    StepState.Running: "cyan",
    StepState.Done: "green",
    StepState.Failed: "red",
    StepState.Stopped: "dim",
}
PART_MARKS: Final = {Tone.Good: "✔", Tone.Busy: "▶", Tone.Stuck: "!", Tone.Bad: "✘", Tone.Off: "·"}
PART_STYLES: Final = {Tone.Good: "green", Tone.Busy: "cyan", Tone.Stuck: "yellow", Tone.Bad: "red", Tone.Off: "dim"}
BAR_WIDTH: Final = 20
CHANGES: Final = 5
LEAVE: Final = "Ctrl-C leaves; the release goes on."


def headline(release: BrandRelease) -> Text:
    """Brand, environment and phase."""
    name = Text(f"{release.spec.brand} {release.spec.environment}", style="bold")
    return Text("   ").join((name, phase_text(release.status.phase)))


def live_view(release: BrandRelease, now: datetime, pods: NewPods | None, trouble: str | None = None) -> RenderableType:
    """What is drawn anew at each change, while a person follows the release. trouble: what to know beside it."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for step in step_lines(release.status, now, pods):
        table.add_row(*_row(step))
        for part in step.below:
            table.add_row("", "", _part(part))
    parts: list[RenderableType] = [headline(release), Padding(Text(plain(message(release))), (0, 0, 1, 2)), table]
    if trouble:
        parts.append(Padding(Text(plain(trouble), style="yellow"), (1, 0, 0, 2)))
    return Group(*parts, Padding(Text(LEAVE, style="dim"), (1, 0, 0, 2)))


def _row(step: StepLine) -> tuple[Text, Text, Text]:
    style = STYLES[step.state]
    bar = _bar(step.share) + Text("  ") if step.share is not None and step.state is StepState.Running else Text("")
    return Text(f"  {MARKS[step.state]}", style=style), Text(step.name, style=style), bar + Text(plain(step.detail))


def _bar(share: float) -> Text:
    full = round(share * BAR_WIDTH)
    return Text("━" * full, style="cyan") + Text("━" * (BAR_WIDTH - full), style="dim")


def _part(part: Part) -> Text:
    mark = Text(f"{PART_MARKS[part.tone]} {part.name}", style=PART_STYLES[part.tone])
    return mark + Text(f"  {line(part.detail)}" if part.detail else "")


def facts(release: BrandRelease, now: datetime) -> Iterator[Fact]:
    """Everything that one wants to know of one environment, below its headline and message."""
    status, spec = release.status, release.spec
    if running := status.running:
        for_how_long = seconds((now - running.since).total_seconds())
        yield "running", f"release {running.number}, {short(running.commit)}, for {for_how_long}"
        yield "image", running.image
    tracked = f", looked at every {seconds(spec.track_interval_seconds)}" if spec.track_interval_seconds else ""
    yield "ref", f"{spec.ref}{tracked}"
    if work := status.next or status.current:
        yield from _release(work)
        for step in step_lines(status, now):
            yield step.name, f"{MARKS[step.state]} {step.detail}".rstrip()
            for part in step.below:
                yield "", f"{PART_MARKS[part.tone]} {part.name}  {part.detail}".rstrip()
    for entry in active(status):
        yield "quarantine", f"{short(entry.commit)}: {entry.reason} in release {entry.release}"
    if status.last_handled and status.last_handled.answer and status.last_handled.answer not in message(release):
        yield "answer", status.last_handled.answer


def _release(work: CurrentRelease) -> Iterator[Fact]:
    who = f" by {work.requested_by}" if work.requested_by else ", found by tracking" if work.tracked else ""
    yield "release", f"{work.number}, {short(work.commit)} {_ref(work)}asked for{who} at {moment(work.started_at)}"
    changes = work.changes or ()
    for change in changes[:CHANGES]:
        yield "change", f"{short(change.commit)} {change.author}: {change.subject}"
    if (total := work.changes_total or len(changes)) > CHANGES:
        yield "", f"and {total - min(len(changes), CHANGES)} more"
    if work.build and work.build.logs_url:
        yield "log", work.build.logs_url


def _ref(work: CurrentRelease) -> str:
    """Nothing where the ref is the commit itself."""
    return "" if work.ref == work.commit else f"of {work.ref}, "


def moment(when: datetime) -> str:
    """A time as people read it."""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"
