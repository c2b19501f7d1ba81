"""The history of one repository on disk: its commits without trees and files, which is little and fetched in no time.

A mirror is a cache. It may be lost, half made or broken at any time, and then it is thrown away and made again.
"""

import asyncio
import hashlib
import shutil
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from brandrelease.adapters.git.commits import LOG_FORMAT, UnreadableLog, read_log
from brandrelease.adapters.git.credentials import Login
from brandrelease.adapters.git.errors import SourceTrouble, recognise, unrecognised
from brandrelease.adapters.git.findings import Findings
from brandrelease.adapters.git.lineage import (
    PHRASE,
    REVERT_FORMAT,
    REVERTS_LIMIT,
    Graph,
    Revert,
    read_graph,
    read_reverts,
    reverted,
)
from brandrelease.adapters.git.process import NO_PROTOCOL, Finished, environment, run_git
from brandrelease.adapters.git.refs import HEADS, TAGS, commit_id
from brandrelease.apis.progress import CHANGES_LIMIT
from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import Changes, Lineage, Suspect, Unresolved
from brandrelease.core.words import short

REMEMBERED: Final = 10
"""Commits of a mirror: those of the releases that are under way, as a rule."""

LOCAL_SECONDS: Final = 30.0
"""Limit for a command that only reads the mirror: milliseconds in practice, seconds with 100,000s of commits."""

_FETCH: Final = (
    "fetch",
    "--quiet",
    "--filter=tree:0",
    "--no-tags",  # they are asked for by name below; this only stops git from adding others by itself
    "--no-write-fetch-head",
    "--no-recurse-submodules",
)
_ALL_REFS: Final = (f"+{HEADS}*:{HEADS}*", f"+{TAGS}*:{TAGS}*")

_LOOK_UP: Final = ("rev-list", "--no-walk", "--ignore-missing", "--missing=allow-any")
"""Says which objects are there. `cat-file` and `log` would go through all of history to learn why one is missing."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository as one call may reach it. environment: git's, with the login. seconds: limit of a fetch."""

    url: str
    login: Login
    environment: Mapping[str, str]
    seconds: float

    def trouble(self, finished: Finished) -> SourceTrouble | None:
        """What the server or the network did wrong, if that is what made git fail."""
        with_login = self.login != Login()
        known = recognise(self.url, self.login.redact(finished.errors), with_login=with_login)
        return SourceTrouble(known) if known else None

    def unforeseen(self, finished: Finished) -> SourceTrouble:
        """What is said where git failed in a way that nobody foresaw."""
        return SourceTrouble(unrecognised(self.url, finished.code, self.login.redact(finished.errors)))


class Broken(Exception):
    """git could not use the mirror."""

    def __init__(self, finished: Finished) -> None:
        super().__init__("git could not use its mirror")
        self.finished = finished


class Mirrors:
    """All mirrors of this process; nobody else may use the directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._mirrors: dict[str, Mirror] = {}

    def of(self, url: str) -> "Mirror":
        """The mirror of a repository, whether or not it is on disk yet."""
        key = hashlib.sha256(url.encode()).hexdigest()[:40]
        return self._mirrors.setdefault(key, Mirror(self._directory / key))


class Mirror:
    """One mirror. Calls take turns: git locks parts of a repository, and two fetches would load the same twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = asyncio.Lock()
        self._commits_asked_for: Findings[str] = Findings()
        self._changes_asked_for: Findings[Changes] = Findings()
        self._here: deque[str] = deque(maxlen=REMEMBERED)
        """Commits that were found in the mirror that is on disk."""

    async def refs_containing(self, remote: Remote, name: str) -> tuple[str, tuple[str, ...]]:
        """The commit with this id, and the full names of the refs that contain it, as they are at the server now.

        The id of an annotated tag stands for its commit. Raises SourceTrouble.
        """

        async def work() -> tuple[str, tuple[str, ...]]:
            await self._fetch_all(remote)
            commit = await self._commit(remote, name)
            arguments = ("for-each-ref", f"--contains={commit}", "--format=%(refname)", HEADS, TAGS)
            names = (await self._local(*arguments)).decode(errors="replace").splitlines()
            return commit, tuple(names)

        return await self._repaired(remote, work)

    async def commit(self, remote: Remote, name: str) -> str:
        """The commit with this id; the server is not asked if it is known from before. Raises SourceTrouble."""
        return await self._found_out(self._commits_asked_for, name, remote, lambda: self._commit(remote, name))

    async def changes(self, remote: Remote, old: str, new: str) -> Changes:
        """The commits that are in `new` and not in `old`. Raises SourceTrouble."""

        async def work() -> Changes:
            await self._have(remote, (old, new))
            span = f"{old}..{new}"
            count, log = await asyncio.gather(
                self._local("rev-list", "--count", span, "--"),
                # A mail map would be looked for in the tree of HEAD, and there are no trees.
                self._local(
                    "log",
                    "-z",
                    "--no-mailmap",
                    "--encoding=UTF-8",
                    f"--max-count={CHANGES_LIMIT}",
                    f"--format={LOG_FORMAT}",
                    span,
                    "--",
                ),
            )
            return Changes(int(count), read_log(log))

        return await self._found_out(self._changes_asked_for, (old, new), remote, work)

    async def lineage(self, remote: Remote, commit: str, suspects: Sequence[Suspect]) -> Lineage:
        """Which suspects the commit contains, and which of those it undoes; see `lineage.reverted`.

        A suspect or a base that the mirror lacks is not asked for: who has a commit has all that it contains. A few git
        processes, however many suspects; the part of the history since the oldest of them must fit into OUTPUT_LIMIT,
        which some 90,000 commits do. Raises SourceTrouble.
        """

        async def work() -> Lineage:
            await self._have(remote, (commit,))
            contained = await self._contained(commit, await self._present(suspects))
            if not contained:
                return Lineage()
            graph, reverts = await self._reverts(commit, contained)
            names = tuple(suspect.commit for suspect in contained)
            return Lineage(names, reverted(graph, reverts, contained))

        return await self._repaired(remote, work)

    async def _present(self, suspects: Sequence[Suspect]) -> list[Suspect]:
        """The suspects that the mirror has; a base that it lacks is as none."""
        present = await self._commits(name for suspect in suspects for name in (suspect.commit, suspect.base) if name)
        return [
            Suspect(suspect.commit, suspect.base if suspect.base in present else None)
            for suspect in suspects
            if suspect.commit in present
        ]

    async def _commits(self, names: Iterable[str]) -> set[str]:
        """Those of the names that are ids of commits in the mirror."""
        ids = {name for name in names if commit_id(name) == name}
        return ids & set((await self._local(*_LOOK_UP, *sorted(ids), "--")).decode().split()) if ids else set()

    async def _contained(self, commit: str, suspects: Sequence[Suspect]) -> list[Suspect]:
        """The suspects that the commit contains: not one that is beyond it."""
        if not suspects:
            return []
        output = await self._local("rev-list", *(suspect.commit for suspect in suspects), "--not", commit, "--")
        beyond = set(output.decode().split())
        return [suspect for suspect in suspects if suspect.commit not in beyond]

    async def _reverts(self, commit: str, suspects: Sequence[Suspect]) -> tuple[Graph, tuple[Revert, ...]]:
        """The history of the commit and of the bases, down to where all suspects and bases meet, and what it reverts."""
        bases = [suspect.base for suspect in suspects if suspect.base]
        below = await self._below([*(suspect.commit for suspect in suspects), *bases])
        graph, log = await asyncio.gather(
            self._local("rev-list", "--topo-order", "--parents", commit, *bases, *below, "--"),
            self._local(
                "log",
                "-z",
                "--topo-order",
                "--no-mailmap",
                "--encoding=UTF-8",
                "--fixed-strings",
                f"--grep={PHRASE}",
                f"--max-count={REVERTS_LIMIT}",
                f"--format={REVERT_FORMAT}",
                commit,
                *below,
                "--",
            ),
        )
        return read_graph(graph), read_reverts(log)

    async def _below(self, commits: Sequence[str]) -> tuple[str, ...]:
        """What is older than all of these, to be left out of a walk: the parents of a commit that they all contain."""
        finished = await self._run("merge-base", "--octopus", *commits)
        if finished.code not in {0, 1}:
            raise Broken(finished)
        return tuple(f"^{common}^@" for common in finished.output.decode().split())

    async def _found_out(
        self, findings: Findings[T], question: Hashable, remote: Remote, work: Callable[[], Awaitable[T]]
    ) -> T:
        """Do the work, but for what was found out before, or while this call waited for its turn."""

        async def once() -> T:
            known = findings.get(question)
            return findings.keep(question, await work()) if known is None else known

        known = findings.get(question)
        return await self._repaired(remote, once) if known is None else known

    async def _repaired(self, remote: Remote, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work; if the mirror turns out to be broken, make it anew and do the work once more."""
        async with self._turn:
            try:
                await self._make()
                return await work()
            except (Broken, UnreadableLog):
                self._here.clear()
                await asyncio.to_thread(_throw_away, self._path)
            try:
                await self._make()
                return await work()
            except Broken as error:
                raise remote.unforeseen(error.finished) from None
            except UnreadableLog as error:
                raise SourceTrouble(unrecognised(remote.url, 0, f"fatal: {error}")) from None

    async def _make(self) -> None:
        """Make an empty mirror if there is none. It appears at its place whole or not at all."""
        if (self._path / "HEAD").is_file() and (self._path / "objects").is_dir():
            return
        half = self._path.with_suffix(".new")
        for leftover in (self._path, half):
            await asyncio.to_thread(_throw_away, leftover)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        arguments = ("init", "--quiet", "--bare", "--template=", "--initial-branch=none", "--", str(half))
        finished = await run_git(arguments, environment(NO_PROTOCOL), LOCAL_SECONDS)
        if finished.code:
            raise Broken(finished)
        half.rename(self._path)

    async def _commit(self, remote: Remote, name: str) -> str:
        if commit := await self._commit_here(name):
            return commit
        await self._fetch_all(remote)
        if commit := await self._commit_here(name):
            return commit
        await self._fetch_missing(remote, (name,))
        if commit := await self._commit_here(name):
            return commit
        message = f"{short(name)} is no commit of {remote.url}, but a directory or a file. Write the id of a commit."
        raise SourceTrouble(Unresolved(Reason.RefNotFound, message, passing=False))

    async def _commit_here(self, name: str) -> str:
        """The commit where the id is a tag's; nothing where it is a tree's or a file's, or where the mirror lacks it."""
        commit = (await self._local(*_LOOK_UP, name, "--")).decode().strip()
        if commit:
            self._here.append(commit)
        return commit

    async def _have(self, remote: Remote, commits: Sequence[str]) -> None:
        """See that the mirror has these commits; as a rule with one fetch, of all refs, so that the next is short."""
        unknown = [commit for commit in commits if commit not in self._here]
        if unknown and (missing := await self._missing(unknown)):
            await self._fetch_all(remote)
            await self._fetch_missing(remote, missing)
        self._here.extend(unknown)

    async def _fetch_all(self, remote: Remote) -> None:
        await self._fetch(remote, "--prune", "--", remote.url, *_ALL_REFS)

    async def _fetch_missing(self, remote: Remote, commits: Sequence[str]) -> None:
        """Those that are in no branch or tag any more, for example after a force-push."""
        for commit in await self._missing(commits):
            await self._fetch_commit(remote, commit)

    async def _fetch_commit(self, remote: Remote, commit: str) -> None:
        try:
            await self._fetch(remote, "--", remote.url, commit)
        except SourceTrouble as trouble:
            if trouble.answer.reason is not Reason.RefNotFound:
                raise
            message = f"{remote.url} does not have the commit {commit}. Push it, or write another ref."
            raise SourceTrouble(Unresolved(Reason.RefNotFound, message, passing=False)) from None

    async def _missing(self, commits: Sequence[str]) -> list[str]:
        output = await self._local(*_LOOK_UP, "--objects", *commits, "--")
        present = {line.split(" ", 1)[0] for line in output.decode(errors="replace").splitlines()}
        return [commit for commit in commits if commit not in present]

    async def _fetch(self, remote: Remote, *arguments: str) -> None:
        command = (f"--git-dir={self._path}", *_FETCH, *arguments)
        finished = await run_git(command, remote.environment, remote.seconds)
        if finished.code:
            raise remote.trouble(finished) or Broken(finished)

    async def _local(self, *arguments: str) -> bytes:
        finished = await self._run(*arguments)
        if finished.code:
            raise Broken(finished)
        return finished.output

    async def _run(self, *arguments: str) -> Finished:
        return await run_git((f"--git-dir={self._path}", *arguments), environment(NO_PROTOCOL), LOCAL_SECONDS)


def _throw_away(path: Path) -> None:
    """Delete whatever is there. Raises OSError if it cannot be deleted."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
