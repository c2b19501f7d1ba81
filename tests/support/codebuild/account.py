"""All builds of the account: who may start, in which order, and which times out."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from support.codebuild import phases
from support.codebuild.builds import Build, Ended
from support.codebuild.projects import Project
from support.codebuild.script import Script
from support.codebuild.wire import AwsError, invalid

TOKEN_MINUTES = 5
TICKS_PER_MINUTE = 60
SHORTEST_TICK = 0.01
JOIN_SECONDS = 20.0
Clock = Callable[[], float]
Work = Callable[[Build], None]


@dataclass(frozen=True)
class Limits:
    """How many builds run at the same time, how many wait for that, and how many seconds a minute has."""

    concurrency: int = 20
    queue: int = 100
    minute: float = 60.0


@dataclass(frozen=True)
class _Token:
    parameters: dict[str, Any]
    build: Build
    at: float


class Account:
    """Each build that leaves the queue is worked on in a thread of its own. The first that came leaves first."""

    def __init__(self, limits: Limits, clock: Clock, work: Work) -> None:
        self.limits = limits
        self.changed = threading.Condition()
        self.projects: dict[str, Project] = {}
        self.builds: dict[str, Build] = {}
        self._clock, self._work = clock, work
        self._tokens: dict[str, _Token] = {}
        self._threads: list[threading.Thread] = []
        self._closed = threading.Event()
        self._keeper = threading.Thread(target=self._keep_time, daemon=True)
        self._keeper.start()

    def project(self, name: str) -> Project:
        if name not in self.projects:
            raise AwsError("ResourceNotFoundException", f"Project cannot be found: arn of project {name}")
        return self.projects[name]

    def known(self, parameters: dict[str, Any]) -> Build | None:
        """The build that the token of this StartBuild stands for; the token is good for five minutes."""
        name = parameters.get("idempotencyToken")
        with self.changed:
            token = self._tokens.get(name) if name else None
            if token is None or self._clock() - token.at >= TOKEN_MINUTES * self.limits.minute:
                return None
        if token.parameters != parameters:
            raise invalid(
                "Request parameters do not match: the idempotencyToken was used with other parameters before."
            )
        return token.build

    def forget_tokens(self) -> None:
        """As if the five minutes were over."""
        with self.changed:
            self._tokens.clear()

    def start(self, project: Project, parameters: dict[str, Any], script: Callable[[], Script], who: str) -> Build:
        """A new build, or the one that the token stands for. ``script`` is asked for a new one only."""
        with self.changed:
            if (known := self.known(parameters)) is not None:
                return known
            self._check_limits(project)
            now, number = self._clock(), 1 + len(self.of(project.name, visible=False))
            build = Build(project, number, parameters, script(), self.changed, now, who)
            self.builds[build.id] = build
            if token := parameters.get("idempotencyToken"):
                self._tokens[token] = _Token(parameters, build, now)
            self.admit()
            return build

    def of(self, project: str, *, visible: bool = True) -> list[Build]:
        """The builds of a project, the oldest first."""
        with self.changed:
            return [
                build
                for build in self.builds.values()
                if build.project.name == project and (build.is_visible or not visible)
            ]

    def tell(self, build: Build) -> dict[str, Any] | None:
        """What BatchGetBuilds says of it; None while it is not visible. Counts."""
        with self.changed:
            visible = build.is_visible
            build.asked += 1
            if not visible:
                return None
            content = build.wire()
            build.told += 1
            if build.told == build.script.queued_polls:
                self.admit()
            self.changed.notify_all()
            return content

    def stop(self, build: Build) -> None:
        build.end(Ended("STOPPED"), self._clock())
        self.admit()

    def admit(self) -> None:
        """Let builds leave the queue: those that have waited as their script wants, while there are machines."""
        with self.changed:
            running = sum(bool(build.machine_since) and not build.is_complete for build in self.builds.values())
            for build in self.builds.values():
                if build.is_complete or build.machine_since or build.told < build.script.queued_polls:
                    continue
                if build.script.ends_in(phases.QUEUED):
                    end = Ended(build.script.status, build.script.code, build.script.message)
                    build.end(end, self._clock())
                elif running < self.limits.concurrency and not self._closed.is_set():
                    running += 1
                    self._begin(build)

    def close(self) -> None:
        """Stop every build and wait for what worked on them."""
        self._closed.set()
        with self.changed:
            for build in self.builds.values():
                build.end(Ended("STOPPED"), self._clock())
            threads = list(self._threads)
        for thread in (*threads, self._keeper):
            thread.join(JOIN_SECONDS)

    def _begin(self, build: Build) -> None:
        build.machine_since = self._clock()
        thread = threading.Thread(target=self._carry_out, args=(build,), daemon=True)
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]
        thread.start()

    def _carry_out(self, build: Build) -> None:
        try:
            self._work(build)
            end = Ended("SUCCEEDED")
        except Ended as reason:
            end = reason
        except Exception as error:  # noqa: BLE001 - whatever it is: the build is over, and says why
            end = Ended("FAULT", "INTERNAL_SERVICE_ERROR", f"The local CodeBuild is broken: {error!r}")
        build.end(end, self._clock())
        self.admit()

    def _check_limits(self, project: Project) -> None:
        active = [build for build in self.builds.values() if not build.is_complete]
        of_project = sum(build.project.name == project.name for build in active)
        limit = project.concurrent_build_limit
        if limit is not None and of_project >= limit:
            message = f"Cannot have more than {limit} active builds for the project {project.name}"
            raise AwsError("AccountLimitExceededException", message)
        waiting = sum(not build.machine_since for build in active)
        if waiting >= self.limits.queue:
            message = f"Cannot have more than {self.limits.queue} builds in queue for the account"
            raise AwsError("AccountLimitExceededException", message)

    def _keep_time(self) -> None:
        tick = max(self.limits.minute / TICKS_PER_MINUTE, SHORTEST_TICK)
        while not self._closed.wait(tick):
            now = self._clock()
            with self.changed:  # all of them before a machine that gets free is given to another
                late = [build for build in self.builds.values() if not build.is_complete and self._is_late(build, now)]
                for build in late:
                    build.end(Ended("TIMED_OUT"), now)
                if late:
                    self.admit()

    def _is_late(self, build: Build, now: float) -> bool:
        since = build.machine_since or build.began
        return now - since >= build.minutes(queued=not build.machine_since) * self.limits.minute
