"""An override of a release: what it is let through, why, and by whom."""

from collections.abc import Iterable

from brandrelease.apis.brandrelease import BrandReleaseStatus, CurrentRelease
from brandrelease.apis.reasons import Reason
from brandrelease.core.words import cut

WHY_LIMIT = 255
"""Characters of `override` in the status."""


def let_through(release: CurrentRelease, what: Iterable[Reason], why: str) -> CurrentRelease:
    """The release, which nothing of this kind stops any more. What was said to let it through before is kept."""
    said = [release.override] if release.override and release.override != why else []
    reasons = (*release.let_through, *(each for each in what if each not in release.let_through))
    return release.model_copy(update={"override": cut("; ".join([*said, why]), WHY_LIMIT), "let_through": reasons})


def in_its_place(status: BrandReleaseStatus, release: CurrentRelease) -> BrandReleaseStatus:
    """The status with the release as it is now: the one that is prepared beside another, or the current one."""
    place = "next" if status.next is not None and status.next.number == release.number else "current"
    return status.model_copy(update={place: release})
