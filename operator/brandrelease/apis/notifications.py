"""Who is told of releases: the part of a `Brand` that names endpoints, and the record of what each of them knows."""

from enum import StrEnum
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from brandrelease.apis.model import ApiModel, list_set, rules
from brandrelease.apis.names import OperatorSecretName, address
from brandrelease.apis.progress import ReleaseNumber, Time
from brandrelease.apis.reasons import Reason

NOTIFICATIONS_LIMIT = 8
"""Endpoints of one environment."""

PROBLEM_LIMIT = 512
"""Characters of a sentence about an endpoint that could not be told."""


class Stage(StrEnum):
    """How far a release has come, as people are told of it."""

    Started = "Started"
    Migrating = "Migrating"
    Deploying = "Deploying"
    Verifying = "Verifying"
    RollingBack = "RollingBack"
    NeedsSomebody = "NeedsSomebody"
    Live = "Live"
    RolledBack = "RolledBack"
    Failed = "Failed"
    Superseded = "Superseded"
    Aborted = "Aborted"


class Slack(ApiModel):
    """One message in a channel for each release."""

    channel: str = Field(
        max_length=80,
        description="Id of the channel, for example C0123456789, or its name, for example #releases. An incoming "
        "webhook has a channel of its own, and takes no other.",
        json_schema_extra=rules(
            (
                "self.matches('^#?[^#@<>&, .]+$')",
                "must be the id of a channel, for example 'C0123456789', or its name, for example '#releases'",
            )
        ),
    )
    secret_name: OperatorSecretName = Field(
        description="Secret in the operator's own namespace with token (of a bot, with the scope chat:write), or with "
        "url (of an incoming webhook, which can only say how a release ended)."
    )
    api_url: str = Field(
        default="https://slack.com/api",
        max_length=512,
        description="Where Slack's Web API is.",
        json_schema_extra=address("https://slack.com/api"),
    )


class Webhook(ApiModel):
    """A CloudEvent by POST for each stage, signed as Standard Webhooks wants it."""

    url: str = Field(
        max_length=512,
        description="Where CloudEvents 1.0 are posted to, in structured JSON mode.",
        json_schema_extra=address("https://hooks.example.com/releases"),
    )
    secret_name: OperatorSecretName = Field(
        description="Secret in the operator's own namespace with key, which signs: whsec_ and then base64, or a text."
    )


class GitHub(ApiModel):
    """A status of the commit, and a deployment with its statuses."""

    repository: str = Field(
        max_length=140,
        description="Owner and name of the repository, for example example-org/drumeo.",
        json_schema_extra=rules(
            (
                "self.matches('^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$') && !self.matches('/[.]{1,2}$')",
                "must be owner and name of the repository without an address, for example 'example-org/drumeo'",
            )
        ),
    )
    secret_name: OperatorSecretName = Field(
        description="Secret in the operator's own namespace with token, which may write commit statuses and deployments."
    )
    api_url: str = Field(
        default="https://api.github.com",
        max_length=512,
        description="Where GitHub's REST API is; of a server of your own it is https://HOST/api/v3.",
        json_schema_extra=address("https://github.example.com/api/v3"),
    )
    url: str | None = Field(
        default=None,
        max_length=512,
        description="Page that the status and the deployment link to, for example the site.",
        json_schema_extra=address("https://www.drumeo.com"),
    )


class Notification(ApiModel):
    """An endpoint that is told of every release."""

    schema_rules: ClassVar[dict[str, Any]] = rules(
        (
            "[has(self.slack), has(self.webhook), has(self.gitHub)].filter(chosen, chosen).size() == 1",
            "must have exactly one of slack, webhook and gitHub",
        )
    )

    name: str = Field(
        max_length=63,
        description="For example slack.",
        json_schema_extra=rules(
            (
                "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
                (
                    "must be a name such as 'slack': lower case letters, digits and '-', beginning and ending with a "
                    "letter or digit"
                ),
            )
        ),
    )
    stages: tuple[Stage, ...] = Field(
        default=(),
        max_length=len(Stage),
        json_schema_extra=list_set(),
        description="Stages that are told; empty means all. Of a release that was told to need somebody, the end is told in any case.",
    )
    slack: Slack | None = Field(default=None, description="A channel of Slack.")
    webhook: Webhook | None = Field(default=None, description="Any HTTP server.")
    git_hub: GitHub | None = Field(default=None, description="A repository of GitHub.")

    @model_validator(mode="after")
    def _exactly_one_endpoint(self) -> Self:
        if sum(endpoint is not None for endpoint in (self.slack, self.webhook, self.git_hub)) != 1:
            message = "a notification must have exactly one of slack, webhook and gitHub"
            raise ValueError(message)
        return self

    @property
    def endpoint(self) -> Slack | Webhook | GitHub:
        """The one that it has."""
        chosen = self.slack or self.webhook or self.git_hub
        assert chosen is not None, "the validator has seen to it"  # noqa: S101
        return chosen


class Told(ApiModel):
    """What an endpoint knows."""

    name: str = Field(max_length=63, description="Name of the endpoint in the Brand.")
    release: ReleaseNumber
    told_at: Time = Field(description="When it was told last or given up, or when the endpoint was seen first.")
    stage: Stage | None = Field(
        default=None, description="The stage of that release that it knows; absent where it knows nothing of it."
    )
    reason: Reason | None = Field(default=None, description="What it needs somebody for, if it does.")
    id: str | None = Field(
        default=None, max_length=256, description="What is updated: channel and ts of Slack, the deployment of GitHub."
    )
    problem: str | None = Field(
        default=None, max_length=PROBLEM_LIMIT, description="Why it could not be told, the last time that it was tried."
    )
