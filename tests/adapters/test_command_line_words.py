"""What the command line says without a cluster: its help, its exit codes, its explanations, its completion."""

import argparse
import os
import re
import subprocess
import sys
from argparse import ArgumentTypeError
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from brandrelease.cli.command import duration
from brandrelease.cli.commands import COMMANDS
from brandrelease.cli.commands.explain import for_this_one
from brandrelease.cli.commands.logs import runs
from brandrelease.cli.completing import SHELLS, candidates, script
from brandrelease.cli.doctor import leading, objects
from brandrelease.cli.doctor.finding import State
from brandrelease.cli.exits import Exit
from brandrelease.cli.main import _parser
from support.released import NOW, ago, released

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "command-line.md").read_text()


def called(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "brandrelease", *words), capture_output=True, text=True, check=False, timeout=60
    )


# --- help -------------------------------------------------------------------------------------------------------------


def test_every_command_is_in_the_help_and_in_the_docs_with_a_section_of_its_own() -> None:
    shown = called("--help")
    assert shown.returncode == 0
    for command in COMMANDS:
        assert re.search(rf"(?m)^    {command.name} +\S", shown.stdout), command.name
        assert re.search(rf"(?m)^## {command.name}\b|^## .*\b{command.name}\b", PAGE), command.name
        assert command.examples
        assert all(example.split()[0] == command.name for example in command.examples)


def test_the_examples_of_the_help_can_be_typed() -> None:
    parser = _parser(commands=True)
    for command in COMMANDS:
        for example in command.examples:
            words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', example)]
            assert parser.parse_args(words).command == command.name


def test_the_exit_codes_in_the_docs_are_those_of_the_command() -> None:
    table = {int(code) for code in re.findall(r"(?m)^\| (\d+) \|", PAGE)}
    assert table == {*Exit, 130}


@pytest.mark.parametrize("words", [(), ("deploy", "drumeo"), ("status", "--watch", "--timeout", "soon")])
def test_a_line_that_cannot_be_understood_ends_with_64_and_says_where_help_is(words: tuple[str, ...]) -> None:
    said = called(*words)
    assert said.returncode == Exit.Usage
    assert "--help' tells more" in said.stderr
    assert "usage: " in said.stderr


def test_a_command_that_is_misspelt_is_answered_with_the_one_that_was_meant() -> None:
    said = called("deplooy", "drumeo", "production")
    assert said.returncode == Exit.Usage
    assert said.stderr.startswith("brandrelease: There is no command 'deplooy'. Did you mean deploy?")
    assert "There is no command 'xyzzy'. 'brandrelease --help'" in called("xyzzy").stderr


def test_times_are_written_as_kubectl_has_them() -> None:
    assert [duration(text) for text in ("90", "90s", "30m", "1h")] == [90, 90, 1800, 3600]
    for wrong in ("-1", "nan", "1d", "", "1.5h", "soon"):
        with pytest.raises(ArgumentTypeError, match="write 90s, 30m or 1h"):
            duration(wrong)


# --- explanations -----------------------------------------------------------------------------------------------------


def test_what_a_reason_means_is_told_without_a_cluster() -> None:
    told = called("explain", "crashloopbackoff")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("  Means: ")
    assert "kubectl" in told.stdout


def test_the_commands_in_an_explanation_bear_the_names_of_the_object() -> None:
    release = released(spec={"brand": "pianote", "environment": "staging"}).model_copy(
        update={"name": "web", "namespace": "sites"}
    )
    text = for_this_one(
        "kubectl annotate brandrelease drumeo -n drumeo-production x; kubectl get brand drumeo", release
    )
    assert text == "kubectl annotate brandrelease web -n sites x; kubectl get brand pianote"


# --- logs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"state": {"running": {}}}, [("app", 0)]),
        ({"state": {"terminated": {}}, "restartCount": 1}, [("app", 1)]),
        ({"state": {"waiting": {}}}, []),
        ({}, []),
        ({"state": {"waiting": {}}, "lastState": {"terminated": {"exitCode": 1}}, "restartCount": 2}, [("app", 1)]),
    ],
    ids=["running", "ended", "not begun", "unknown", "between two runs"],
)
def test_which_runs_of_a_container_have_a_log(entry: dict[str, Any], expected: list[tuple[str, int]]) -> None:
    assert list(runs({"status": {"containerStatuses": [{"name": "app", **entry}]}})) == expected
    assert list(runs({})) == []


# --- the doctor -------------------------------------------------------------------------------------------------------


def brand(**conditions: tuple[str, str, str]) -> dict[str, Any]:
    told = [
        {"type": kind, "status": status, "reason": reason, "message": message}
        for kind, (status, reason, message) in conditions.items()
    ]
    return {"metadata": {"name": "drumeo"}, "spec": {"build": {"codeBuild": {}}}, "status": {"conditions": told}}


def test_a_brand_that_is_well_has_one_line() -> None:
    good = ("True", "Succeeded", "It answers.")
    found = list(objects.brand(brand(Ready=good, SourceReachable=good, RegistryReachable=good, BuilderUsable=good)))
    assert [(each.state, each.what) for each in found] == [
        (State.Good, "Brand drumeo: the operator reaches git, registry, AWS CodeBuild.")
    ]


def test_each_thing_that_is_ill_with_a_brand_has_a_line() -> None:
    found = list(
        objects.brand(
            brand(
                Ready=("False", "SourceNotFound", "No such repository."),
                SourceReachable=("False", "SourceNotFound", "No such repository."),
                RegistryReachable=("True", "Succeeded", "It answers."),
                BuilderUsable=("Unknown", "Asking", "It is being asked."),
                SoakTooShort=("True", "SoakTooShort", "Write 600."),
            )
        )
    )
    assert [(each.state, each.what) for each in found] == [
        (State.Bad, "Brand drumeo, git: SourceNotFound. No such repository."),
        (State.Unknown, "Brand drumeo, AWS CodeBuild: It is being asked."),
        (State.Bad, "Brand drumeo, soak: SoakTooShort. Write 600."),
        (State.Good, "Brand drumeo: the operator reaches registry."),
    ]


def test_a_brand_that_nobody_has_looked_at_asks_for_the_operator() -> None:
    (found,) = objects.brand(brand())
    assert found.state is State.Bad
    assert "Does the operator run" in found.advice


def release(observed: int, changed: str, stalled: bool = False) -> dict[str, Any]:
    condition = {"type": "Stalled", "status": "True", "reason": "RefNotFound", "message": "No such ref."}
    return {
        "metadata": {"generation": 2, "managedFields": [{"time": changed}], "creationTimestamp": ago(days=9)},
        "spec": {"brand": "drumeo", "environment": "staging"},
        "status": {"observedGeneration": observed, "conditions": [condition] if stalled else []},
    }


def test_a_release_is_ill_if_it_stands_still_or_nobody_looks_at_it() -> None:
    assert list(objects.release(release(2, ago(hours=1)), NOW)) == []
    assert list(objects.release(release(1, ago(seconds=30)), NOW)) == []
    (unseen,) = objects.release(release(1, ago(minutes=3)), NOW)
    assert unseen.what == "drumeo staging was changed, and the operator has not looked at it for more than 2 minutes."
    (still,) = objects.release(release(2, ago(), stalled=True), NOW + timedelta(minutes=5))
    assert still.what == "drumeo staging: RefNotFound. No such ref."
    assert still.advice.endswith("explain drumeo staging")


@pytest.mark.parametrize(
    ("ready", "pods", "state", "what"),
    [
        (1, 1, State.Good, "The operator's pod is ready."),
        (2, 2, State.Good, "All 2 pods of the operator are ready."),
        (0, 1, State.Bad, "The operator's pod is not ready."),
        (1, 2, State.Bad, "1 of 2 pods of the operator are ready."),
    ],
)
def test_the_doctor_tells_of_the_operators_pods(ready: int, pods: int, state: State, what: str) -> None:
    found = leading._ready(ready, pods, "brandrelease-system")
    assert (found.state, found.what, bool(found.advice)) == (state, what, state is State.Bad)


def test_the_doctor_tells_who_leads_and_since_when_nobody_does() -> None:
    lease = {"holderIdentity": "brandrelease-6d4c-x2k9p", "renewTime": ago(seconds=3), "leaseDurationSeconds": 15}
    assert leading._led(lease, NOW, "ops", "").what == "brandrelease-6d4c-x2k9p leads, and was last heard of 3 s ago."
    silent = leading._led(lease | {"renewTime": ago(minutes=3)}, NOW, "ops", "")
    assert silent.what == (
        "No replica of the operator leads. brandrelease-6d4c-x2k9p did, and was last heard of 3 min ago."
    )
    assert "kubectl -n ops get pods" in silent.advice
    left = leading._led(lease | {"holderIdentity": ""}, NOW, "ops", "")
    assert left.what == "No replica of the operator leads. The last one did, and was last heard of 3 s ago."


# --- which cluster ----------------------------------------------------------------------------------------------------

HERE = """{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],
clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}], users: [{name: a, user: {}}]}"""


@pytest.mark.parametrize(
    ("text", "words", "why"),
    [
        (None, (), "there is no file {}."),
        ("", (), "{} cannot be read as a kubeconfig."),
        ("[]", (), "{} cannot be read as a kubeconfig."),
        ("}", (), "{} cannot be read as a kubeconfig."),
        ("kind: Config", (), "Invalid kube-config file."),
        (HERE, ("--context", "nowhere"), "{} has no context nowhere."),
    ],
)
def test_a_kubeconfig_that_leads_nowhere_is_told_as_such(
    tmp_path: Path, text: str | None, words: tuple[str, ...], why: str
) -> None:
    file = tmp_path / "kubeconfig"
    if text is not None:
        file.write_text(text)
    said = called("status", "--kubeconfig", str(file), *words)
    assert said.returncode == Exit.Unavailable, said.stderr
    assert said.stderr.startswith(f"brandrelease: No cluster is known: {why.format(file)}")


def test_a_cluster_that_does_not_answer_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text(HERE)
    said = called("status", "--kubeconfig", str(tmp_path / "kubeconfig"))
    assert said.returncode == Exit.Unavailable
    assert said.stderr.endswith(". Is the cluster up, and does your kubeconfig point to it?\n")
    ill = called("doctor", "--kubeconfig", str(tmp_path / "kubeconfig"))
    assert (ill.returncode, ill.stdout.splitlines()[-1]) == (Exit.Failed, "1 problem found.")


# --- completion -------------------------------------------------------------------------------------------------------


def offered(*words: str) -> list[str]:
    return candidates(_parser(commands=True), words)


def test_commands_and_options_are_completed_without_a_cluster() -> None:
    assert offered("re") == ["resume", "retry"]
    assert "--ref" in offered("deploy", "drumeo", "production", "--")
    assert offered("deploy", "--wai") == ["--wait"]
    assert offered("status", "-o", "") == ["json", "yaml"]
    assert offered("status", "--output", "y") == ["yaml"]
    assert offered("completion", "") == ["bash", "fish", "zsh"]
    assert offered("deploy", "drumeo", "production", "--ref", "") == []
    assert offered("nonsense", "") == []
    assert len(offered("")) > len(COMMANDS)


@pytest.mark.parametrize("shell", SHELLS)
def test_each_script_asks_the_program_that_is_typed(shell: str) -> None:
    assert "__complete" in script(shell)
    assert "kubectl-brandrelease" in script(shell)


# --- what is loaded ---------------------------------------------------------------------------------------------------


def loaded_by(*words: str) -> set[str]:
    """The modules that a call of the command loads, as Python itself tells."""
    environment = {"PATH": os.environ["PATH"], "BRANDRELEASE_RESYNC_SECONDS": "never", "KUBECONFIG": "/nonexistent"}
    done = subprocess.run(
        (sys.executable, "-X", "importtime", "-m", "brandrelease", *words),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode in {Exit.Usage, Exit.Unavailable}, done.stderr[-500:]
    return set(re.findall(r"(?m)^import time:.*\| +(\S+)$", done.stderr))


def test_the_operator_does_not_load_the_commands_for_people() -> None:
    loaded = loaded_by("run")
    assert "brandrelease.bootstrap" in loaded
    assert not {name for name in loaded if name.startswith(("rich.", "brandrelease.cli.command"))}


def test_the_commands_for_people_do_not_load_the_operator() -> None:
    loaded = loaded_by("status")
    assert "brandrelease.cli.commands.status" in loaded
    assert not {"kopf", "boto3", "botocore", "structlog", "prometheus_client", "brandrelease.bootstrap"} & loaded


def test_the_parser_knows_each_option_once() -> None:
    for action in _parser(commands=True)._actions:
        if isinstance(action, argparse._SubParsersAction):
            assert set(action.choices) == {*(command.name for command in COMMANDS), "completion", "run"}
