"""The provider ``kind``, where Docker is: one kind node and a registry container beside it.

It follows kind's own recipe for a local registry. The project's own machine has no Docker, so this was not run there.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from cluster import node_configuration, toolchain
from cluster.clusters import Cluster
from cluster.commands import run
from cluster.errors import ClusterError
from cluster.places import run_directory

REGISTRY_IMAGE = "docker.io/library/registry:2"
NETWORK = "kind"
CREATE_SECONDS = 600.0


def up(name: str, say: Callable[[str], None]) -> Cluster:
    """Create the kind cluster ``name`` and its registry, or return them if they are there."""
    directory = run_directory(name)
    directory.mkdir(parents=True, exist_ok=True)
    if name not in run("kind", "get", "clusters").split():
        say(f"Creating the kind cluster {name}.")
        configuration = directory / "kind.json"
        configuration.write_text(json.dumps(_configuration(str(directory))))
        run(
            "kind",
            "create",
            "cluster",
            "--name",
            name,
            "--config",
            configuration,
            "--wait",
            "120s",
            limit=CREATE_SECONDS,
        )
    _start_registry(name)
    registry = f"{_address_of(_registry_name(name))}:5000"
    node_configuration.allow_plain_http(directory, registry)
    kubeconfig = directory / "kubeconfig"
    kubeconfig.write_text(run("kind", "get", "kubeconfig", "--name", name))
    programs = toolchain.programs(toolchain.NODE, say)
    return Cluster(name, kubeconfig, _gateway(), registry, programs / "kubectl", programs, directory)


def down(name: str) -> None:
    """Delete the kind cluster ``name`` and its registry; does nothing if there are none."""
    run("kind", "delete", "cluster", "--name", name, limit=CREATE_SECONDS)
    with suppress(ClusterError):
        run("docker", "rm", "--force", _registry_name(name))


def _configuration(directory: str) -> dict[str, Any]:
    mounted = "/etc/containerd/certs.d"
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "containerdConfigPatches": [
            f'[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "{mounted}"\n',
            f'[plugins."io.containerd.cri.v1.images".registry]\nconfig_path = "{mounted}"\n',
        ],
        "nodes": [
            {
                "role": "control-plane",
                "extraMounts": [{"hostPath": f"{directory}/registries", "containerPath": mounted}],
            },
        ],
    }


def _registry_name(name: str) -> str:
    return f"{name}-registry"


def _start_registry(name: str) -> None:
    known = run("docker", "ps", "--all", "--format", "{{.Names}}").split()
    if _registry_name(name) not in known:
        options = (
            "--detach",
            "--restart",
            "always",
            "--network",
            NETWORK,
            "--env",
            "REGISTRY_STORAGE_DELETE_ENABLED=true",
        )
        run("docker", "run", *options, "--name", _registry_name(name), REGISTRY_IMAGE, limit=CREATE_SECONDS)


def _address_of(container: str) -> str:
    # On Linux the host reaches a container by its address in Docker's network, just as the nodes do.
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return run("docker", "inspect", "--format", form, container).strip()


def _gateway() -> str:
    gateways = run(
        "docker", "network", "inspect", NETWORK, "--format", "{{range .IPAM.Config}}{{.Gateway}} {{end}}"
    ).split()
    return next(address for address in gateways if ":" not in address)
