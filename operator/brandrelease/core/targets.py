"""Where a rollback can go: only to what was good once, and only to an image that is still there."""

from dataclasses import dataclass

from brandrelease.apis.brandrelease import BrandReleaseStatus, CurrentRelease, Outcome, RunningRelease
from brandrelease.core.quarantine import is_quarantined
from brandrelease.core.snapshot import Snapshot, Target
from brandrelease.core.words import short


@dataclass(frozen=True, slots=True)
class Candidate:
    """A release that was good once. image: by digest, or for number 0 as it was found."""

    number: int
    commit: str | None
    image: str


def candidates(status: BrandReleaseStatus, current: CurrentRelease) -> tuple[Candidate, ...]:
    """What a rollback of the current release may choose from, best first: what ran before, then the older good ones."""
    running = status.running
    if running is None:
        return ()
    good = [
        Candidate(running.number, running.commit, running.image),
        *(
            Candidate(entry.number, entry.commit, entry.image)
            for entry in status.history
            if entry.outcome is Outcome.Succeeded
            and entry.image is not None
            and entry.number < running.number
            and entry.image not in {running.image, current.image}
        ),
    ]
    # What ran last may be quarantined too: somebody has left it for an older release, and that one was bad as well.
    return tuple(known for known in good if known.commit is None or not is_quarantined(status, known.commit))


def asked_back(status: BrandReleaseStatus, number: int) -> Candidate | None:
    """The release of this number, if it was good: what runs, or one of the history."""
    running = status.running
    if running is not None and running.number == number:
        return Candidate(running.number, running.commit, running.image)
    return next((known for known in good_ones(status) if known.number == number), None)


def good_ones(status: BrandReleaseStatus) -> tuple[Candidate, ...]:
    """Every release in the history that was live, newest first."""
    return tuple(
        Candidate(entry.number, entry.commit, entry.image)
        for entry in status.history
        if entry.outcome is Outcome.Succeeded and entry.image is not None
    )


def usable(world: Snapshot) -> Target | None:
    """The best target whose image is not known to be gone. A registry that cannot be asked is no evidence."""
    return next((target for target in world.targets or () if target.found is not False), None)


def gone(world: Snapshot) -> str:
    """The targets whose images are gone, as part of a sentence."""
    lost = [target for target in world.targets or () if target.found is False]
    return ", ".join(name_of(target) for target in lost)


def name_of(target: Target | Candidate | RunningRelease) -> str:
    """How a target is called in a sentence."""
    if target.number == 0:
        return f"the image found at adoption ({target.image})"
    return f"release {target.number} ({short(target.commit)})"
