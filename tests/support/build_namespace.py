"""deploy/builds, as a test applies it: to a namespace of its own, with the git server and the registry of the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.kubectl import Kubectl

FILES = sorted((Path(__file__).parents[2] / "deploy/builds").glob("*.yaml"))
ADMISSION = FILES[-1]
NAME, NOBODYS_NETWORK = "brandrelease-builds", "192.0.2.0/24"


def text_of(file: Path, namespace: str, host: str) -> str:
    """The objects of a file for this build namespace. host: where git and the registry are."""
    return file.read_text().replace(NAME, namespace).replace(NOBODYS_NETWORK, f"{host}/32")


def make(kubectl: Kubectl, namespace: str, host: str) -> None:
    """The namespace with all that is in it, but not what pods may be there: that is the cluster's, and would outlive it."""
    kubectl.apply(*(text_of(file, namespace, host) for file in FILES if file != ADMISSION), server_side=True)


@contextmanager
def guarded(kubectl: Kubectl, namespace: str, host: str) -> Iterator[None]:
    """All of deploy/builds, while the block runs."""
    make(kubectl, namespace, host)
    kubectl.apply(text_of(ADMISSION, namespace, host), server_side=True)
    try:
        yield
    finally:
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            kubectl.delete(kind, namespace, wait=False)
