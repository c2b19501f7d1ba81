"""The commands and the objects that README.md and docs/*.md show: what is in a block of shell, and what is in the text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
TUTORIAL: Final = ROOT / "docs/tutorial.md"

SHELL: Final = frozenset({"sh", "bash", "shell"})
CONSOLE: Final = "console"
"""A block in which commands stand behind `$ `, and what they print below them."""

PROGRAMS: Final = frozenset(
    {"argocd", "aws", "brandrelease", "cosign", "docker", "flux", "git", "helm", "kubectl", "make", "promtool", "uv"}
)
"""What makes a piece of code in the text a command, if more follows."""

_HERE_DOCUMENT: Final = re.compile(r"<<-?\s*['\"]?(\w+)")
_OPENS: Final = re.compile(r"^\{$|^\(?(if|for|while)\b.*(then|do)$|\bcase .* in$")
_CLOSES: Final = re.compile(r"^(\}|(esac|fi|done)\b)")
_OPTIONAL: Final = re.compile(r"[<…]|\.\.\.")
"""Not a command, but the form of one."""


@dataclass(frozen=True, slots=True)
class Command:
    """text: as bash takes it. line: where it stands. output: what the page shows of it; None where it shows nothing."""

    page: Path
    line: int
    text: str
    output: str | None = None

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True, slots=True)
class Block:
    """A block of YAML."""

    page: Path
    line: int
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def commands(page: Path) -> list[Command]:
    """All commands of a page, in the order in which they stand there."""
    found: list[Command] = []
    for token in _tokens(page):
        language = token.info.split(" ")[0] if token.type == "fence" else ""
        first = token.map[0] + 2 if token.map else 0
        if language in SHELL:
            found += _of_shell(page, first, token.content)
        elif language == CONSOLE:
            found += _of_console(page, first, token.content)
        elif token.type == "inline":
            codes = [each.content for each in token.children or () if each.type == "code_inline"]
            found += [Command(page, first - 1, code) for code in codes if code.strip() and _is_command(code)]
    return found


def yaml_blocks(page: Path) -> list[Block]:
    """All blocks of YAML of a page."""
    fences = [token for token in _tokens(page) if token.type == "fence" and token.info == "yaml"]
    return [Block(page, token.map[0] + 1 if token.map else 0, token.content) for token in fences]


def _tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text("utf-8"))


def _is_command(code: str) -> bool:
    """Whether it could be typed so. `kubectl apply` is the name of a command, and `make up` is one."""
    program, *rest = code.split()
    enough = 1 if program == "make" else 2
    return program in PROGRAMS and len(rest) >= enough and not _OPTIONAL.search(code)


def _of_shell(page: Path, first: int, text: str) -> Iterator[Command]:
    """Each command of a block: a line, with all lines that belong to it."""
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        end = _end(lines, number)
        command = "\n".join(lines[number:end])
        if command.strip() and not command.lstrip().startswith("#"):
            yield Command(page, first + number, command)
        number = end


def _end(lines: list[str], number: int) -> int:
    """The line after the command that begins here."""
    depth, here = 0, None
    for at in range(number, len(lines)):
        line = lines[at]
        if here:
            here = None if line.strip() == here else here
        else:
            found = _HERE_DOCUMENT.search(line)
            here = found[1] if found else None
            depth += bool(_OPENS.search(line)) - bool(_CLOSES.search(line))
        if not here and depth <= 0 and not line.endswith("\\"):
            return at + 1
    return len(lines)


def _of_console(page: Path, first: int, text: str) -> Iterator[Command]:
    """What stands behind `$ ` and, in the lines below, behind `> `; the rest is its output."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts, len(lines)][1:], strict=True):
        more = start + 1
        while more < end and (lines[more].startswith("> ") or lines[more] == ">"):
            more += 1
        command = "\n".join(line[2:] for line in lines[start:more])
        yield Command(page, first + start, command, "\n".join(lines[more:end]))
