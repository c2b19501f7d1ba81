"""docs/verdicts.md: the chain of rules and the table of blame, as people read them."""

from collections.abc import Iterable
from typing import Final, assert_never

from brandrelease.apis.reasons import Reason
from brandrelease.core.blame import BLAME
from brandrelease.core.health.chain import CAUSES, LATENESS, REPLICAS, WATCH
from brandrelease.core.health.rule import AtDeadline, Decisive, InTime, Patient, Rule, Timing
from brandrelease.core.words import seconds

_HEAD: Final = """\
<!-- Generated from operator/brandrelease/core/health/chain.py and core/blame.py by 'make generate'; do not edit. -->
# Verdicts

For whoever asks what makes a release fail, and whose doing it is.

Every rule by which a release fails, in the order in which they are asked: the first that counts decides. What to do is
said in [reasons](reasons.md); how the graces and the deadline count in [how it decides](how-it-decides.md#the-verdict).

Only new pods are looked at. A pod that is being deleted, and one that its node lost, evicted, shut down or would not
take, is no evidence. Nor is a container of which the node has forgotten how it ended.

Blame: `Release` is the commit's own doing, `Platform` is the cluster's, and `Unknown` may be either or a person's.
"""

_PARTS: Final = (
    ("A pod or its container", "Asked while pods change over, and during the watch.", CAUSES),
    (
        "Pods that are not made",
        "From the Deployment's condition `ReplicaFailure`. During the watch they count only at its end.",
        REPLICAS,
    ),
    ("During the watch", "Asked of pods about which nothing else is known.", WATCH),
    ("When the time is over", "Asked last, where no other rule has found anything.", LATENESS),
)


def verdicts_page() -> str:
    """The text of docs/verdicts.md."""
    return "\n".join([_HEAD, *(_part(*part) for part in _PARTS), _others()])


def _part(title: str, explanation: str, rules: Iterable[Rule]) -> str:
    rows = (f"| {rule.name} | {when(rule.timing)} | {_reason(rule.reason)} |" for rule in rules)
    return "\n".join(
        [
            f"## {title}\n\n{explanation}\n",
            "| What is seen | Counts | Reason | Blame | Why |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _others() -> str:
    """The reasons that no rule over pods gives."""
    ruled = {rule.reason for _, _, rules in _PARTS for rule in rules}
    rows = (f"| {_reason(reason)} |" for reason in BLAME if reason not in ruled)
    explanation = "What a release can fail for before or beside its pods."
    return "\n".join([f"## Not about pods\n\n{explanation}\n", "| Reason | Blame | Why |", "|---|---|---|", *rows, ""])


def _reason(reason: Reason) -> str:
    """The last three cells of a row."""
    line = BLAME[reason]
    return f"[`{reason}`](reasons.md#{reason.lower()}) | {line.blame} | {line.why}"


def when(timing: Timing) -> str:
    """From when on a rule counts, in words."""
    match timing:
        case Decisive():
            return "at once"
        case Patient(grace):
            return f"after {seconds(grace.total_seconds())}"
        case InTime():
            return "after `progressDeadlineSeconds`"
        case AtDeadline():
            return "at the deadline"
        case _:
            assert_never(timing)
