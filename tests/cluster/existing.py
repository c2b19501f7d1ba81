"""The provider ``existing``: a cluster that somebody else runs, given by environment variables."""

import os
from collections.abc import Callable
from pathlib import Path

from cluster import toolchain
from cluster.clusters import Cluster
from cluster.errors import ClusterError
from cluster.places import run_directory

KUBECONFIG = "BRANDRELEASE_TEST_KUBECONFIG"
REGISTRY = "BRANDRELEASE_TEST_REGISTRY"
HOST_ADDRESS = "BRANDRELEASE_TEST_HOST_ADDRESS"


def up(name: str, say: Callable[[str], None]) -> Cluster:
    """Return the cluster that the environment describes; nothing is started."""
    missing = [variable for variable in (KUBECONFIG, REGISTRY, HOST_ADDRESS) if not os.environ.get(variable)]
    if missing:
        message = f"The provider `existing` needs these environment variables: {', '.join(missing)}."
        raise ClusterError(message)
    programs = toolchain.programs(toolchain.NODE, say)
    return Cluster(
        name=name,
        kubeconfig=Path(os.environ[KUBECONFIG]),
        host_address=os.environ[HOST_ADDRESS],
        registry=os.environ[REGISTRY],
        kubectl=programs / "kubectl",
        programs=programs,
        run_directory=run_directory(name),
    )
