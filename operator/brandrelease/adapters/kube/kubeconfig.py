"""Which cluster a person means: that of the kubeconfig, as kubectl takes it."""

import os
from pathlib import Path
from typing import Final

from kubernetes.aio import client, config
from yaml import YAMLError

IN_A_POD: Final = "KUBERNETES_SERVICE_HOST"
"""The kubelet sets it in every container."""

USUAL: Final = "~/.kube/config"

UNUSABLE: Final = (config.ConfigException, OSError, YAMLError, ValueError, TypeError, AttributeError, KeyError)
"""What reading a kubeconfig may end with: the library takes every file for one."""


class NoCluster(Exception):
    """No kubeconfig leads to a cluster. The text says what is wrong with it."""


async def configuration_of(kubeconfig: Path | None, context: str | None) -> client.Configuration:
    """By the kubeconfig that is given, else by what kubectl would take. Raises NoCluster."""
    configuration = client.Configuration()
    configuration.retries = None
    files = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG")  # which the library reads as it is imported
    try:
        await config.load_kube_config(config_file=files, context=context, client_configuration=configuration)
    except UNUSABLE as error:
        if kubeconfig or context or IN_A_POD not in os.environ:
            raise NoCluster(_why(files or USUAL, context, error)) from error
        config.load_incluster_config(client_configuration=configuration)
    return configuration


async def load(configuration: client.Configuration, kubeconfig: Path | None) -> None:
    """As the operator does: by the kubeconfig that is given, else as the service account of its pod. Raises NoCluster."""
    try:
        if kubeconfig is not None:
            await config.load_kube_config(config_file=str(kubeconfig), client_configuration=configuration)
        else:
            config.load_incluster_config(client_configuration=configuration)
    except UNUSABLE as error:
        if kubeconfig is None:
            raise NoCluster(
                f"KUBECONFIG is not set, and this is no pod of a cluster ({str(error).rstrip('.')})"
            ) from error
        raise NoCluster(_why(str(kubeconfig), None, error)) from error


def _why(files: str, context: str | None, error: Exception) -> str:
    """The library says the same of a kubeconfig that is not there and of one that is empty."""
    if not any(Path(each).expanduser().exists() for each in files.split(os.pathsep)):
        return f"there is no file {files}"
    if not isinstance(error, config.ConfigException):
        return f"{files} cannot be read as a kubeconfig"
    if context and f"name {context} in" in str(error):
        return f"{files} has no context {context}"
    return str(error).rstrip(".")
