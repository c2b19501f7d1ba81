"""The API server, and whether it knows our kinds."""

from collections.abc import AsyncIterator
from typing import Final

from brandrelease.adapters.kube.api import BRAND_RELEASES, BRANDS, Resource
from brandrelease.apis.wellknown import GROUP, VERSION
from brandrelease.cli.doctor.finding import Finding, State
from brandrelease.cli.session import Session

CRDS: Final = Resource("/apis/apiextensions.k8s.io/v1", "customresourcedefinitions", namespaced=False)
VERSION_OF_SERVER: Final = Resource("", "/version", namespaced=False)

INSTALL: Final = "Install them: kubectl apply --server-side -f crds/, or by Helm (docs/installing.md)."


async def look(at: Session, _: str) -> AsyncIterator[Finding]:
    """The version of Kubernetes, and both CRDs."""
    answer = await at.api.get(VERSION_OF_SERVER, None, "") or {}
    yield Finding(State.Good, f"Kubernetes {answer.get('gitVersion', 'of an unknown version')} answers.")
    for resource in (BRANDS, BRAND_RELEASES):
        name = f"{resource.plural}.{GROUP}"
        body = await at.api.get(CRDS, None, name)
        if body is None:
            yield Finding(
                State.Bad,
                f"The cluster does not know the kind {name}: the CRDs of brandrelease are not installed.",
                INSTALL,
            )
            continue
        served = [each["name"] for each in body["spec"]["versions"] if each["served"]]
        good = VERSION in served
        advice = (
            ""
            if good
            else f"This command speaks {VERSION}: use the version of the command that belongs to the operator."
        )
        yield Finding(State.Good if good else State.Bad, f"The cluster serves {name} as {', '.join(served)}.", advice)
