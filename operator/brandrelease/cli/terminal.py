"""Where a command writes: lines and tables for people, objects for programs."""

import json
import os
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from brandrelease.apis.brandrelease import Phase
from brandrelease.core.plain import plain

JSON: Final = "json"
YAML: Final = "yaml"

Fact = tuple[str, str]
"""The name of something, and what it is."""

FACT_INDENT: Final = 14
NOTE_INDENT: Final = 3
NARROWEST: Final = 40
"""Columns below which nothing is fitted to the width any more."""

COLOURS: Final = {
    Phase.Live: "green",
    Phase.RolledBack: "yellow",
    Phase.RollingBack: "yellow",
    Phase.Failed: "red",
    Phase.Blocked: "red",
    Phase.Suspended: "magenta",
}
"""Of the phases that are no steps; those are cyan."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Whoever read has enough. rich would end with 1, which is an answer of ours."""
        raise BrokenPipeError


class Terminal:
    """Standard output and standard error of the command."""

    def __init__(self) -> None:
        """NO_COLOR is obeyed. Whether a person looks on is asked of the terminal alone, and not of FORCE_COLOR."""
        self.is_live = sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in {"dumb", "unknown", ""}
        self.console = _Console(highlight=False, force_terminal=None if self.is_live else False)

    def line(self, text: str | Text = "") -> None:
        """A line. Text from the cluster is shown as it is: never as markup, and without control characters."""
        self.console.print(text if isinstance(text, Text) else Text(plain(text)), soft_wrap=True)

    def words(self, text: str, indent: int = 0, style: str = "") -> None:
        """A sentence: one line for programs, and broken between words at the edge of a terminal."""
        for each in self._fitted(plain(text), indent):
            self.line(Text(each, style=style))

    def facts(self, facts: Iterable[Fact]) -> None:
        """Names, and beside them what they are."""
        for name, text in facts:
            first, *rest = self._fitted(plain(text), FACT_INDENT) or [""]
            self.line(Text(f"  {name:<{FACT_INDENT - 2}}", style="dim") + Text(first[FACT_INDENT:]))
            for each in rest:
                self.line(each)

    def marked(self, mark: str, style: str, text: str) -> None:
        """A sentence behind a mark."""
        indent = len(mark) + 3
        first, *rest = self._fitted(plain(text), indent) or [""]
        self.line(Text("  ") + Text(mark, style=style) + Text(f" {first[indent:]}"))
        for each in rest:
            self.line(each)

    def complain(self, message: str) -> None:
        """A sentence on standard error."""
        sys.stderr.write(f"brandrelease: {plain(message)}\n")

    def table(
        self, head: Sequence[str], rows: Sequence[Sequence[str | Text]], notes: Sequence[str] | None = None
    ) -> None:
        """Columns as wide as their widest cell, two spaces apart. notes: a sentence below each row, or an empty one."""
        lines = laid_out(head, rows)
        for text, note in zip(lines, ("", *(notes or [""] * len(rows))), strict=True):
            self.line(text)
            if note:
                self.words(note, indent=NOTE_INDENT, style="dim")

    def objects(self, what: Any, form: str) -> None:
        """JSON or YAML, for programs."""
        sys.stdout.write(json.dumps(what, indent=2) + "\n" if form == JSON else _yaml(what))
        sys.stdout.flush()

    def _fitted(self, text: str, indent: int) -> list[str]:
        space = " " * indent
        if not self.is_live or self.console.width < NARROWEST + indent:
            return [space + each for each in text.splitlines()]
        width = self.console.width
        return [
            each
            for whole in text.splitlines()
            for each in textwrap.wrap(
                whole,
                width,
                initial_indent=space,
                subsequent_indent=space,
                break_long_words=False,
                break_on_hyphens=False,
            )
            or [""]
        ]


def laid_out(head: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> list[Text]:
    """The lines of a table."""
    cells = [[each if isinstance(each, Text) else Text(plain(each)) for each in row] for row in (head, *rows)]
    widths = [max(row[column].cell_len for row in cells) for column in range(len(head))]
    return [_row(row, widths) for row in cells]


def _row(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    together = Text()
    for cell, width in zip(cells, widths, strict=True):
        together += cell + Text(" " * (width - cell.cell_len + 2))
    together.rstrip()
    return together


def phase_text(phase: Phase | None) -> Text:
    """The phase in its colour."""
    return Text(str(phase or "Pending"), style=COLOURS.get(phase, "cyan") if phase else "cyan")


def _yaml(what: Any) -> str:
    import yaml  # most calls do without it

    return str(yaml.safe_dump(what, sort_keys=False, allow_unicode=True, explicit_start=True))
