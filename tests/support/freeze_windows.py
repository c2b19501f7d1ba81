"""Freeze windows and moments, as short as tests want them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from brandrelease.apis.windows import Window


def window(kind: str, schedule: str, minutes: float, zone: str = "UTC") -> Window:
    return Window.model_validate(
        {"kind": kind, "schedule": schedule, "durationSeconds": int(minutes * 60), "timeZone": zone}
    )


def moment(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
