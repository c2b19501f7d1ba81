"""`python -m bench.page FILE`: write what a bench.json has found between the marks of docs/performance.md.

A section stands between `<!-- NAME -->` and `<!-- /NAME -->`. Nothing else writes there, and what the file has not stays.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench import files
from bench.files import Measured
from bench.rows import HEAD, row_of

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "performance.md"


def filled(page: str, found: Mapping[str, Measured]) -> str:
    """The page with these sections in the place of those that were there."""
    for name, measured in found.items():
        between = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)", re.DOTALL)
        if not between.search(page):
            raise SystemExit(
                f"{PAGE.name} has no place for the section {name}: a line <!-- {name} --> and <!-- /{name} -->."
            )
        text = markdown(measured)
        page = between.sub(lambda found, text=text: f"{found[1]}{text}{found[2]}", page)  # type: ignore[misc]
    return page


def markdown(measured: Measured) -> str:
    """Table, words, and where it was."""
    lines = [HEAD, tuple("---" for _ in HEAD), *(row_of(figure).cells for figure in measured.section.figures)]
    table = "\n".join(f"| {' | '.join(cell.strip() for cell in line)} |".replace("  ", " ") for line in lines)
    words = "".join(f"{sentence}\n" for sentence in measured.section.words)
    return f"\n{table}\n\n{words}Measured on {measured.machine}.\n\n"


def main() -> int:
    """Write the page; the argument is a bench.json, or the folder with it."""
    path = Path(sys.argv[1])
    found = files.read(path if path.is_dir() else path.parent)
    PAGE.write_text(filled(PAGE.read_text(), found))
    print(f"Written: {', '.join(found)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
