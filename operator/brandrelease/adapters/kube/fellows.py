"""BrandReleases that failed for the same platform cause, from JSON to what is told. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from brandrelease.apis.brandrelease import Blame, Outcome
from brandrelease.apis.reasons import Reason
from brandrelease.core.causes import alike
from brandrelease.core.snapshot import Fellow

Json = dict[str, Any]

MOST: Final = 5
"""More names say no more."""

_BAD: Final = {Outcome.Failed, Outcome.RolledBack}


def fellows(releases: Iterable[Json], reason: Reason, since: datetime, *, but: str) -> tuple[Fellow, ...]:
    """Those whose last release failed for this cause since then, by the platform's fault; newest first, at most 5."""
    reasons = alike(reason)
    found = [
        fellow
        for body in releases
        if body["metadata"]["uid"] != but and (fellow := _fellow(body, reasons)) and fellow.failed_at >= since
    ]
    return tuple(sorted(found, key=lambda fellow: fellow.failed_at, reverse=True)[:MOST])


def _fellow(body: Json, reasons: frozenset[Reason]) -> Fellow | None:
    """The failure was when the way back began, where there is one, and else at the end of the release."""
    current = body.get("status", {}).get("current", {})
    if current.get("reason") not in reasons or current.get("blame") != Blame.Platform:
        return None
    rollback = current.get("rollback", {})
    if current.get("outcome") not in _BAD and not ("outcome" not in current and rollback):
        return None
    failed_at = _moment(rollback.get("startedAt") or current.get("finishedAt") or "")
    if failed_at is None:
        return None
    return Fellow(
        brand=body["spec"]["brand"],
        environment=body["spec"]["environment"],
        number=current["number"],
        failed_at=failed_at,
    )


def _moment(text: str) -> datetime | None:
    """None where somebody has written a time that is none: it must not keep others' releases from being judged.

    A CRD's date-time may be without a zone, and have 60 seconds.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
