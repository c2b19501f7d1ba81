"""A valid Brand and a valid BrandRelease, and what a case changes in them."""

import copy
from pathlib import Path
from typing import Any, Final

from apiserver.json_api import Api
from brandrelease.codegen.crd import UNSEEN
from cluster.api import ApiServer
from cluster.processes import wait_until
from support.kubectl import Kubectl

SERVED_SECONDS: Final = 20.0
CRDS: Final = Path(__file__).resolve().parents[2] / "crds"

ABSENT: Final = object()
"""As a value in a case: the field is left out."""

BRANDS: Final = "/apis/brandrelease.dev/v1alpha1/brands"
RELEASES: Final = "/apis/brandrelease.dev/v1alpha1/namespaces/{}/brandreleases"

_BRAND: Final = {
    "apiVersion": "brandrelease.dev/v1alpha1",
    "kind": "Brand",
    "metadata": {"name": "drumeo"},
    "spec": {
        "source": {"url": "https://git.example.com/drumeo.git"},
        "image": {"repository": "registry.example.com/sites/drumeo"},
        "build": {"buildKit": {}},
        "environments": [{"name": "production"}],
    },
}
_RELEASE: Final = {
    "apiVersion": "brandrelease.dev/v1alpha1",
    "kind": "BrandRelease",
    "metadata": {"name": "drumeo"},
    "spec": {"brand": "drumeo", "environment": "production", "ref": "master"},
}

Changes = dict[str, Any]
"""Dotted path (a number is a place in a list) to the value that goes there."""


def written(body: dict[str, Any]) -> dict[str, Any]:
    """The status that the operator has written; empty as long as there is only the default of the CRD."""
    status: dict[str, Any] = body.get("status") or {}
    return {} if status == UNSEEN else status


def serve_our_kinds(server: ApiServer) -> None:
    """Let it know our CRDs; waits until both kinds are served."""
    kubectl, api = Kubectl.of(server), Api(server.kubeconfig)
    kubectl.run("apply", "--server-side", "--force-conflicts", "--filename", str(CRDS))
    kubectl.serves_its_kinds()
    # An established kind may still be answered with 404 for a moment.
    paths = (BRANDS, RELEASES.format("default"))
    wait_until("That our kinds are served", lambda: all(api.get(path).code == 200 for path in paths), SERVED_SECONDS)


def brand(changes: Changes | None = None) -> dict[str, Any]:
    """A valid Brand with these changes."""
    return _changed(_BRAND, changes or {})


def brand_release(changes: Changes | None = None) -> dict[str, Any]:
    """A valid BrandRelease with these changes."""
    return _changed(_RELEASE, changes or {})


def _changed(original: dict[str, Any], changes: Changes) -> dict[str, Any]:
    body = copy.deepcopy(original)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place: Any = body
        for parent in parents:
            place = place[int(parent)] if isinstance(place, list) else place.setdefault(parent, {})
        if value is ABSENT:
            del place[last]
        else:
            place[last] = value
    return body
