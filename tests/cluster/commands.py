"""Run a program to its end, with a time limit and an error that shows what it said."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from cluster.errors import ClusterError

SHOWN_CHARACTERS = 2000


def run(*argv: str | Path, limit: float = 60.0, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run ``argv`` and return its standard output; raise ClusterError if it fails or takes over ``limit`` seconds."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as late:
        message = f"The command `{' '.join(words)}` was stopped: it had not ended after {limit:g} seconds."
        raise ClusterError(message) from late
    except FileNotFoundError as absent:
        message = (
            f"The program `{words[0]}` was not found. Install it, or run `python -m cluster up` as root on Debian."
        )
        raise ClusterError(message) from absent
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-SHOWN_CHARACTERS:]
        message = f"The command `{' '.join(words)}` failed with exit code {done.returncode}: {said}"
        raise ClusterError(message)
    return done.stdout
