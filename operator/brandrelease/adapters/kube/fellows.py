"""BrandReleases that failed for the same platform cause, from JSON to what is told. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
_REASONS: Final = frozenset(Reason)
"""What another version of the operator wrote may be none of them."""


@dataclass(frozen=True, slots=True)
class PlatformFailure:
    """The last release of a BrandRelease that failed by the platform's fault."""

    uid: str
    reason: Reason
    fellow: Fellow


def fellows(failures: Iterable[PlatformFailure], reason: Reason, since: datetime, *, but: str) -> tuple[Fellow, ...]:
    """Those that failed for this cause since then; newest first, at most 5."""
    reasons = alike(reason)
    found = [
        failure.fellow
        for failure in failures
        if failure.uid != but and failure.reason in reasons and failure.fellow.failed_at >= since
    ]
    return tuple(sorted(found, key=lambda fellow: fellow.failed_at, reverse=True)[:MOST])


def platform_failures(releases: Iterable[Json]) -> Iterator[PlatformFailure]:
    """Those BrandReleases whose last release failed by the platform's fault, or goes back because of it.

    The failure was when the way back began, where there is one, and else at the end of the release.
    """
    for body in releases:
        current = body.get("status", {}).get("current", {})
        if current.get("blame") != Blame.Platform or current.get("reason") not in _REASONS:
            continue
        rollback = current.get("rollback", {})
        if current.get("outcome") not in _BAD and not ("outcome" not in current and rollback):
            continue
        failed_at = _moment(rollback.get("startedAt") or current.get("finishedAt") or "")
        if failed_at is not None:
            spec = body["spec"]
            fellow = Fellow(spec["brand"], spec["environment"], number=current["number"], failed_at=failed_at)
            yield PlatformFailure(body["metadata"]["uid"], Reason(current["reason"]), fellow)


def _moment(text: str) -> datetime | None:
    """None where somebody has written a time that is none: it must not keep others' releases from being judged.

    A CRD's date-time may be without a zone, and have 60 seconds.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
