"""From the output of `git log` to the changes of a release. Authors and subjects are anybody's bytes. Pure."""

import re
from typing import Final

from brandrelease.apis.progress import Change
from brandrelease.core.plain import plain
from brandrelease.core.words import cut

AUTHOR_LIMIT, SUBJECT_LIMIT = 128, 200

LOG_FORMAT: Final = "%H%x00%an%x00%s"
"""Three fields, parted by NUL, and with -z the commits too: the one byte that git cannot keep in any of them."""

_FIELDS: Final = 3
_COMMIT: Final = re.compile(r"[0-9a-f]{40,64}")


class UnreadableLog(Exception):
    """git printed something else than was asked for."""


def read_log(output: bytes) -> tuple[Change, ...]:
    """The changes, in git's order; raises UnreadableLog."""
    fields = output.decode(errors="replace").split("\0")
    if fields.pop() or len(fields) % _FIELDS:
        raise UnreadableLog(f"git log printed {len(fields)} fields, which are no whole number of commits")
    changes = []
    for index in range(0, len(fields), _FIELDS):
        commit, author, subject = fields[index : index + _FIELDS]
        if not _COMMIT.fullmatch(commit):
            raise UnreadableLog("git log printed something else in place of a commit id")
        changes.append(Change(commit=commit, author=clean(author, AUTHOR_LIMIT), subject=clean(subject, SUBJECT_LIMIT)))
    return tuple(changes)


def clean(text: str, limit: int) -> str:
    """The text on one line, without characters that control a terminal or a reader's eye, in at most so many."""
    return cut(plain(text).replace("\n", " ").replace("\t", " ").strip(), limit)
