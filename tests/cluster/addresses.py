"""The addresses of one local cluster, decided by the slot it takes."""

from dataclasses import dataclass

SLOTS = range(16)
API_PORT = 6443
REGISTRY_PORT = 5000


@dataclass(frozen=True)
class Addresses:
    """Address plan of the cluster in ``slot`` (0 to 15); no two slots overlap, so clusters run side by side."""

    slot: int

    @property
    def host(self) -> str:
        """The host's end of the link: pods and the host itself reach services on the host here."""
        return f"10.245.{self.slot}.1"

    @property
    def node(self) -> str:
        """The node's end of the link; the API server answers here."""
        return f"10.245.{self.slot}.2"

    @property
    def pods(self) -> str:
        """The CIDR of the pods."""
        return f"10.244.{self.slot}.0/24"

    @property
    def services(self) -> str:
        """The CIDR of the ClusterIPs."""
        return f"10.{96 + self.slot}.0.0/16"

    @property
    def first_service(self) -> str:
        """The ClusterIP of the ``kubernetes`` Service, which the API server's certificate must name."""
        return f"10.{96 + self.slot}.0.1"

    @property
    def link(self) -> str:
        """The name of the host's end of the link; the kernel refuses a second one, which is what makes a slot taken."""
        return f"brandrelease{self.slot}"

    @property
    def registry(self) -> str:
        """``host:port`` of the cluster's image registry (plain HTTP)."""
        return f"{self.host}:{REGISTRY_PORT}"

    @property
    def api(self) -> str:
        """The URL of the API server."""
        return f"https://{self.node}:{API_PORT}"
