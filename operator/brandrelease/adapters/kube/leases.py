"""The port `Leases`: one Lease in the operator's own namespace, written over exactly what was read before."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from brandrelease.adapters.kube.api import LEASES, ApiError, KubeApi
from brandrelease.apis.wellknown import SHARDS_LABEL
from brandrelease.core.leadership import LEASE_SECONDS, Lease
from brandrelease.core.sharding import WHOLE, Shard, division_of
from brandrelease.ports import LeaseChanged, LeaseTrouble, StoredLease

Json = dict[str, Any]

NOT_FOUND, CONFLICT, FORBIDDEN = 404, 409, 403


class KubeLeases:
    """The Lease of a shard; of a fleet that is not divided it is `brandrelease`. api: without the fence, which rests on this."""

    def __init__(self, api: KubeApi, namespace: str, shard: Shard = WHOLE) -> None:
        self._api, self._namespace, self._shard = api, namespace, shard

    async def read(self) -> StoredLease | None:
        try:
            body = await self._api.get(LEASES, self._namespace, self._shard.lease)
        except ApiError as error:
            self._trouble(error, "read")
        return _stored(body) if body else None

    async def create(self, lease: Lease) -> StoredLease:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._shard.lease, "namespace": self._namespace, **self._labels()},
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

    async def others(self) -> Mapping[str, Lease]:
        """By their names, which nobody can change. A list without a version has all that was written before it was asked for."""
        try:
            bodies = await self._api.items(LEASES, self._namespace)
        except ApiError as error:
            self._trouble(error, "compared with those of other shards")
        named = {str(body["metadata"]["name"]): body for body in bodies}
        return {
            name: _stored(body).lease
            for name, body in named.items()
            if division_of(name) not in {None, self._shard.count}
        }

    def _labels(self) -> Json:
        """For `kubectl get leases -l` and for uninstalling; nothing is decided by them."""
        if self._shard.is_all:
            return {}
        return {"labels": {SHARDS_LABEL: str(self._shard.count), "app.kubernetes.io/part-of": "brandrelease"}}

    def _trouble(self, error: ApiError, what: str) -> NoReturn:
        lease = f'Lease "{self._shard.lease}" in namespace "{self._namespace}"'
        told = f"{lease} could not be {what}: {error.message.rstrip('.')}."
        if error.status == FORBIDDEN:
            told += (
                " Let the operator's service account get, list, create and update leases (coordination.k8s.io) there; or set "
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
