"""Long-running programs with a log file each, and waiting that names the culprit when it runs out of time."""

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import ClusterError

LINES_SHOWN = 20
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Program:
    """What to start: ``argv`` with ``path`` as its PATH, its output appended to ``log``."""

    name: str
    argv: tuple[str, ...]
    log: Path
    path: str = os.defpath

    def last_lines(self) -> str:
        """Return the end of the program's log, or a remark that there is none."""
        if not self.log.exists():
            return "(it has not written a log)"
        lines = self.log.read_text(errors="replace").splitlines()[-LINES_SHOWN:]
        return "\n".join(lines) or "(its log is empty)"


def start(program: Program) -> subprocess.Popen[bytes]:
    """Start ``program`` so that the kernel kills it when the process that called this ends, however that ends."""
    program.log.parent.mkdir(parents=True, exist_ok=True)
    environment = {"PATH": program.path, "HOME": "/", "LANG": "C.UTF-8"}
    with program.log.open("ab") as log:
        return subprocess.Popen(
            ("/usr/bin/setpriv", "--pdeathsig", "KILL", *program.argv),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
        )


def wait_until(
    what: str,
    condition: Callable[[], bool],
    limit: float,
    culprit: Program | None = None,
    process: subprocess.Popen[bytes] | None = None,
) -> None:
    """Return when ``condition`` holds.

    Raises ClusterError, with the last lines of the ``culprit``'s log, when that takes longer than ``limit`` seconds
    or when ``process`` ends before.
    """
    end = time.monotonic() + limit
    while not condition():
        if process is not None and process.poll() is not None:
            problem = f"{what} cannot happen any more: the program ended with exit code {process.returncode}."
            raise ClusterError(_with_log(problem, culprit))
        if time.monotonic() > end:
            problem = f"{what} did not happen within {limit:g} seconds."
            raise ClusterError(_with_log(problem, culprit))
        time.sleep(POLL_SECONDS)


def _with_log(problem: str, culprit: Program | None) -> str:
    if culprit is None:
        return problem
    return f"{problem}\nThe last lines of {culprit.name} ({culprit.log}):\n{culprit.last_lines()}"
