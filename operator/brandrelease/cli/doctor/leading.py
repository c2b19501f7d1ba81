"""Whether an operator is at work: its Lease, and its pods."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final

from brandrelease.adapters.kube.api import LEASES, PODS
from brandrelease.adapters.kube.permissions import LEASE
from brandrelease.cli.doctor.finding import Finding, State
from brandrelease.cli.session import Session
from brandrelease.core.leadership import LEASE_SECONDS
from brandrelease.core.words import seconds, several

Json = dict[str, Any]

LABELS: Final = "app.kubernetes.io/name=brandrelease"


async def look(at: Session, namespace: str) -> AsyncIterator[Finding]:
    """Who leads, and since when nothing was heard of it."""
    lease = await at.api.get(LEASES, namespace, LEASE)
    if lease is None or not lease["spec"].get("renewTime"):
        yield Finding(
            State.Unknown,
            f"Namespace {namespace} has no Lease {LEASE}: no operator has led there yet.",
            "Look where it runs: --operator-namespace. One that runs outside of the cluster takes no Lease.",
        )
    else:
        yield _led(lease["spec"], at.clock.now())
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


def _led(spec: Json, now: datetime) -> Finding:
    holder, silent = spec.get("holderIdentity"), (now - datetime.fromisoformat(spec["renewTime"])).total_seconds()
    if holder and silent <= spec.get("leaseDurationSeconds", LEASE_SECONDS):
        return Finding(State.Good, f"{holder} leads, and was heard of {seconds(max(silent, 0))} ago.")
    return Finding(
        State.Bad,
        f"Nobody leads: {holder or 'the last one'} was heard of {seconds(silent)} ago.",
        "No release goes on meanwhile. See the operator's Deployment, and its log.",
    )
