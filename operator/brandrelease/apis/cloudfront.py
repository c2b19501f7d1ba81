"""The cache in front of a site: the part of a `Brand` that names a distribution of Amazon CloudFront."""

from typing import Annotated

from pydantic import Field

from brandrelease.apis.model import ApiModel, list_set, rules

PATHS_LIMIT = 15
"""CloudFront works at so many paths with a `*` at a time for one distribution, and refuses what would be more."""

_PATH = rules(
    ("self.startsWith('/')", "must begin with '/', for example '/*' or '/images/*'"),
    ("!self.matches('(?s)[*].')", "must have '*' at its end only, for example '/images/*'"),
    (
        "self.matches('^[!-~]*$')",
        "must be English letters, digits and signs without spaces; write other letters as addresses have them, for example '%20' for a space",
    ),
)


class CloudFront(ApiModel):
    """What is invalidated once a release is live, and once one was rolled back."""

    distribution_id: str = Field(
        max_length=64,
        description="Id of the CloudFront distribution, for example E2QWRUHEXAMPLE.",
        json_schema_extra=rules(
            (
                "self.matches('^[A-Z0-9]+$')",
                "must be the id of a CloudFront distribution, for example 'E2QWRUHEXAMPLE', not its domain name or ARN",
            )
        ),
    )
    paths: tuple[Annotated[str, Field(max_length=256, json_schema_extra=_PATH)], ...] = Field(
        default=("/*",),
        min_length=1,
        max_length=PATHS_LIMIT,
        json_schema_extra=list_set(),
        description="Paths to invalidate, for example /index.html or /images/*; default is /*, which is all.",
    )
