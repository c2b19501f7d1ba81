"""How a commit becomes an image: the part of a `Brand` that names the builder and its recipe."""

from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import Field, model_validator

from brandrelease.apis.model import ApiModel, rules
from brandrelease.apis.names import AwsRegion

_RELATIVE_PATH = (
    "!self.startsWith('/') && !self.split('/').exists(part, part == '..') && self.matches('^[A-Za-z0-9._/-]+$')",
    (
        "must be a path inside the repository such as 'docker/web': letters, digits, '.', '_', '-' and '/', "
        "without a leading '/', '..' or spaces"
    ),
)


DEFAULT_REQUESTS: Final = {"cpu": "250m", "memory": "512Mi", "ephemeral-storage": "1Gi"}
"""Enough for a small site to be scheduled."""

DEFAULT_LIMITS: Final = {"memory": "4Gi", "ephemeral-storage": "20Gi"}
"""Wide for a site of PHP with its assets, and narrow for a node.

CPU has none: what others have requested they get all the same, and what is idle makes a build faster.
"""


def _quantity(meaning: str) -> dict[str, Any]:
    return rules(("isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))", f"must be {meaning}"))


def _default_limit(name: str) -> tuple[str, str]:
    """A request above the limit that is put where none is named would be refused with the Job."""
    limit, field = DEFAULT_LIMITS[name], name.replace("-", "__dash__")
    small = f"quantity(self.requests.{field}).compareTo(quantity('{limit}')) <= 0"
    named = f"has(self.limits) && has(self.limits.{field})"
    return (
        f"!has(self.requests) || !has(self.requests.{field}) || !isQuantity(self.requests.{field}) || {small} || ({named})",
        f"must name limits.{name} too, since requests.{name} is more than {limit}, the limit where none is named",
    )


class ResourceAmounts(ApiModel):
    """CPU, memory and room on the node's disk."""

    cpu: str | None = Field(
        default=None,
        max_length=32,
        description="Amount of CPU, for example '500m' or '2' (in quotes: it is text).",
        json_schema_extra=_quantity("an amount of CPU greater than 0, such as '500m' or '2'"),
    )
    memory: str | None = Field(
        default=None,
        max_length=32,
        description="Amount of memory, for example 512Mi or 2Gi.",
        json_schema_extra=_quantity("an amount of memory greater than 0, such as '512Mi' or '2Gi'"),
    )
    ephemeral_storage: str | None = Field(
        default=None,
        alias="ephemeral-storage",
        max_length=32,
        description="Room on the node's disk for the source, the layers and the cache, for example 20Gi.",
        json_schema_extra=_quantity("an amount of disk greater than 0, such as '10Gi'"),
    )


class Resources(ApiModel):
    """Requests and limits of the build container, with the names that Kubernetes has for them."""

    schema_rules: ClassVar[dict[str, Any]] = rules(*(_default_limit(name) for name in DEFAULT_LIMITS))

    requests: ResourceAmounts | None = Field(default=None, description="What the scheduler reserves.")
    limits: ResourceAmounts | None = Field(
        default=None,
        description="What the build may use at most; where nothing is said, 4Gi of memory and 20Gi of disk.",
    )


class BuildKit(ApiModel):
    """A build in the cluster: a Job in the build namespace runs BuildKit on the Dockerfile at the commit."""

    context: str = Field(
        default=".",
        max_length=512,
        json_schema_extra=rules(_RELATIVE_PATH),
        description="Folder of the repository that is the build context.",
    )
    dockerfile: str = Field(
        default="Dockerfile",
        max_length=512,
        json_schema_extra=rules(_RELATIVE_PATH),
        description="Path of the Dockerfile, relative to the context.",
    )
    target: str | None = Field(
        default=None,
        max_length=128,
        description="Stage to build; absent = the last.",
        json_schema_extra=rules(
            (
                "self.matches('^[A-Za-z0-9][A-Za-z0-9_.-]*$')",
                "must be the name of a stage of the Dockerfile, for example 'production'",
            )
        ),
    )
    args: dict[str, Annotated[str, Field(max_length=1024)]] = Field(
        default_factory=dict,
        max_length=64,
        description="Build arguments. They can be read from the image by anyone who can pull it: "
        "never put a secret here.",
        json_schema_extra=rules(
            (
                "self.all(name, name.matches('^[A-Za-z_][A-Za-z0-9_]{0,127}$'))",
                (
                    "names of build arguments must be at most 128 letters, digits and '_' and must not begin with "
                    "a digit, for example 'APP_VERSION'"
                ),
            ),
            (
                "self.all(name, !self[name].contains('\\n'))",
                "values of build arguments must be a single line",
            ),
        ),
    )
    resources: Resources | None = Field(
        default=None,
        description="Requests and limits of the build container.",
        json_schema_extra=Resources.schema_rules,
    )


class CodeBuild(ApiModel):
    """A build in AWS CodeBuild. What runs there, and under which role, is the project's alone."""

    project: str = Field(
        max_length=150,
        description="Name of the CodeBuild project.",
        json_schema_extra=rules(
            (
                "self.matches('^[A-Za-z0-9][A-Za-z0-9_-]{1,149}$')",
                "must be the name of a CodeBuild project, for example 'drumeo', not its ARN",
            )
        ),
    )
    region: AwsRegion = Field(description="AWS region of the project, for example us-east-2.")


class External(ApiModel):
    """No build of ours: CI pushes the image with the full commit id as its tag, and the operator waits for it."""


class Build(ApiModel):
    """How a commit becomes an image."""

    schema_rules: ClassVar[dict[str, Any]] = rules(
        (
            "[has(self.codeBuild), has(self.buildKit), has(self.external)].filter(set, set).size() == 1",
            (
                "must name exactly one builder: codeBuild: {project: ..., region: ...} (AWS CodeBuild), "
                "buildKit: {} (build in the cluster) or external: {} (CI pushes the image)"
            ),
        ),
    )

    timeout_seconds: int = Field(
        default=1800,
        ge=60,
        le=86400,
        description="Seconds until a build (or the wait for an external image) is given up.",
    )
    code_build: CodeBuild | None = Field(default=None, description="Build in AWS CodeBuild.")
    build_kit: BuildKit | None = Field(default=None, description="Build in the cluster with BuildKit.")
    external: External | None = Field(default=None, description="Wait for an image that CI pushes.")

    @model_validator(mode="after")
    def _exactly_one_builder(self) -> Self:
        if sum(builder is not None for builder in (self.code_build, self.build_kit, self.external)) != 1:
            message = "spec.build must name exactly one builder: codeBuild, buildKit or external"
            raise ValueError(message)
        return self
