"""The command line: ``python -m mutation [--only core/health]``. Prints every change that no test has noticed."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from mutation.changes import Change, changes
from mutation.room import Covered, Room

STORIES: Final = "support.story"

TESTS_OF: Final = {
    "core/health": ("test_health*.py", "test_words_without_secrets.py", "test_blame.py", "test_verdicts_page.py"),
    "core/decide.py": (STORIES,),
    "core/verbs.py": (STORIES,),
    "core/rollback.py": (STORIES,),
    "core/quarantine.py": (STORIES,),
}
"""What is changed, and the unit tests that shall notice: by their file names, or all that play stories."""


def main() -> int:
    """Try every change; return 0 whatever has come of it, and 1 only if the tests fail without any change."""
    arguments = _parser().parse_args()
    tried = survived = 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mutation-")))
        rooms = [stack.enter_context(Room(folder / str(number))) for number in range(arguments.jobs)]
        for part in TESTS_OF:
            if part.startswith(arguments.only) or arguments.only.startswith(part):
                every = [one for one in _changes_of(rooms[0], part) if one.file.startswith(arguments.only)]
                survivors = list(_survivors(rooms, every, _tests_of(rooms[0], part)))
                tried, survived = tried + len(every), survived + len(survivors)
    _say(f"{tried} changes were tried; the tests have noticed {tried - survived} of them, and {survived} survived.")
    return 0


def _changes_of(room: Room, part: str) -> list[Change]:
    place = room.package / part
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return [change for file in files for change in changes(str(file.relative_to(room.package)), file.read_text())]


def _tests_of(room: Room, part: str) -> list[str]:
    unit = room.place / "tests/unit"
    if TESTS_OF[part] == (STORIES,):
        files = [file for file in unit.glob("test_*.py") if f"from {STORIES} import" in file.read_text()]
    else:
        files = [file for pattern in TESTS_OF[part] for file in unit.glob(pattern)]
    return sorted(str(file.relative_to(room.place)) for file in files)


def _survivors(rooms: list[Room], every: list[Change], tests: list[str]) -> Iterator[Change]:
    """The changes that no test notices, as they are found."""
    covered = rooms[0].covered(tests)
    free: SimpleQueue[Room] = SimpleQueue()
    for room in rooms:
        free.put(room)

    def survives(change: Change) -> bool:
        chosen = _tests_that_run(change, tests, covered)
        with _borrowed(free) as room, room.changed(change):
            return not chosen or room.passes(chosen)

    with ThreadPoolExecutor(len(rooms)) as workers:
        for change, survived in zip(every, workers.map(survives, every), strict=True):
            if survived:
                _say(str(change))
                yield change


def _tests_that_run(change: Change, tests: list[str], covered: Covered) -> list[str]:
    """The functions, without the rows of their tables: a row's name may be anything. All of them for what is imported."""
    by_line = covered.get(change.file, {})
    names = {name.partition("|")[0].partition("[")[0] for line in change.lines for name in by_line.get(line, ())}
    return tests if not change.in_function or "" in names else sorted(names)


@contextmanager
def _borrowed(free: SimpleQueue[Room]) -> Iterator[Room]:
    room = free.get()
    try:
        yield room
    finally:
        free.put(room)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mutation", description=__doc__)
    parser.add_argument("--only", default="", help="a folder or file under operator/brandrelease, such as core/health")
    parser.add_argument("--jobs", type=int, default=2, help="changes that are tried at the same time")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
