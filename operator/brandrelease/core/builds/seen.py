"""What a registry says of an image, and a builder of a build: the part of a snapshot that is between commit and pods."""

from dataclasses import dataclass
from datetime import datetime

from brandrelease.apis.reasons import Reason


@dataclass(frozen=True, slots=True)
class ImageFound:
    """The registry has the tag. digest: sha256:<hex> of the manifest or index."""

    digest: str


@dataclass(frozen=True, slots=True)
class ImageAbsent:
    """The registry answered, and it does not have the tag."""


@dataclass(frozen=True, slots=True)
class ImageArchived:
    """The registry has put the image away: nobody can pull it until it is restored, and its tag is still taken."""


@dataclass(frozen=True, slots=True)
class ImageUnknown:
    """The registry could not be asked; that is no evidence about the image."""

    reason: Reason
    message: str


ImageLookup = ImageFound | ImageAbsent | ImageArchived | ImageUnknown


@dataclass(frozen=True, slots=True)
class BuildTrace:
    """Where a build is to be found. id: as its builder knows it. logs_url: where a browser shows its log, if anywhere."""

    id: str
    logs_url: str | None = None


@dataclass(frozen=True, slots=True)
class BuildAbsent:
    """No build with this name exists: not started yet, or cleaned up since."""


@dataclass(frozen=True, slots=True)
class BuildRunning:
    """The build is queued or runs. message: what it does now, as a sentence."""

    message: str
    trace: BuildTrace | None = None


@dataclass(frozen=True, slots=True)
class BuildSucceeded:
    """The build says that it pushed the image. digest: as the builder reports it, None if it reports none."""

    digest: str | None
    trace: BuildTrace | None = None


@dataclass(frozen=True, slots=True)
class BuildFailed:
    """The build ended without an image.

    retriable: no fault of the commit (evicted, node lost, push refused); another attempt may succeed.
    log_tail: last lines of the build log, at most 2,048 characters. ended_at: when it failed, if that is known.
    """

    reason: Reason
    message: str
    retriable: bool
    log_tail: str
    ended_at: datetime | None = None
    trace: BuildTrace | None = None


@dataclass(frozen=True, slots=True)
class BuildUnseen:
    """The build is known, and the builder's first word about it is still to come; a pass is asked for when it does."""


@dataclass(frozen=True, slots=True)
class BuildUnknown:
    """The builder could not be asked; that is no evidence about the build."""

    reason: Reason
    message: str


BuildState = BuildAbsent | BuildRunning | BuildSucceeded | BuildFailed | BuildUnseen | BuildUnknown


@dataclass(frozen=True, slots=True)
class Turn:
    """Whether a build may start now. joins: it runs already, for another BrandRelease, and needs no place of its own."""

    granted: bool
    limit: int
    joins: bool = False
