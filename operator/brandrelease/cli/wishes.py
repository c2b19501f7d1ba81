"""What a command asks for, as fields of the BrandRelease. Pure.

All of it could be written by `kubectl apply` and `kubectl annotate`; docs/verbs.md says what each means.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from brandrelease.apis.brandrelease import BrandRelease, CurrentRelease, Outcome, PastRelease
from brandrelease.apis.wellknown import (
    ABORT_ANNOTATION,
    OVERRIDE_ANNOTATION,
    REQUESTED_AT_ANNOTATION,
    ROLLBACK_TO_ANNOTATION,
)
from brandrelease.cli.exits import Exit, Problem
from brandrelease.core.words import short

GITOPS: Final = frozenset(
    {"kustomize-controller", "helm-controller", "flux", "argocd-controller", "argocd-application-controller", "argocd"}
)
"""Field managers of programs that put back what somebody changes beside them."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Fields to write. request: the text of requestedAt, by which one can tell that it was looked at."""

    spec: dict[str, Any] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)

    @property
    def request(self) -> str | None:
        return self.annotations.get(REQUESTED_AT_ANNOTATION)

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
    return Wish(annotations={ROLLBACK_TO_ANNOTATION: f"{number or _before(release).number} {_reason(why, now)}"})


def abort(release: BrandRelease, why: str | None, now: datetime) -> Wish:
    """Give the release in flight up."""
    flight = in_flight(release)
    if flight is None:
        raise Problem(f"Nothing is in flight for {_name(release)}, so there is nothing to abort.", Exit.Usage)
    return Wish(annotations={ABORT_ANNOTATION: f"{flight.number} {_reason(why, now)}"})


def override(commit: str, why: str) -> Wish:
    """Let one commit through that is quarantined, or the release of one that waits."""
    return Wish(annotations={OVERRIDE_ANNOTATION: f"{commit} {why}"})


def suspend(*, on: bool) -> Wish:
    """Touch nothing; or touch again."""
    return Wish(spec={"suspend": on})


def in_flight(release: BrandRelease) -> CurrentRelease | None:
    """The release that is worked on: the one that is prepared, where there is one."""
    candidate = release.status.next or release.status.current
    return candidate if candidate and candidate.outcome is None else None


def kept_elsewhere(release: BrandRelease, what: str) -> str | None:
    """The GitOps program that would put the field back, if one wrote it last."""
    manager = release.managers.get(what, "")
    return manager if manager in GITOPS else None


def _before(release: BrandRelease) -> PastRelease:
    """The newest release in the history that was live and is not the one that runs."""
    running = release.status.running.number if release.status.running else None
    for past in release.status.history:
        if past.outcome is Outcome.Succeeded and past.number != running:
            return past
    now = short(release.status.running.commit) if release.status.running else "nothing"
    raise Problem(
        f"The history of {_name(release)} has no earlier release that was live; it runs {now}. "
        "A commit that was never released can be: brandrelease deploy "
        f"{release.spec.brand} {release.spec.environment} --ref <commit>.",
        Exit.Usage,
    )


def _reason(why: str | None, now: datetime) -> str:
    """A text that was not handled before, so that asking for the same again is a new request."""
    return f"{why} ({now:%Y-%m-%dT%H:%M:%SZ})" if why else f"asked at {now:%Y-%m-%dT%H:%M:%SZ}"


def _name(release: BrandRelease) -> str:
    return f"{release.spec.brand} {release.spec.environment}"
