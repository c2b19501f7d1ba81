"""The log of a build in CodeBuild, as CloudWatch Logs has it: its end, and what comes after that."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.aws.calls import Call
from brandrelease.adapters.aws.errors import AwsError
from brandrelease.adapters.builders.codebuild_answers import log_of, view_of

LINES: Final = 200
"""Of the end of a log. More than a status keeps: a secret of several lines is then still seen whole."""

AGAIN: Final = 3.0
"""Seconds between two questions while somebody reads along: CloudWatch tells nobody of its own accord."""

NOT_THERE: Final = "ResourceNotFoundException"
"""A stream that has a name already is made some moments later."""


@dataclass(frozen=True, slots=True)
class Page:
    """Lines, and where to read on; the same place again where there is no more."""

    lines: tuple[str, ...]
    token: str


async def log_page(aws: AwsApi, region: str, place: tuple[str, str], token: str | None = None) -> Page:
    """What stands behind the place of the token; without one, the end of the log. Raises AwsError."""
    group, stream = place
    on = {"nextToken": token, "startFromHead": True} if token else {"limit": LINES, "startFromHead": False}
    answer = await aws.call(Call.GetLogEvents, region, logGroupName=group, logStreamName=stream, **on)
    lines = tuple(str(event.get("message", "")).rstrip("\n") for event in answer.get("events", ()))
    return Page(lines, str(answer.get("nextForwardToken") or token or ""))


async def log_lines(
    aws: AwsApi, region: str, build_id: str, *, follow: bool, again: float = AGAIN
) -> AsyncGenerator[str]:
    """The end of the log; with follow what comes after it, too, until the build has ended. Raises AwsError."""
    token, over = None, not follow
    while (build := await _build(aws, region, build_id)) is not None:
        has_ended = not view_of(build).running
        try:
            async for page in _pages(aws, region, build, token):
                token = page.token
                for line in page.lines:
                    yield line
        except AwsError as error:
            if error.code != NOT_THERE or over:
                raise
        if over:
            return
        over = has_ended  # the last lines may come later than the word that it has ended
        await asyncio.sleep(again)


async def _build(aws: AwsApi, region: str, build_id: str) -> Mapping[str, Any] | None:
    answer = await aws.call(Call.BatchGetBuilds, region, ids=[build_id])
    return next(iter(answer.get("builds", ())), None)


async def _pages(aws: AwsApi, region: str, build: Mapping[str, Any], token: str | None) -> AsyncGenerator[Page]:
    """All that can be read by now, from the token on."""
    place = log_of(build)
    while place is not None:
        page = await log_page(aws, region, place, token)
        yield page
        if page.token in {token, ""}:
            return
        token = page.token
