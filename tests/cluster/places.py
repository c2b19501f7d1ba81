"""Where the cluster tool keeps files: all below one cache directory, outside the repository."""

import os
from pathlib import Path

# The node mounts its own, private tmpfs over these, so nothing it needs may live below them.
HIDDEN_IN_THE_NODE = (Path("/run"), Path("/var/lib"), Path("/var/log"))

GO_MODULES = Path(__file__).resolve().parent / "go"
PYTHON_ROOT = Path(__file__).resolve().parent.parent
"""The directory that has to be on PYTHONPATH for ``import cluster``."""


def cache() -> Path:
    """Return ``${XDG_CACHE_HOME:-~/.cache}/brandrelease``; it is not created here."""
    configured = os.environ.get("XDG_CACHE_HOME")
    base = Path(configured) if configured else Path.home() / ".cache"
    return (base / "brandrelease").resolve()


def run_directory(name: str) -> Path:
    """Return the directory that holds everything the cluster ``name`` writes; ``down`` removes it."""
    return cache() / "clusters" / name
