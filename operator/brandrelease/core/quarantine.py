"""The list of commits that were to blame: who gets on it, whom it stops, and how somebody is let through."""

from dataclasses import dataclass
from datetime import datetime

from brandrelease.apis.brandrelease import Blame, BrandReleaseStatus, CurrentRelease, QuarantinedCommit
from brandrelease.apis.progress import QUARANTINE_LIMIT
from brandrelease.apis.reasons import Reason
from brandrelease.core import advice
from brandrelease.core.snapshot import Suspect
from brandrelease.core.waiting.overriding import in_its_place, let_through
from brandrelease.core.words import capital, short


def active(status: BrandReleaseStatus) -> tuple[QuarantinedCommit, ...]:
    """The entries that still stop a release: nobody has overridden them."""
    return tuple(entry for entry in status.quarantine if entry.override is None)


def is_quarantined(status: BrandReleaseStatus, commit: str) -> bool:
    """Whether this very commit was to blame for a failed release."""
    return any(entry.commit == commit for entry in active(status))


def suspects(status: BrandReleaseStatus) -> tuple[Suspect, ...]:
    """What git is asked about a commit that is to be released: also what was let through, to tell that it is in it.

    And what is judged at the moment: it may be on the list before the new release is built.
    """
    listed = [Suspect(entry.commit, entry.base) for entry in status.quarantine]
    judged, known = status.current, {entry.commit for entry in status.quarantine}
    if judged is None or judged.outcome is not None or judged.rollout is None or judged.commit in known:
        return tuple(listed)
    base = status.running.commit if status.running else None
    return (*listed, Suspect(judged.commit, base if base != judged.commit else None))


def what_stops(status: BrandReleaseStatus, current: CurrentRelease) -> QuarantinedCommit | None:
    """The quarantined commit that stops this release: itself, or one that it contains and does not revert."""
    if Reason.CommitQuarantined in current.let_through:
        return None
    carried = {current.commit, *(commit for commit in current.contains if commit not in current.reverts)}
    return next((entry for entry in active(status) if entry.commit in carried), None)


def quarantine(status: BrandReleaseStatus, reason: Reason, blame: Blame, now: datetime) -> BrandReleaseStatus:
    """Remember that the current commit is bad, if it is the commit that is to blame.

    Not where an older image was gone back to: it was good once, and everything since then is built on its commit.
    """
    current = status.current
    if current is None or blame is not Blame.Release or current.image_of is not None:
        return status
    return put_in(status, current.commit, current.number, reason, now)


def put_in(status: BrandReleaseStatus, commit: str, number: int, reason: Reason, now: datetime) -> BrandReleaseStatus:
    """The commit of this release on the list. One that was let through by an override and is bad again stands anew."""
    if is_quarantined(status, commit):
        return status
    base = status.running.commit if status.running else None
    entry = QuarantinedCommit(
        commit=commit, reason=reason, release=number, since=now, base=base if base != commit else None
    )
    others = [known for known in status.quarantine if known.commit != commit]
    return status.model_copy(update={"quarantine": (entry, *others)[:QUARANTINE_LIMIT]})


def passed(status: BrandReleaseStatus, current: CurrentRelease) -> BrandReleaseStatus:
    """The list without what the release that is now live contains.

    Whatever is built on it contains those commits too, and it has shown that they do no harm there any more. What is
    not built on it still meets every other entry.
    """
    behind = {current.commit, *current.contains}
    kept = tuple(entry for entry in status.quarantine if entry.commit not in behind)
    return status.model_copy(update={"quarantine": kept})


@dataclass(frozen=True, slots=True)
class Override:
    """What an override may name: a quarantined commit, or the release that is stopped by one."""

    commit: str
    why: str


def lifted(status: BrandReleaseStatus, override: Override, stopped: CurrentRelease | None) -> BrandReleaseStatus | None:
    """The status with the commit let through; None if the override names nothing that is stopped.

    Nothing is released by that alone: lifting a quarantine never chooses a version.
    """
    named = [entry.commit for entry in status.quarantine if entry.commit.startswith(override.commit)]
    is_stopped = stopped is not None and stopped.commit.startswith(override.commit)
    if not named and not is_stopped:
        return None
    stopped_by = entry.commit if stopped and (entry := what_stops(status, stopped)) else None
    entries = tuple(
        entry.model_copy(update={"override": override.why}) if entry.commit in named else entry
        for entry in status.quarantine
    )
    status = status.model_copy(update={"quarantine": entries})
    if stopped is not None and (is_stopped or (stopped_by in named and what_stops(status, stopped) is None)):
        return in_its_place(status, let_through(stopped, [Reason.CommitQuarantined], override.why))
    return status


def override_of(status: BrandReleaseStatus, new: CurrentRelease) -> str | None:
    """Why the new release is let through, if somebody has said so of itself, or of all that would stop it."""
    overridden = {entry.commit: entry.override for entry in status.quarantine if entry.override}
    if why := overridden.get(new.commit):
        return why
    if what_stops(status, new) is not None:
        return None
    carried = [commit for commit in new.contains if commit not in new.reverts]
    return next((overridden[commit] for commit in carried if commit in overridden), None)


def refusal(status: BrandReleaseStatus, entry: QuarantinedCommit, current: CurrentRelease) -> str:
    """Why the release is stopped, and the ways on."""
    itself, bad, since = entry.commit == current.commit, short(entry.commit), f"{entry.since:%Y-%m-%d %H:%M:%S} UTC"
    if entry.reason is Reason.RollbackRequested:
        what = f"somebody went back from {{}}, release {entry.release}, by rollbackTo at {since}"
    else:
        what = f"{{}} was to blame when release {entry.release} failed ({entry.reason}) at {since}"
    if itself:
        why = f"Commit {bad} is refused: {what.format('it')}."
    else:
        why = f"Commit {short(current.commit)} is refused. It contains {bad} and does not revert it. "
        told = what.format("that commit")
        why += f"{capital(told)}."
    return (
        f"{why} Nothing was built or changed. Undo it with git revert and release that (a fix on top still contains it), "
        f"or set {advice.override(status, entry.commit)}."
    )
