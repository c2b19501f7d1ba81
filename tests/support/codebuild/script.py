"""What a test tells the next builds to do."""

from dataclasses import dataclass, field
from enum import Enum

SUCCEEDED = "SUCCEEDED"


class Image(Enum):
    """What a build that succeeds leaves behind."""

    Pushed = "it is in the registry, and its digest is exported"
    Missing = "nothing was pushed, nothing is exported"
    NotExported = "it is in the registry, the build does not say its digest"
    OtherDigest = "it is in the registry, the build exports a digest that is not its own"


@dataclass(frozen=True)
class Script:
    """What befalls the next builds; without any argument, an ordinary build.

    Whatever is said with ``status``, ``polls``, ``seconds`` and ``log`` happens in ``phase``; the phases before are
    carried out. So ``status="TIMED_OUT", phase="QUEUED"`` is a build that never got a machine.
    """

    real: bool | None = None
    """Whether git, BuildKit and a push make the image, or a tiny one is pushed at once. None: as the server says."""
    queued_polls: int = 0
    """How many answers of BatchGetBuilds tell of it before it leaves the queue."""
    invisible_polls: int = 0
    """For how many calls of BatchGetBuilds that name it nobody knows it; lists do not show it either."""
    phase: str = "BUILD"
    polls: int = 0
    """How many answers of BatchGetBuilds tell of it before it leaves the phase."""
    seconds: float = 0.0
    """How long it stays in the phase."""
    status: str = SUCCEEDED
    """SUCCEEDED, or how it ends in the phase: FAILED, FAULT, TIMED_OUT, or STOPPED (by somebody else)."""
    code: str = ""
    """The statusCode of the phase's context; empty: what CodeBuild says for the status."""
    message: str = ""
    image: Image = Image.Pushed
    log: tuple[str, ...] = ()
    """Lines of the phase."""
    log_delay: float = 0.0
    """How many seconds after it was written a line can be read."""
    empty_log_pages: int = 0
    """How many answers of GetLogEvents have no event and yet a new token, before those that have some."""
    times: int | None = 1
    """For how many builds. None: for all that no other script is for."""

    @property
    def ends_early(self) -> bool:
        return self.status != SUCCEEDED

    def ends_in(self, phase: str) -> bool:
        return self.ends_early and self.phase == phase


@dataclass
class Scripts:
    """The scripts that wait for their builds, in the order in which they were given."""

    _waiting: list[tuple[Script, str | None]] = field(default_factory=list)
    _standing: list[tuple[Script, str | None]] = field(default_factory=list)

    def add(self, script: Script, project: str | None) -> None:
        """For the next builds of the project, or of whichever comes. Of those for all builds the newest counts."""
        if script.times is None:
            self._standing.insert(0, (script, project))
        else:
            self._waiting += [(script, project)] * script.times

    def take(self, project: str) -> Script:
        """What the project's next build is to do."""
        for place, (script, wanted) in enumerate(self._waiting):
            if wanted in {None, project}:
                del self._waiting[place]
                return script
        return next((script for script, wanted in self._standing if wanted in {None, project}), Script())
