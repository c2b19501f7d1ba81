"""Calls to CloudWatch that always come to an end, with what went wrong as part of the answer."""

import asyncio
from typing import Any, Final

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.aws.calls import Call
from brandrelease.adapters.aws.errors import NO_ANSWER, AwsError
from brandrelease.apis.checks import AWS_TIMEOUT_SECONDS
from brandrelease.core.checks.measured import Unmeasured

LIMIT_SECONDS: Final = AWS_TIMEOUT_SECONDS - 2
"""Shorter than a look may take: then why there was no answer is told, and not only that there was none."""

MOST_PAGES: Final = 10


async def pages(aws: AwsApi, call: Call, region: str, **parameters: Any) -> list[dict[str, Any]] | Unmeasured:
    """All pages of an answer."""
    told: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            while len(told) < MOST_PAGES:
                token = {"NextToken": told[-1]["NextToken"]} if told else {}
                told.append(await aws.call(call, region, **parameters, **token))
                if not told[-1].get("NextToken"):
                    break
    except TimeoutError:
        return Unmeasured(AwsError(call, region, NO_ANSWER, f"no answer within {LIMIT_SECONDS} s").sentence)
    except AwsError as error:
        return Unmeasured(error.sentence)
    return told
