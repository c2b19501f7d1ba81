"""`make playground`: open it, say how it is used, and close it when somebody presses Ctrl-C."""

import contextlib
import signal
import sys
from pathlib import Path

from cluster import api
from playground.ground import Playground

NAME = "playground"
DIRECTORY = Path("/tmp/brandrelease-playground")


def main() -> int:
    """Open it until it is interrupted; the exit code."""
    # Nothing is blocked: the operator, the cluster and its pods would inherit that, and could not be ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        cluster = api.up(NAME, say=say)
        with Playground(cluster, DIRECTORY) as ground:
            say(
                f"The playground is open until you press Ctrl-C. In a second terminal:\n  source {ground.environment_file}"
            )
            _wait_for_the_end()
    except KeyboardInterrupt:
        say("It was interrupted before it was open.")
    finally:
        _no_more_signals()
        api.down(NAME)
    say("Nothing is left of the cluster.")
    return 0


def _wait_for_the_end() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            signal.pause()
    _no_more_signals()
    say("\nThe playground is being closed, which takes some seconds.")


def _no_more_signals() -> None:
    """Who presses Ctrl-C again does not leave half of it."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
