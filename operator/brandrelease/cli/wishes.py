"""What a command asks for, as fields of the BrandRelease. Pure.

All of it could be written by `kubectl apply` and `kubectl annotate`; docs/verbs.md says what each means.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from brandrelease.apis.brandrelease import BrandRelease, CurrentRelease, Outcome, PastRelease
from brandrelease.apis.ownership import owners
from brandrelease.apis.wellknown import (
    ABORT_ANNOTATION,
    OVERRIDE_ANNOTATION,
    REQUESTED_AT_ANNOTATION,
    ROLLBACK_TO_ANNOTATION,
)
from brandrelease.cli.called import called
from brandrelease.cli.exits import Exit, Problem
from brandrelease.core.words import one_of, short

ANNOTATION_LIMIT: Final = 255
"""Characters of an annotation that the operator reads and remembers."""

SHORTEST: Final = 7
"""Characters of a commit that are taken for one: what git prints."""

GITOPS: Final = frozenset(
    {"kustomize-controller", "helm-controller", "flux", "argocd-controller", "argocd-application-controller", "argocd"}
)
"""Field managers of programs that put back what somebody changes beside them."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Fields to write. At most one annotation of them is a verb."""

    spec: dict[str, Any] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)

    def patch(self) -> dict[str, Any]:
        """As a merge patch."""
        body: dict[str, Any] = {}
        if self.spec:
            body["spec"] = self.spec
        if self.annotations:
            body["metadata"] = {"annotations": self.annotations}
        return body


def request(now: datetime, ref: str | None = None) -> Wish:
    """Resolve the ref again and release what it finds; with a ref: this one from now on."""
    text = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Wish(spec={"ref": ref} if ref else {}, annotations={REQUESTED_AT_ANNOTATION: text})


def rollback(release: BrandRelease, number: int | None, why: str | None, now: datetime) -> Wish:
    """An earlier release's image again; without a number: that of the last one that was live before."""
    target = _before(release) if number is None else _known(release, number)
    return Wish(annotations={ROLLBACK_TO_ANNOTATION: _verb(str(target), why, now)})


def abort(release: BrandRelease, why: str | None, now: datetime) -> Wish:
    """Give the release in flight up."""
    flight = in_flight(release)
    if flight is None:
        raise Problem(f"Nothing is in flight for {name_of(release)}, so there is nothing to abort.", Exit.Usage)
    return Wish(annotations={ABORT_ANNOTATION: _verb(str(flight.number), why, now)})


def override(release: BrandRelease, commit: str, why: str, now: datetime) -> Wish:
    """Let one commit through that is quarantined, or the release of one that waits."""
    whole = _whole(release, commit)
    plain = f"{short(whole)} {why}"[:ANNOTATION_LIMIT]
    last = release.status.last_handled
    said_before = plain in {release.override, last.override if last else None}  # the same words say nothing new
    return Wish(annotations={OVERRIDE_ANNOTATION: _verb(short(whole), why, now) if said_before else plain})


def suspend(*, on: bool) -> Wish:
    """Touch nothing; or touch again."""
    return Wish(spec={"suspend": on})


def in_flight(release: BrandRelease) -> CurrentRelease | None:
    """The release that is worked on: the one that is prepared, where there is one."""
    candidate = release.status.next or release.status.current
    return candidate if candidate and candidate.outcome is None else None


def kept_elsewhere(metadata: Mapping[str, Any], field_of_spec: str) -> str | None:
    """The GitOps program that would put the field back, if one owns it, alone or with others."""
    return next((name for name in owners(metadata, ("f:spec", f"f:{field_of_spec}")) if name in GITOPS), None)


def name_of(release: BrandRelease) -> str:
    """Brand and environment, as they are typed."""
    return f"{release.spec.brand} {release.spec.environment}"


def _before(release: BrandRelease) -> int:
    """Where a rollback goes: to what was good if something else is on its way or has failed there; else to the one before."""
    running, left = release.status.running, in_flight(release) or release.status.current
    if running and left and left.number != running.number:
        if left.outcome in {None, Outcome.Failed}:
            return running.number
        raise Problem(
            f"Release {left.number} of {name_of(release)} is gone already: {short(running.commit)} of release "
            f"{running.number} runs. To go further back, give a number: {_good_ones(release)}",
            Exit.Usage,
        )
    for past in _good(release):
        if running is None or past.number != running.number:
            return past.number
    raise Problem(
        f"The history of {name_of(release)} has no earlier release that was live; it runs "
        f"{short(running.commit) if running else 'nothing'}. A commit that was never released can be: "
        f"{called()} deploy {name_of(release)} --ref <commit>.",
        Exit.Usage,
    )


def _known(release: BrandRelease, number: int) -> int:
    """The number of a release that was good once. 0, what was found at adoption, is left to the operator to judge."""
    running = release.status.running
    if number in {0, running.number if running else 0, *(past.number for past in _good(release))}:
        return number
    raise Problem(
        f"Release {number} of {name_of(release)} is not in the history, or was never live. {_good_ones(release)} "
        f"More of it: {called()} history {name_of(release)}.",
        Exit.Usage,
    )


def _good(release: BrandRelease) -> list[PastRelease]:
    return [past for past in release.status.history if past.outcome is Outcome.Succeeded]


def _good_ones(release: BrandRelease) -> str:
    numbers = [str(past.number) for past in _good(release)]
    return f"Those that were live: {', '.join(numbers)}." if numbers else "None was live yet."


def _whole(release: BrandRelease, begin: str) -> str:
    """The commit that begins so, out of those that an override may speak of."""
    waiting = in_flight(release)
    entries = [entry.commit for entry in release.status.quarantine if entry.override is None]
    known = list(dict.fromkeys([*([waiting.commit] if waiting else []), *entries]))
    meant = [commit for commit in known if commit.startswith(begin.lower())]
    if len(meant) == 1 and len(begin) >= SHORTEST:
        return meant[0]
    if not known:
        raise Problem(f"Nothing of {name_of(release)} is quarantined, and no release of it waits.", Exit.Usage)
    offer = one_of([short(commit) for commit in known])
    raise Problem(
        f'"{begin}" is not one commit that {name_of(release)} has in quarantine or that waits there. Those are {offer}.',
        Exit.Usage,
    )


def _verb(first: str, why: str | None, now: datetime) -> str:
    """A text that was not handled before, so that asking for the same again is a new wish."""
    stamp = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    if not why:
        return f"{first} asked at {stamp}"
    room = ANNOTATION_LIMIT - len(first) - len(stamp) - len(" ") - len(" ()")
    return f"{first} {why[:room]} ({stamp})"
