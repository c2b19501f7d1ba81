"""What happens around a change of pods: the part of a `Brand` that names hooks and says how a bad release is left."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator

from brandrelease.apis.model import ApiModel, list_atomic, rules


class RollbackMode(StrEnum):
    """Who rolls a bad release back."""

    Automatic = "Automatic"
    Manual = "Manual"


class AfterMigration(StrEnum):
    """What a bad release leads to once its preDeploy hook has changed the database."""

    Hold = "Hold"
    Rollback = "Rollback"


class RollbackPolicy(ApiModel):
    """How a bad release is left."""

    mode: RollbackMode = Field(
        default=RollbackMode.Automatic,
        description="Automatic: the operator rolls a bad release back. Manual: the release ends Failed where it stands, "
        "and the message names the rollbackTo that would mend it.",
    )
    after_migration: AfterMigration = Field(
        default=AfterMigration.Hold,
        description="Once a preDeploy hook has succeeded, a rollback puts the old code on the new database. "
        "Hold: do not roll back by itself, a person decides. Rollback: every migration leaves the old code working.",
    )


class Hook(ApiModel):
    """A Job from the new image, with the environment, mounts and service account of the Deployment."""

    command: tuple[Annotated[str, Field(max_length=4096)], ...] = Field(
        max_length=64,
        json_schema_extra=list_atomic()
        | rules(
            (
                "self.size() > 0 && self[0] != ''",
                "must begin with a program, for example [php, artisan, migrate, --force]; leave the hook out if nothing shall run",
            ),
            (
                "self.size() == 0 || !self[0].matches('[[:space:]]')",
                (
                    "must be program and arguments apart, for example [php, artisan, migrate], "
                    "or for a shell [sh, -c, 'php artisan migrate && php artisan cache:clear']"
                ),
            ),
        ),
        description="Program and arguments, for example [php, artisan, migrate, --force]. No shell is involved.",
    )
    timeout_seconds: int = Field(
        default=600, ge=1, le=86400, description="Seconds until the hook is stopped and counts as failed."
    )

    @field_validator("command")
    @classmethod
    def _begins_with_a_program(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        """An empty command would run whatever the image runs by itself: the site."""
        if not command or not command[0]:
            message = "command must begin with a program"
            raise ValueError(message)
        return command


class Hooks(ApiModel):
    """What runs before and after the change of the Deployment, once for each release."""

    pre_deploy: Hook | None = Field(
        default=None,
        description="Runs before the Deployment is touched, as a rule the migration of the database. "
        "If it fails, the release has failed and nothing was changed.",
    )
    post_deploy: Hook | None = Field(
        default=None,
        description="Runs when all pods are new, while they are watched. If it fails, the release has failed.",
    )
