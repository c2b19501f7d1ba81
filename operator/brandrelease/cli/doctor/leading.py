"""Whether an operator is at work: its Lease, or one for each shard, and its pods."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any, Final

from brandrelease.adapters.kube.api import LEASES, PODS
from brandrelease.cli.doctor.finding import Finding, State
from brandrelease.cli.session import Session
from brandrelease.core.leadership import LEASE_SECONDS
from brandrelease.core.sharding import Shard, division_of
from brandrelease.core.words import seconds, several

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
        yield Finding(
            State.Good if ready == len(pods) else State.Bad,
            f"{ready} of {several(len(pods), 'pod')} of the operator are ready.",
            "" if ready == len(pods) else f"See kubectl -n {namespace} get pods -l {LABELS}",
        )


def _leaders(leases: list[Json], namespace: str, now: datetime) -> Iterator[Finding]:
    """Of the division of the fleet that was heard of last: Leases of former ones stay where they are."""
    used = {lease["metadata"]["name"]: lease["spec"] for lease in leases if lease["spec"].get("renewTime")}
    divisions = [(spec["renewTime"], count) for name, spec in used.items() if (count := division_of(name))]
    _, count = max(divisions, default=("", 1))
    for shard in (Shard(index, count) for index in range(count)):
        where = "" if shard.is_all else f"Shard {shard}: "
        if shard.lease in used:
            yield _led(used[shard.lease], now, where)
        else:
            yield Finding(
                State.Unknown,
                f"{where}Namespace {namespace} has no Lease {shard.lease}: no operator has led there yet.",
                "Look where it runs: --operator-namespace. One that runs outside of the cluster takes no Lease."
                if shard.is_all
                else f"Start replicas with BRANDRELEASE_SHARD={shard}: nobody works on its brands.",
            )


def _led(spec: Json, now: datetime, where: str) -> Finding:
    holder, silent = spec.get("holderIdentity"), (now - datetime.fromisoformat(spec["renewTime"])).total_seconds()
    if holder and silent <= spec.get("leaseDurationSeconds", LEASE_SECONDS):
        return Finding(State.Good, f"{where}{holder} leads, and was heard of {seconds(max(silent, 0))} ago.")
    return Finding(
        State.Bad,
        f"{where}Nobody leads: {holder or 'the last one'} was heard of {seconds(silent)} ago.",
        "No release goes on meanwhile. See the operator's Deployment, and its log.",
    )
