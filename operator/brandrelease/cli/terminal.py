"""Where a command writes: lines and tables for people, objects for programs."""

import json
import sys
from collections.abc import Sequence
from typing import Any, Final

import yaml
from rich.console import Console
from rich.text import Text

from brandrelease.apis.brandrelease import Phase
from brandrelease.core.plain import plain

JSON: Final = "json"
YAML: Final = "yaml"

COLOURS: Final = {
    Phase.Live: "green",
    Phase.RolledBack: "yellow",
    Phase.RollingBack: "yellow",
    Phase.Failed: "red",
    Phase.Blocked: "red",
    Phase.Suspended: "magenta",
}
"""Of the phases that are no steps; those are cyan."""


class Terminal:
    """Standard output and standard error of the command."""

    def __init__(self, *, colour: bool | None = None) -> None:
        """Colour: None as the terminal is; NO_COLOR is obeyed."""
        no_colour = None if colour is None else not colour
        self.console = Console(highlight=False, soft_wrap=True, no_color=no_colour)

    @property
    def is_live(self) -> bool:
        """Whether a person looks at it as it is written."""
        return self.console.is_terminal

    def line(self, text: str | Text = "") -> None:
        """A line. Text from the cluster is shown as it is: never as markup, and without control characters."""
        self.console.print(text if isinstance(text, Text) else Text(plain(text)))

    def complain(self, message: str) -> None:
        """A sentence on standard error."""
        sys.stderr.write(f"brandrelease: {plain(message)}\n")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Columns as wide as their widest cell, three spaces apart, as kubectl prints them."""
        cells = [[plain(cell) for cell in row] for row in (head, *rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
        for row in cells:
            self.line("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def objects(self, what: Any, form: str) -> None:
        """JSON or YAML, for programs."""
        text = json.dumps(what, indent=2) if form == JSON else yaml.safe_dump(what, sort_keys=False).rstrip()
        sys.stdout.write(text + "\n")


def phase_text(phase: Phase | None) -> Text:
    """The phase in its colour."""
    return Text(str(phase or "Pending"), style=COLOURS.get(phase, "cyan") if phase else "cyan")
