"""Which quarantined commits are undone in a commit, from the part of its history that git prints. Pure.

What is supported: the sentence that `git revert` writes. Whether files are the same again cannot be seen, since mirrors
have no trees; a fault that was undone by hand, without the sentence, is let through only by an override.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from brandrelease.adapters.git.commits import UnreadableLog
from brandrelease.core.snapshot import Suspect

Graph = Mapping[str, tuple[str, ...]]
"""Commit -> its parents, each commit before its parents. A part of a history: the parents at its lower end are not in it
themselves."""

PHRASE: Final = "This reverts commit "
"""How a line begins that says so; messages without it need not be read."""

REVERT_FORMAT: Final = "%H%x00%B"
"""Two fields, parted by NUL, and with -z the commits too."""

REVERTS_LIMIT: Final = 1000
"""How many commits with the phrase are read, the newest, and how many claims of all of them.

Nothing is let through by that: what is left out is older than what is read, and so cannot take any of it back.
"""

_FIELDS: Final = 2
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_CLAIM: Final = re.compile(
    rf"^{PHRASE}(?P<commit>[0-9a-f]{{40}})(?:, reversing\s+changes made to (?P<kept>[0-9a-f]{{40}}))?"
    r"(?!\w|, reversing)",
    re.MULTILINE,
)
"""As sequencer.c of git writes it. An id that is too short, too long or half written claims nothing."""


@dataclass(frozen=True, slots=True)
class Revert:
    """What one sentence claims. by: the commit whose message says so. commit: what it reverts.

    kept: for a merge, the parent whose side stays; all that the merge brought in beyond it is undone.
    """

    by: str
    commit: str
    kept: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """The commits that `tip` contains and none of `floors` does; a commit contains itself."""

    tip: str
    floors: tuple[str, ...] = ()


def read_graph(output: bytes) -> Graph:
    """From what `git rev-list --topo-order --parents` printed; raises UnreadableLog."""
    graph = {}
    for line in output.decode(errors="replace").splitlines():
        commit, *parents = line.split(" ")
        if not all(map(_COMMIT.fullmatch, (commit, *parents))):
            raise UnreadableLog("git rev-list printed something else than commit ids")
        graph[commit] = tuple(parents)
    return graph


def read_reverts(output: bytes) -> tuple[Revert, ...]:
    """From what `git log -z --topo-order` printed in REVERT_FORMAT, in its order; raises UnreadableLog.

    Messages are anybody's bytes, and one alone can make 100,000 claims.
    """
    fields = output.decode(errors="replace").split("\0")
    if fields.pop() or len(fields) % _FIELDS:
        raise UnreadableLog(f"git log printed {len(fields)} fields, which are no whole number of commits")
    commits, messages = fields[::_FIELDS], fields[1::_FIELDS]
    if not all(map(_COMMIT.fullmatch, commits)):
        raise UnreadableLog("git log printed something else in place of a commit id")
    claims = (
        Revert(by, match["commit"], match["kept"])
        for by, message in zip(commits, messages, strict=True)
        for match in _CLAIM.finditer(message)
    )
    return tuple(islice(claims, REVERTS_LIMIT))


def reverted(graph: Graph, reverts: Iterable[Revert], suspects: Sequence[Suspect]) -> tuple[str, ...]:
    """Those of the suspects whose fault is undone.

    It is undone if a commit that the suspect does not contain reverts the suspect, or one of the commits between its
    base and it, and no later commit takes that revert back. graph: all that is newer than the suspects and their bases,
    and these. reverts: all that the commit in question contains, in any order. suspects: all contained in it.
    """
    standing = _standing(graph, _plausible(graph, reverts))
    undone_by = _bits(graph, [_undone(graph, revert) for revert in standing])
    accused_of = _bits(graph, [_accused(graph, suspect) for suspect in suspects])
    older_than = _bits(graph, [Span(suspect.commit) for suspect in suspects])

    def is_reverted(index: int, suspect: Suspect) -> bool:
        later = sum(1 << bit for bit, revert in enumerate(standing) if not older_than[revert.by] >> index & 1)
        accused = [suspect.commit, *(commit for commit in graph if accused_of[commit] >> index & 1)]
        return any(undone_by[commit] & later for commit in accused)

    return tuple(suspect.commit for index, suspect in enumerate(suspects) if is_reverted(index, suspect))


def _plausible(graph: Graph, reverts: Iterable[Revert]) -> list[Revert]:
    """The reverts that can be true, newest first.

    Who reverts a commit must contain it: one that is made on a branch without it takes nothing away where the two are
    merged. And what a revert of a merge keeps is one of its parents. What is below the graph concerns no suspect.
    """
    place = {commit: index for index, commit in enumerate(graph)}
    known = [revert for revert in reverts if revert.commit in graph]
    contained_in = _bits(graph, [Span(revert.by) for revert in known])
    plausible = [
        revert
        for bit, revert in enumerate(known)
        if contained_in[revert.commit] >> bit & 1 and (revert.kept is None or revert.kept in graph[revert.commit])
    ]
    return sorted(plausible, key=lambda revert: place[revert.by])


def _standing(graph: Graph, reverts: Sequence[Revert]) -> list[Revert]:
    """The reverts that no standing revert undoes. reverts: newest first, so that each is judged after its judges."""
    undone_by = _bits(graph, [_undone(graph, revert) for revert in reverts])
    standing = 0
    for bit, revert in enumerate(reverts):
        if not undone_by[revert.by] & standing:
            standing |= 1 << bit
    return [revert for bit, revert in enumerate(reverts) if standing >> bit & 1]


def _undone(graph: Graph, revert: Revert) -> Span:
    return Span(revert.commit, (revert.kept,) if revert.kept else graph[revert.commit])


def _accused(graph: Graph, suspect: Suspect) -> Span:
    """The commits one of which brought the fault in; nobody knows which."""
    return Span(suspect.commit, (suspect.base,) if suspect.base else graph[suspect.commit])


def _bits(graph: Graph, spans: Sequence[Span]) -> Mapping[str, int]:
    """For each commit, which of the spans it lies in: bit n stands for the n-th.

    As numbers, since then one walk answers for all spans, however many, where a walk for each could take minutes.
    """
    tips: dict[str, int] = defaultdict(int)
    floors: dict[str, int] = defaultdict(int)
    for index, span in enumerate(spans):
        tips[span.tip] |= 1 << index
        for floor in span.floors:
            floors[floor] |= 1 << index
    above, below = _handed_down(graph, tips), _handed_down(graph, floors)
    return {commit: above[commit] & ~below[commit] for commit in graph}


def _handed_down(graph: Graph, marks: Mapping[str, int]) -> Mapping[str, int]:
    """For each commit, its own marks and those of every commit that contains it."""
    handed = {commit: marks.get(commit, 0) for commit in graph}
    for commit, parents in graph.items():
        for parent in parents:
            if parent in handed:
                handed[parent] |= handed[commit]
    return handed
