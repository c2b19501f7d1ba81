"""git as a subprocess: no shell, an environment of our own, a limit on time and output, nothing left behind.

What goes to git is somebody's text, and git has many ways to run a command that a text names. So nothing of the
operator's own environment or home reaches it, only the protocols that we mean are allowed, and hooks, prompts and
credential helpers are off (git-config(1), section "PROTECTED CONFIGURATION", and git(1), "Environment Variables").
"""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

OUTPUT_LIMIT: Final = 8 * 1024 * 1024
"""Bytes that git may print: 100,000 refs fit in."""

ERROR_LIMIT: Final = 64 * 1024
"""Bytes of standard error that are kept; what comes after is read and dropped."""

GRACE_SECONDS: Final = 1.0
"""How long git has to remove its lock files after SIGTERM, before SIGKILL."""

_CHUNK: Final = 64 * 1024

NO_PROTOCOL: Final = "none"
"""Allows no protocol at all: for commands that only read a mirror."""

_CONFIG: Final = (
    ("credential.helper", ""),
    ("http.followRedirects", "false"),
    ("core.hooksPath", os.devnull),
    ("gc.autoDetach", "false"),  # nothing may go on behind our back, where no time limit holds
    ("maintenance.autoDetach", "false"),
)


class Overrun(Exception):
    """git was stopped, since it took longer or printed more than it may; the text is the second half of a sentence."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How git ended."""

    code: int
    output: bytes
    errors: str


def environment(
    protocols: str, config: Sequence[tuple[str, str]] = (), variables: Mapping[str, str] | None = None
) -> dict[str, str]:
    """All that git sees of the world.

    protocols: as in GIT_ALLOW_PROTOCOL, for example "https:ssh". config: settings that may be secret; they go through
    the environment since everybody on the machine can read a command line.
    """
    settings = {}
    pairs = (*_CONFIG, *config)
    for index, (key, value) in enumerate(pairs):
        settings[f"GIT_CONFIG_KEY_{index}"] = key
        settings[f"GIT_CONFIG_VALUE_{index}"] = value
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",  # unset, libcurl would look the user's home up and read its .netrc
        "LC_ALL": "C",
        "GIT_DIR": os.devnull,  # no repository, unless --git-dir names one: never that of the working directory
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_HTTP_LOW_SPEED_LIMIT": "1000",  # bytes a second ...
        "GIT_HTTP_LOW_SPEED_TIME": "20",  # ... over so many seconds
        "GIT_NO_LAZY_FETCH": "1",  # a missing tree or commit is an answer, not a reason to ask the server
        "GIT_CONFIG_COUNT": str(len(pairs)),
        **settings,
        **(variables or {}),
    }


async def run_git(arguments: Sequence[str], env: Mapping[str, str], seconds: float) -> Finished:
    """Run git to its end. Raises Overrun; raises OSError if it cannot be started.

    Whatever happens here, cancellation included, git and all that it started are gone when this returns.
    """
    process = await asyncio.create_subprocess_exec(
        "git",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(env),
        start_new_session=True,
    )
    over = False

    def stop() -> None:
        nonlocal over
        over = True
        _signal(process.pid, signal.SIGKILL)

    code: int | None = None
    try:
        async with asyncio.timeout(seconds):
            output, errors = await asyncio.gather(
                _read(process.stdout, OUTPUT_LIMIT, stop), _read(process.stderr, ERROR_LIMIT, None)
            )
            code = await process.wait()
    except TimeoutError as error:
        raise Overrun(f"did not finish within {seconds:g} s") from error
    finally:
        if code is None:
            await _end(process)
    if over:
        raise Overrun(f"sent more than {OUTPUT_LIMIT // 1024 // 1024} MiB")
    return Finished(code, output, errors.decode(errors="replace"))


async def _read(stream: asyncio.StreamReader | None, limit: int, beyond: Callable[[], None] | None) -> bytes:
    """The stream's first `limit` bytes; `beyond` is called if there are more. The rest is read and dropped."""
    kept = bytearray()
    while stream and (chunk := await stream.read(_CHUNK)):
        if beyond and len(kept) + len(chunk) > limit:
            beyond()
        kept += chunk[: limit - len(kept)]
    return bytes(kept)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End git with its helpers (git-remote-https, ssh): they are one process group, since git leads a session."""
    _signal(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        _signal(process.pid, signal.SIGKILL)
    await process.wait()
    with suppress(TimeoutError):  # a pipe that is read to its end is closed at once and not some day
        async with asyncio.timeout(GRACE_SECONDS):
            for stream in filter(None, (process.stdout, process.stderr)):
                await stream.read()


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)
