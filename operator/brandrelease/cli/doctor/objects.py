"""What the operator has found out about Brands, and what stands still among the releases."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from brandrelease.adapters.kube.api import BRAND_RELEASES, BRANDS
from brandrelease.apis.brand_status import BrandConditionType
from brandrelease.cli.called import called
from brandrelease.cli.doctor.finding import Finding, State
from brandrelease.cli.session import Session
from brandrelease.core.words import several

Json = dict[str, Any]

UNSEEN: Final = timedelta(minutes=2)
"""An object whose last change is older than this and was not looked at: nobody does."""

DOES_IT_RUN: Final = "Does the operator run? Its log tells."
DOES_IT_WATCH: Final = "Does the operator run, and does it watch that namespace? Its log tells."

ASKED_FOR: Final = frozenset({"Aborted", "RollbackRequested", "Suspended"})
"""Reasons for which something stands still because somebody wanted it so."""

PARTS: Final = {
    BrandConditionType.SourceReachable: "git",
    BrandConditionType.RegistryReachable: "registry",
    BrandConditionType.BuilderUsable: "builder",
    BrandConditionType.ChecksReachable: "checks",
    BrandConditionType.NotificationsReachable: "notifications",
    BrandConditionType.SoakTooShort: "soak",
}
"""Each condition by what it is about."""


async def brands(at: Session, _: str) -> AsyncIterator[Finding]:
    """Each Brand's git, registry, builder, checks and notifications, as the operator has found them."""
    bodies = await at.api.items(BRANDS, None)
    if not bodies:
        yield Finding(State.Unknown, "There are no Brands yet.", "docs/brand-status.md tells what one needs.")
    for body in bodies:
        for finding in brand(body):
            yield finding


def brand(body: Json) -> Iterator[Finding]:
    """One line where all is well, else one for each thing that is not."""
    name = body["metadata"]["name"]
    conditions = {each["type"]: each for each in body.get("status", {}).get("conditions", [])}
    if "Ready" not in conditions:
        yield Finding(State.Bad, f"The operator has never looked at Brand {name}.", DOES_IT_RUN)
        return
    well: list[str] = []
    for kind, part in PARTS.items():
        part_of_it = "AWS CodeBuild" if part == "builder" and "codeBuild" in body["spec"]["build"] else part
        condition = conditions.get(kind)
        bad = "True" if kind is BrandConditionType.SoakTooShort else "False"
        if condition is None:
            continue
        if condition["status"] == bad:
            yield Finding(State.Bad, f"Brand {name}, {part_of_it}: {condition['reason']}. {condition['message']}")
        elif condition["status"] == "Unknown":
            yield Finding(State.Unknown, f"Brand {name}, {part_of_it}: {condition['message']}")
        elif part != "soak":
            well.append(part_of_it)
    if not well and conditions["Ready"]["status"] == "False":
        yield Finding(State.Bad, f"Brand {name}: {conditions['Ready']['message']}")
    if well:
        yield Finding(State.Good, f"Brand {name}: the operator reaches {', '.join(well)}.")


async def releases(at: Session, _: str) -> AsyncIterator[Finding]:
    """Those that somebody has to do something about."""
    bodies = await at.api.items(BRAND_RELEASES, None)
    well = 0
    for body in bodies:
        found = list(release(body, at.clock.now()))
        well += not found
        for finding in found:
            yield finding
    if bodies:
        yield Finding(
            State.Good,
            f"Of {several(len(bodies), 'BrandRelease')}, {well} {'needs' if well == 1 else 'need'} nobody to do anything.",
        )
    else:
        yield Finding(State.Good, "There are no BrandReleases yet.")


def release(body: Json, now: datetime) -> Iterator[Finding]:
    """What is ill with one; nothing where nothing is."""
    name = f"{body['spec']['brand']} {body['spec']['environment']}"
    stalled = next((each for each in body.get("status", {}).get("conditions", []) if each["type"] == "Stalled"), None)
    if _is_unseen(body, now):
        yield Finding(
            State.Bad,
            f"{name} was changed, and the operator has not looked at it for more than 2 minutes.",
            DOES_IT_WATCH,
        )
    elif stalled and stalled["reason"] not in ASKED_FOR:
        yield Finding(
            State.Bad, f"{name}: {stalled['reason']}. {stalled['message']}", f"What to do: {called()} explain {name}"
        )


def _is_unseen(body: Json, now: datetime) -> bool:
    if body.get("status", {}).get("observedGeneration", 0) >= body["metadata"]["generation"]:
        return False
    written = [entry["time"] for entry in body["metadata"].get("managedFields", []) if "time" in entry]
    newest = max(written, default=body["metadata"]["creationTimestamp"])
    return now - datetime.fromisoformat(newest) > UNSEEN
