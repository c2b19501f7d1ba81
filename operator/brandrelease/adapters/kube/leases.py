"""The port `Leases`: one Lease in the operator's own namespace, written over exactly what was read before."""

from datetime import datetime
from typing import Any, Final, NoReturn

from brandrelease.adapters.kube.api import LEASES, ApiError, KubeApi
from brandrelease.core.leadership import LEASE_SECONDS, Lease
from brandrelease.ports import LeaseChanged, LeaseTrouble, StoredLease

Json = dict[str, Any]

NAME: Final = "brandrelease"
NOT_FOUND, CONFLICT, FORBIDDEN = 404, 409, 403


class KubeLeases:
    """The Lease `brandrelease`. api: without the fence, which rests on this."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self._api, self._namespace = api, namespace

    async def read(self) -> StoredLease | None:
        try:
            body = await self._api.get(LEASES, self._namespace, NAME)
        except ApiError as error:
            self._trouble(error, "read")
        return _stored(body) if body else None

    async def create(self, lease: Lease) -> StoredLease:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": NAME, "namespace": self._namespace},
            "spec": _spec(lease),
        }
        try:
            return _stored(await self._api.create(LEASES, self._namespace, body))
        except ApiError as error:
            if error.status == CONFLICT:
                raise LeaseChanged from error
            self._trouble(error, "created")

    async def replace(self, stored: StoredLease, lease: Lease) -> StoredLease:
        try:
            return _stored(await self._api.replace(LEASES, {**stored.body, "spec": _spec(lease)}))
        except ApiError as error:
            if error.status in {CONFLICT, NOT_FOUND}:
                raise LeaseChanged from error
            self._trouble(error, "written")

    def _trouble(self, error: ApiError, what: str) -> NoReturn:
        told = f'Lease "{NAME}" in namespace "{self._namespace}" could not be {what}: {error.message.rstrip(".")}.'
        if error.status == FORBIDDEN:
            told += (
                " Let the operator's service account get, create and update leases (coordination.k8s.io) there; or set "
                "BRANDRELEASE_LEADER_ELECTION=false, and then never run two replicas."
            )
        if error.status == NOT_FOUND:
            told += " Create the namespace, or set BRANDRELEASE_NAMESPACE to the one that the operator runs in."
        raise LeaseTrouble(told, answered=bool(error.status)) from error


def _spec(lease: Lease) -> Json:
    """As other elections write it, so that people can read it; nobody here relies on its times."""
    return {
        "holderIdentity": lease.holder,
        "leaseDurationSeconds": int(LEASE_SECONDS),
        "acquireTime": _written(lease.acquired_at),
        "renewTime": _written(lease.renewed_at),
        "leaseTransitions": lease.transitions,
    }


def _stored(body: Json) -> StoredLease:
    spec = body.get("spec") or {}
    lease = Lease(
        holder=spec.get("holderIdentity") or "",
        acquired_at=_read(spec.get("acquireTime")),
        renewed_at=_read(spec.get("renewTime")),
        transitions=spec.get("leaseTransitions") or 0,
        uid=body["metadata"]["uid"],
    )
    return StoredLease(lease, body)


def _written(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if at else None


def _read(at: str | None) -> datetime | None:
    return datetime.fromisoformat(at) if at else None
