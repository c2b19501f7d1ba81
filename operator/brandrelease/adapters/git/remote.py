"""The port `GitRemote` on the git program."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from brandrelease.adapters.git.addresses import address_problem, protocols
from brandrelease.adapters.git.credentials import login, unpacked
from brandrelease.adapters.git.errors import SourceTrouble, cannot_run, overrun
from brandrelease.adapters.git.mirror import Mirrors, Remote
from brandrelease.adapters.git.process import Overrun, environment, run_git
from brandrelease.adapters.git.refs import answer, candidates, commit_id, list_options, list_patterns, ref_problem
from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import Changes, Lineage, Resolution, Resolved, Suspect, Unresolved
from brandrelease.core.words import short
from brandrelease.ports import Secret

LIST_SECONDS: Final = 30.0
FETCH_SECONDS: Final = 120.0

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")

log = structlog.get_logger(__name__)


class GitCli:
    """Asks git servers with the git program. A branch or tag costs one `git ls-remote`; the mirrors are for commits.

    cache_dir: for the mirrors and, during a call, for the files of a login. No other process may use it. list_seconds
    and fetch_seconds: limits of one `git ls-remote` and one `git fetch`.
    """

    def __init__(
        self,
        cache_dir: Path,
        *,
        allow_insecure: bool,
        list_seconds: float = LIST_SECONDS,
        fetch_seconds: float = FETCH_SECONDS,
    ) -> None:
        self._mirrors = Mirrors(cache_dir / "git")
        self._logins = cache_dir / "logins"
        self._allow_insecure = allow_insecure
        self._list_seconds, self._fetch_seconds = list_seconds, fetch_seconds

    async def resolve(self, url: str, secret: Secret | None, ref: str, *, list_containing: bool) -> Resolution:
        """What the ref points to now; see the port. A commit id is only looked for, so it needs the mirror."""
        if problem := ref_problem(ref):
            return problem
        try:
            with self._reach(url, secret) as remote:
                if commit := commit_id(ref):
                    return await self._resolve_commit(remote, commit, list_containing=list_containing)
                return await self._resolve_name(remote, ref)
        except SourceTrouble as trouble:
            return trouble.answer

    async def trouble(self, url: str, secret: Secret | None) -> Unresolved | None:
        """Why the repository cannot be read; None where it can, also where it is empty."""
        try:
            with self._reach(url, secret) as remote:
                arguments = ("ls-remote", "--quiet", "--", remote.url, "HEAD")
                finished = await run_git(arguments, remote.environment, self._list_seconds)
                if finished.code:
                    raise remote.trouble(finished) or remote.unforeseen(finished)
        except SourceTrouble as trouble:
            return trouble.answer
        return None

    async def changes(self, url: str, secret: Secret | None, old: str, new: str) -> Changes | None:
        """The commits that are in `new` and not in `old`; None, and a line in the log, if that cannot be found out."""
        if not (_COMMIT.fullmatch(old) and _COMMIT.fullmatch(new)):
            return None
        try:
            with self._reach(url, secret) as remote:
                return await self._mirrors.of(url).changes(remote, old, new)
        except SourceTrouble as trouble:
            answer_ = trouble.answer
            log.warning(
                "The changes of a release could not be listed.",
                old=short(old),
                new=short(new),
                reason=answer_.reason.value,
                cause=answer_.message,
            )
            return None

    async def lineage(
        self, url: str, secret: Secret | None, commit: str, suspects: Sequence[Suspect]
    ) -> Lineage | Unresolved:
        """Which of the suspects the commit contains, and which of those it reverts; see `git.lineage`."""
        if not suspects:
            return Lineage()
        if not _COMMIT.fullmatch(commit):
            message = (
                "What a commit contains is only found out for a full commit id of 40 characters; write such a one."
            )
            return Unresolved(Reason.InvalidRef, message, passing=False)
        try:
            with self._reach(url, secret) as remote:
                return await self._mirrors.of(url).lineage(remote, commit, suspects)
        except SourceTrouble as trouble:
            return trouble.answer

    @contextmanager
    def _reach(self, url: str, secret: Secret | None) -> Iterator[Remote]:
        """The repository, ready to be asked. Everything that can go wrong inside comes out as SourceTrouble."""
        if problem := address_problem(url, allow_insecure=self._allow_insecure):
            raise SourceTrouble(problem)
        granted = login(url, secret)
        if isinstance(granted, Unresolved):
            raise SourceTrouble(granted)
        try:
            with unpacked(granted, self._logins) as variables:
                allowed = protocols(allow_insecure=self._allow_insecure)
                settings = environment(allowed, granted.config, variables)
                yield Remote(url, granted, settings, self._fetch_seconds)
        except Overrun as error:
            raise SourceTrouble(overrun(url, str(error))) from error
        except OSError as error:
            raise SourceTrouble(cannot_run(url, error)) from error

    async def _resolve_name(self, remote: Remote, ref: str) -> Resolution:
        names = candidates(ref)
        arguments = ("ls-remote", "--quiet", *list_options(names), "--", remote.url, *list_patterns(names))
        finished = await run_git(arguments, remote.environment, self._list_seconds)
        if finished.code:
            raise remote.trouble(finished) or remote.unforeseen(finished)
        return answer(remote.url, ref, finished.output)

    async def _resolve_commit(self, remote: Remote, name: str, *, list_containing: bool) -> Resolved:
        mirror = self._mirrors.of(remote.url)
        if list_containing:
            commit, names = await mirror.refs_containing(remote, name)
            return Resolved(commit, commit, names)
        commit = await mirror.commit(remote, name)
        return Resolved(commit, commit)
