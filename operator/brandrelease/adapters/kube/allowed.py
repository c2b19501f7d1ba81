"""What is done in several namespaces, of which some may be closed to the operator.

A RoleBinding goes with its namespace. Where there is none, there is nothing that the operator could do; the other
namespaces must not wait for that.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import structlog

from brandrelease.adapters.kube.api import ApiError

log = structlog.get_logger(__name__)

Found = TypeVar("Found")

FORBIDDEN: Final = 403


async def where_allowed(
    namespaces: Sequence[str | None], listing: Callable[[str | None], Awaitable[list[Found]]]
) -> list[Found]:
    """What the listing finds in those namespaces in which it is allowed; None means everywhere.

    Raises ApiError where it is allowed in none, and for any other error.
    """
    found: list[Found] = []
    refusals: list[ApiError] = []
    for namespace in namespaces:
        try:
            found += await listing(namespace)
        except ApiError as error:
            if error.status != FORBIDDEN:
                raise
            refusals.append(error)
    if len(refusals) == len(namespaces):
        raise refusals[0]
    for refusal in refusals:
        log.error(refused(refusal, everywhere=False))
    return found


def refused(error: ApiError, *, everywhere: bool) -> str:
    """That the operator may not list something, and what to do. everywhere: whether it was asked for all namespaces."""
    told = error.message.rstrip(".")
    if everywhere:
        return (
            f"The operator may not watch all namespaces, as an empty BRANDRELEASE_WATCH_NAMESPACES says: {told}. "
            "Name the brand namespaces there, or bind the ClusterRole brandrelease-watch-everywhere to its service account, "
            "as the Helm chart does with rbac.mode ClusterWide."
        )
    return (
        f"The operator may not work in a namespace of BRANDRELEASE_WATCH_NAMESPACES: {told}. "
        "Bind it there (in the Helm chart it stands under brandNamespaces; without: kubectl apply -n NAMESPACE -f "
        "deploy/rbac/brand-namespace.yaml), or take the namespace off the list."
    )
