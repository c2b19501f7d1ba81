"""Whether an operator is at work: its Lease, and its pods."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final

from brandrelease.adapters.kube.api import LEASES, PODS
from brandrelease.adapters.kube.permissions import LEASE
from brandrelease.cli.doctor.finding import Finding, State
from brandrelease.cli.session import Session
from brandrelease.core.leadership import LEASE_SECONDS
from brandrelease.core.words import seconds

Json = dict[str, Any]

LABELS: Final = "app.kubernetes.io/name=brandrelease"


async def look(at: Session, namespace: str) -> AsyncIterator[Finding]:
    """Who leads, and since when nothing was heard of it."""
    lease = await at.api.get(LEASES, namespace, LEASE)
    if lease is None or not lease["spec"].get("renewTime"):
        yield Finding(
            State.Unknown,
            f"Namespace {namespace} has no Lease {LEASE}: no operator has led there yet.",
            "If it runs in another namespace, say which: --operator-namespace. One that runs outside of the cluster takes no Lease.",
        )
    else:
        yield _led(lease["spec"], at.clock.now(), namespace)
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


def _led(spec: Json, now: datetime, namespace: str) -> Finding:
    holder, silent = spec.get("holderIdentity"), (now - datetime.fromisoformat(spec["renewTime"])).total_seconds()
    if holder and silent <= spec.get("leaseDurationSeconds", LEASE_SECONDS):
        return Finding(State.Good, f"{holder} leads, and was last heard of {seconds(max(silent, 0))} ago.")
    return Finding(
        State.Bad,
        f"No replica of the operator leads. {holder or 'The last one'} did, and was last heard of {seconds(silent)} ago.",
        f"No release goes on meanwhile. See whether the operator runs, and its log: kubectl -n {namespace} get pods",
    )
