"""What a running cluster offers to tests and to the demo, whichever provider runs it."""

from dataclasses import dataclass
from pathlib import Path

from cluster import node_configuration


@dataclass(frozen=True)
class Cluster:
    """A cluster that is up."""

    name: str
    kubeconfig: Path
    """A kubeconfig of an administrator."""
    host_address: str
    """Where pods and this host reach services that listen on this host (an address to bind to)."""
    registry: str
    """``host:port`` of the image registry, plain HTTP, the same for this host, the nodes and the pods."""
    kubectl: Path
    programs: Path
    """The directory of the compiled programs (kubectl, buildkitd, buildctl, runc, ...)."""
    run_directory: Path
    """Everything the cluster writes; ``down`` removes it."""

    def allow_plain_http(self, registry: str) -> None:
        """Let the node pull from one more ``registry`` (``host:port``) without TLS. Local provider only."""
        node_configuration.allow_plain_http(self.run_directory, registry)

    def mirror(self, host: str) -> None:
        """Let the node pull what is named after ``host`` from the cluster's own registry. Local provider only."""
        node_configuration.allow_plain_http(self.run_directory, self.registry, host)
