"""From the words of the command line to a command, and from its end to the exit code."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from brandrelease.cli.completing import ASK, SCRIPTS, complete
from brandrelease.cli.exits import Exit, Problem

PLUGIN = "kubectl-brandrelease"
PLUGINS_COMPLETION = "kubectl_complete-brandrelease"
"""kubectl looks for a program of this name when somebody presses the tabulator after `kubectl brandrelease`."""

INTERRUPTED = 130
"""As shells have it: 128 + SIGINT."""


class _Parser(argparse.ArgumentParser):
    """Ends with the code that scripts can tell from the end of a release; argparse would end with 2."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Exit.Usage, f"{self.prog}: {message}\n")


def complete_for_kubectl() -> None:
    """The program `kubectl_complete-brandrelease`."""
    complete(_parser(commands=True), sys.argv[1:], for_kubectl=True)


def main() -> None:
    """Do what the command line asks, and end the process with its exit code."""
    words = sys.argv[1:]
    if words[:1] == [ASK]:
        complete(_parser(commands=True), words[1:], for_kubectl=False)
        return
    try:
        sys.exit(_run(words))
    except Problem as problem:
        sys.stderr.write(f"brandrelease: {problem.message}\n")
        sys.exit(problem.exit)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _run(words: Sequence[str]) -> Exit:
    if words[:1] == ["run"]:  # the operator does not load what commands for people need, nor the other way round
        _parser().parse_args(words)
        from brandrelease.cli.running import run_operator

        return run_operator()
    arguments = _parser(commands=True).parse_args(words)
    if arguments.command == "completion":
        sys.stdout.write(SCRIPTS[arguments.shell])
        return Exit.Live
    return asyncio.run(_command(arguments))


def _parser(*, commands: bool = False) -> argparse.ArgumentParser:
    called = "kubectl brandrelease" if Path(sys.argv[0]).name == PLUGIN else "brandrelease"
    parser = _Parser(
        prog=called,
        description="Releases the sites of many brands, watches them, and rolls the bad ones back.",
        epilog="Exit codes: "
        + ", ".join(f"{code.value} {code.name}" for code in Exit)
        + ". See docs/command-line.md. 'run' is the operator itself; its settings are environment variables.",
    )
    parser.add_argument("--version", action="version", version=f"brandrelease {version('brandrelease')}")
    places = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    if commands:
        _add_commands(places)
    shells = places.add_parser("completion", help="print the completion script of a shell")
    shells.add_argument("shell", choices=sorted(SCRIPTS), help="for example: source <(brandrelease completion bash)")
    places.add_parser("run", help="run the operator until it is stopped")
    return parser


def _add_commands(places: "argparse._SubParsersAction[_Parser]") -> None:
    from brandrelease.cli.commands import COMMANDS

    for command in COMMANDS:
        parser = places.add_parser(command.name, help=command.sentence, description=f"{command.sentence}.".capitalize())
        command.arguments(parser)
        parser.add_argument("--kubeconfig", type=Path, help="as for kubectl")
        parser.add_argument("--context", help="as for kubectl")
        parser.add_argument("--as-name", metavar="NAME", help="who asks, as the history tells it (default: your login)")
        parser.set_defaults(run=command.run)


async def _command(arguments: argparse.Namespace) -> Exit:
    from brandrelease.adapters.kube.api import ApiError

    logging.disable()  # what libraries have to say is told in a sentence of ours
    from brandrelease.cli.session import session
    from brandrelease.cli.terminal import Terminal

    try:
        async with session(Terminal(), arguments.as_name, arguments.kubeconfig, arguments.context) as at:
            ended: Exit = await arguments.run(at, arguments)
            return ended
    except ApiError as error:
        raise Problem(_in_words(error.status, error.message), Exit.Unavailable) from error


def _in_words(status: int, message: str) -> str:
    match status:
        case 0:
            return f"{message} Is the cluster up, and does your kubeconfig point to it?"
        case 401:
            return f"The cluster does not know you: {message} Log in again."
        case 403:
            return f"The cluster does not allow it: {message} Ask whoever runs it for that right."
        case 404:
            return f"{message} 'brandrelease doctor' tells whether the operator is installed."
        case 400 | 409 | 422:
            return f"The cluster refuses it: {message}"
        case _:
            return f"The cluster fails with {status}: {message} Try again."
