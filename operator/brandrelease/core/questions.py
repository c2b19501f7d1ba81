"""Which questions a pass must put to the world. Asking costs requests, so only what the decision needs is asked."""

from dataclasses import replace
from fnmatch import fnmatchcase

from brandrelease.apis.brand import Brand, Environment
from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseStatus, CurrentRelease, HandledRequest, Outcome
from brandrelease.apis.wellknown import REQUESTED_AT_ANNOTATION
from brandrelease.core.builds.images import BuildOrder, build_key, build_order
from brandrelease.core.quarantine import is_quarantined, what_stops
from brandrelease.core.snapshot import Resolution, Resolved
from brandrelease.core.waiting.gates import waits_at_a_gate


def is_asked(release: BrandRelease) -> bool:
    """Whether there is a request that was not handled yet: another spec.ref, or a new text in requestedAt.

    Taking requestedAt away asks for nothing: GitOps tools do that to annotations that are not in Git.
    """
    last, text = release.status.last_handled or HandledRequest(), release.requested_at
    return last.ref != release.spec.ref or (text is not None and text[:255] != last.requested_at)


def asked_by(release: BrandRelease) -> str | None:
    """Who has made the present request: the field manager of what is new in it."""
    last = release.status.last_handled or HandledRequest()
    field = "spec.ref" if last.ref != release.spec.ref else REQUESTED_AT_ANNOTATION
    name = release.managers.get(field) or release.managers.get("spec.ref")
    return name and name[:128]


def in_flight(release: BrandRelease) -> CurrentRelease | None:
    """The release that is being worked on, if there is one."""
    current = release.status.current
    return current if current is not None and current.outcome is None else None


def prepared(release: BrandRelease) -> CurrentRelease | None:
    """The release whose image and migration are the next step: the one after that which is judged, else that in flight."""
    return release.status.next or in_flight(release)


def is_judged(status: BrandReleaseStatus) -> bool:
    """Whether the Deployment has taken the current release, and nobody knows yet how it ends."""
    current = status.current
    rollout = current.rollout if current is not None and current.outcome is None else None
    return rollout is not None and rollout.seen_on is not None


def rolling_back(release: BrandRelease) -> bool:
    """Whether the release in flight has failed and the way back is not finished."""
    current = in_flight(release)
    return current is not None and current.rollback is not None


def is_busy(release: BrandRelease) -> bool:
    """A rollback and a migration are brought to their end before anything new is looked at."""
    return rolling_back(release) or migrating(release)


def migrating(release: BrandRelease) -> bool:
    """Whether the preDeploy hook was started and has not ended: nothing but an abort interrupts it.

    Also where the release was aborted and its hook is not known to have stopped yet.
    """
    begun = (release.status.current, release.status.next)
    hooks = [each.hooks.pre_deploy for each in begun if each is not None and each.hooks is not None]
    return any(hook is not None and hook.finished_at is None for hook in hooks)


def must_resolve(release: BrandRelease) -> bool:
    """Whether there is a request to be taken up now."""
    return is_asked(release) and not is_busy(release)


def may_track(release: BrandRelease) -> bool:
    """Whether the ref is to be resolved again and again: while nothing is in flight, or only what is stopped or waits.

    Also while a check holds what is deployed: what mends it may be the next commit.
    """
    awaited, status = prepared(release), release.status
    is_stopped = awaited is not None and awaited.rollout is None and what_stops(status, awaited) is not None
    idle = awaited is None or is_stopped or waits_at_a_gate(awaited)
    return release.spec.track_interval_seconds is not None and idle and not is_asked(release) and not is_busy(release)


def to_release(release: BrandRelease, resolution: Resolution | None) -> Resolved | None:
    """The commit of which a release might begin in this pass: the one asked for, or one that tracking has found."""
    if not isinstance(resolution, Resolved):
        return None
    return resolution if is_asked(release) or is_new(release.status, resolution.commit) else None


def is_new(status: BrandReleaseStatus, commit: str) -> bool:
    """Whether tracking has found what was not released yet, or what was live once and the ref has come back to.

    What has failed or was given up is tried again only if somebody asks for it.
    """
    known = {entry.commit for entry in (status.current, status.next, status.running) if entry is not None}
    last = next((entry.outcome for entry in status.history if entry.commit == commit), Outcome.Succeeded)
    return commit not in known and last is Outcome.Succeeded and not is_quarantined(status, commit)


def is_allowed(resolved: Resolved, environment: Environment) -> bool:
    """A ref by its own name; a bare commit if it can be reached from an allowed ref."""
    names = resolved.contained_in if resolved.ref == resolved.commit else (resolved.ref,)
    return not environment.allowed_refs or any(
        fnmatchcase(name, glob) for name in names for glob in environment.allowed_refs
    )


def commit_without_image(release: BrandRelease, wanted: Resolved | None) -> str | None:
    """The commit whose image must be found, if there is one: that of a request, else that of the release in flight.

    Asked for again, a commit in flight may begin anew (somebody has changed its image), so its image is looked for too.
    """
    current = prepared(release)
    if wanted is not None:
        return wanted.commit
    return current.commit if current and current.image is None and current.rollback is None else None


def order_in_flight(brand: Brand, current: CurrentRelease) -> BuildOrder | None:
    """The build that the release in flight waits for, if one was asked for and the Brand still builds it that way."""
    if current.build is None or current.image is not None or current.build.key != build_key(brand, current.commit):
        return None
    return replace(build_order(brand, current.commit, current.build.attempt), id=current.build.id)


def stop_orders(brand: Brand, status: BrandReleaseStatus) -> tuple[BuildOrder, ...]:
    """The builds that are to be stopped; without those that the Brand, which was changed since, names no more."""
    return tuple(
        build_order(brand, unneeded.commit, unneeded.attempt)
        for unneeded in status.stopping
        if build_key(brand, unneeded.commit) == unneeded.key
    )


def watches_pods(release: BrandRelease) -> bool:
    """Whether pods are evidence now: from the change of the Deployment until the outcome is known, and on the way back."""
    current = in_flight(release)
    return current is not None and (current.rollout is not None or current.rollback is not None)
