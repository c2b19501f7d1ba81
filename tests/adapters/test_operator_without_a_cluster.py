"""The operator where no cluster is, or none that answers: it says so, and ends when it is told to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from brandrelease.cli.exits import Exit
from support.operator_process import OperatorProcess

SILENT = """{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],
clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}], users: [{name: a, user: {}}]}"""


def test_an_operator_that_waits_for_its_api_server_ends_when_it_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text(SILENT)
    log = tmp_path / "log"
    operator = OperatorProcess(
        log,
        {
            "KUBECONFIG": str(tmp_path / "kubeconfig"),
            "BRANDRELEASE_CACHE_DIR": str(tmp_path),
            "AWS_EC2_METADATA_DISABLED": "true",
        },
    )
    operator.start()
    operator.stop()  # it would complain of one that does not end
    told = log.read_text()
    assert "The operator has stopped." in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "there is no file {}"),
        ("", "{} cannot be read as a kubeconfig"),
        ("kind: Config", "Invalid kube-config file"),
    ],
)
def test_a_kubeconfig_that_leads_nowhere_is_told_as_such(tmp_path: Path, text: str | None, why: str) -> None:
    file = tmp_path / "kubeconfig"
    if text is not None:
        file.write_text(text)
    assert f"The operator has no cluster to work in: {why.format(file)}" in started({"KUBECONFIG": str(file)})


def test_outside_of_a_pod_a_kubeconfig_is_asked_for() -> None:
    assert "KUBECONFIG is not set, and this is no pod of a cluster" in started({})


def started(environment: dict[str, str]) -> str:
    """What it says as it ends by itself."""
    done = subprocess.run(
        (sys.executable, "-m", "brandrelease", "run"),
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (Exit.Unavailable, False), done.stderr
    return done.stderr
