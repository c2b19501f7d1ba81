"""One wish of a person, said by an annotation: what it is, and how it is answered."""

import re
from dataclasses import dataclass
from typing import Final

from brandrelease.apis.brandrelease import BrandReleaseStatus, HandledRequest
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import Announcement, StopHook
from brandrelease.core.plain import plain
from brandrelease.core.snapshot import Snapshot
from brandrelease.core.words import capital, cut

_NUMBER: Final = re.compile(r"\s*(\d{1,9})(?:\s.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Verb:
    """An annotation that was not handled yet. field: its name in lastHandled."""

    annotation: str
    field: str
    text: str
    who: str

    @property
    def number(self) -> int | None:
        """The number of a release, and behind it whatever makes the same number a new wish."""
        match = _NUMBER.fullmatch(self.text)
        return int(match.group(1)) if match else None


@dataclass(frozen=True, slots=True)
class Obeyed:
    """The verb is carried out, or answered. The pass goes on from this status; the action, if any, comes first."""

    status: BrandReleaseStatus
    announcement: Announcement
    action: StopHook | None = None


def heard(verb: Verb, status: BrandReleaseStatus, answer: str | None = None) -> BrandReleaseStatus:
    """The record that the verb was looked at, so that it is never looked at again."""
    last = status.last_handled or HandledRequest()
    return status.model_copy(update={"last_handled": last.model_copy(update={verb.field: verb.text, "answer": answer})})


def done(status: BrandReleaseStatus, verb: Verb, text: str, action: StopHook | None = None) -> Obeyed:
    return Obeyed(status, event_of(verb, text), action)


def refused(world: Snapshot, verb: Verb, why: str) -> Obeyed:
    """Nothing is changed, and people are told why: in the message, and by an Event."""
    text = cut(
        f'The annotation {verb.annotation}="{cut(_shown(verb.text), 60)}" of {verb.who} was not carried out: {why}', 500
    )
    status = heard(verb, world.release.status, answer=text)
    return Obeyed(status, Announcement(Reason.VerbRefused, text))


def event_of(verb: Verb, text: str) -> Announcement:
    """What is told of a verb that is carried out."""
    reason = {"abort": Reason.Aborted, "rollback_to": Reason.RollbackRequested}.get(verb.field, Reason.CommitOverridden)
    return Announcement(reason, capital(text), warning=False)


def _shown(text: str) -> str:
    """As it was written, blanks included, on one line."""
    return plain(text).replace("\n", " ").replace("\t", " ")
