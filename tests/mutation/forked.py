"""The process of a room, with everything loaded that tests need beside the package itself: each run is a fork of it.

To load pytest, pydantic and the rest takes longer than to load the package and to run the tests of one change.
"""

import json
import os
import resource
import sys
from typing import Final, NoReturn

WITHOUT: Final = [
    word for name in ("cacheprovider", "xdist", "hypothesispytest", "cov") for word in ("-p", f"no:{name}")
]
"""What the tests of one change do not need."""

LOADED_EARLY: Final = ("-W", "ignore::pytest.PytestAssertRewriteWarning")

SECONDS: Final = 300
"""Of processor time. A change that makes the tests run for longer has been noticed."""


def main() -> None:
    """Read lists of tests, a line each, and answer each with the exit code of its run."""
    _load()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run(json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _load() -> None:
    """Load all that a story needs, and forget the package and what knows it: a change must be seen."""
    for name in ("pytest", "pytest_asyncio", "pytest_timeout", "support.story"):
        __import__(name)
    for name in [name for name in sys.modules if name.partition(".")[0] in {"brandrelease", "support"}]:
        del sys.modules[name]


def _run(tests: list[str]) -> NoReturn:
    """The tests, in a process of their own, whose end it is."""
    import pytest

    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.dup2(nowhere, sys.stderr.fileno())
    os._exit(pytest.main(["-x", "-q", *WITHOUT, *LOADED_EARLY, *tests]))


if __name__ == "__main__":
    main()
