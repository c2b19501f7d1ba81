"""`make playground`: open it, say how it is used, and close it when somebody presses Ctrl-C."""

import signal
import sys
from pathlib import Path

from cluster import api
from playground.ground import Playground

NAME = "playground"
DIRECTORY = Path("/tmp/brandrelease-playground")


def main() -> int:
    """Open it until it is interrupted; the exit code."""
    try:
        cluster = api.up(NAME, say=say)
        with Playground(cluster, DIRECTORY) as ground:
            say(
                f"The playground is open until you press Ctrl-C. In a second terminal:\n  source {ground.environment_file}"
            )
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        api.down(NAME)
    return 0


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    sys.exit(main())
