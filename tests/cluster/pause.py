"""The image that holds a pod's namespaces open, made from busybox because no hub is reachable from everywhere."""

from pathlib import Path

from cluster import oci
from cluster.node_configuration import PAUSE_IMAGE

BUSYBOX = Path("/usr/bin/busybox")
LONG_SECONDS = "2147483647"


def push(registry: str) -> None:
    """Push the pause image to ``registry`` (``host:port``)."""
    config = {"Entrypoint": ["/bin/busybox", "sleep", LONG_SECONDS]}
    image = oci.image(oci.tar_of({"bin/busybox": BUSYBOX.read_bytes()}), config)
    oci.push(image, f"{registry}/{PAUSE_IMAGE}")
