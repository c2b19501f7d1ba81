"""One build: its phases, its log, its programs, and what BatchGetBuilds tells of it."""

import contextlib
import os
import secrets
import signal
import subprocess
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

from support.codebuild import phases
from support.codebuild.logs import GROUP, Log
from support.codebuild.phases import Phase
from support.codebuild.projects import Project
from support.codebuild.script import SUCCEEDED, Script
from support.codebuild.wire import ACCOUNT, REGION

IN_PROGRESS = "IN_PROGRESS"
CONTEXTS = {
    SUCCEEDED: ("", ""),
    "FAULT": ("INTERNAL_SERVICE_ERROR", "CodeBuild is experiencing an issue."),
    "TIMED_OUT": ("BUILD_TIMED_OUT", "Build has timed out."),
    "STOPPED": ("", ""),
}


class Ended(Exception):
    """The build ends here, in the phase where it is."""

    def __init__(self, status: str, code: str = "", message: str = "") -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code or CONTEXTS.get(status, ("COMMAND_EXECUTION_ERROR", ""))[0]
        self.message = message or CONTEXTS.get(status, ("", "Error while executing command. Reason: exit status 1"))[1]


@dataclass
class Build:
    """``changed`` is the lock of everything below, and tells whoever waits that something is different."""

    project: Project
    number: int
    parameters: dict[str, Any]
    """Those of StartBuild."""
    script: Script
    changed: threading.Condition
    began: float
    initiator: str
    uuid: str = field(default_factory=lambda: str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)))
    status: str = IN_PROGRESS
    ended: float = 0.0
    machine_since: float = 0.0
    commit: str = ""
    exported: dict[str, str] = field(default_factory=dict)
    phases: list[Phase] = field(default_factory=list)
    asked: int = 0
    """How often BatchGetBuilds named it, seen or not."""
    told: int = 0
    """How often BatchGetBuilds told of it."""
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.log = Log(self.script.log_delay, self.script.empty_log_pages)
        self.phases += [Phase(phases.SUBMITTED, self.began, SUCCEEDED, self.began), Phase(phases.QUEUED, self.began)]

    @property
    def id(self) -> str:
        return f"{self.project.name}:{self.uuid}"

    @property
    def phase(self) -> str:
        return self.phases[-1].kind

    @property
    def is_complete(self) -> bool:
        return self.status != IN_PROGRESS

    @property
    def is_visible(self) -> bool:
        return self.asked >= self.script.invisible_polls

    @property
    def variables(self) -> dict[str, str]:
        """Its environment: the project's, and what StartBuild said over it."""
        overrides = self.parameters.get("environmentVariablesOverride", ())
        return self.project.variables | {each["name"]: each["value"] for each in overrides}

    @property
    def source_version(self) -> str:
        return str(self.parameters.get("sourceVersion", ""))

    def minutes(self, queued: bool) -> int:
        """After how many minutes it times out, in the queue or on a machine."""
        if queued:
            return int(self.parameters.get("queuedTimeoutInMinutesOverride", self.project.queued_timeout))
        return int(self.parameters.get("timeoutInMinutesOverride", self.project.timeout))

    def enter(self, kind: str, now: float) -> None:
        """Leave the phase where it is, with success, for the next one. Raises Ended if the build is over."""
        with self.changed:
            if self.is_complete:
                raise Ended(self.status)
            self._leave(SUCCEEDED, now)
            self.phases.append(Phase(kind, now))
            self.changed.notify_all()
        self.write(f"Entering phase {kind}", now)

    def end(self, end: Ended, now: float) -> None:
        """End it, and kill what it runs. Whatever has ended stays as it is."""
        with self.changed:
            if self.is_complete:
                return
            where = self.phase
            if where not in phases.WITHOUT_MACHINE and end.message:
                self.write(f"Phase context status code: {end.code} Message: {end.message}", now)
            self._leave(end.status, now, end)
            self.phases += [Phase(kind, now, SUCCEEDED, now) for kind in phases.after(where, end.status)]
            self.phases.append(Phase(phases.COMPLETED, now))
            self.status, self.ended = end.status, now
            self._kill()
            self.changed.notify_all()

    def write(self, text: str, now: float) -> None:
        """A line of CodeBuild's own in the log."""
        self.log.write(f"[Container] {text}\n", now)

    def _leave(self, status: str, now: float, end: Ended | None = None) -> None:
        phase = self.phases[-1]
        phase.status, phase.ended = status, now
        if end is not None and end.status != SUCCEEDED:
            phase.code, phase.message = end.code, end.message
        if phase.kind not in phases.WITHOUT_MACHINE:
            self.write(f"Phase complete: {phase.kind} State: {status}", now)

    def _kill(self) -> None:
        """Kill the program that runs, with all that it started: it has a process group of its own."""
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def wire(self) -> dict[str, Any]:
        """As BatchGetBuilds tells it."""
        with self.changed:
            content = self.project.wire_of_build() | {
                "id": self.id,
                "arn": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:build/{self.id}",
                "buildNumber": self.number,
                "startTime": self.began,
                "currentPhase": self.phase,
                "buildStatus": self.status,
                "sourceVersion": self.source_version,
                "phases": [phase.wire() for phase in self.phases],
                "timeoutInMinutes": self.minutes(queued=False),
                "queuedTimeoutInMinutes": self.minutes(queued=True),
                "buildComplete": self.is_complete,
                "initiator": self.initiator,
                "logs": self._where_the_log_is(),
                "exportedEnvironmentVariables": [
                    {"name": each, "value": self.exported[each]} for each in self.exported
                ],
            }
            content["environment"] = content["environment"] | {
                "environmentVariables": [
                    {"type": "PLAINTEXT", **each} for each in self.parameters.get("environmentVariablesOverride", ())
                ]
            }
            if self.commit:
                content["resolvedSourceVersion"] = self.commit
            if self.is_complete:
                content["endTime"] = self.ended
            return content

    def _where_the_log_is(self) -> dict[str, str]:
        if not self.machine_since:
            return {}
        group = f"{GROUP}{self.project.name}"
        console = f"https://console.aws.amazon.com/cloudwatch/home?region={REGION}#logsV2:log-groups/log-group/"
        escaped = group.replace("/", "$252F")
        return {"groupName": group, "streamName": self.uuid, "deepLink": f"{console}{escaped}/log-events/{self.uuid}"}
