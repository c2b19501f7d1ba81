"""`python -m bench [SECTION ...]`: measure, print one table, and write bench.json and a plot of each curve to a folder."""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import files, table
from bench.files import Measured
from bench.machine import this_machine
from bench.plots import draw
from bench.sections import MODULES, measure


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what was asked for; everything by default. The exit code is 0 also where a goal is missed."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if unknown := [name for name in arguments.section if name not in MODULES]:
        parser.error(f"there is no section {', '.join(unknown)}; there are {', '.join(MODULES)}")
    folder = arguments.out or Path(tempfile.mkdtemp(prefix="brandrelease-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit("Ended."))  # so that clusters are ended too
    found = files.read(folder)
    for name in arguments.section or MODULES:
        print(f"--- {name}", file=sys.stderr, flush=True)
        before = os.getloadavg()[0]
        section = measure(name, folder)
        found[name] = Measured(section, this_machine(before))
        files.write(folder, found)  # at once: what was measured in minutes is not lost with what comes after
        for curve in section.curves:
            draw(curve, folder)
    table.show({name: found[name].section for name in MODULES if name in found})
    print(f"\nEverything that was measured, and the plots, are in {folder}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("section", nargs="*", metavar="SECTION", help=f"{', '.join(MODULES)} (default: all)")
    parser.add_argument(
        "--out", type=Path, help="a folder; sections that its bench.json has from before stay (default: a new one)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
