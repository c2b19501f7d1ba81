"""What the judge says."""

from dataclasses import dataclass
from datetime import datetime

from brandrelease.apis.brandrelease import Blame
from brandrelease.apis.reasons import Reason
from brandrelease.core.blame import BLAME


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a release fails. message: a sentence without its full stop.

    pod and container are None where none is to blame. previous tells which log has the cause: that of the container's
    previous run, or of the present one. exit_code: of the ending that counts; None where nothing ended.
    """

    reason: Reason
    message: str
    pod: str | None = None
    container: str | None = None
    previous: bool = False
    exit_code: int | None = None

    @property
    def blame(self) -> Blame:
        """Whose doing it is: the same for every problem of one reason."""
        return BLAME[self.reason].blame


@dataclass(frozen=True, slots=True)
class Progressing:
    """Neither through nor failed. look_again: when time alone may change that."""

    message: str
    look_again: datetime


@dataclass(frozen=True, slots=True)
class Passed:
    """Everything that was waited for is there."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The release is bad."""

    problem: Problem


Verdict = Progressing | Passed | Failed
