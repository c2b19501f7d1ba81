"""`explain`: what a reason means, what to look at and what to do; for an environment, that of its state."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from rich.text import Text

from brandrelease.apis.brandrelease import BrandRelease, Outcome, Phase
from brandrelease.apis.conditions import ConditionStatus, ConditionType
from brandrelease.apis.reasons import Reason
from brandrelease.cli.called import called
from brandrelease.cli.command import Command
from brandrelease.cli.exits import Exit, Problem
from brandrelease.cli.finding import find
from brandrelease.cli.session import Session
from brandrelease.cli.standing import message
from brandrelease.cli.terminal import Terminal
from brandrelease.cli.view import headline
from brandrelease.cli.wishes import in_flight, name_of
from brandrelease.core.quarantine import active
from brandrelease.core.words import short
from brandrelease.runbook import runbook


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "what", metavar="BRAND|REASON", help="name of a Brand, with ENV; or a reason, as kubectl shows it"
    )
    parser.add_argument("environment", metavar="ENV", nargs="?", help="name of one of the Brand's environments")


def _explain_reason(terminal: Terminal, arguments: Namespace) -> bool:
    """What a reason means is known without a cluster."""
    if arguments.environment is not None:
        return False
    _tell(terminal, runbook()[_reason(arguments.what)])
    return True


async def _explain(at: Session, arguments: Namespace) -> Exit:
    release = await find(at.api, arguments.what, arguments.environment)
    at.terminal.line(headline(release))
    at.terminal.words(message(release), indent=2)
    for reason in _reasons(release):
        at.terminal.line()
        at.terminal.line(Text(reason, style="bold"))
        _tell(at.terminal, [for_this_one(each, release) for each in runbook()[reason]])
    if commands := _commands(release):
        at.terminal.line()
        at.terminal.line(Text("Commands", style="bold"))
        for command, what_for in commands:
            at.terminal.line(f"  {called()} {command}")
            at.terminal.words(what_for, indent=6)
    return Exit.Live


def _tell(terminal: Terminal, paragraphs: Sequence[str]) -> None:
    """Sentences broken at the edge of the terminal; a command that stands by itself as it is."""
    for number, each in enumerate(paragraphs):
        if number:
            terminal.line()
        if each.startswith("`") and each.find("`", 1) == len(each) - 1:
            terminal.line(f"  {each}")
        else:
            terminal.words(each, indent=2)


def _reasons(release: BrandRelease) -> list[Reason]:
    """What it stands at; what the last release failed for; and what else must be known."""
    conditions = {each.type: each for each in release.status.conditions}
    told: dict[Reason, None] = {}
    if ready := conditions.get(ConditionType.Ready):
        told[ready.reason] = None
    current = release.status.current
    if current and current.reason and current.outcome not in {None, Outcome.Succeeded}:
        told[current.reason] = None
    for kind in (ConditionType.RollbackUnsafe, ConditionType.CacheInvalidated):
        found = conditions.get(kind)
        if found and (found.status is ConditionStatus.Yes) is (kind is ConditionType.RollbackUnsafe):
            told[found.reason] = None
    return list(told)


def _commands(release: BrandRelease) -> list[tuple[str, str]]:
    """What one can ask for as it stands."""
    name, status = name_of(release), release.status
    found: list[tuple[str, str]] = []
    if status.phase is Phase.Suspended:
        found.append((f"resume {name}", "lets the operator go on."))
    found += [
        (f'override {name} {short(entry.commit)} "<why>"', f"lets the commit through that failed: {entry.reason}.")
        for entry in active(status)[:3]
    ]
    if waits := in_flight(release):
        if status.phase is Phase.Blocked and not active(status):
            found.append((f'override {name} {short(waits.commit)} "<why>"', "lets it through what it waits for."))
        found.append((f'abort {name} --why "<why>"', f"gives release {waits.number} up."))
    if status.phase in {Phase.Failed, Phase.Blocked, Phase.RolledBack}:
        found.append((f"retry {name} --wait", "looks at the ref again, once the cause is mended."))
        found.append((f"logs {name}", "shows what the release has printed."))
    return found


def _reason(text: str) -> Reason:
    by_name = {reason.lower(): reason for reason in Reason}
    if found := by_name.get(text.lower()):
        return found
    raise Problem(
        f'"{text}" is no reason. Write one as the column REASON of kubectl shows it; '
        f"or, if it is a Brand, its environment too: {called()} explain {text} ENV",
        Exit.Usage,
    )


def for_this_one(text: str, release: BrandRelease) -> str:
    """The commands of the page with the names of this object: the page is about drumeo in drumeo-production."""
    return (
        text.replace("drumeo-production-deployment", f"{name_of(release).replace(' ', '-')}-deployment")
        .replace("drumeo-production", release.namespace)
        .replace("brandrelease drumeo", f"brandrelease {release.name}")
        .replace("brand drumeo", f"brand {release.spec.brand}")
    )


EXPLAIN = Command(
    "explain",
    "why a release is Blocked, Failed or rolled back, and what to do; or what a reason means",
    _arguments,
    _explain,
    ("explain drumeo production", "explain CrashLoopBackOff"),
    _explain_reason,
)
