"""What `diff` needs on this machine."""

import shutil
from collections.abc import AsyncIterator

from brandrelease.cli.doctor.finding import Finding, State
from brandrelease.cli.session import Session


async def look(_: Session, __: str) -> AsyncIterator[Finding]:
    """The program git; who may read a repository shows only when it is asked."""
    if where := shutil.which("git"):
        yield Finding(State.Good, f"git is here ({where}): 'diff' uses it, with your own access to the repositories.")
    else:
        yield Finding(State.Unknown, "git is not installed here: 'diff' needs it, nothing else does.")
