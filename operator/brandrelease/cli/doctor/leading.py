"""Whether an operator is at work: its Lease, or one for each shard, and its pods."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any, Final

from brandrelease.adapters.kube.api import LEASES, PODS
from brandrelease.cli.doctor.finding import Finding, State
from brandrelease.cli.session import Session
from brandrelease.core.leadership import LEASE_SECONDS
from brandrelease.core.sharding import Shard, division_of
from brandrelease.core.words import seconds

Json = dict[str, Any]

LABELS: Final = "app.kubernetes.io/name=brandrelease"


async def look(at: Session, namespace: str) -> AsyncIterator[Finding]:
    """Who leads, and since when nothing was heard of it."""
    for finding in _leaders(await at.api.items(LEASES, namespace), namespace, at.clock.now()):
        yield finding
    pods = await at.api.items(PODS, namespace, labels=LABELS)
    ready = sum(
        each["type"] == "Ready" and each["status"] == "True"
        for pod in pods
        for each in pod.get("status", {}).get("conditions", [])
    )
    if pods:
        yield _ready(ready, len(pods), namespace)


def _ready(ready: int, pods: int, namespace: str) -> Finding:
    if ready == pods:
        return Finding(
            State.Good, "The operator's pod is ready." if pods == 1 else f"All {pods} pods of the operator are ready."
        )
    told = "The operator's pod is not ready." if pods == 1 else f"{ready} of {pods} pods of the operator are ready."
    return Finding(State.Bad, told, f"This tells why: kubectl -n {namespace} describe pods -l {LABELS}")


def _leaders(leases: list[Json], namespace: str, now: datetime) -> Iterator[Finding]:
    """Of the division of the fleet that was heard of last: Leases of former ones stay where they are."""
    used = {lease["metadata"]["name"]: lease["spec"] for lease in leases if lease["spec"].get("renewTime")}
    divisions = [(spec["renewTime"], count) for name, spec in used.items() if (count := division_of(name))]
    _, count = max(divisions, default=("", 1))
    for shard in (Shard(index, count) for index in range(count)):
        where = "" if shard.is_all else f"Shard {shard}: "
        if shard.lease in used:
            yield _led(used[shard.lease], now, namespace, where)
        else:
            yield Finding(
                State.Unknown,
                f"{where}Namespace {namespace} has no Lease {shard.lease}: no operator has led there yet.",
                "If it runs in another namespace, say which: --operator-namespace. One that runs outside of the cluster takes no Lease."
                if shard.is_all
                else f"Start replicas with BRANDRELEASE_SHARD={shard}: nobody works on its brands.",
            )


def _led(spec: Json, now: datetime, namespace: str, where: str) -> Finding:
    holder, silent = spec.get("holderIdentity"), (now - datetime.fromisoformat(spec["renewTime"])).total_seconds()
    if holder and silent <= spec.get("leaseDurationSeconds", LEASE_SECONDS):
        return Finding(State.Good, f"{where}{holder} leads, and was last heard of {seconds(max(silent, 0))} ago.")
    return Finding(
        State.Bad,
        f"{where}No replica of the operator leads. {holder or 'The last one'} did, and was last heard of {seconds(silent)} ago.",
        f"No release goes on meanwhile. See whether the operator runs, and its log: kubectl -n {namespace} get pods",
    )
