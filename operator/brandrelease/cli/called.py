"""How the command was called: what it advises can be typed as it stands."""

import sys
from pathlib import Path
from typing import Final

PLUGIN: Final = "kubectl-brandrelease"
"""kubectl looks for a program of this name where somebody types `kubectl brandrelease`."""


def called() -> str:
    """The words before the command."""
    return "kubectl brandrelease" if Path(sys.argv[0]).name == PLUGIN else "brandrelease"
