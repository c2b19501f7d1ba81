"""What Flux and Argo CD say of our objects, and what they must say.

Flux waits by kstatus: its own library is asked. Argo CD runs the scripts of deploy/gitops/argocd/health.yaml: they are
run in the interpreter that it embeds. What is expected is said by the object's phase alone, and not by its conditions.
"""

import functools
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from cluster import toolchain

Object = dict[str, Any]

EXAMPLES: Final = Path(__file__).parents[2] / "deploy" / "gitops"
HEALTH: Final = "resource.customizations.health.brandrelease.dev_"
REQUESTED_AT: Final = "brandrelease.dev/requestedAt"
SECONDS: Final = 120.0


@dataclass(frozen=True)
class Verdict:
    """kstatus's word, and Argo CD's, each with its message."""

    kstatus: str
    kstatus_message: str
    health: str
    health_message: str


def program() -> Path:
    """The program with the tools' libraries; compiled now if it is not in the cache."""
    return toolchain.programs((toolchain.GITOPS,), print) / "gitops"


@functools.cache
def script_of(kind: str) -> str:
    """The health script as users put it into Argo CD's ConfigMap."""
    content = yaml.safe_load((EXAMPLES / "argocd" / "health.yaml").read_text())
    return str(content["data"][HEALTH + kind])


def judge(objects: Iterable[Object]) -> list[Verdict]:
    """One verdict for each object, in the same order."""
    questions = "\n".join(json.dumps({"object": each, "health": script_of(each["kind"])}) for each in objects)
    done = subprocess.run(
        (program(), "judge"), input=questions, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode:
        raise AssertionError(f"gitops judge failed: {done.stderr}")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        Verdict(
            each["kstatus"]["status"],
            each["kstatus"]["message"],
            each["health"]["status"],
            each["health"]["message"],
        )
        for each in answers
    ]


def wrong_about(objects: list[Object]) -> list[str]:
    """What the tools say of these objects and should not, each as a sentence."""
    told = []
    for each, verdict in zip(objects, judge(objects), strict=True):
        wanted, said = expected(each), (verdict.kstatus, verdict.health)
        if said != wanted:
            told.append(f"{name_of(each)}: kstatus and Argo CD say {said}, and should say {wanted}.")
        if message := missing_in(each, verdict):
            told.append(f"{name_of(each)}: {message}")
    return told


def expected(body: Object) -> tuple[str, str]:
    """What kstatus and Argo CD must say of an object, by its generation, its phase and what was asked for."""
    status = body["status"]
    if status["observedGeneration"] != body["metadata"]["generation"]:
        return "InProgress", "Progressing"
    if body["kind"] == "Brand":
        return _of_brand(status)
    ready, stalled = _condition(status, "Ready"), "Stalled" in _conditions(status)
    match status["phase"]:
        case "Live":
            return "Current", "Progressing" if _is_asked(body) else "Healthy"
        case "RolledBack" | "Failed":
            return "Failed", "Progressing" if _is_asked(body) else "Degraded"
        case "Blocked":
            return ("Failed", "Degraded") if stalled else ("InProgress", "Progressing")
        case "Suspended":
            return "Current" if ready["status"] == "True" else "InProgress", "Suspended"
        case _:
            return "InProgress", "Progressing"


def missing_in(body: Object, verdict: Verdict) -> str | None:
    """People read what Argo CD shows: it must have the reason and the message, once there is one."""
    status = body["status"]
    if status["observedGeneration"] != body["metadata"]["generation"]:
        return None
    ready = _condition(status, "Ready")
    if f"{ready['reason']}: {ready['message']}" in verdict.health_message:
        return None
    return f"Argo CD shows {verdict.health_message!r}, without the reason and the message."


def name_of(body: Object) -> str:
    status = body.get("status", {})
    ready = _condition(status, "Ready")
    where = f"{body['metadata'].get('namespace', '')}/{body['metadata']['name']}"
    return f"{body['kind']} {where} ({status.get('phase', '-')}/{ready.get('reason', '-')})"


def _of_brand(status: Object) -> tuple[str, str]:
    if _condition(status, "Ready")["status"] == "True":
        return "Current", "Healthy"
    return ("Failed", "Degraded") if "Stalled" in _conditions(status) else ("InProgress", "Progressing")


def _is_asked(body: Object) -> bool:
    """Somebody has asked anew, and the operator has not looked yet."""
    text = body["metadata"].get("annotations", {}).get(REQUESTED_AT)
    handled = body["status"].get("lastHandled", {}).get("requestedAt")
    return text is not None and len(text.encode()) < 256 and text != handled


def _conditions(status: Object) -> dict[str, Object]:
    return {each["type"]: each for each in status.get("conditions", [])}


def _condition(status: Object, kind: str) -> Object:
    return _conditions(status).get(kind, {})
