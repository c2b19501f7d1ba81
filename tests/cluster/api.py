"""What tests and the demo import: ``up``, ``down``, ``control_plane`` and the types they return."""

import os
import shutil
import subprocess
from collections.abc import Callable

from cluster import existing, kind, local
from cluster.clusters import Cluster
from cluster.control_plane import ApiServer, control_plane
from cluster.errors import ClusterError

__all__ = ["ApiServer", "Cluster", "ClusterError", "control_plane", "default_provider", "down", "up"]

DEFAULT_HOURS = 12.0
PROVIDERS = ("local", "kind", "existing")


def up(
    name: str, provider: str | None = None, *, say: Callable[[str], None] = print, hours: float = DEFAULT_HOURS
) -> Cluster:
    """Start the cluster ``name`` and return it; at once if it is up.

    A local cluster that is forgotten ends by itself after ``hours``. Raises ClusterError.
    """
    chosen = provider or default_provider()
    if chosen == "local":
        return local.up(name, hours, say)
    if chosen == "kind":
        return kind.up(name, say)
    if chosen == "existing":
        return existing.up(name, say)
    message = f"There is no provider `{chosen}`. Choose one of {', '.join(PROVIDERS)}."
    raise ClusterError(message)


def down(name: str, provider: str | None = None) -> None:
    """End the cluster ``name`` and remove all it left; does nothing if there is nothing to remove."""
    chosen = provider or default_provider()
    if chosen == "local":
        local.down(name)
    elif chosen == "kind":
        kind.down(name)


def default_provider() -> str:
    """Return ``existing`` if a kubeconfig is given, ``kind`` where Docker answers, else ``local``."""
    if existing.KUBECONFIG in os.environ:
        return "existing"
    if os.geteuid() != 0 and _docker_answers():
        return "kind"
    return "local"


def _docker_answers() -> bool:
    if shutil.which("docker") is None:
        return False
    try:
        return subprocess.run(("docker", "info"), capture_output=True, timeout=10.0, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False
