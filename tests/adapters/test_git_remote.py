"""GitCli against real servers: git http-backend and sshd."""

import asyncio
import base64
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from brandrelease.adapters.git import mirror, process, remote
from brandrelease.adapters.git.remote import GitCli
from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import Changes, Resolution, Resolved, Unresolved
from support.git_server import GitServer, Repository
from support.ssh_git_server import SshGitServer, make_key

UNKNOWN = "1" * 40
PASSWORD = "canary-password-4711"
LOGIN = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()


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


async def resolve(git: GitCli, site: Repository, ref: str, *, containing: bool = False) -> Resolution:
    return await git.resolve(site.url, None, ref, list_containing=containing)


def refused(found: Resolution) -> Unresolved:
    assert isinstance(found, Unresolved), found
    assert PASSWORD not in found.message
    assert LOGIN not in found.message
    return found


def running_git(needle: str) -> list[str]:
    """Command lines of processes that speak of this."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if needle in line and ("git" in line.split(" ", 1)[0] or "ssh" in line.split(" ", 1)[0]):
            lines.append(line)
    return lines


async def until(question: Callable[[], object], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not question():
            await asyncio.sleep(0.01)


# --- names ------------------------------------------------------------------------------------------------------------


async def test_branches_and_tags_resolve_to_their_commits(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    second = site.commit({"a": "2"}, branch="feature/main")
    site.tag("light", first)
    tag = site.annotated_tag("annotated", second)
    site.annotated_tag("tag-of-tag", tag)
    expected = {
        "master": ("refs/heads/master", first),
        "feature/main": ("refs/heads/feature/main", second),
        "light": ("refs/tags/light", first),
        "annotated": ("refs/tags/annotated", second),
        "tag-of-tag": ("refs/tags/tag-of-tag", second),
        "refs/heads/master": ("refs/heads/master", first),
        "refs/tags/annotated": ("refs/tags/annotated", second),
    }
    assert {ref: await resolve(git, site, ref) for ref in expected} == {
        ref: Resolved(*found) for ref, found in expected.items()
    }


async def test_a_ref_outside_of_branches_and_tags_can_be_named_in_full(git: GitCli, site: Repository) -> None:
    commit = site.head() or ""
    site._git("update-ref", "refs/pull/1/head", commit)
    assert await resolve(git, site, "refs/pull/1/head") == Resolved("refs/pull/1/head", commit)


async def test_main_does_not_match_feature_main(git: GitCli, site: Repository) -> None:
    site.commit({"a": "2"}, branch="feature/main")
    assert refused(await resolve(git, site, "main")).reason is Reason.RefNotFound


async def test_a_branch_and_a_tag_of_one_name_are_ambiguous_only_if_they_differ(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    site.branch("both", first)
    site.annotated_tag("both", first)
    assert await resolve(git, site, "both") == Resolved("refs/heads/both", first)
    second = site.commit({"a": "2"}, branch="both")
    assert refused(await resolve(git, site, "both")).reason is Reason.AmbiguousRef
    assert await resolve(git, site, "refs/heads/both") == Resolved("refs/heads/both", second)
    assert await resolve(git, site, "refs/tags/both") == Resolved("refs/tags/both", first)


async def test_a_branch_named_like_a_commit_is_found_by_its_full_name_only(git: GitCli, site: Repository) -> None:
    commit = site.head() or ""
    name = "ab" * 20
    site._git("symbolic-ref", f"refs/heads/{name}", "refs/heads/master")
    assert await resolve(git, site, f"refs/heads/{name}") == Resolved(f"refs/heads/{name}", commit)
    assert refused(await resolve(git, site, name)).reason is Reason.RefNotFound


async def test_a_deleted_branch_is_not_found_any_more(git: GitCli, site: Repository) -> None:
    site.branch("gone", site.head() or "")
    assert isinstance(await resolve(git, site, "gone"), Resolved)
    site.delete("gone")
    assert refused(await resolve(git, site, "gone")).reason is Reason.RefNotFound


async def test_a_force_push_is_seen_at_once(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    site.commit({"a": "2"})
    site.force_push("master", first)
    assert await resolve(git, site, "master") == Resolved("refs/heads/master", first)


async def test_an_empty_repository_has_no_refs(git: GitCli, server: GitServer) -> None:
    assert refused(await resolve(git, server.repository("empty"), "master")).reason is Reason.RefNotFound


async def test_a_branch_costs_one_git_process(git: GitCli, site: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    async def counted(*arguments: object, **options: object) -> asyncio.subprocess.Process:
        started.append(arguments)
        return await start(*arguments, **options)  # type: ignore[arg-type]

    start = asyncio.create_subprocess_exec
    monkeypatch.setattr(asyncio, "create_subprocess_exec", counted)
    assert isinstance(await resolve(git, site, "master", containing=True), Resolved)
    assert len(started) == 1


# --- commit ids -------------------------------------------------------------------------------------------------------


async def test_a_full_commit_id_is_looked_for_at_the_server(git: GitCli, site: Repository) -> None:
    commit = site.head() or ""
    assert await resolve(git, site, commit.upper()) == Resolved(commit, commit)


async def test_the_refs_that_contain_a_commit_are_named_as_they_are_now(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    second = site.commit({"a": "2"})
    site.annotated_tag("v1", second)
    site.branch("old", first)
    everywhere = ("refs/heads/master", "refs/heads/old", "refs/tags/v1")
    assert await resolve(git, site, first, containing=True) == Resolved(first, first, everywhere)
    assert await resolve(git, site, second, containing=True) == Resolved(
        second, second, ("refs/heads/master", "refs/tags/v1")
    )
    site.delete("old")
    site._git("update-ref", "-d", "refs/tags/v1")
    assert await resolve(git, site, first, containing=True) == Resolved(first, first, ("refs/heads/master",))


async def test_a_commit_in_no_branch_is_found_but_contained_in_nothing(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    lost = site.commit({"a": "2"})
    site.force_push("master", first)
    assert await resolve(git, site, lost, containing=True) == Resolved(lost, lost, ())


@pytest.mark.parametrize("containing", [False, True])
async def test_an_unknown_commit_is_not_found(git: GitCli, site: Repository, containing: bool) -> None:
    found = refused(await resolve(git, site, UNKNOWN, containing=containing))
    assert found.reason is Reason.RefNotFound
    assert UNKNOWN in found.message


async def test_the_id_of_an_annotated_tag_stands_for_its_commit(git: GitCli, site: Repository) -> None:
    commit = site.head() or ""
    tag = site.annotated_tag("v1", commit)
    assert await resolve(git, site, tag) == Resolved(commit, commit)


async def test_the_id_of_a_directory_is_no_commit(git: GitCli, site: Repository) -> None:
    found = refused(await resolve(git, site, site._git("rev-parse", "master^{tree}")))
    assert found.reason is Reason.RefNotFound
    assert "is no commit" in found.message


async def test_a_shortened_id_is_refused_without_asking_anybody(
    git: GitCli, site: Repository, server: GitServer
) -> None:
    assert refused(await resolve(git, site, (site.head() or "")[:12])).reason is Reason.InvalidRef
    assert server.requests == []


# --- changes ----------------------------------------------------------------------------------------------------------


async def test_without_new_commits_there_are_no_changes(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    second = site.commit({"a": "2"})
    assert await git.changes(site.url, None, first, first) == Changes(0, ())
    assert await git.changes(site.url, None, second, first) == Changes(0, ())


async def test_one_new_commit_is_one_change(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    second = site.commit({"a": "2"}, "Sing louder\n\nBody.", author="Bob <bob@example.com>")
    found = await git.changes(site.url, None, first, second)
    assert found is not None
    assert found.total == 1
    assert [(c.commit, c.author, c.subject) for c in found.newest] == [(second, "Bob", "Sing louder")]


async def test_of_25_new_commits_the_newest_20_are_listed(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    commits = [site.commit({"a": str(number)}, f"Number {number}") for number in range(25)]
    found = await git.changes(site.url, None, first, commits[-1])
    assert found is not None
    assert found.total == 25
    assert [change.commit for change in found.newest] == commits[:4:-1]


HOSTILE = [
    (b"\x1b[31mred\x1b[0m", "Ada <a@b>"),
    (b"line\x07 one\r\nline two", "Ada\x1b[2J <a@b>"),
    (b"%H%x00%s %n$(touch x)", "%an%x00 <a@b>"),
    ("👩\u200d💻 ünïcode \u202egnp.exe".encode(), "Zoë 漢字 <a@b>"),
    (b"\xff\xfe\xc3(", "Ada <a@b>"),
    (b"s" * 5000, "n" * 5000 + " <a@b>"),
    (b"", " <>"),
    (b"before\0after", "Ada <a@b>"),
    (b"a" * 40 + b"\0" + b"b" * 40, "c" * 40 + " <a@b>"),
]


async def test_hostile_subjects_and_authors_stay_inside_of_their_fields(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    commits = [
        site.commit({"a": str(number)}, message, author=author) for number, (message, author) in enumerate(HOSTILE)
    ]
    found = await git.changes(site.url, None, first, commits[-1])
    assert found is not None
    assert [change.commit for change in found.newest] == commits[::-1]
    assert all(len(change.author) <= 128 and len(change.subject) <= 200 for change in found.newest)
    shown = "".join(change.author + change.subject for change in found.newest)
    assert [c for c in shown if ord(c) < 32 or c in "\x7f\x9b\u202e"] == []
    assert "👩\u200d💻 ünïcode gnp.exe" in shown


async def test_after_a_force_push_the_old_commit_is_still_compared_with(git: GitCli, site: Repository) -> None:
    first = site.head() or ""
    lost = site.commit({"a": "2"}, "Lost")
    new = site.commit({"a": "3"}, "New", parent=first)
    found = await git.changes(site.url, None, lost, new)
    assert found is not None
    assert [change.subject for change in found.newest] == ["New"]


async def test_changes_against_an_unknown_commit_are_unknown(git: GitCli, site: Repository) -> None:
    assert await git.changes(site.url, None, UNKNOWN, site.head() or "") is None


@pytest.mark.parametrize("commit", ["", "--all", "-x", "master", "a" * 12, "a" * 40 + "\n"])
async def test_what_is_no_commit_id_is_compared_with_nothing(
    git: GitCli, site: Repository, server: GitServer, commit: str
) -> None:
    assert await git.changes(site.url, None, commit, site.head() or "") is None
    assert server.requests == []


async def test_commits_that_are_known_are_not_fetched_again(git: GitCli, site: Repository, server: GitServer) -> None:
    first = site.head() or ""
    second = site.commit({"a": "2"})
    before = await git.changes(site.url, None, first, second)
    server.requests.clear()
    assert await git.changes(site.url, None, first, second) == before
    assert server.requests == []


async def test_trees_and_files_are_never_fetched(git: GitCli, site: Repository, tmp_path: Path) -> None:
    site.commit({"a": "2"})
    assert isinstance(await resolve(git, site, site.head() or ""), Resolved)
    (path,) = (tmp_path / "cache" / "git").iterdir()
    found = await process.run_git(
        (f"--git-dir={path}", "cat-file", "--batch-check=%(objecttype)", "--batch-all-objects"),
        process.environment(process.NO_PROTOCOL),
        10,
    )
    assert set(found.output.split()) == {b"commit"}


async def test_two_calls_at_once_make_one_mirror(git: GitCli, site: Repository, server: GitServer) -> None:
    first = site.head() or ""
    second = site.commit({"a": "2"})
    one, two, three = await asyncio.gather(
        git.changes(site.url, None, first, second),
        git.changes(site.url, None, first, second),
        resolve(git, site, first),
    )
    assert one == two
    assert one is not None
    assert three == Resolved(first, first)
    assert len([request for request in server.requests if request.startswith("GET")]) == 1


async def test_what_git_has_said_of_commits_is_not_asked_again(
    git: GitCli, site: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = site.head() or ""
    second = site.commit({"a": "2"})
    said = await git.changes(site.url, None, first, second), await resolve(git, site, first)

    async def never(*arguments: object) -> process.Finished:
        raise AssertionError(arguments)

    monkeypatch.setattr(mirror, "run_git", never)
    assert (await git.changes(site.url, None, first, second), await resolve(git, site, first)) == said


async def test_two_repositories_have_two_mirrors(git: GitCli, site: Repository, server: GitServer) -> None:
    other = server.repository("other")
    other.commit({"b": "1"}, "Elsewhere")
    assert refused(await resolve(git, site, other.head() or "")).reason is Reason.RefNotFound
    assert isinstance(await resolve(git, other, other.head() or ""), Resolved)


# --- a mirror is only a cache -----------------------------------------------------------------------------------------


def _a_file_in_its_place(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("?")


def _a_half_made_one_in_its_place(path: Path) -> None:
    shutil.rmtree(path)
    path.with_suffix(".new").mkdir()


def _packs_cut_off(path: Path) -> None:
    for pack in path.glob("objects/pack/*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:20])


def _indexes_garbled(path: Path) -> None:
    for index in path.glob("objects/pack/*.idx"):
        index.chmod(0o600)
        index.write_bytes(b"garbage" * 200)


BREAKS: dict[str, Callable[[Path], object]] = {
    "everything is gone": shutil.rmtree,
    "HEAD is gone": lambda path: (path / "HEAD").unlink(),
    "HEAD is garbage": lambda path: (path / "HEAD").write_bytes(b"\0\xff"),
    "the settings are garbage": lambda path: (path / "config").write_text("[[["),
    "the objects are gone": lambda path: shutil.rmtree(path / "objects"),
    "the packs are gone": lambda path: shutil.rmtree(path / "objects" / "pack"),
    "the packs are cut off": _packs_cut_off,
    "the indexes are garbled": _indexes_garbled,
    "a branch is garbage": lambda path: (path / "refs/heads/master").write_text("?"),
    "a lock was left": lambda path: (path / "refs/heads/master.lock").touch(),
    "it is a file": _a_file_in_its_place,
    "a half-made one was left": _a_half_made_one_in_its_place,
}


@pytest.mark.parametrize("damage", BREAKS)
async def test_a_broken_mirror_is_made_again(git: GitCli, site: Repository, tmp_path: Path, damage: str) -> None:
    first = site.head() or ""
    second = site.commit({"a": "2"}, "Second")
    assert await git.changes(site.url, None, first, second) is not None
    (path,) = (tmp_path / "cache" / "git").iterdir()
    BREAKS[damage](path)
    found = await git.changes(site.url, None, first, second)
    assert found is not None
    assert [change.subject for change in found.newest] == ["Second"]
    third = site.commit({"a": "3"}, "Third")
    found = await git.changes(site.url, None, first, third)
    assert found is not None
    assert [change.subject for change in found.newest] == ["Third", "Second"]
    assert await resolve(git, site, first, containing=True) == Resolved(first, first, ("refs/heads/master",))


async def test_a_branch_may_become_a_directory_of_branches(git: GitCli, site: Repository) -> None:
    commit = site.head() or ""
    site.branch("a", commit)
    assert isinstance(await resolve(git, site, commit, containing=True), Resolved)
    site.delete("a")
    site.branch("a/b", commit)
    found = await resolve(git, site, commit, containing=True)
    assert found == Resolved(commit, commit, ("refs/heads/a/b", "refs/heads/master"))


async def test_a_cache_directory_that_cannot_be_used_is_an_answer_too(site: Repository, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    git = GitCli(tmp_path / "file" / "cache", allow_insecure=True)
    found = refused(await resolve(git, site, site.head() or ""))
    assert found.reason is Reason.SourceUnreachable
    assert "cannot run git" in found.message


async def test_without_git_the_answer_says_so(git: GitCli, site: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    found = refused(await resolve(git, site, "master"))
    assert "cannot run git" in found.message


# --- servers in trouble -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (301, (Reason.SourceNotFound, False)),
        (403, (Reason.SourceAuthenticationFailed, False)),
        (404, (Reason.SourceNotFound, False)),
        (429, (Reason.SourceUnreachable, True)),
        (500, (Reason.SourceUnreachable, True)),
        (503, (Reason.SourceUnreachable, True)),
    ],
)
async def test_a_servers_trouble_has_a_reason(
    site: Repository, server: GitServer, tmp_path: Path, status: int, answer: tuple[Reason, bool]
) -> None:
    git = GitCli(tmp_path / "cache", allow_insecure=True)
    server.status = status
    for ref in ("master", site.head() or ""):
        found = refused(await resolve(git, site, ref))
        assert (found.reason, found.passing) == answer


async def test_a_missing_repository_is_not_found(git: GitCli, server: GitServer) -> None:
    found = refused(await git.resolve(f"{server.url}/nothing.git", None, "master", list_containing=False))
    assert found.reason is Reason.SourceNotFound


async def test_a_redirect_is_not_followed(git: GitCli, site: Repository, server: GitServer) -> None:
    found = refused(await git.resolve(f"{server.url}/moved/site.git", None, "master", list_containing=False))
    assert found.reason is Reason.SourceNotFound
    assert "another address" in found.message
    assert server.requests == ["GET /moved/site.git/info/refs?service=git-upload-pack"]


async def test_a_server_that_is_gone_is_unreachable(git: GitCli) -> None:
    found = refused(await git.resolve("http://127.0.0.1:1/site.git", None, "master", list_containing=False))
    assert (found.reason, found.passing) == (Reason.SourceUnreachable, True)


async def test_a_name_that_dns_does_not_know_is_unreachable(git: GitCli) -> None:
    found = refused(await git.resolve("https://nowhere.invalid/site.git", None, "master", list_containing=False))
    assert (found.reason, found.passing) == (Reason.SourceUnreachable, True)


@pytest.mark.parametrize("by_name", [True, False])
async def test_a_slow_server_is_given_up_and_leaves_no_process(
    site: Repository, server: GitServer, tmp_path: Path, by_name: bool
) -> None:
    git = GitCli(tmp_path / "cache", allow_insecure=True, list_seconds=0.3, fetch_seconds=0.3)
    server.delay = 30
    async with asyncio.timeout(5):
        found = refused(await resolve(git, site, "master" if by_name else site.head() or ""))
    assert (found.reason, found.passing) == (Reason.SourceUnreachable, True)
    assert "did not finish within 0.3 s" in found.message
    assert running_git(site.url) == []


async def test_a_slow_server_has_no_changes(site: Repository, server: GitServer, tmp_path: Path) -> None:
    git = GitCli(tmp_path / "cache", allow_insecure=True, fetch_seconds=0.3)
    server.delay = 30
    assert await git.changes(site.url, None, UNKNOWN, site.head() or "") is None
    server.delay = 0
    patient = GitCli(tmp_path / "cache", allow_insecure=True)
    assert isinstance(await resolve(patient, site, site.head() or ""), Resolved)


async def test_a_call_that_is_cancelled_leaves_no_process_and_no_file(
    server: GitServer, site: Repository, git: GitCli, tmp_path: Path
) -> None:
    server.delay = 30
    secret = {"password": PASSWORD.encode(), "caFile": b"PEM"}
    call = asyncio.create_task(git.resolve(site.url, secret, "master", list_containing=False))
    await until(lambda: server.requests and running_git(site.url))
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert running_git(site.url) == []
    assert list((tmp_path / "cache" / "logins").iterdir()) == []


async def test_a_cancelled_fetch_does_not_block_the_next(server: GitServer, site: Repository, git: GitCli) -> None:
    server.delay = 30
    call = asyncio.create_task(resolve(git, site, site.head() or ""))
    await until(lambda: server.requests)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    server.delay = 0
    assert isinstance(await resolve(git, site, site.head() or ""), Resolved)


async def test_a_server_that_says_too_much_is_given_up(
    git: GitCli, site: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "OUTPUT_LIMIT", 10)
    found = refused(await resolve(git, site, "master"))
    assert (found.reason, found.passing) == (Reason.SourceUnreachable, True)
    assert running_git(site.url) == []


# --- logins -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "repositories", user="ada", password=PASSWORD) as running:
        yield running


async def test_the_right_password_opens_a_closed_repository(git: GitCli, closed: GitServer) -> None:
    site = closed.repository("site")
    first = site.commit({"a": "1"})
    second = site.commit({"a": "2"})
    secret = {"username": b"ada", "password": PASSWORD.encode() + b"\n"}
    assert await git.resolve(site.url, secret, "master", list_containing=False) == Resolved("refs/heads/master", second)
    assert isinstance(await git.resolve(site.url, secret, first, list_containing=True), Resolved)
    found = await git.changes(site.url, secret, first, second)
    assert found is not None
    assert found.total == 1


@pytest.mark.parametrize("secret", [None, {"username": b"ada", "password": b"wrong"}, {"password": PASSWORD.encode()}])
async def test_without_the_right_password_the_login_has_failed(
    git: GitCli, closed: GitServer, secret: dict[str, bytes] | None
) -> None:
    site = closed.repository("site")
    commit = site.commit({"a": "1"})
    for ref in ("master", commit):
        found = refused(await git.resolve(site.url, secret, ref, list_containing=False))
        assert (found.reason, found.passing) == (Reason.SourceAuthenticationFailed, False)
    assert await git.changes(site.url, secret, UNKNOWN, commit) is None


async def test_a_password_is_never_in_a_command_line_or_a_mirror(
    git: GitCli, closed: GitServer, tmp_path: Path
) -> None:
    site = closed.repository("site")
    commit = site.commit({"a": "1"})
    secret = {"username": b"ada", "password": PASSWORD.encode()}
    closed.delay = 0.3
    call = asyncio.create_task(git.resolve(site.url, secret, commit, list_containing=True))
    await until(lambda: closed.requests and running_git(site.url))
    lines = "".join(running_git(site.url))
    assert isinstance(await call, Resolved)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())
    for canary in (PASSWORD, LOGIN):
        assert canary not in lines
        assert canary.encode() not in kept


@pytest.mark.parametrize("status", [400, 401, 403, 418, 500])
async def test_a_server_that_repeats_the_login_does_not_get_it_into_a_message(
    git: GitCli, closed: GitServer, capfd: pytest.CaptureFixture[str], status: int
) -> None:
    site = closed.repository("site")
    commit = site.commit({"a": "1"})
    closed.status, closed.echo = status, "Sent: {authorization} " + PASSWORD
    secret = {"username": b"ada", "password": PASSWORD.encode()}
    for ref in ("master", commit):
        refused(await git.resolve(site.url, secret, ref, list_containing=True))
    assert await git.changes(site.url, secret, UNKNOWN, commit) is None
    logged = "".join(capfd.readouterr())
    assert "could not be listed" in logged
    assert PASSWORD not in logged
    assert LOGIN not in logged


async def test_a_certificate_that_nobody_knows_names_the_way_out(tmp_path: Path, git: GitCli) -> None:
    secret = {"caFile": b"no certificate"}
    found = refused(await git.resolve("https://127.0.0.1:1/site.git", secret, "master", list_containing=False))
    assert found.reason is Reason.SourceUnreachable
    assert list((tmp_path / "cache" / "logins").iterdir()) == []


# --- ssh --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshGitServer]:
    directory = tmp_path_factory.mktemp("ssh")
    repository = Repository(directory / "site.git", "")
    repository.commit({"a": "1"}, "First")
    repository.commit({"a": "2"}, "Second")
    with SshGitServer(directory / "keys", directory) as running:
        yield running


async def test_a_key_opens_a_repository_over_ssh(git: GitCli, ssh: SshGitServer) -> None:
    found = await git.resolve(ssh.url("site"), ssh.secret, "master", list_containing=False)
    assert isinstance(found, Resolved)
    again = await git.resolve(ssh.url("site"), ssh.secret, found.commit, list_containing=True)
    assert again == Resolved(found.commit, found.commit, ("refs/heads/master",))


@pytest.mark.parametrize("known_hosts", [b"other.example.com ssh-ed25519 AAAA\n", b"# nothing\n"])
async def test_a_server_with_an_unknown_host_key_is_not_trusted(
    git: GitCli, ssh: SshGitServer, known_hosts: bytes
) -> None:
    secret = ssh.secret | {"known_hosts": known_hosts}
    found = refused(await git.resolve(ssh.url("site"), secret, "master", list_containing=False))
    assert (found.reason, found.passing) == (Reason.SourceAuthenticationFailed, False)
    assert "host key" in found.message


async def test_a_changed_host_key_is_not_trusted(git: GitCli, ssh: SshGitServer, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    kind, key = (tmp_path / "other.pub").read_text().split()[:2]
    host = ssh.secret["known_hosts"].split()[0].decode()
    secret = ssh.secret | {"known_hosts": f"{host} {kind} {key}\n".encode()}
    found = refused(await git.resolve(ssh.url("site"), secret, "master", list_containing=False))
    assert found.reason is Reason.SourceAuthenticationFailed
    assert "host key" in found.message


async def test_a_key_that_the_server_does_not_know_is_refused(git: GitCli, ssh: SshGitServer, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    secret = ssh.secret | {"identity": (tmp_path / "other").read_bytes()}
    found = refused(await git.resolve(ssh.url("site"), secret, "master", list_containing=False))
    assert (found.reason, found.passing) == (Reason.SourceAuthenticationFailed, False)
    assert "deploy key" in found.message


async def test_an_identity_that_is_no_key_is_told_so(git: GitCli, ssh: SshGitServer) -> None:
    secret = ssh.secret | {"identity": b"garbage"}
    found = refused(await git.resolve(ssh.url("site"), secret, "master", list_containing=False))
    assert found.reason is Reason.SourceAuthenticationFailed
    assert "private key" in found.message


async def test_a_repository_that_ssh_does_not_find_is_not_found(git: GitCli, ssh: SshGitServer) -> None:
    found = refused(await git.resolve(ssh.url("nothing"), ssh.secret, "master", list_containing=False))
    assert found.reason is Reason.SourceNotFound


# --- hostile input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ref",
    ["--upload-pack=touch {canary}", "-x", "a\nb", "$(touch {canary})", "; touch {canary}", "`touch {canary}`", "x\0y"],
)
async def test_a_hostile_ref_runs_nothing(
    git: GitCli, site: Repository, server: GitServer, tmp_path: Path, ref: str
) -> None:
    canary = tmp_path / "canary"
    found = refused(await resolve(git, site, ref.format(canary=canary)))
    assert found.reason is Reason.InvalidRef
    assert server.requests == []
    assert not canary.exists()


@pytest.mark.parametrize(
    "url",
    [
        "--upload-pack=touch {canary}",
        "ext::sh -c 'touch {canary}'",
        "ext::sh -c touch% {canary}",
        "ssh://-oProxyCommand=touch%20{canary}/x",
        "ssh://x/$(touch {canary})",
        "file://{canary}",
        "{canary}",
        "http://127.0.0.1/a\n--upload-pack=touch {canary}",
        "fd::17",
    ],
)
async def test_a_hostile_address_starts_no_process(
    git: GitCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    async def never(*arguments: object) -> process.Finished:
        raise AssertionError(arguments)

    monkeypatch.setattr(remote, "run_git", never)
    monkeypatch.setattr(mirror, "run_git", never)
    canary = tmp_path / "canary"
    secret = {"identity": b"k", "known_hosts": b"h", "password": b"x"}
    for ref in ("master", UNKNOWN):
        found = refused(await git.resolve(url.format(canary=canary), secret, ref, list_containing=True))
        assert found.reason is Reason.SourceNotAllowed
    assert await git.changes(url.format(canary=canary), secret, UNKNOWN, "2" * 40) is None
    assert not canary.exists()


@pytest.mark.parametrize("url", ["--upload-pack=touch {canary} x", "ext::sh -c 'touch {canary}'", "file:///"])
async def test_git_itself_would_not_run_a_hostile_address_either(tmp_path: Path, url: str) -> None:
    canary = tmp_path / "canary"
    arguments = ("ls-remote", "--", url.format(canary=canary), "master")
    finished = await process.run_git(arguments, process.environment("https:ssh"), 10)
    assert finished.code != 0
    assert not canary.exists()


async def test_plain_http_is_not_spoken_unless_allowed(site: Repository, server: GitServer, tmp_path: Path) -> None:
    git = GitCli(tmp_path / "cache", allow_insecure=False)
    found = refused(await resolve(git, site, "master"))
    assert found.reason is Reason.SourceNotAllowed
    assert "BRANDRELEASE_ALLOW_INSECURE_SOURCES" in found.message
    assert server.requests == []


async def test_the_repository_of_the_working_directory_and_the_home_are_not_read(
    git: GitCli, site: Repository, server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = server.repository("other")
    setting = f'[url "{other.url}"]\n\tinsteadOf = {site.url}\n'
    home = tmp_path / "home"
    (home / ".git" / "objects").mkdir(parents=True)
    (home / ".git" / "refs").mkdir()
    (home / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (home / ".git" / "config").write_text(setting)
    (home / ".gitconfig").write_text(setting)
    monkeypatch.chdir(home)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{other.url}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", site.url)
    assert isinstance(await resolve(git, site, "master"), Resolved)
    assert isinstance(await resolve(git, site, site.head() or ""), Resolved)


# --- whether it answers at all ----------------------------------------------------------------------------------------


async def test_a_repository_that_answers_is_no_trouble_also_while_it_is_empty(git: GitCli, server: GitServer) -> None:
    repository = server.repository("empty")
    assert await git.trouble(repository.url, None) is None
    repository.commit({"a": "1"})
    assert await git.trouble(repository.url, None) is None
    assert not [request for request in server.requests if "git-receive-pack" in request]


async def test_why_a_repository_cannot_be_read_is_told_in_the_words_of_a_release(
    git: GitCli, server: GitServer
) -> None:
    missing = await git.trouble(f"{server.url}/missing.git", None)
    assert refused(missing or Resolved("", "")).reason is Reason.SourceNotFound
    forbidden = await GitCli(git._logins.parent / "strict", allow_insecure=False).trouble(
        f"{server.url}/site.git", None
    )
    assert refused(forbidden or Resolved("", "")).reason is Reason.SourceNotAllowed
    server.login = LOGIN
    locked = await git.trouble(f"{server.url}/site.git", None)
    assert refused(locked or Resolved("", "")).reason is Reason.SourceAuthenticationFailed
    server.repository("site").commit({"a": "1"})
    assert await git.trouble(f"{server.url}/site.git", {"username": b"ada", "password": PASSWORD.encode()}) is None
