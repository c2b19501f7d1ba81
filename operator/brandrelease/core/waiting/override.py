"""The annotation `override`: one quarantined commit is let through, or the release of one that waits."""

import re
from typing import Final

from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseStatus, CurrentRelease
from brandrelease.core.plain import line
from brandrelease.core.quarantine import Override, lifted, what_stops
from brandrelease.core.questions import in_flight, prepared
from brandrelease.core.snapshot import Snapshot
from brandrelease.core.verb import Obeyed, Verb, done, heard, refused
from brandrelease.core.waiting.gates import waits_at_a_gate, what_to_open
from brandrelease.core.waiting.overriding import WHY_LIMIT, in_its_place, let_through
from brandrelease.core.words import cut, short

SHORTEST_COMMIT: Final = 12
"""Messages show this many characters of a commit id, so that an override can be copied from one."""

_OVERRIDE: Final = re.compile(r"\s*([0-9a-fA-F]{12,64})\s+(\S.*)", re.DOTALL)


def override(world: Snapshot, verb: Verb) -> Obeyed:
    """One quarantined commit is let through, or the release of one that waits."""
    match = _OVERRIDE.fullmatch(verb.text)
    if match is None:
        return refused(
            world,
            verb,
            f'it must be a commit id of at least {SHORTEST_COMMIT} characters and the reason, for example "0123456789ab the fault was the database".',
        )
    why = cut(f"{line(match.group(2))} ({verb.who})", WHY_LIMIT)
    status = heard(verb, world.release.status)
    commit = match.group(1).lower()
    awaited = _named(world.release, commit)
    stopped = awaited if awaited and what_stops(status, awaited) else None
    lifting = lifted(status, Override(commit, why), stopped)
    goes_on = "the release that it had stopped goes on" if stopped else "ask for it to release it"
    if awaited and not stopped and awaited.commit.startswith(commit) and (opened := what_to_open(world, awaited)):
        lifting = in_its_place(lifting or status, let_through(awaited, opened, why))
        goes_on = f"release {awaited.number} need not wait ({', '.join(opened)})"
    if lifting is None:
        names = ", ".join(short(entry.commit) for entry in status.quarantine) or "none"
        return refused(
            world,
            verb,
            f"no quarantined commit begins with {match.group(1)}, and no release of it waits. Quarantined: {names}.",
        )
    text = f"commit {short(commit)} is let through: {why}; {goes_on}."
    return done(lifting, verb, text)


def names_what_is_known(release: BrandRelease) -> bool:
    """Whether the override names what is on the list, or the release that is stopped: it need not wait for a request."""
    match, status = _OVERRIDE.fullmatch(release.override or ""), release.status
    known = [entry.commit for entry in status.quarantine]
    known += [each.commit for each in _begun(release) if _waits(status, each)]
    return match is not None and any(commit.startswith(match.group(1).lower()) for commit in known)


def _begun(release: BrandRelease) -> tuple[CurrentRelease, ...]:
    """What is in flight: the release that is prepared, and the one that is judged meanwhile."""
    return tuple(each for each in (release.status.next, in_flight(release)) if each is not None)


def _waits(status: BrandReleaseStatus, release: CurrentRelease) -> bool:
    return what_stops(status, release) is not None or waits_at_a_gate(release)


def _named(release: BrandRelease, commit: str) -> CurrentRelease | None:
    """The release that an override means: what waits of that commit, else whatever is prepared."""
    named = [each for each in _begun(release) if each.commit.startswith(commit)]
    return next((each for each in named if _waits(release.status, each)), next(iter(named), prepared(release)))
