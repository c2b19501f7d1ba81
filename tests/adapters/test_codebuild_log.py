"""The log of a build in CodeBuild, read along as a person does who follows a release."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.aws.errors import AwsError
from brandrelease.adapters.builders.codebuild_log import LINES, log_lines
from brandrelease.telemetry import Metrics
from support.codebuild import CodeBuildServer, Fault, Script
from support.codebuild.calls import ended, start

pytestmark = pytest.mark.usefixtures("login")

REGION = "us-east-2"
LAST = "[Container] Phase complete: FINALIZING State: SUCCEEDED"


@pytest.fixture
async def api(login: None) -> AsyncIterator[AwsApi]:
    made = AwsApi(Metrics())
    yield made
    made.close()


async def read(api: AwsApi, build_id: str, *, follow: bool) -> list[str]:
    async with asyncio.timeout(30), aclosing(log_lines(api, REGION, build_id, follow=follow, again=0.1)) as lines:
        return [line async for line in lines]


async def test_the_log_of_a_build_that_has_ended_is_read_to_its_end(aws: CodeBuildServer, api: AwsApi) -> None:
    aws.script(Script(log=("composer install", "npm run build")))
    build = ended(aws, start(aws))
    lines = await read(api, build["id"], follow=False)
    assert lines[-1] == LAST
    assert lines[lines.index("composer install") + 1] == "npm run build"
    assert await read(api, build["id"], follow=True) == lines


async def test_of_a_long_log_the_end_is_read(aws: CodeBuildServer, api: AwsApi) -> None:
    aws.script(Script(log=tuple(f"line {number}" for number in range(2 * LINES))))
    lines = await read(api, ended(aws, start(aws))["id"], follow=False)
    assert (len(lines), lines[-1]) == (LINES, LAST)


async def test_who_follows_reads_each_line_once_from_the_queue_to_the_end(aws: CodeBuildServer, api: AwsApi) -> None:
    aws.script(Script(queued_polls=2, polls=4, log=("one", "two"), empty_log_pages=2))
    started = start(aws)
    lines = await read(api, started["id"], follow=True)
    assert lines[-1] == LAST
    assert (lines.count("one"), lines.count("two"), len(set(lines))) == (1, 1, len(lines))


async def test_a_log_that_has_a_name_and_is_not_there_yet_is_waited_for(aws: CodeBuildServer, api: AwsApi) -> None:
    aws.script(Script(log=("one",), polls=2))
    aws.script(Fault("GetLogEvents", "ResourceNotFoundException", times=1))
    assert "one" in await read(api, start(aws)["id"], follow=True)


async def test_who_may_not_read_it_is_told(aws: CodeBuildServer, api: AwsApi) -> None:
    build = ended(aws, start(aws))
    aws.script(Fault("GetLogEvents", "AccessDeniedException", times=1))
    with pytest.raises(AwsError, match="does not allow"):
        await read(api, build["id"], follow=True)


async def test_a_build_that_nobody_knows_has_no_log(aws: CodeBuildServer, api: AwsApi) -> None:
    assert await read(api, "drumeo:00000000-0000-0000-0000-000000000000", follow=True) == []
