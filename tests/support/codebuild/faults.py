"""What befalls single calls of the API, whatever they ask for."""

import threading
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from support.codebuild.wire import AwsError, Request

ANY = "*"
MESSAGES = {
    "ThrottlingException": "Rate exceeded",
    "Throttling": "Rate exceeded",
    "ExpiredTokenException": "The security token included in the request is expired",
    "ExpiredToken": "The security token included in the request is expired",
    "AccessDeniedException": "User: arn:aws:iam::123456789012:user/operator is not authorized to perform this action",
    "AccessDenied": "Access Denied",
    "AccountLimitExceededException": "Cannot have more than 5 builds in queue for the account",
    "TooManyInvalidationsInProgress": "Your request contains paths that would exceed the limit in progress.",
}


class Cut(Enum):
    """When the connection is cut."""

    Before = "the call has no effect"
    After = "the call has its effect, and nobody hears the answer"


@dataclass(frozen=True)
class Fault:
    """What befalls the next calls of an operation. Without a code and a cut they are only late."""

    operation: str = ANY
    code: str = ""
    message: str = ""
    status: int = 0
    """The HTTP status; 0: the one that AWS gives with this code."""
    cut: Cut | None = None
    delay: float = 0.0
    """Seconds before anything else happens."""
    every: int = 1
    """Every k-th call only."""
    times: int | None = 1
    """How many calls it befalls. None: until ``forget_faults``."""

    def error(self) -> AwsError:
        return AwsError(self.code, self.message or MESSAGES.get(self.code, "Something is wrong."), self.status)


@dataclass
class _Armed:
    fault: Fault
    project: str | None
    seen: int = 0
    met: int = 0

    def meets(self, request: Request) -> bool:
        if self.fault.operation not in {ANY, request.operation}:
            return False
        if self.project is not None and not _is_about(self.project, request.parameters):
            return False
        if self.fault.times is not None and self.met >= self.fault.times:
            return False
        self.seen += 1
        if self.seen % self.fault.every:
            return False
        self.met += 1
        return True


@dataclass
class Faults:
    """The faults that wait for their calls. A call meets one: the first that fits."""

    _armed: list[_Armed] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault, project: str | None) -> None:
        with self._lock:
            self._armed.append(_Armed(fault, project))

    def forget(self) -> None:
        with self._lock:
            self._armed.clear()

    def take(self, request: Request) -> Fault | None:
        """The fault that this call meets; counts."""
        with self._lock:
            return next((armed.fault for armed in self._armed if armed.meets(request)), None)


def _is_about(project: str, parameters: dict[str, Any]) -> bool:
    names = [parameters.get("projectName"), *parameters.get("names", ())]
    ids = [parameters.get("id"), *parameters.get("ids", ())]
    return project in names or any(str(each).startswith(f"{project}:") for each in ids)
