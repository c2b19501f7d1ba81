"""What the workflows of the repository may never do; zizmor (`make lint`) and actionlint look for the rest."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.toolchain import KUBERNETES, OLDER_KUBERNETES

WORKFLOWS = sorted((Path(__file__).parents[2] / ".github" / "workflows").iterdir())
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
WRITES = {("release", "image"): {"contents", "packages", "id-token"}}
"""Which jobs may write what; all others only read the source."""


def read(path: Path) -> dict[Any, Any]:
    return dict(yaml.safe_load(path.read_text()))


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job.get("steps", ())]


@each_workflow
def test_no_action_of_others_is_used(path: Path) -> None:
    """There is nothing to pin then, and nobody's tag to be moved."""
    workflow = read(path)
    assert [step["uses"] for step in steps(workflow) if "uses" in step] == []
    called = [job["uses"] for job in workflow["jobs"].values() if "uses" in job]
    assert [each for each in called if not each.startswith("./")] == []


@each_workflow
def test_no_job_may_do_more_than_it_says(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        given = {what for what, right in job["permissions"].items() if right == "write"}
        assert given == WRITES.get((path.stem, name), set()), f"the job {name}"


@each_workflow
def test_no_text_of_others_is_put_into_a_script(path: Path) -> None:
    """`${{ }}` in a script is replaced before the shell reads it: a branch's name could be a command."""
    assert [step["run"] for step in steps(read(path)) if "${{" in step.get("run", "")] == []


@each_workflow
def test_no_code_of_a_stranger_meets_our_token(path: Path) -> None:
    """`on` is read as true by YAML 1.1."""
    events = set(read(path)[True])
    assert events.isdisjoint({"pull_request_target", "workflow_run", "issue_comment", "issues"})


@each_workflow
def test_every_job_ends_by_itself(path: Path) -> None:
    jobs = read(path)["jobs"]
    assert [name for name, job in jobs.items() if "uses" not in job and "timeout-minutes" not in job] == []


def test_the_image_is_signed_by_digest_after_the_tests_and_the_scan() -> None:
    release = read(next(path for path in WORKFLOWS if path.stem == "release"))
    assert release["jobs"]["image"]["needs"] == "test"
    scripts = [step.get("run", "") for step in release["jobs"]["image"]["steps"]]
    order = [
        "release-notes",
        "push-by-digest=true",
        "grype",
        "cosign sign",
        "helm push",
        "cosign verify",
        "imagetools create",
    ]
    places = [next(i for i, script in enumerate(scripts) if re.search(word, script)) for word in order]
    assert places == sorted(places)


def test_the_versions_that_are_tried_are_those_that_there_are() -> None:
    compatibility = read(next(path for path in WORKFLOWS if path.stem == "compatibility"))
    tried = compatibility["jobs"]["apiserver"]["strategy"]["matrix"]["kubernetes"]
    assert tried == [*OLDER_KUBERNETES, KUBERNETES]
