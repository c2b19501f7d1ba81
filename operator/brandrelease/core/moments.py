"""Moments that a status has, and that the clock has not reached: somebody has set the cluster's clock back meanwhile.

Time limits count from the moments in the status. One that lies an hour ahead would hold a release up for an hour more,
and one that lies a year ahead for ever. A clock that was set forward cannot be told from an operator that was away.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from brandrelease.apis.brandrelease import BrandReleaseStatus
from brandrelease.apis.model import ApiModel

SLACK: Final = timedelta(minutes=1)
"""Clocks of replicas differ by seconds: that is nothing to be mended."""

PLANNED: Final = frozenset({"at", "ends_at"})
"""Fields whose moments lie ahead, as they should."""


def not_ahead(status: BrandReleaseStatus, now: datetime) -> BrandReleaseStatus:
    """The status in which nothing of a release has happened later than now; its durations stay as they are."""
    parts = {"current": status.current, "next": status.next}
    mended = {name: _brought_back(part, now) for name, part in parts.items() if part is not None}
    if all(mended[name] is parts[name] for name in mended):
        return status
    return status.model_copy(update=mended)


def _brought_back(release: ApiModel, now: datetime) -> ApiModel:
    ahead = max(_past(release)) - now
    return _shifted(release, -ahead) if ahead > SLACK else release


def _past(value: object, name: str = "") -> Iterator[datetime]:
    """All moments of a part at which something has happened."""
    match value:
        case datetime() if name not in PLANNED:
            yield value
        case ApiModel():
            for field, inner in value:
                yield from _past(inner, field)
        case tuple():
            for item in value:
                yield from _past(item)
        case _:
            pass


def _shifted(value: Any, by: timedelta) -> Any:
    match value:
        case datetime():
            return value + by
        case ApiModel():
            return value.model_copy(update={field: _shifted(inner, by) for field, inner in value})
        case tuple():
            return tuple(_shifted(item, by) for item in value)
        case _:
            return value
