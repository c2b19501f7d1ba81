"""Git with the credentials of the person who calls the command: their ssh agent, their credential helper."""

import asyncio
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from brandrelease.cli.exits import Exit, Problem

LIMIT: Final = 300.0
"""Seconds for one command of git: the first fetch of a large repository takes a while."""

ALLOWED: Final = ("https", "ssh", "http")
"""What a Brand's URL may speak; ext:: and file:: run commands or read files."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One line of what would go out."""

    id: str
    author: str
    subject: str


@dataclass(frozen=True, slots=True)
class Difference:
    """From what runs to what would."""

    new: str
    commits: tuple[Commit, ...]
    back: int
    """Commits that run now and are not in the new one: more than none means that it goes back or sideways."""
    files: tuple[str, ...]


async def difference(url: str, old: str, ref: str) -> Difference:
    """What ref has that old has not; raises Problem."""
    mirror = await _mirror(url)
    await _git(mirror, "fetch", "--quiet", "--filter=blob:none", "--no-tags", "origin", ref)
    new = (await _git(mirror, "rev-parse", "--verify", "FETCH_HEAD^{commit}")).strip()
    if not await _has(mirror, old):
        await _git(mirror, "fetch", "--quiet", "--filter=blob:none", "--no-tags", "origin", old)
    told = await _git(mirror, "log", "--format=%H%x00%an%x00%s", f"{old}..{new}", "--")
    back = await _git(mirror, "rev-list", "--count", f"{new}..{old}", "--")
    files = await _git(mirror, "diff", "--name-only", "--no-renames", "-z", old, new, "--")
    commits = tuple(Commit(*line.split("\0", 2)) for line in told.splitlines() if line)
    return Difference(new, commits, int(back), tuple(filter(None, files.split("\0"))))


async def _mirror(url: str) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "brandrelease" / "diff"
    mirror = cache / hashlib.sha256(url.encode()).hexdigest()[:20]
    if not (mirror / "HEAD").exists():
        mirror.mkdir(parents=True, exist_ok=True)
        await _git(mirror, "init", "--quiet", "--bare", ".")
        await _git(mirror, "config", "remote.origin.url", url)  # a blobless mirror fetches what it lacks from there
        await _git(mirror, "config", "remote.origin.promisor", "true")
        await _git(mirror, "config", "remote.origin.partialclonefilter", "blob:none")
    return mirror


async def _has(mirror: Path, commit: str) -> bool:
    try:
        await _git(mirror, "cat-file", "-e", f"{commit}^{{commit}}", lazily=False)
    except Problem:
        return False
    return True


async def _git(mirror: Path, *arguments: str, lazily: bool = True) -> str:
    allowed = [option for name in ALLOWED for option in ("-c", f"protocol.{name}.allow=always")]
    words = ("git", "-c", "protocol.allow=never", *allowed, *arguments)
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", **({} if lazily else {"GIT_NO_LAZY_FETCH": "1"})}
    try:
        running = await asyncio.create_subprocess_exec(
            *words,
            cwd=mirror,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise Problem("The program git is not installed here; 'diff' needs it.", Exit.Unavailable) from error
    try:
        async with asyncio.timeout(LIMIT):
            out, err = await running.communicate()
    except TimeoutError as error:
        running.kill()
        await running.wait()
        raise Problem(f"git {arguments[0]} took longer than {LIMIT:g} s.", Exit.Unavailable) from error
    if running.returncode:
        said = err.decode(errors="replace").strip().splitlines()
        raise Problem(
            f"git {arguments[0]} failed: {said[-1] if said else 'it did not say why'} "
            "The command uses your own access to the repository: try the same with git.",
            Exit.Unavailable,
        )
    return out.decode(errors="replace")
