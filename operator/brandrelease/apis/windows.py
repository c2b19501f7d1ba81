"""When an environment may be released to: the part of a `Brand` that freezes it, and opens it, by the clock."""

from enum import StrEnum

from pydantic import Field

from brandrelease.apis.model import ApiModel, rules

WINDOWS_LIMIT = 16

_FIVE_FIELDS = "^[^ ]+( [^ ]+){4}$"
_STEP = "(/[0-9]+)?"


def _field(value: str, besides: str = "") -> str:
    """A field of a cron expression: stars, values and ranges, each with a step or without, and words of its own."""
    one = f"([*]|({value})(-({value}))?){_STEP}"
    return f"({one}{besides})(,({one}{besides}))*"


_MINUTE = _field("[0-5]?[0-9]")
_HOUR = _field("[01]?[0-9]|2[0-3]")
_DAY = _field("0?[1-9]|[12][0-9]|3[01]", "|LW?")
_MONTH = _field("0?[1-9]|1[0-2]|[A-Za-z]{3}")
_WEEKDAY = _field("[0-7]|[A-Za-z]{3}", "|[0-7]L|([0-7]|[A-Za-z]{3})#[1-5]")
_CRON = f"^{_MINUTE} {_HOUR} {_DAY} {_MONTH} {_WEEKDAY}$"


class WindowKind(StrEnum):
    """What happens while a window is open."""

    Allow = "Allow"
    Deny = "Deny"


class Window(ApiModel):
    """A time that comes again and again. Deny: nothing is released then. Allow: nothing is released outside of it."""

    kind: WindowKind = Field(
        description="Deny: no release begins to change anything while the window is open. Allow: none does while no "
        "Allow window is open. Where both are, Deny counts."
    )
    schedule: str = Field(
        max_length=100,
        description="When the window opens, as a cron expression: minute, hour, day of the month, month, day of the "
        "week; for example '0 16 * * 5' for Fridays at 16:00.",
        json_schema_extra=rules(
            (
                f"self.matches('{_FIVE_FIELDS}')",
                (
                    "must be five fields with one space between them: minute, hour, day of the month, month, day of "
                    "the week; for example '0 16 * * 5' for Fridays at 16:00"
                ),
            ),
            # Only about what the rule above lets through, so that one mistake gets one answer.
            (
                f"!self.matches('{_FIVE_FIELDS}') || self.matches('{_CRON}')",
                (
                    "must be minute (0-59), hour (0-23), day of the month (1-31), month (1-12 or JAN-DEC) and day of "
                    "the week (0-7 or SUN-SAT); each '*', a value, a range '1-5', a list '1,3' or steps '*/15'"
                ),
            ),
        ),
    )
    duration_seconds: int = Field(
        ge=60, le=31 * 86400, description="For how many seconds the window is open; at most 31 days."
    )
    time_zone: str = Field(
        default="UTC",
        max_length=64,
        description="The zone of the schedule, by its name in the IANA time zone database, for example "
        "America/Vancouver; default is UTC.",
        json_schema_extra=rules(
            (
                "self.matches('^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$')",
                "must be the name of a time zone, for example 'America/Vancouver' or 'UTC'; no offset like '-08:00'",
            ),
        ),
    )
    reason: str | None = Field(
        default=None,
        max_length=128,
        description="Why, for people whose release waits; for example 'Black Friday'.",
        json_schema_extra=rules(
            ("self.matches('^[^[:cntrl:]]+$')", "must be one line of text, for example 'Black Friday'"),
        ),
    )
