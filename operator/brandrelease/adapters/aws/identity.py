"""Who the operator is for AWS: asked once at the start, so that a wrong role is found before the first release is."""

from dataclasses import dataclass
from typing import Final

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.aws.calls import Call
from brandrelease.adapters.aws.errors import AwsError

ANYWHERE: Final = "us-east-1"
"""STS answers in every region, and CloudFront knows none; this one is always enabled."""


@dataclass(frozen=True, slots=True)
class Identity:
    """arn: of the role or user. known: whether AWS said so; else `said` tells what is missing and where to read."""

    known: bool
    said: str


async def who_are_we(aws: AwsApi) -> Identity:
    """Ask AWS. Raises nothing: a Brand may need no AWS at all."""
    try:
        answer = await aws.call(Call.GetCallerIdentity, ANYWHERE)
    except AwsError as error:
        return Identity(known=False, said=error.sentence)
    return Identity(known=True, said=str(answer["Arn"]))
