"""Which quarantined commits are undone: told from parents and messages alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brandrelease.adapters.git.commits import UnreadableLog
from brandrelease.adapters.git.lineage import Graph, Revert, read_graph, read_reverts, reverted
from brandrelease.core.snapshot import Suspect

A, B, C = "a" * 40, "b" * 40, "c" * 40

# --- what git prints --------------------------------------------------------------------------------------------------


def test_a_graph_is_read_in_gits_order() -> None:
    graph = read_graph(f"{A} {B} {C}\n{B} {C}\n{C}\n".encode())
    assert list(graph.items()) == [(A, (B, C)), (B, (C,)), (C, ())]


@pytest.mark.parametrize("output", [b"x\n", b"\n", f"{A} \n".encode(), f"{A}0\n".encode(), f"{A}\t{B}\n".encode()])
def test_a_graph_of_anything_else_is_not_guessed_at(output: bytes) -> None:
    with pytest.raises(UnreadableLog):
        read_graph(output)


@pytest.mark.parametrize("output", [b"x", A.encode(), f"{A}\0text".encode(), f"{A}\0text\0{B}\0".encode(), b"x\0y\0"])
def test_a_log_of_anything_else_is_not_guessed_at(output: bytes) -> None:
    with pytest.raises(UnreadableLog):
        read_reverts(output)


CLAIMS: Mapping[str, tuple[str, list[Revert]]] = {
    "git's own sentence": (f'Revert "Sing"\n\nThis reverts commit {B}.\n', [Revert(A, B)]),
    "git's own sentence for a merge": (
        f"Revert\n\nThis reverts commit {B}, reversing\nchanges made to {C}.\n",
        [Revert(A, B, C)],
    ),
    "a merge's sentence that was wrapped anew": (
        f"This reverts commit {B}, reversing changes made to {C}.",
        [Revert(A, B, C)],
    ),
    "lines that end as on Windows": (
        f"Revert\r\n\r\nThis reverts commit {B}, reversing\r\nchanges made to {C}.\r\n",
        [Revert(A, B, C)],
    ),
    "two sentences": (
        f"Both\n\nThis reverts commit {B}.\nThis reverts commit {C}.\n",
        [Revert(A, B), Revert(A, C)],
    ),
    "a reason behind the sentence": (f"This reverts commit {B} since it sings off key.", [Revert(A, B)]),
    "nothing behind the id": (f"This reverts commit {B}", [Revert(A, B)]),
    "a short id": (f"This reverts commit {B[:12]}.", []),
    "an id that lacks one digit": (f"This reverts commit {B[:39]}.", []),
    "an id with one digit too many": (f"This reverts commit {B}0.", []),
    "an id that goes on as a word": (f"This reverts commit {B}_x", []),
    "an id in capitals": (f"This reverts commit {B.upper()}.", []),
    "an id of other digits": (f"This reverts commit {'٣' * 40}.", []),
    "the sentence of git revert --reference": ("This reverts commit bbbbbbb (Sing, 2026-11-25).", []),
    "a merge's sentence that breaks off": (f"This reverts commit {B}, reversing", []),
    "a merge's sentence with a short parent": (f"This reverts commit {B}, reversing\nchanges made to {C[:12]}.", []),
    "a merge's sentence with a long parent": (f"This reverts commit {B}, reversing\nchanges made to {C}0.", []),
    "the phrase in the middle of a line": (f"Somebody said: This reverts commit {B}.", []),
    "a quotation": (f"> This reverts commit {B}.", []),
    "another phrase": (f"this reverts commit {B}.", []),
    "an id on the next line": (f"This reverts commit\n{B}.", []),
    "no words at all": ("", []),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_only_a_whole_sentence_with_a_full_id_claims_a_revert(case: str) -> None:
    message, expected = CLAIMS[case]
    assert list(read_reverts(f"{A}\0{message}\0".encode())) == expected


def test_messages_of_several_commits_are_kept_apart() -> None:
    output = f"{A}\0This reverts commit {C}.\0{B}\0This reverts commit \0{C}\0{A}\0".encode()
    assert read_reverts(output) == (Revert(A, C),)


def test_bytes_that_are_no_text_hide_no_revert() -> None:
    assert read_reverts(f"{A}\0".encode() + b"\xff\xfe\xc3(\n" + f"This reverts commit {B}.\0".encode()) == (
        Revert(A, B),
    )


def test_a_message_that_claims_without_end_is_read_to_the_limit_only() -> None:
    sentences = "".join(f"This reverts commit {number:040x}.\n" for number in range(100_000))
    reverts = read_reverts(f"{A}\0{sentences}\0{B}\0This reverts commit {C}.\0".encode())
    assert [(revert.by, int(revert.commit, 16)) for revert in reverts] == [(A, number) for number in range(1000)]


# --- what is undone ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class History:
    """parents: newest first. Commits have one letter here."""

    parents: Mapping[str, str]
    reverts: Iterable[tuple[str, str] | tuple[str, str, str]]
    suspect: tuple[str, str | None]


def line(commits: str) -> dict[str, str]:
    """Commits on one line, newest first."""
    return dict(zip(commits, [*commits[1:], ""], strict=True))


MERGED = {"h": "m", "m": "de", "e": "s", "s": "x", "x": "b", "d": "b", "b": ""}
"""m merges x, s, e (newest last) into d; both sides start at b."""

UNDONE = {
    "a commit that is reverted": History(line("rsb"), [("r", "s")], ("s", None)),
    "one of two reverts that are not taken back": History(
        line("trqsb"), [("q", "s"), ("r", "s"), ("t", "q")], ("s", None)
    ),
    "a commit between base and suspect": History(line("rsyxb"), [("r", "y")], ("s", "b")),
    "the first commit after the base": History(line("rsyxb"), [("r", "x")], ("s", "b")),
    "a revert of the revert of the revert": History(line("utrsb"), [("r", "s"), ("t", "r"), ("u", "t")], ("s", None)),
    "reverted, taken back, and reverted once more": History(
        line("utrsb"), [("r", "s"), ("t", "r"), ("u", "s")], ("s", None)
    ),
    "a revert that was part of the suspect, taken back": History(line("tsrxb"), [("r", "x"), ("t", "r")], ("s", "b")),
    "a merge that brought the suspect": History(MERGED, [("h", "m", "d")], ("s", None)),
    "a merge that brought a commit between base and suspect": History(
        {"h": "s", "s": "m", "m": "dx", "d": "b", "x": "b", "b": ""}, [("h", "m", "d")], ("s", "b")
    ),
    "a merge whose other side is kept": History(
        {"h": "m", "m": "sd", "s": "b", "d": "b", "b": ""}, [("h", "m", "d")], ("s", None)
    ),
    "a merge that is itself the suspect": History(MERGED, [("h", "m", "d")], ("m", None)),
    "reverted on a branch that began at the bad commit": History(
        {"m": "sr", "s": "x", "r": "x", "x": "b", "b": ""}, [("r", "x")], ("s", "b")
    ),
    "a suspect that its base contains": History(line("rbs"), [("r", "s")], ("s", "b")),
    "a base that the graph does not have": History(line("rsyx"), [("r", "x")], ("s", "b")),
    "a base on another branch": History({"r": "s", "s": "x", "x": "a", "b": "a", "a": ""}, [("r", "x")], ("s", "b")),
}

NOT_UNDONE = {
    "a commit that nobody reverts": History(line("hsb"), [], ("s", None)),
    "a revert that is taken back": History(line("trsb"), [("r", "s"), ("t", "r")], ("s", None)),
    "a chain of four": History(line("vutrsb"), [("r", "s"), ("t", "r"), ("u", "t"), ("v", "u")], ("s", None)),
    "the base itself": History(line("rsxb"), [("r", "b")], ("s", "b")),
    "a commit before the suspect where no base is known": History(line("rsxb"), [("r", "x")], ("s", None)),
    "a commit after the suspect": History(line("rhsb"), [("r", "h")], ("s", "b")),
    "a revert that the suspect contains": History(line("hsrxb"), [("r", "x")], ("s", "b")),
    "a revert made on a branch without the suspect": History(
        {"m": "sr", "s": "b", "r": "b", "b": ""}, [("r", "s")], ("s", "b")
    ),
    "a merge's other side": History(MERGED, [("h", "m", "e")], ("s", None)),
    "a merge's revert that keeps what is no parent of it": History(MERGED, [("h", "m", "b")], ("s", None)),
    "a merge without the words of a merge": History(MERGED, [("h", "m")], ("s", None)),
    "a revert that came by a merge that was reverted": History(
        {"h": "m", "m": "dr", "d": "s", "r": "s", "s": "b", "b": ""}, [("r", "s"), ("h", "m", "d")], ("s", "b")
    ),
    "a revert of what nobody knows": History(line("rsb"), [("r", "z")], ("s", None)),
    "a commit that says that it reverts itself": History(line("hsb"), [("s", "s")], ("s", None)),
}


def found(history: History) -> bool:
    graph = {commit: tuple(parents) for commit, parents in history.parents.items()}
    answer = reverted(graph, [Revert(*claim) for claim in history.reverts], [Suspect(*history.suspect)])
    assert answer in {(), (history.suspect[0],)}
    return bool(answer)


@pytest.mark.parametrize("case", UNDONE)
def test_this_undoes_a_fault(case: str) -> None:
    assert found(UNDONE[case])


@pytest.mark.parametrize("case", NOT_UNDONE)
def test_this_does_not_undo_a_fault(case: str) -> None:
    assert not found(NOT_UNDONE[case])


@pytest.mark.parametrize("length", [3000, 3001])
def test_a_chain_of_reverts_may_be_of_any_length(length: int) -> None:
    commits = [f"{number:040x}" for number in range(length + 1)]
    newest_first = commits[::-1]
    graph = dict(zip(newest_first, [*((parent,) for parent in newest_first[1:]), ()], strict=True))
    reverts = [Revert(by, commit) for commit, by in pairwise(commits)]
    assert reverted(graph, reverts, [Suspect(commits[0], None)]) == ((commits[0],) if length % 2 else ())


# --- whatever the history ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """A history with its newest commit, in the shape of git's answers, and those quarantined commits it contains."""

    graph: Graph
    head: str
    reverts: tuple[Revert, ...]
    suspects: tuple[Suspect, ...]


def older(graph: Graph, commit: str) -> set[str]:
    """The commit and all that it contains."""
    return {commit}.union(*(older(graph, parent) for parent in graph[commit]))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    commits = [f"commit {number}" for number in range(draw(st.integers(1, 9)))]
    oldest_first: dict[str, tuple[str, ...]] = {commits[0]: ()}
    claims = []
    for number, commit in enumerate(commits[1:], start=1):
        before = st.sampled_from(commits[:number])  # an id is known only when its commit is made
        on_top = st.just([commits[number - 1]])  # as a rule, or nothing would contain much
        oldest_first[commit] = tuple(draw(on_top | on_top | st.lists(before, max_size=2, unique=True)))
        for target in draw(st.lists(before, max_size=2)):
            kept = draw(st.none() | st.sampled_from([*oldest_first[target], "unknown"]))
            claims.append(Revert(commit, target, kept))
    graph = dict(reversed(oldest_first.items()))
    head = commits[-1]
    inside = sorted(older(graph, head))
    names = draw(st.lists(st.sampled_from(inside), unique=True, min_size=1, max_size=4))
    suspects = tuple(Suspect(name, draw(st.none() | st.sampled_from(commits))) for name in names)
    return World(graph, head, tuple(claim for claim in claims if claim.by in inside), suspects)


def by_the_book(world: World) -> tuple[str, ...]:
    """The rule word by word, as slow as it likes."""

    def undoes(by: str, commit: str) -> bool:
        for claim in world.reverts:
            if claim.by != by or claim.commit not in older(world.graph, by):
                continue
            if claim.kept is None and commit == claim.commit:
                return True
            if claim.kept in world.graph[claim.commit] and commit in (
                older(world.graph, claim.commit) - older(world.graph, claim.kept)
            ):
                return True
        return False

    def stands(by: str) -> bool:
        return not any(undoes(other, by) and stands(other) for other in older(world.graph, world.head))

    def is_reverted(suspect: Suspect) -> bool:
        own = older(world.graph, suspect.commit)
        accused = {suspect.commit} | (own - older(world.graph, suspect.base) if suspect.base else set())
        later = older(world.graph, world.head) - own
        return any(undoes(by, commit) and stands(by) for by in later for commit in accused)

    return tuple(suspect.commit for suspect in world.suspects if is_reverted(suspect))


def undone(world: World) -> tuple[str, ...]:
    return reverted(world.graph, world.reverts, world.suspects)


@given(worlds())
def test_the_answer_is_the_rules(world: World) -> None:
    assert undone(world) == by_the_book(world)


@given(worlds())
def test_what_is_older_than_all_suspects_and_bases_changes_nothing(world: World) -> None:
    tips = [name for suspect in world.suspects for name in (suspect.commit, suspect.base) if name]
    shared = set.intersection(*(older(world.graph, tip) for tip in tips))
    below = {old for commit in shared for parent in world.graph[commit] for old in older(world.graph, parent)}
    cut = {commit: parents for commit, parents in world.graph.items() if commit not in below}
    assert reverted(cut, world.reverts, world.suspects) == undone(world)


@given(worlds())
def test_an_unrelated_commit_on_top_changes_nothing(world: World) -> None:
    graph = {"top": (world.head,), **world.graph}
    assert reverted(graph, world.reverts, world.suspects) == undone(world)


@given(worlds())
def test_reverting_undoes_and_reverting_that_brings_back(world: World) -> None:
    suspect = world.suspects[0]
    before = undone(world)
    graph = {"revert": (world.head,), **world.graph}
    reverts = (Revert("revert", suspect.commit), *world.reverts)
    after = reverted(graph, reverts, world.suspects)
    assert suspect.commit in after
    graph = {"again": ("revert",), **graph}
    assert reverted(graph, (Revert("again", "revert"), *reverts), world.suspects) == before
