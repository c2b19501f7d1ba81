"""A copy of the package and its tests: what is tried there never touches the working tree."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from coverage import CoverageData

from mutation.changes import Change

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = Path("operator/brandrelease")

Covered = dict[str, dict[int, list[str]]]
"""By file and line, the tests that run it; an empty name where the line runs when the module is imported."""


class Room:
    """The copy, with a process of its own that runs its tests."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.package = place / PACKAGE
        for part in ("operator", "tests", "docs", "crds"):
            shutil.copytree(ROOT / part, place / part, ignore=shutil.ignore_patterns("go", "__pycache__"))
        shutil.copy2(ROOT / "pyproject.toml", place)
        path = os.pathsep.join([str(place / "operator"), str(place / "tests")])
        # What is compiled is not kept: a file that is changed twice in a second would not be compiled again.
        self._environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "mutation.forked"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, cwd=self.place, env=self._environment, stdin=pipe, stdout=pipe, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Its input ends, and so does it."""
        self._process.communicate()

    def passes(self, tests: list[str]) -> bool:
        """Whether these tests pass with what stands in this room now."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(tests) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline() == "0\n"

    def covered(self, tests: list[str]) -> Covered:
        """Which test runs which line, where nothing is changed."""
        options = ["-x", "-q", "--cov=brandrelease.core", "--cov-context=test", "--cov-report="]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *tests],
            cwd=self.place,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0 or not self.passes(tests):
            raise SystemExit(f"The tests fail without any change:\n{done.stdout}{done.stderr}")
        data = CoverageData(str(self.place / ".coverage"))
        data.read()
        return {
            str(Path(file).relative_to(self.package)): data.contexts_by_lineno(file) for file in data.measured_files()
        }

    @contextmanager
    def changed(self, change: Change) -> Iterator[None]:
        """For the time being, the change stands in this room."""
        file = self.package / change.file
        source = file.read_text()
        file.write_text(change.applied(source))
        try:
            yield
        finally:
            file.write_text(source)
