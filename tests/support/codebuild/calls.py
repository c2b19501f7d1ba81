"""Calls of the local AWS by unmodified boto3, as short as tests want them."""

import functools
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support.codebuild.server import CodeBuildServer
from support.git_server import wait_for

COMMIT = "4f3b7793dbff10442d5e804f98b4d3a3d66f84af"
KEY = "AKIACANARY"
SECRET = "canary-secret-9f2c"


def client(aws: CodeBuildServer, service: str) -> Any:
    return client_at(aws.url, service)


@functools.cache  # a client takes a while to make, and may be used by many threads
def client_at(url: str, service: Any, region: str = "us-east-1") -> Any:
    make: Any = boto3.client  # with its types, every service there is would have to be named
    return make(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=20, max_pool_connections=20),
    )


def start(aws: CodeBuildServer, project: str = "drumeo", commit: str = COMMIT, tag: str = "", **more: Any) -> Any:
    """StartBuild as the operator does it."""
    repository = aws._account.projects[project].repository
    variables = {"GIT_COMMIT": commit, "IMAGE_REPO": repository, "IMAGE_TAG": tag or commit[:12]}
    overrides = [{"name": name, "value": value, "type": "PLAINTEXT"} for name, value in variables.items()]
    order = {"projectName": project, "sourceVersion": commit, "environmentVariablesOverride": overrides}
    return client(aws, "codebuild").start_build(**order, **more)["build"]


def poll(aws: CodeBuildServer, build: Any) -> Any:
    [told] = client(aws, "codebuild").batch_get_builds(ids=[build["id"]])["builds"]
    return told


def ended(aws: CodeBuildServer, build: Any, seconds: float = 60.0) -> Any:
    """What is told of the build when it is over, which may not take longer."""
    codebuild = client(aws, "codebuild")
    told: list[Any] = []

    def is_over() -> bool:
        told[:] = codebuild.batch_get_builds(ids=[build["id"]])["builds"]
        return bool(told) and bool(told[0]["buildComplete"])

    assert wait_for(is_over, seconds), told
    return told[0]


def phase(build: Any, kind: str) -> Any:
    return next(each for each in build["phases"] if each["phaseType"] == kind)


def exported(build: Any) -> dict[str, str]:
    return {each["name"]: each["value"] for each in build["exportedEnvironmentVariables"]}


def log(aws: CodeBuildServer, build: Any) -> str:
    """The whole log, read as AWS wants it: until the token that comes back is the one that was sent."""
    logs, place = client(aws, "logs"), build["logs"]
    where = {"logGroupName": place["groupName"], "logStreamName": place["streamName"], "startFromHead": True}
    text, token = "", None
    for _ in range(1000):
        page = logs.get_log_events(**where, **({"nextToken": token} if token else {}))
        text += "".join(event["message"] for event in page["events"])
        if page["nextForwardToken"] == token:
            return text
        token = page["nextForwardToken"]
    raise AssertionError("the log has no end")


def refusal(code: str) -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\)")
