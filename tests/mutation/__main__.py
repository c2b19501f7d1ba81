"""The command line: ``python -m mutation [--only core/health]``. Prints every change that no test has noticed."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from coverage import CoverageData

from mutation.changes import Change, changes

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = Path("operator/brandrelease")
STORIES: Final = "support.story"

TESTS_OF: Final = {
    "core/health": ("test_health*.py", "test_blame.py"),
    "core/decide.py": (STORIES,),
    "core/verbs.py": (STORIES,),
    "core/rollback.py": (STORIES,),
    "core/quarantine.py": (STORIES,),
}
"""What is changed, and the unit tests that shall notice: by their file names, or all that play stories."""

WITHOUT: Final = [word for name in ("cacheprovider", "xdist", "hypothesispytest") for word in ("-p", f"no:{name}")]
"""What the tests of one change do not need, and what takes longer to load than they take to run."""

SECONDS: Final = 120
"""A change that makes the tests run for longer has been noticed."""


def main() -> int:
    """Try every change; return 0 whatever has come of it, and 1 only if the tests fail without any change."""
    arguments = _parser().parse_args()
    tried = survived = 0
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        rooms = [_room(Path(folder) / str(number)) for number in range(arguments.jobs)]
        for part in TESTS_OF:
            if part.startswith(arguments.only) or arguments.only.startswith(part):
                tests = _tests_of(part)
                covered = _covered(rooms[0], tests)
                every = [one for one in _changes_of(part) if one.file.startswith(arguments.only)]
                survivors = list(_survivors(rooms, every, tests, covered))
                tried, survived = tried + len(every), survived + len(survivors)
    _say(f"{tried} changes were tried; the tests have noticed {tried - survived} of them, and {survived} survived.")
    return 0


def _changes_of(part: str) -> list[Change]:
    place = ROOT / PACKAGE / part
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return [change for file in files for change in changes(str(file.relative_to(ROOT / PACKAGE)), file.read_text())]


def _tests_of(part: str) -> list[str]:
    unit = ROOT / "tests/unit"
    if TESTS_OF[part] == (STORIES,):
        files = [file for file in unit.glob("test_*.py") if f"from {STORIES} import" in file.read_text()]
    else:
        files = [file for pattern in TESTS_OF[part] for file in unit.glob(pattern)]
    return sorted(str(file.relative_to(ROOT)) for file in files)


# --- a copy to work in ------------------------------------------------------------------------------------------------


def _room(room: Path) -> Path:
    """A copy of the package and its tests; what is tried there never touches the working tree."""
    for part in ("operator", "tests", "docs", "crds"):
        shutil.copytree(ROOT / part, room / part, ignore=shutil.ignore_patterns("go"))
    shutil.copy2(ROOT / "pyproject.toml", room)
    where = _python(room, "-c", "import brandrelease; print(brandrelease.__file__)").stdout.strip()
    if not Path(where).is_relative_to(room):
        raise SystemExit(f"The copy would test {where} and not itself.")
    return room


def _python(room: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What is compiled is not kept: a file that is changed twice in a second would not be compiled again."""
    path = os.pathsep.join(str(room / part) for part in ("operator", "tests"))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=room, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def _pytest(room: Path, tests: list[str], *options: str) -> subprocess.CompletedProcess[str]:
    (room / "tests.txt").write_text("\n".join(tests))
    return _python(room, "-m", "pytest", "-x", "-q", *WITHOUT, *options, "@tests.txt")


# --- one change after the other ---------------------------------------------------------------------------------------


Covered = dict[str, dict[int, list[str]]]
"""By file and line, the tests that run it; an empty name where the line runs when the module is imported."""


def _covered(room: Path, tests: list[str]) -> Covered:
    done = _pytest(room, tests, "--cov=brandrelease.core", "--cov-context=test", "--cov-report=")
    if done.returncode != 0:
        raise SystemExit(f"The tests fail without any change:\n{done.stdout}{done.stderr}")
    data = CoverageData(str(room / ".coverage"))
    data.read()
    return {
        str(Path(file).relative_to(room / PACKAGE)): data.contexts_by_lineno(file) for file in data.measured_files()
    }


def _survivors(rooms: list[Path], every: list[Change], tests: list[str], covered: Covered) -> Iterator[Change]:
    free: SimpleQueue[Path] = SimpleQueue()
    for room in rooms:
        free.put(room)

    def is_noticed(change: Change) -> bool:
        chosen = _tests_that_run(change, covered) if change.in_function else tests
        if not chosen:
            return False
        with _borrowed(free) as room, _changed(room, change):
            try:
                return _pytest(room, chosen, "-p", "no:cov").returncode != 0
            except subprocess.TimeoutExpired:
                return True

    with ThreadPoolExecutor(len(rooms)) as workers:
        for change, noticed in zip(every, workers.map(is_noticed, every), strict=True):
            if not noticed:
                _say(str(change))
                yield change


def _tests_that_run(change: Change, covered: Covered) -> list[str]:
    """The functions, without the rows of their tables: a row's name may be anything."""
    by_line = covered.get(change.file, {})
    names = {name.partition("|")[0].partition("[")[0] for line in change.lines for name in by_line.get(line, ())}
    return sorted(names - {""})


@contextmanager
def _borrowed(free: SimpleQueue[Path]) -> Iterator[Path]:
    room = free.get()
    try:
        yield room
    finally:
        free.put(room)


@contextmanager
def _changed(room: Path, change: Change) -> Iterator[None]:
    file = room / PACKAGE / change.file
    source = file.read_text()
    file.write_text(change.applied(source))
    try:
        yield
    finally:
        file.write_text(source)


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
