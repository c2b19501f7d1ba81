"""Quarantine by ancestry against a real git server, with histories and messages that git itself made."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from brandrelease.adapters.git.remote import GitCli
from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import Lineage, Suspect, Unresolved
from support.git_server import GitServer, Repository

UNKNOWN = "1" * 40


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "repositories") as running:
        yield running


@pytest.fixture
def site(server: GitServer) -> Repository:
    repository = server.repository("site")
    repository.commit({"index.php": "1"}, "First")
    return repository


@pytest.fixture
def git(tmp_path: Path) -> GitCli:
    return GitCli(tmp_path / "cache", allow_insecure=True)


async def lineage(git: GitCli, site: Repository, *suspects: Suspect, commit: str = "") -> Lineage:
    found = await git.lineage(site.url, None, commit or site.head() or "", suspects)
    assert isinstance(found, Lineage), found
    return found


async def unresolved(git: GitCli, site: Repository, commit: str, suspects: Sequence[Suspect]) -> Unresolved:
    found = await git.lineage(site.url, None, commit, suspects)
    assert isinstance(found, Unresolved), found
    return found


def contained(*commits: str) -> Lineage:
    return Lineage(commits)


def undone(*commits: str) -> Lineage:
    return Lineage(commits, commits)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The git commands that were started, by their names."""
    commands: list[str] = []
    start = asyncio.create_subprocess_exec

    async def counted(*arguments: str, **options: object) -> asyncio.subprocess.Process:
        commands.append(next(argument for argument in arguments[1:] if not argument.startswith("-")))
        return await start(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", counted)
    return commands


# --- what is contained ------------------------------------------------------------------------------------------------


async def test_a_commit_contains_itself_and_what_it_is_built_on(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    bad = site.commit({"a": "1"}, "Bad")
    later = site.commit({"b": "1"}, "Later")
    suspect = Suspect(bad, first)
    assert await lineage(git, site, suspect, commit=bad) == contained(bad)
    assert await lineage(git, site, suspect, commit=later) == contained(bad)
    assert await lineage(git, site, suspect, commit=first) == Lineage()


async def test_a_commit_on_another_branch_is_not_contained(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    bad = site.commit({"a": "1"}, "Bad", branch="feature", parent=first)
    site.commit({"b": "1"}, "Good")
    assert await lineage(git, site, Suspect(bad, first)) == Lineage()


async def test_a_commit_that_was_merged_is_contained(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    bad = site.commit({"a": "1"}, "Bad", branch="feature", parent=first)
    site.commit({"b": "1"}, "Good")
    site.merge(bad)
    assert await lineage(git, site, Suspect(bad, first)) == contained(bad)


async def test_suspects_are_answered_in_the_order_of_the_question(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    commits = [site.commit({str(number): "1"}) for number in range(4)]
    site.revert(commits[2])
    aside = site.commit({"b": "1"}, branch="feature", parent=first)
    suspects = [Suspect(commit, None) for commit in (commits[3], aside, commits[0], UNKNOWN, commits[2])]
    assert await lineage(git, site, *suspects) == Lineage((commits[3], commits[0], commits[2]), (commits[2],))


async def test_what_was_pushed_away_is_not_contained_and_not_asked_for(
    git: GitCli, site: Repository, server: GitServer
) -> None:
    first = site.head() or ""
    bad = site.commit({"a": "1"}, "Bad")
    site.force_push("master", first)
    good = site.commit({"b": "1"}, "Good")
    assert await lineage(git, site, Suspect(bad, first)) == Lineage()
    server.requests.clear()
    assert await lineage(git, site, Suspect(bad, first), Suspect(UNKNOWN, UNKNOWN), commit=good) == Lineage()
    assert server.requests == []


async def test_what_was_pushed_away_after_it_was_seen_is_not_contained(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    bad = site.commit({"a": "1"}, "Bad")
    assert await lineage(git, site, Suspect(bad, first)) == contained(bad)
    site.force_push("master", first)
    site.commit({"b": "1"}, "Good")
    assert await lineage(git, site, Suspect(bad, first)) == Lineage()


async def test_a_commit_in_no_branch_brings_its_ancestors(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    bad = site.commit({"a": "1"}, "Bad")
    mended = site.revert(bad)
    site.force_push("master", first)
    assert await lineage(git, site, Suspect(bad, first), commit=mended) == undone(bad)


async def test_a_suspect_of_an_unrelated_history_is_not_contained(git: GitCli, site: Repository) -> None:
    bad = site.commit({"a": "1"}, "Bad", branch="other")
    assert await lineage(git, site, Suspect(bad, None)) == Lineage()


# --- what is undone ---------------------------------------------------------------------------------------------------


async def test_a_revert_undoes_and_its_revert_brings_back(git: GitCli, site: Repository) -> None:
    first = site.head()
    suspect = Suspect(site.commit({"a": "1"}, "Bad"), first)
    site.commit({"b": "1"}, "Later")
    newest = suspect.commit
    for expected in (undone, contained, undone, contained):
        newest = site.revert(newest)
        assert await lineage(git, site, suspect) == expected(suspect.commit)
        site.commit({newest: "1"}, "Unrelated")
        assert await lineage(git, site, suspect) == expected(suspect.commit)


async def test_the_first_commit_of_all_can_be_reverted(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    site.revert(first)
    assert await lineage(git, site, Suspect(first, None)) == undone(first)


@pytest.mark.parametrize("known", [True, False], ids=["base known", "base unknown"])
async def test_the_revert_of_a_commit_between_base_and_suspect_counts_where_the_base_is_known(
    git: GitCli, site: Repository, known: bool
) -> None:
    base = site.head() or ""
    culprit = site.commit({"a": "1"}, "Culprit")
    bad = site.commit({"b": "1"}, "Judged")
    site.revert(culprit)
    expected = undone(bad) if known else contained(bad)
    assert await lineage(git, site, Suspect(bad, base if known else UNKNOWN)) == expected
    assert await lineage(git, site, Suspect(bad, base if known else None)) == expected


async def test_the_revert_of_what_ran_well_before_undoes_nothing(git: GitCli, site: Repository) -> None:
    base = site.commit({"a": "1"}, "Ran well")
    bad = site.commit({"b": "1"}, "Bad")
    site.revert(base)
    assert await lineage(git, site, Suspect(bad, base)) == contained(bad)


async def test_the_revert_of_a_merge_undoes_what_it_brought(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    culprit = site.commit({"a": "1"}, "Culprit", branch="feature", parent=first)
    bad = site.commit({"b": "1"}, "Bad", branch="feature")
    on_master = site.commit({"c": "1"}, "On master")
    merge = site.merge(bad)
    back = site.revert(merge, mainline=1)
    suspects = (Suspect(bad, first), Suspect(culprit, None), Suspect(merge, None), Suspect(on_master, first))
    assert await lineage(git, site, *suspects) == Lineage((bad, culprit, merge, on_master), (bad, culprit, merge))
    site.revert(back)
    assert await lineage(git, site, *suspects) == contained(bad, culprit, merge, on_master)


async def test_a_revert_that_is_merged_counts_until_the_merge_is_reverted(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    bad = site.commit({"a": "1"}, "Bad")
    site.branch("mend", bad)
    mend = site.revert(bad, "mend")
    site.commit({"b": "1"}, "On master")
    merge = site.merge(mend)
    assert await lineage(git, site, Suspect(bad, first)) == undone(bad)
    site.revert(merge, mainline=1)
    assert await lineage(git, site, Suspect(bad, first)) == contained(bad)


async def test_a_revert_on_another_branch_does_not_count(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    bad = site.commit({"a": "1"}, "Bad")
    site.branch("mend", bad)
    site.revert(bad, "mend")
    site.commit({"b": "1"}, "On master")
    assert await lineage(git, site, Suspect(bad, first)) == contained(bad)


async def test_one_message_may_revert_several(git: GitCli, site: Repository) -> None:
    first, second, third = (site.commit({str(number): "1"}) for number in range(3))
    site.commit({"0": "0"}, f"Back\n\nThis reverts commit {first}.\nThis reverts commit {third}.\n")
    suspects = [Suspect(commit, None) for commit in (first, second, third)]
    assert await lineage(git, site, *suspects) == Lineage((first, second, third), (first, third))


async def test_a_base_on_another_branch_is_compared_with(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    ran = site.commit({"a": "1"}, "Ran", branch="hotfix", parent=first)
    culprit = site.commit({"b": "1"}, "Culprit")
    bad = site.commit({"c": "1"}, "Judged")
    site.revert(first)
    assert await lineage(git, site, Suspect(bad, ran)) == contained(bad)
    site.revert(culprit)
    assert await lineage(git, site, Suspect(bad, ran)) == undone(bad)


@pytest.mark.parametrize("limit", [1000, 1], ids=["all reverts read", "one revert read"])
async def test_clocks_that_go_wrong_do_not_turn_later_into_earlier(
    git: GitCli, site: Repository, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr("brandrelease.adapters.git.mirror.REVERTS_LIMIT", limit)
    first = site.head() or ""
    bad = site.commit({"a": "1"}, "Bad")
    site._commits = 1000  # seconds: this one's clock is ahead
    revert = site.revert(bad)
    aside = site.commit({"b": "1"}, "Aside", branch="aside", parent=revert)
    site._commits = 1
    site.revert(revert)
    site.merge(aside)
    assert await lineage(git, site, Suspect(bad, first)) == contained(bad)


async def test_suspects_without_a_common_ancestor_are_judged_each(git: GitCli, site: Repository) -> None:
    bad = site.commit({"a": "1"}, "Bad")
    worse = site.commit({"b": "1"}, "Worse", branch="other")
    site.merge(worse, unrelated=True)
    site.revert(bad)
    assert await lineage(git, site, Suspect(bad, None), Suspect(worse, None)) == Lineage((bad, worse), (bad,))


# --- messages of anybody ----------------------------------------------------------------------------------------------

HOSTILE = {
    "a short id": "This reverts commit {short}.",
    "a long id": "This reverts commit {bad}00.",
    "an id in capitals": "This reverts commit {capitals}.",
    "a wish": "Nobody should say: This reverts commit {bad}.",
    "a name of the commit": "This reverts commit master~1.",
    "an option": "This reverts commit --all {bad}.",
    "a merge's sentence with a name": "This reverts commit {bad}, reversing\nchanges made to master.",
    "a merge's sentence that keeps what is no parent": "This reverts commit {bad}, reversing\nchanges made to {bad}.",
    "a format": "%H%x00%B This reverts commit %H",
    "a sentence behind a NUL": "Hidden\0This reverts commit {bad}.",
    "commits of its own behind a NUL": "Hidden\0{bad}\0This reverts commit {bad}.\0",
    "a forged end": "This reverts commit \n\0\0{bad}\n\nThis reverts commit",
    "bytes that are no text": "This reverts commit \udcff\udcfe{bad}.",
    "a very long line": "This reverts commit " + "a" * 100_000,
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_no_other_message_undoes_anything(git: GitCli, site: Repository, case: str) -> None:
    first = site.head() or ""
    bad = site.commit({"a": "1"}, "Bad")
    message = HOSTILE[case].format(bad=bad, short=bad[:12], capitals=bad.upper())
    site.commit({"b": "1"}, message.encode(errors="surrogateescape"))
    assert await lineage(git, site, Suspect(bad, first)) == contained(bad)


@pytest.mark.parametrize("case", HOSTILE)
async def test_no_other_message_hides_a_revert(git: GitCli, site: Repository, case: str) -> None:
    first = site.head() or ""
    bad = site.commit({"a": "1"}, "Bad")
    message = HOSTILE[case].format(bad=bad, short=bad[:12], capitals=bad.upper()).encode(errors="surrogateescape")
    site.commit({"b": "1"}, message)
    site.revert(bad)
    site.commit({"c": "1"}, message)
    assert await lineage(git, site, Suspect(bad, first)) == undone(bad)


@pytest.mark.parametrize(
    "name", ["", "--all", "-x", "master", "a" * 12, "A" * 40, "a" * 40 + "\n", "^master", "0" * 64]
)
async def test_a_suspect_that_is_no_commit_id_is_not_contained(git: GitCli, site: Repository, name: str) -> None:
    bad = site.commit({"a": "1"}, "Bad")
    assert await lineage(git, site, Suspect(name, bad), Suspect(bad, name)) == contained(bad)


@pytest.mark.parametrize("commit", ["", "--all", "-x", "master", "a" * 12, "a" * 40 + "\n"])
async def test_what_is_no_commit_id_is_not_asked_about(
    git: GitCli, site: Repository, server: GitServer, commit: str
) -> None:
    found = await unresolved(git, site, commit, [Suspect(site.head() or "", None)])
    assert found.reason is Reason.InvalidRef
    assert server.requests == []


# --- servers in trouble, and costs ------------------------------------------------------------------------------------


async def test_a_server_that_is_down_leaves_it_unresolved(git: GitCli, site: Repository, server: GitServer) -> None:
    server.status = 503
    commit = site.head() or ""
    found = await unresolved(git, site, commit, [Suspect(commit, None)])
    assert (found.reason, found.passing) == (Reason.SourceUnreachable, True)


async def test_what_is_known_is_told_while_the_server_is_down(git: GitCli, site: Repository, server: GitServer) -> None:
    first = site.head() or ""
    bad = site.commit({"a": "1"}, "Bad")
    site.revert(bad)
    assert await lineage(git, site, Suspect(bad, first)) == undone(bad)
    server.status = 503
    assert await lineage(git, site, Suspect(bad, first)) == undone(bad)


async def test_a_commit_that_the_server_does_not_have_is_not_found(git: GitCli, site: Repository) -> None:
    found = await unresolved(git, site, UNKNOWN, [Suspect(site.head() or "", None)])
    assert found.reason is Reason.RefNotFound


async def test_without_suspects_nobody_is_asked(git: GitCli, site: Repository, server: GitServer) -> None:
    assert await lineage(git, site) == Lineage()
    assert server.requests == []


async def test_a_history_that_is_too_long_to_be_read_is_unresolved(
    git: GitCli, site: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = site.commit({"a": "1"}, "Bad")
    site.commit({"b": "1"})
    assert await lineage(git, site, Suspect(bad, None)) == contained(bad)
    monkeypatch.setattr("brandrelease.adapters.git.process.OUTPUT_LIMIT", 100)
    found = await unresolved(git, site, site.head() or "", [Suspect(bad, None)])
    assert (found.reason, found.passing) == (Reason.SourceUnreachable, True)


async def test_a_mirror_that_is_broken_is_made_anew(git: GitCli, site: Repository, tmp_path: Path) -> None:
    first = site.head() or ""
    bad = site.commit({"a": "1"}, "Bad")
    assert await lineage(git, site, Suspect(bad, first)) == contained(bad)
    (mirror,) = (tmp_path / "cache" / "git").iterdir()
    for pack in mirror.rglob("*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(b"no pack")
    site.revert(bad)
    assert await lineage(git, site, Suspect(bad, first)) == undone(bad)


async def test_fifty_suspects_cost_as_few_git_processes_as_one(
    git: GitCli, site: Repository, started: list[str]
) -> None:
    base = site.head()
    suspects = []
    for number in range(50):
        bad = site.commit({str(number): "1"}, f"Bad {number}")
        suspects.append(Suspect(bad, base))
        base = bad
    site.revert(suspects[7].commit)
    found = await lineage(git, site, *suspects)
    assert found.contained == tuple(suspect.commit for suspect in suspects)
    assert found.reverted == (suspects[7].commit,)
    started.clear()
    assert await lineage(git, site, *suspects) == found
    assert sorted(started) == ["log", "merge-base", "rev-list", "rev-list", "rev-list"]


async def test_calls_at_once_take_turns(git: GitCli, site: Repository, server: GitServer) -> None:
    suspect = Suspect(site.commit({"a": "1"}, "Bad"), None)
    site.revert(suspect.commit)
    answers = await asyncio.gather(*(lineage(git, site, suspect) for _ in range(3)))
    assert set(answers) == {undone(suspect.commit)}
    assert len([request for request in server.requests if request.startswith("GET")]) == 1
