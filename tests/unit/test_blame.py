"""Whose doing a failure is: one table, and nothing that can fail is missing in it."""

import ast
from pathlib import Path

import pytest

from brandrelease.apis.brandrelease import Blame
from brandrelease.apis.reasons import Reason
from brandrelease.core.blame import BLAME, blame_of
from brandrelease.core.health import Problem
from brandrelease.core.health.chain import CHAIN
from brandrelease.core.health.rule import Rule

PACKAGE = Path(__file__).resolve().parents[2] / "operator/brandrelease"
FAILURES = {"Problem", "NeverBuilt", "BuildFailed"}
"""What is made where a release fails; its reason is named in the call."""


def reasons_given(tree: ast.AST) -> set[Reason]:
    """The reasons named in a call that makes a failure."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    failures = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in FAILURES]
    named = [node for call in failures for node in ast.walk(call) if isinstance(node, ast.Attribute)]
    return {Reason[node.attr] for node in named if isinstance(node.value, ast.Name) and node.value.id == "Reason"}


@pytest.mark.parametrize("rule", CHAIN, ids=[rule.name for rule in CHAIN])
def test_each_rules_reason_has_its_blame(rule: Rule) -> None:
    assert rule.reason in BLAME


def test_each_reason_that_fails_a_release_anywhere_has_its_blame() -> None:
    given = {path: reasons_given(ast.parse(path.read_text())) for path in PACKAGE.rglob("*.py")}
    assert set().union(*given.values()), "the search finds them"
    assert {str(path): reasons - set(BLAME) for path, reasons in given.items() if reasons - set(BLAME)} == {}


def test_each_line_says_why() -> None:
    assert all(line.why and not line.why.endswith(".") for line in BLAME.values())


def test_a_problem_has_the_blame_of_its_reason() -> None:
    assert {Problem(reason, "").blame for reason in (Reason.OOMKilled, Reason.PodNotReady)} == {Blame.Release}
    assert Problem(Reason.Unschedulable, "").blame is Blame.Platform
    assert Problem(Reason.ProgressDeadlineExceeded, "").blame is Blame.Unknown


def test_every_reason_has_a_blame_and_it_is_that_of_the_table() -> None:
    assert all(blame_of(reason) is line.blame for reason, line in BLAME.items())
    assert blame_of(Reason.Succeeded) is Blame.Unknown, "nobody is to blame for what is no failure"


def test_what_ran_into_the_database_or_was_taken_away_is_never_the_commits_fault() -> None:
    for reason in (Reason.PreDeployFailed, Reason.PostDeployFailed, Reason.HookLost, Reason.ImageOverridden):
        assert BLAME[reason].blame is Blame.Unknown


def test_only_what_the_commit_decides_is_its_fault() -> None:
    assert {reason for reason, line in BLAME.items() if line.blame is Blame.Release} == {
        Reason.BuildFailed,
        Reason.RunAsNonRoot,
        Reason.OOMKilled,
        Reason.StartError,
        Reason.RunContainerError,
        Reason.CreateContainerError,
        Reason.PostStartHookError,
        Reason.LivenessProbeFailed,
        Reason.CrashLoopBackOff,
        Reason.PodNotReady,
        Reason.CheckFailed,
        Reason.RollbackRequested,
    }
