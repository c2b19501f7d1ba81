"""The phases of a build, in order, and where a build goes from one that did not succeed."""

from dataclasses import dataclass
from typing import Any

from support.codebuild.script import SUCCEEDED

SUBMITTED, QUEUED, PROVISIONING, DOWNLOAD_SOURCE = "SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE"
INSTALL, PRE_BUILD, BUILD, POST_BUILD = "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"
UPLOAD_ARTIFACTS, FINALIZING, COMPLETED = "UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED"
AFTER_FAILURE = {BUILD: (POST_BUILD, UPLOAD_ARTIFACTS), POST_BUILD: (UPLOAD_ARTIFACTS,)}
WITHOUT_MACHINE = frozenset({SUBMITTED, QUEUED})
WITH_COMMANDS = frozenset({INSTALL, PRE_BUILD, BUILD, POST_BUILD})


@dataclass
class Phase:
    """One phase; it lasts for as long as it has no status. Times are in seconds since the epoch."""

    kind: str
    began: float
    status: str = ""
    ended: float = 0.0
    code: str = ""
    message: str = ""

    def wire(self) -> dict[str, Any]:
        if not self.status:
            return {"phaseType": self.kind, "startTime": self.began}
        content = {
            "phaseType": self.kind,
            "phaseStatus": self.status,
            "startTime": self.began,
            "endTime": self.ended,
            "durationInSeconds": round(self.ended - self.began),
        }
        if self.kind not in WITHOUT_MACHINE or self.code:  # CodeBuild gives an empty context to what went well
            content["contexts"] = [{"statusCode": self.code, "message": self.message}]
        return content


def after(phase: str, status: str) -> tuple[str, ...]:
    """The phases that a build passes between the one where it ended with this status and COMPLETED."""
    if phase in WITHOUT_MACHINE or phase == FINALIZING:
        return ()
    failed = AFTER_FAILURE.get(phase, ()) if status in {"FAILED", SUCCEEDED} else ()
    return (*failed, FINALIZING)
