"""The step of a build Job that takes the source, run as it is against real git servers: the commit that was resolved, or nothing."""

import subprocess
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from support.git_server import GitServer, Repository

SCRIPT = resources.files("brandrelease.adapters.builders").joinpath("fetch.sh").read_text()
INFRASTRUCTURE, COMMIT_GONE = 70, 71
NEW, OLD = "version 2", "version 0"
"""Of git's protocol. In the old one a server gives away what a ref points to, unless it is told to give more."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "git") as server:
        yield server


@pytest.fixture(params=[NEW, OLD])
def site(request: pytest.FixtureRequest, server: GitServer) -> Repository:
    """A repository with three commits, on a server that gives commits by their ids (NEW) or does not (OLD)."""
    repository = server.repository("site")
    for page in ("one", "two", "three"):
        repository.commit({"page": page}, message=page)
    if request.param == OLD:
        server.speaks_version_2 = False
        repository._git("config", "uploadpack.allowAnySHA1InWant", "false")
    return repository


def fetch(directory: Path, url: str, commit: str) -> subprocess.CompletedProcess[str]:
    """The script, with its directories below one of the test's own, and no pause between its two tries."""
    (directory / "source").mkdir()
    text = SCRIPT.replace("/source", f"{directory}/source").replace("/secrets", f"{directory}/secrets")
    environment = {"PATH": "/usr/bin:/bin", "SOURCE_URL": url, "COMMIT": commit, "TMPDIR": str(directory)}
    command = ("/bin/sh", "-euc", text.replace("sleep 5", "sleep 0"))
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


def page(directory: Path) -> str:
    return (directory / "source" / "tree" / "page").read_text()


def collect_garbage(repository: Repository) -> None:
    """As a server does some weeks after a force-push."""
    repository._git("reflog", "expire", "--expire=now", "--all")
    repository._git("gc", "--quiet", "--prune=now")


def test_a_commit_that_is_no_branchs_newest_any_more_is_built_all_the_same(site: Repository, tmp_path: Path) -> None:
    commit = site._git("rev-parse", "master~1")
    done = fetch(tmp_path, site.url, commit)
    assert done.returncode == 0, done.stdout
    assert page(tmp_path) == "two"
    assert (tmp_path / "source/tree/.git/brandrelease-commit-time").read_text().strip().isdigit()


def test_a_commit_whose_branch_was_force_pushed_is_never_replaced_by_another(site: Repository, tmp_path: Path) -> None:
    commit = site.head() or ""
    site.force_push("master", site._git("rev-parse", "master~1"))
    done = fetch(tmp_path, site.url, commit)
    if done.returncode == 0:  # the server still has it, and gives it by its id
        assert page(tmp_path) == "three"
    else:
        assert done.returncode == COMMIT_GONE, done.stdout
        assert f"error: No branch and no tag has commit {commit} any more." in done.stdout
        assert not (tmp_path / "source/tree/page").exists()


def test_a_commit_that_the_server_has_thrown_away_ends_the_build_with_words_of_its_own(
    site: Repository, tmp_path: Path
) -> None:
    commit = site.head() or ""
    site.force_push("master", site._git("rev-parse", "master~1"))
    collect_garbage(site)
    done = fetch(tmp_path, site.url, commit)
    assert done.returncode == COMMIT_GONE, done.stdout
    assert done.stdout.splitlines()[-1] == f"error: No branch and no tag has commit {commit} any more."


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
def test_a_server_in_trouble_is_asked_twice_and_is_no_commits_fault(
    server: GitServer, tmp_path: Path, status: int
) -> None:
    repository = server.repository("site")
    commit = repository.commit({"page": "one"})
    server.status = status
    done = fetch(tmp_path, repository.url, commit)
    assert done.returncode == INFRASTRUCTURE, done.stdout
    assert "fatal: " in done.stdout
    assert "trying once more" in done.stdout
