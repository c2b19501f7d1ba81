"""`doctor`: whether everything is there that releases need, from here and from the operator's side."""

from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from brandrelease.adapters.kube.api import BRAND_RELEASES, BRANDS, ApiError, Resource
from brandrelease.apis.wellknown import GROUP, VERSION
from brandrelease.cli.command import Command
from brandrelease.cli.exits import Exit
from brandrelease.cli.session import Session
from brandrelease.core.words import several

Json = dict[str, Any]

CRDS: Final = Resource("/apis/apiextensions.k8s.io/v1", "customresourcedefinitions", namespaced=False)
ACCESS: Final = Resource("/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews", namespaced=False)

UNSEEN: Final = timedelta(minutes=2)
"""An object whose last change is older than this and was not looked at: nobody does."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. good: None where it could not be found out."""

    good: bool | None
    what: str
    advice: str = ""


def _arguments(_: ArgumentParser) -> None:
    """None."""


async def _doctor(at: Session, _: Namespace) -> Exit:
    bad = 0
    async for finding in _findings(at):
        mark = {True: "ok  ", False: "BAD ", None: "?   "}[finding.good]
        at.terminal.line(f"{mark} {finding.what}")
        if finding.advice:
            at.terminal.line(f"     {finding.advice}")
        bad += finding.good is False
    at.terminal.line(f"{several(bad, 'problem')} found." if bad else "Everything that can be seen from here is well.")
    return Exit.Failed if bad else Exit.Live


async def _findings(at: Session) -> AsyncIterator[Finding]:
    for look in (_crds, _rights, _brands, _releases):
        try:
            async for finding in look(at):
                yield finding
        except ApiError as error:
            if error.status == 0:
                yield Finding(False, error.message, "Is the cluster up, and does your kubeconfig point to it?")
                return
            yield Finding(None, f"It could not be looked at: {error.message}", "Ask for the right to read it.")


async def _crds(at: Session) -> AsyncIterator[Finding]:
    for resource in (BRANDS, BRAND_RELEASES):
        name = f"{resource.plural}.{GROUP}"
        body = await at.api.get(CRDS, None, name)
        if body is None:
            yield Finding(
                False, f"The cluster does not know {name}.", "Install it: kubectl apply --server-side -f crds/"
            )
            continue
        served = [each["name"] for each in body["spec"]["versions"] if each["served"]]
        good = VERSION in served
        advice = "" if good else f"This command speaks {VERSION}: use the version that belongs to the operator."
        yield Finding(good, f"The cluster serves {name} as {', '.join(served)}.", advice)


async def _rights(at: Session) -> AsyncIterator[Finding]:
    for verb, what in (("list", "read"), ("patch", "ask for"), ("create", "make")):
        attributes = {"group": GROUP, "resource": BRAND_RELEASES.plural, "verb": verb}
        question = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        allowed = bool((await at.api.ask(ACCESS, question))["status"]["allowed"])
        where = "in all namespaces" if allowed else "in all namespaces (a namespace of yours may allow it)"
        yield Finding(allowed or None, f"You may {'' if allowed else 'not '}{what} releases {where}.")


async def _brands(at: Session) -> AsyncIterator[Finding]:
    bodies = await at.api.items(BRANDS, None)
    yield Finding(True, f"There are {several(len(bodies), 'Brand')}.")
    for body in bodies:
        conditions = body.get("status", {}).get("conditions", [])
        name = body["metadata"]["name"]
        ready = next((each for each in conditions if each["type"] == "Ready"), None)
        if ready is None:
            yield Finding(False, f"Brand {name} was never looked at.", "Does the operator run? See its log.")
        elif ready["status"] == "False":
            yield Finding(False, f"Brand {name}: {ready['message']}")


async def _releases(at: Session) -> AsyncIterator[Finding]:
    bodies = await at.api.items(BRAND_RELEASES, None)
    yield Finding(True, f"There are {several(len(bodies), 'BrandRelease')}.")
    for body in bodies:
        name = f"{body['spec']['brand']} {body['spec']['environment']}"
        status = body.get("status", {})
        stalled = next((each for each in status.get("conditions", []) if each["type"] == "Stalled"), None)
        if _is_unseen(body, at.clock.now()):
            yield Finding(
                False, f"{name} was changed, and nobody has looked at it.", "Does the operator run? See its log."
            )
        elif stalled:
            yield Finding(False, f"{name}: {stalled['message']}")


def _is_unseen(body: Json, now: datetime) -> bool:
    if body.get("status", {}).get("observedGeneration", 0) >= body["metadata"]["generation"]:
        return False
    written = [entry["time"] for entry in body["metadata"].get("managedFields", []) if "time" in entry]
    newest = max(written, default=body["metadata"]["creationTimestamp"])
    return now - datetime.fromisoformat(newest) > UNSEEN


DOCTOR = Command("doctor", "look at the cluster, the rights, the Brands and the operator", _arguments, _doctor)
