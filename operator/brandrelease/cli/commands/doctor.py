"""`doctor`: whether everything is there that releases need, from here and from the operator's side."""

from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Callable

from brandrelease.adapters.kube.api import ApiError
from brandrelease.cli.command import Command, output_argument
from brandrelease.cli.doctor import cluster, git_here, leading, objects, rights
from brandrelease.cli.doctor.finding import Finding, State
from brandrelease.cli.exits import Exit
from brandrelease.cli.session import Session
from brandrelease.core.words import several

MARKS = {State.Good: ("ok  ", "green"), State.Bad: ("BAD ", "red"), State.Unknown: ("?   ", "yellow")}

Look = Callable[[Session, str], AsyncIterator[Finding]]

LOOKS: tuple[tuple[str, Look], ...] = (
    ("Cluster", cluster.look),
    ("Your rights", rights.yours),
    ("Operator", leading.look),
    ("The operator's rights", rights.operators),
    ("Brands: git, registry, AWS, checks", objects.brands),
    ("Releases", objects.releases),
    ("Here", git_here.look),
)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--operator-namespace",
        default="brandrelease-system",
        metavar="NAME",
        help="namespace in which the operator runs (default brandrelease-system)",
    )
    output_argument(parser)


async def _doctor(at: Session, arguments: Namespace) -> Exit:
    found: list[tuple[str, Finding]] = []
    for title, look in LOOKS:
        if not arguments.output:
            at.terminal.line(f"{title}")
        async for finding in _careful(look(at, arguments.operator_namespace)):
            found.append((title, finding))
            if not arguments.output:
                _tell(at, finding)
        if any(finding.ends for _, finding in found):
            break
    bad = sum(finding.state is State.Bad for _, finding in found)
    if arguments.output:
        at.terminal.objects([{"about": title, **finding.wire()} for title, finding in found], arguments.output)
    else:
        at.terminal.line()
        said = f"{several(bad, 'problem')} found." if bad else "Everything that can be seen from here is well."
        at.terminal.line(said)
    return Exit.Failed if bad else Exit.Live


async def _careful(findings: AsyncIterator[Finding]) -> AsyncIterator[Finding]:
    """What may not be looked at is no illness."""
    try:
        async for finding in findings:
            yield finding
    except ApiError as error:
        if error.status == 0:
            advice = "Is the cluster up, and does your kubeconfig point to it?"
            yield Finding(State.Bad, f"{error.message.rstrip('.')}.", advice, ends=True)
        else:
            yield Finding(State.Unknown, f"This could not be looked at: {error.message}")


def _tell(at: Session, finding: Finding) -> None:
    mark, style = MARKS[finding.state]
    at.terminal.marked(mark, style, finding.what)
    if finding.advice:
        at.terminal.words(finding.advice, indent=7)


DOCTOR = Command(
    "doctor",
    "look at the cluster, the rights, the operator, the Brands and what they need",
    _arguments,
    _doctor,
    ("doctor",),
)
