"""The build namespace of deploy/install.yaml, as a test applies it: under a name of its own, with git and registry of the tests."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from support.install_manifest import BUILDS, NOBODYS_NETWORK, documents
from support.kubectl import Kubectl

Object = dict[str, Any]

INSIDE: Final = {"LimitRange", "ResourceQuota", "NetworkPolicy"}
ADMISSION: Final = {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}


def objects(kinds: set[str], namespace: str, host: str) -> list[Object]:
    """Those of these kinds that are about builds, for this build namespace. host: where git and the registry are."""
    chosen = [each for each in documents() if each["kind"] in kinds and BUILDS in _places(each)]
    text = json.dumps(chosen).replace(BUILDS, namespace).replace(NOBODYS_NETWORK, f"{host}/32")
    return list(json.loads(text))


def _places(body: Object) -> set[str]:
    return {body["metadata"]["name"], body["metadata"].get("namespace", "")}


def make(kubectl: Kubectl, namespace: str, host: str) -> None:
    """The namespace with all that is in it, but not what pods may be there: that is the cluster's, and would outlive it."""
    kubectl.apply(*objects({"Namespace"} | INSIDE, namespace, host), server_side=True)


@contextmanager
def guarded(kubectl: Kubectl, namespace: str, host: str) -> Iterator[None]:
    """The same, with what pods may be there, while the block runs."""
    make(kubectl, namespace, host)
    kubectl.apply(*objects(ADMISSION, namespace, host), server_side=True)
    try:
        yield
    finally:
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            kubectl.delete(kind, namespace, wait=False)
