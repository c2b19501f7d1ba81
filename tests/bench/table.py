"""The one table that the bench prints."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.figures import Section
from bench.rows import HEAD, row_of

NARROWEST = 150
"""Columns; where the output is no terminal, or a small one, lines are longer than it and not broken in the middle of words."""


def show(sections: Mapping[str, Section], console: Console | None = None) -> None:
    """Print all sections, and below them the words to read them by."""
    out = console or Console(width=max(NARROWEST, Console().width))
    out.print(table_of(sections))
    for name, section in sections.items():
        for sentence in section.words:
            out.print(Text(f"{name}: {sentence}"))


def table_of(sections: Mapping[str, Section]) -> Table:
    """Each section below a line with its name and title."""
    table = Table(show_edge=False, pad_edge=False)
    for number, title in enumerate(HEAD):
        table.add_column(title, justify="right" if number in {1, 2, 3, 5, 6, 7} else "left")
    for name, section in sections.items():
        table.add_row(Text(f"{name}: {section.title}", "bold"))
        for row in map(row_of, section.figures):
            table.add_row(*(Text(cell) for cell in row.cells), style="" if row.is_met else "red")
        table.add_section()
    return table
