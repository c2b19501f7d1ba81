"""How a command ends, for scripts. The numbers are part of the API: docs/command-line.md lists them."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit code of the process."""

    Live = 0
    """What was asked for is live; or a command that only reads or asks has done so."""

    RolledBack = 1
    """The release was bad and was rolled back."""

    Failed = 2
    """The release failed, was aborted or was superseded, and nothing was rolled back."""

    Blocked = 3
    """The release waits for somebody or for a time: the message says for what."""

    Timeout = 4
    """It did not end within --timeout; it goes on in the cluster."""

    Usage = 64
    """The command line cannot be understood, or names what is not there (EX_USAGE of sysexits.h)."""

    Unavailable = 69
    """The cluster did not answer, or did not allow what is needed (EX_UNAVAILABLE)."""


class Problem(Exception):
    """The command cannot go on. The text is a sentence for people: what is wrong, and what to do."""

    def __init__(self, message: str, exit_: Exit) -> None:
        super().__init__(message)
        self.message, self.exit = message, exit_
