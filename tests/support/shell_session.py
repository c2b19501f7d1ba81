"""A terminal in which somebody follows a page: one bash for all commands, so that variables and directories stay."""

import difflib
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from support.documents import Command

_BEGINS: Final = "\x1ebegins"
_ENDS: Final = "\x1eends"
ELIDED: Final = "..."
"""A line that stands for any number of lines; at the end of a line, for its rest."""

_MASKS: Final = (
    (re.compile(r"(?<=-deployment)-[a-z0-9]{1,10}-[a-z0-9]{5}\b|-[a-z0-9]{8,10}-[a-z0-9]{5}\b"), "-POD"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r"\b[0-9a-f]{40}\b|\b[0-9a-f]{12}\b|\b[0-9a-f]{7}\b"), "COMMIT"),
    (re.compile(r"\b[0-9a-f]{10}\b|-[0-9a-f]{8}\b"), "KEY"),
    (re.compile(r"\d+ min( \d+ s)?|\d+ s\b"), "A WHILE"),
    (re.compile(r"(?<![A-Za-z])(\d+[smhd])+\b"), "AGE"),
    (re.compile(r"\d+"), "#"),
    (re.compile(r"[ \t]+"), " "),
)
"""What differs from one run to the next."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it printed."""

    command: Command
    code: int
    output: str

    @property
    def told(self) -> str:
        return f"{self.command.place}: {self.command.text}\n  ended with {self.code}:\n{self.output.rstrip()}\n"


def play(commands: Sequence[Command], environment: Mapping[str, str], directory: Path, limit: float) -> list[Done]:
    """Run all of them, whatever they end with; those that were not reached within ``limit`` seconds are left out."""
    script = "set -o pipefail\n" + "".join(_step(number, command) for number, command in enumerate(commands))
    argv = ("bash", "--noprofile", "--norc", "-c", script)
    with tempfile.TemporaryFile() as screen:
        process = subprocess.Popen(
            argv,
            env=dict(environment),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=screen,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # also what the shell waits for
            process.wait()
        screen.seek(0)
        return list(_parts(screen.read().decode(errors="replace"), commands))


def _step(number: int, command: Command) -> str:
    return f"printf '{_BEGINS} %d\\n' {number}\n{command.text}\nprintf '\\n{_ENDS} %d %d\\n' {number} $?\n"


def _parts(said: str, commands: Sequence[Command]) -> Iterator[Done]:
    for found in re.finditer(rf"{_BEGINS} (\d+)\n(.*?)\n{_ENDS} \1 (\d+)\n", said, re.DOTALL):
        yield Done(commands[int(found[1])], int(found[3]), found[2])


def difference(shown: str, printed: str) -> str:
    """How what was printed differs from what the page shows, but for what differs each time; empty if it does not."""
    expected, got = _lines(shown), _lines(printed)
    if _fits(expected, got):
        return ""
    return "\n".join(difflib.unified_diff(expected, got, "the page", "printed", lineterm="", n=9))


def _lines(text: str) -> list[str]:
    for pattern, word in _MASKS:
        text = pattern.sub(word, text)
    return [line.strip() for line in text.strip().splitlines()]


def _fits(expected: Sequence[str], got: Sequence[str]) -> bool:
    """Whether all that was printed is what was expected. reached: how much of it what was expected so far may cover."""
    reached = {0}
    for line in expected:
        reached = _after(line, reached, got)
    return len(got) in reached


def _after(line: str, reached: set[int], got: Sequence[str]) -> set[int]:
    if line == ELIDED:
        return set(range(min(reached, default=len(got) + 1), len(got) + 1))
    return {at + 1 for at in reached if at < len(got) and _is(line, got[at])}


def _is(line: str, printed: str) -> bool:
    if line.endswith(f" {ELIDED}"):
        return printed.startswith(line.removesuffix(ELIDED))
    return line == printed
