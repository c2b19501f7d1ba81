"""`brandrelease`, loaded once and forked for each call: processes of their own, without half a second of imports each.

Reads a line of JSON for each call: words, environment, limit, and files for its output; answers with its exit code.
"""

import json
import os
import signal
import sys
from typing import Any

import brandrelease.cli.commands
import brandrelease.cli.session
import brandrelease.cli.terminal  # noqa: F401 - loaded for those that are forked
from brandrelease.cli.main import main


def _called(call: dict[str, Any]) -> None:
    """The child: as if it had been started so."""
    signal.alarm(call["limit"])
    os.environ.clear()
    os.environ.update(call["environment"])
    for descriptor, name in ((0, os.devnull), (1, call["out"]), (2, call["err"])):
        os.dup2(os.open(name, os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT), descriptor)
    sys.argv = ["brandrelease", *call["words"]]
    main()


def serve() -> None:
    """Until nobody asks any more."""
    for line in sys.stdin:
        if child := os.fork():
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
        else:
            _called(json.loads(line))
            return


if __name__ == "__main__":
    serve()
