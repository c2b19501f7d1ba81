"""What docs/aws.md says of calls, variables and failures is what the code does."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from brandrelease.adapters.aws.calls import Call
from brandrelease.adapters.builders.codebuild_answers import DIGEST, variables
from brandrelease.core.builds.codebuild import TREATMENT, FailureClass
from brandrelease.core.builds.images import ecr_registry, host_of
from support.orders import ORDER

PAGE = (Path(__file__).parents[2] / "docs/aws.md").read_text()
NEED_NO_PERMISSION = {Call.GetCallerIdentity}
KNOW_NO_RESOURCE = {Call.DescribeAlarms, Call.GetMetricData}
"""AWS tells of composite alarms only to those who may ask for all; metrics are no resources for it."""


def blocks(language: str) -> list[str]:
    return [block.strip() for block in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)]


def policy() -> dict[str, Any]:
    return next(parsed for block in blocks("json") if "Statement" in (parsed := json.loads(block)))


def buildspec() -> dict[str, Any]:
    return next(parsed for block in blocks("yaml") if "phases" in (parsed := yaml.safe_load(block)))


def test_the_policy_allows_what_is_called_and_nothing_else() -> None:
    allowed = {action for statement in policy()["Statement"] for action in statement["Action"]}
    assert allowed == {call.action for call in Call if call not in NEED_NO_PERMISSION}
    wide = {
        action for statement in policy()["Statement"] if statement["Resource"] == "*" for action in statement["Action"]
    }
    assert wide == {call.action for call in KNOW_NO_RESOURCE}
    assert all(statement["Effect"] == "Allow" for statement in policy()["Statement"])


def test_the_buildspec_uses_only_what_a_build_is_told_and_exports_what_is_read() -> None:
    told = {variable["name"] for variable in variables(ORDER)}
    commands = [line for phase in buildspec()["phases"].values() for line in phase["commands"]]
    used = set(re.findall(r"\$\{?([A-Z][A-Z_]+)", " ".join(commands)))
    assert used - {"CODEBUILD_BUILD_SUCCEEDING"} <= told
    assert {"IMAGE_REPO", "IMAGE_TAG"} <= used
    assert buildspec()["env"]["exported-variables"] == [DIGEST]
    assert "docker push" in commands[-2], "what is pushed counts as built, so it is pushed last"


def test_every_variable_that_a_build_is_told_is_on_the_page() -> None:
    table = PAGE.partition("| Variable | Value |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([A-Z_]+)`", table)) == {variable["name"] for variable in variables(ORDER)}


def test_the_table_of_failures_is_the_codes() -> None:
    table = PAGE.partition("| Class | Examples | Reason | What happens |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \| .*? \| `(\w+)` \| (.*?) \|$", table, re.MULTILINE)
    assert rows == [(each, TREATMENT[each].reason, TREATMENT[each].action) for each in FailureClass]


def test_every_image_repository_on_the_page_is_one_of_ecr() -> None:
    repositories = re.findall(r"repository: (\S+)", PAGE)
    assert repositories
    assert all(ecr_registry(host_of(repository)) for repository in repositories)
