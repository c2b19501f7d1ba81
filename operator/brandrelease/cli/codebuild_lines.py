"""The log of a build in CodeBuild, for a person with AWS credentials of their own."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from brandrelease.adapters.kube.api import BRANDS, ApiError
from brandrelease.cli.session import Session


async def codebuild_lines(at: Session, brand: str, build_id: str, *, follow: bool) -> AsyncGenerator[str]:
    """The lines; where they may not be read, why is said once, and there are none."""
    # Few calls need them, and they take as long to load as everything else.
    from brandrelease.adapters.aws.api import AwsApi
    from brandrelease.adapters.aws.errors import AwsError
    from brandrelease.adapters.builders.codebuild_log import log_lines
    from brandrelease.telemetry import Metrics

    aws = AwsApi(Metrics())
    try:
        region = await _region(at, brand)
        async with aclosing(log_lines(aws, region, build_id, follow=follow)) as lines:
            async for line in lines:
                yield line
    except AwsError as error:
        at.terminal.complain(
            f"The lines of CodeBuild's log are left out: AWS does not give them to you "
            f"({error.call.action} in {error.region}, {error.code}: {error.words}). Log in to AWS as somebody who may read them, "
            "or open the link."
        )
    except (ApiError, LookupError):
        at.terminal.complain(
            f"The lines of CodeBuild's log are left out: the region of its project is in Brand {brand}, which cannot be read. "
            "Open the link."
        )
    finally:
        aws.close()


async def _region(at: Session, brand: str) -> str:
    body: dict[str, Any] = await at.api.get(BRANDS, None, brand) or {}
    return str(body["spec"]["build"]["codeBuild"]["region"])
