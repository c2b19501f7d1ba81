"""From the words of the command line to a command, and from its end to the exit code."""

import argparse
import asyncio
import logging
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from brandrelease.cli.called import called
from brandrelease.cli.completing import ASK, SHELLS, complete, script
from brandrelease.cli.exits import Exit, Problem

_NO_SUCH_COMMAND = re.compile(r"argument COMMAND: invalid choice: '(.*?)' \((?:choose from|maybe you meant:)(.*)\)")

INTERRUPTED = 130
"""As shells have it: 128 + SIGINT."""

PIPE_CLOSED = 141
"""128 + SIGPIPE: whoever read the output has enough, as `head` has."""


class _Parser(argparse.ArgumentParser):
    """Ends with the code that scripts can tell from the end of a release; argparse would end with 2."""

    def error(self, message: str) -> NoReturn:
        if meant := _meant(message):
            self.exit(Exit.Usage, f"{self.prog}: {meant} '{self.prog} --help' tells more.\n")
        self.print_usage(sys.stderr)
        self.exit(Exit.Usage, f"{self.prog}: {message}. '{self.prog} --help' tells more.\n")


def _meant(message: str) -> str | None:
    """In place of a long list of what could be chosen: what is close to what was typed."""
    found = _NO_SUCH_COMMAND.match(message)
    if found is None:
        return None
    from difflib import get_close_matches

    close = get_close_matches(found.group(1), re.findall(r"[a-z]+", found.group(2)), n=2)
    return f"There is no command '{found.group(1)}'." + (f" Did you mean {' or '.join(close)}?" if close else "")


class _Version(argparse.Action):
    """The version is looked up only for whoever asks for it."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        parser.exit(message=f"brandrelease {version('brandrelease')}\n")


def complete_for_kubectl() -> None:
    """The program `kubectl_complete-brandrelease`, which kubectl calls for `kubectl brandrelease` and the tabulator."""
    complete(_parser(commands=True), sys.argv[1:], for_kubectl=True)


def main() -> None:
    """Do what the command line asks, and end the process with its exit code."""
    words = sys.argv[1:]
    if words[:1] == [ASK]:
        complete(_parser(commands=True), words[1:], for_kubectl=False)
        return
    try:
        ended = _run(words)
        sys.stdout.flush()
    except Problem as problem:
        sys.stderr.write(f"brandrelease: {problem.message}\n")
        sys.exit(problem.exit)
    except KeyboardInterrupt:
        sys.stderr.write(_left(words))
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would complain at its end
        sys.exit(PIPE_CLOSED)
    sys.exit(ended)


def _left(words: Sequence[str]) -> str:
    """What is told to somebody who has pressed Ctrl-C while a release goes on."""
    if {"--wait", "-w"}.isdisjoint(words) or words[0] == "status":
        return ""
    return (
        f"brandrelease: Not followed any more; what you asked for goes on in the cluster. '{called()} status' tells "
        f"how it stands, '{called()} abort' gives it up.\n"
    )


def _run(words: Sequence[str]) -> Exit:
    if words[:1] == ["run"]:  # the operator does not load what commands for people need, nor the other way round
        _parser().parse_args(words)
        sys.modules.setdefault("rich", None)  # type: ignore[arg-type] # else structlog loads it, for tracebacks in colour
        from brandrelease.cli.running import run_operator

        return run_operator()
    arguments = _parser(commands=True).parse_args(words)
    if arguments.command == "completion":
        sys.stdout.write(script(arguments.shell))
        return Exit.Live
    return asyncio.run(_command(arguments))


def _parser(*, commands: bool = False) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=called(),
        description="Releases the sites of many brands, watches them, and rolls the bad ones back.",
        epilog="Exit codes: "
        + ", ".join(f"{code.value} {code.name}" for code in Exit)
        + ". See docs/command-line.md. 'run' is the operator itself; its settings are environment variables.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="tell the version")
    places = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    if commands:
        _add_commands(places)
    shells = places.add_parser("completion", help="print the completion script of a shell")
    shells.add_argument("shell", choices=SHELLS, help=f"for example: source <({called()} completion bash)")
    places.add_parser("run", help="run the operator until it is stopped")
    return parser


def _add_commands(places: "argparse._SubParsersAction[_Parser]") -> None:
    from brandrelease.cli.commands import COMMANDS
    from brandrelease.core.words import capital

    for command in COMMANDS:
        parser = places.add_parser(
            command.name,
            help=command.sentence,
            description=f"{capital(command.sentence)}.",
            epilog="".join(f"  {called()} {example}\n" for example in command.examples),
            formatter_class=_WithExamples,
        )
        command.arguments(parser)
        parser.add_argument("--kubeconfig", type=Path, metavar="FILE", help="as for kubectl")
        parser.add_argument("--context", metavar="NAME", help="as for kubectl")
        parser.add_argument("--as-name", metavar="NAME", help="who asks, as the history tells it (default: your login)")
        parser.set_defaults(run=command.run, run_alone=command.run_alone)


class _WithExamples(argparse.HelpFormatter):
    """The examples below the arguments, each on its line."""

    def add_text(self, text: str | None) -> None:
        if text and text.startswith("  "):
            self._add_item(lambda: f"for example:\n{text}", [])
        else:
            super().add_text(text)


async def _command(arguments: argparse.Namespace) -> Exit:
    from brandrelease.adapters.kube.api import ApiError

    logging.disable()  # what libraries have to say is told in a sentence of ours
    from brandrelease.cli.session import session
    from brandrelease.cli.terminal import Terminal

    terminal = Terminal()
    if arguments.run_alone(terminal, arguments):
        return Exit.Live
    try:
        async with session(terminal, arguments.as_name, arguments.kubeconfig, arguments.context) as at:
            ended: Exit = await arguments.run(at, arguments)
            return ended
    except ApiError as error:
        raise Problem(_in_words(error.status, error.message), Exit.Unavailable) from error


def _in_words(status: int, message: str) -> str:
    match status:
        case 0:
            return f"{message.rstrip('.')}. Is the cluster up, and does your kubeconfig point to it?"
        case 401:
            return f"The cluster does not know you: {message} Log in again."
        case 403:
            return f"The cluster does not allow it: {message} Ask whoever runs it for that right."
        case 404:
            return f"{message} '{called()} doctor' tells whether the operator is installed."
        case 400 | 409 | 422:
            return f"The cluster refuses it: {message}"
        case _:
            return f"The cluster fails with {status}: {message} Try again."
