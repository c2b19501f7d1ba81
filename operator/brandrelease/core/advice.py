"""What a message advises people to write into an annotation: a text that is looked at, since it was not handled before."""

from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseStatus
from brandrelease.apis.wellknown import OVERRIDE_ANNOTATION, ROLLBACK_TO_ANNOTATION
from brandrelease.core.words import short

_MORE = ("", " again", " once more")
"""One more than there can be texts that would be no news: the one handled last, and the one that stands there now."""


def rollback_to(release: BrandRelease, status: BrandReleaseStatus, number: int) -> str:
    """The annotation that asks for the release of this number: a text that stood there before would say nothing new."""
    last = status.last_handled
    old = {last.rollback_to if last else None, release.rollback_to and release.rollback_to[:255]}
    text = next(text for text in (f"{number}{more}" for more in _MORE) if text not in old)
    return f'the annotation {ROLLBACK_TO_ANNOTATION} to "{text}"'


def override(status: BrandReleaseStatus, commit: str) -> str:
    """The annotation that lets the commit through: said in the same words as before, it would say nothing new."""
    last = status.last_handled.override if status.last_handled else None
    before = last is not None and last.strip().lower().startswith(short(commit).lower())
    return f'the annotation {OVERRIDE_ANNOTATION} to "{short(commit)} <why{", in other words than before" if before else ""}>"'
