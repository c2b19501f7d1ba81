"""The builder `codeBuild`: builds in AWS CodeBuild.

CodeBuild gives builds ids of its own. A token makes a repeated start the same build for five minutes; what was started
before that, by a process that is gone, is found again by the key that every build is told.
"""

import asyncio
import hashlib
from collections import defaultdict
from datetime import timedelta
from typing import Final

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.aws.calls import Call
from brandrelease.adapters.aws.errors import AwsError
from brandrelease.adapters.builders.codebuild_answers import minutes, name_in, variables, view_of
from brandrelease.adapters.builders.codebuild_watch import CodeBuildWatch, KnownBuild
from brandrelease.apis.build import CodeBuild as Project
from brandrelease.core.builds.codebuild import TREATMENT, CodeBuildView, FailureClass, state_of
from brandrelease.core.builds.images import BuildOrder
from brandrelease.core.builds.seen import BuildAbsent, BuildFailed, BuildState, BuildTrace, BuildUnknown, BuildUnseen
from brandrelease.core.snapshot import Refusal
from brandrelease.ports import Clock, Refused

QUEUE_MINUTES: Final = 15
"""CodeBuild's own default is eight hours; nobody waits for a release so long."""

FORGOTTEN_AFTER: Final = timedelta(hours=1)
"""A build that ended before that is not taken for the one that is asked for now: its image may be gone by now."""

_GONE: Final = frozenset({"ResourceNotFoundException", "InvalidInputException"})


class CodeBuild:
    """Builds in AWS. `watch` holds what is known of them, and must be run."""

    def __init__(self, aws: AwsApi, watch: CodeBuildWatch, clock: Clock) -> None:
        self._aws, self._watch, self._clock = aws, watch, clock
        self._searched: set[tuple[str, str]] = set()
        self._locks: defaultdict[object, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def state(self, order: BuildOrder) -> BuildState:
        """How the build stands, as far as the last poll knows."""
        known = self._watch.get(order.name)
        if known is None and order.id:
            known = self._watch.know(order.name, _project(order).region, order.id, None)
        if known is None:
            try:
                await self._search(_project(order))
            except AwsError as error:
                return _unknown(error)
            known = self._watch.get(order.name)
        return self._state_of(known, order) if known else BuildAbsent()

    async def start(self, order: BuildOrder) -> None:
        """Start the build, or do nothing if it runs already; raises Refused."""
        project = _project(order)
        async with self._locks[order.name]:
            try:
                if not self._runs(order.name):
                    await self._search(project)
                if not self._runs(order.name):
                    answer = await self._aws.call(Call.StartBuild, project.region, **_request(order, project))
                    self._take_up(order.name, project.region, view_of(answer["build"]))
            except AwsError as error:
                if error.may_have_been_done:
                    self._searched.discard((project.region, project.project))
                raise _refused(error) from error

    async def cancel(self, order: BuildOrder) -> None:
        """Stop the build; raises Refused."""
        project = _project(order)
        try:
            if self._watch.get(order.name) is None and order.id is None:
                await self._search(project)
            known = self._watch.get(order.name)
            build_id = known.id if known else order.id
            if build_id is None or (known and not known.to_be_asked):
                return
            answer = await self._aws.call(Call.StopBuild, project.region, id=build_id)
        except AwsError as error:
            if error.code not in _GONE:
                raise _refused(error) from error
            return
        self._watch.know(order.name, project.region, build_id, view_of(answer["build"]))

    def _runs(self, name: str) -> bool:
        known = self._watch.get(name)
        return known is not None and known.to_be_asked

    async def _search(self, project: Project) -> None:
        """Find what earlier processes have started in the project: once, and again after an answer was lost."""
        place = project.region, project.project
        async with self._locks[place]:
            if place in self._searched:
                return
            listed = await self._aws.call(
                Call.ListBuildsForProject, project.region, projectName=project.project, sortOrder="DESCENDING"
            )
            if ids := listed.get("ids", [])[:100]:
                answer = await self._aws.call(Call.BatchGetBuilds, project.region, ids=ids)
                for build in sorted(answer.get("builds", ()), key=lambda each: ids.index(each["id"])):
                    self._adopt(build, project.region)
            self._searched.add(place)

    def _adopt(self, build: dict[str, object], region: str) -> None:
        """Newer builds come first, and what is known already is newer than any answer."""
        name, view = name_in(build), view_of(build)
        long_ago = view.ended_at is not None and view.ended_at < self._clock.now() - FORGOTTEN_AFTER
        if name is not None and not long_ago and self._watch.get(name) is None:
            self._take_up(name, region, view)

    def _take_up(self, name: str, region: str, view: CodeBuildView) -> None:
        """A build that was started or found. One that ended badly is asked about once more, for the end of its log."""
        settled = view.running or view.status == "SUCCEEDED"
        self._watch.know(name, region, view.id, view if settled else None)

    def _state_of(self, known: KnownBuild, order: BuildOrder) -> BuildState:
        if known.lost:
            return _lost(known, order)
        error = self._watch.trouble(known.region)
        if error and known.to_be_asked:
            return _unknown(error)
        return state_of(known.view, order) if known.view else BuildUnseen()


def _project(order: BuildOrder) -> Project:
    assert order.code_build is not None, "the order is of another builder"  # noqa: S101
    return order.code_build


def _request(order: BuildOrder, project: Project) -> dict[str, object]:
    """All that a build is started with. What it runs, in which image and under which role, is the project's alone."""
    return {
        "projectName": project.project,
        "sourceVersion": order.commit,
        "idempotencyToken": hashlib.sha256(f"{order.key}-{order.attempt}".encode()).hexdigest(),
        "environmentVariablesOverride": variables(order),
        "timeoutInMinutesOverride": minutes(order.timeout_seconds),
        "queuedTimeoutInMinutesOverride": QUEUE_MINUTES,
        "autoRetryLimitOverride": 0,  # the operator counts attempts itself
    }


def _unknown(error: AwsError) -> BuildUnknown:
    return BuildUnknown(TREATMENT[error.failure].reason, error.sentence)


def _refused(error: AwsError) -> Refused:
    return Refused(Refusal(TREATMENT[error.failure].reason, error.sentence))


def _lost(known: KnownBuild, order: BuildOrder) -> BuildFailed:
    treatment = TREATMENT[FailureClass.Infrastructure]
    message = f"CodeBuild does not know build {known.id} of {order.place} any more."
    return BuildFailed(treatment.reason, message, treatment.another_attempt, "", None, BuildTrace(known.id))
