"""Which questions a pass must put to the world. Asking costs requests, so only what the decision needs is asked."""

from fnmatch import fnmatchcase

from brandrelease.apis.brand import Brand, Environment
from brandrelease.apis.brandrelease import BrandRelease, CurrentRelease, HandledRequest
from brandrelease.core.images import BuildOrder, build_key, build_order
from brandrelease.core.snapshot import Resolution, Resolved


def request(release: BrandRelease) -> HandledRequest:
    """What is asked for at the moment."""
    return HandledRequest(ref=release.spec.ref, requested_at=release.requested_at and release.requested_at[:255])


def is_asked(release: BrandRelease) -> bool:
    """Whether there is a request that was not handled yet."""
    return release.status.last_handled != request(release)


def in_flight(release: BrandRelease) -> CurrentRelease | None:
    """The release that is being worked on, if there is one."""
    current = release.status.current
    return current if current is not None and current.outcome is None else None


def rolling_back(release: BrandRelease) -> bool:
    """Whether the release in flight has failed and the way back is not finished."""
    current = in_flight(release)
    return current is not None and current.rollback is not None


def must_resolve(release: BrandRelease) -> bool:
    """A rollback is brought to its end before anything new is looked at."""
    return is_asked(release) and not rolling_back(release)


def is_allowed(resolved: Resolved, environment: Environment) -> bool:
    """A ref by its own name; a bare commit if it can be reached from an allowed ref."""
    names = resolved.contained_in if resolved.ref == resolved.commit else (resolved.ref,)
    return not environment.allowed_refs or any(
        fnmatchcase(name, glob) for name in names for glob in environment.allowed_refs
    )


def commit_without_image(release: BrandRelease, resolution: Resolution | None) -> str | None:
    """The commit whose image must be found, if there is one: that of a request, else that of the release in flight.

    Asked for again, a commit in flight may begin anew (somebody has changed its image), so its image is looked for too.
    """
    current = in_flight(release)
    if isinstance(resolution, Resolved):
        return resolution.commit
    return current.commit if current and current.image is None and current.rollback is None else None


def order_in_flight(brand: Brand, current: CurrentRelease) -> BuildOrder | None:
    """The build that the release in flight waits for, if one was asked for and the Brand still builds it that way."""
    if current.build is None or current.image is not None or current.build.key != build_key(brand, current.commit):
        return None
    return build_order(brand, current.commit, current.build.attempt)


def watches_pods(release: BrandRelease) -> bool:
    """Whether pods are evidence now: from the change of the Deployment until the outcome is known."""
    current = in_flight(release)
    return current is not None and current.rollout is not None and current.rollback is None
