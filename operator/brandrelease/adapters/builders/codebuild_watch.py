"""One look at all builds at once: what the operator knows of its builds in CodeBuild, and the one poller that keeps it so.

CodeBuild tells nobody of its own accord. However many releases wait, there is one BatchGetBuilds for each 100 builds and
interval; a release is woken only when something about its build has changed.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.aws.calls import Call
from brandrelease.adapters.aws.errors import AwsError
from brandrelease.adapters.builders.codebuild_answers import log_of, view_of
from brandrelease.adapters.builders.codebuild_log import log_page
from brandrelease.core.builds.codebuild import CodeBuildView
from brandrelease.core.scrubbing.scrub import last_lines, scrub

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 10.0
GATHER_SECONDS: Final = 0.2
"""Builds that become known at the same moment are asked about together."""

BATCH: Final = 100
"""Most ids that one BatchGetBuilds takes."""

UNHEARD_SECONDS: Final = 120.0
"""A new id may be unknown to parts of CodeBuild for a while; after that, the build counts as lost."""

SILENCE_SECONDS: Final = 60.0
"""How long CodeBuild may fail to answer until people are told."""

ENDED_KEPT: Final = 1000


@dataclass(slots=True)
class KnownBuild:
    """What is known of one build. view: None until CodeBuild has told; lost: CodeBuild does not know it any more."""

    name: str
    region: str
    id: str
    view: CodeBuildView | None
    unheard_since: float | None = None
    lost: bool = False

    @property
    def to_be_asked(self) -> bool:
        return not self.lost and (self.view is None or self.view.running)


@dataclass(slots=True)
class _Trouble:
    """A region that does not answer. told: whether people were woken for it."""

    since: float
    error: AwsError
    told: bool = False


class CodeBuildWatch:
    """The builds of this operator, by the name of their order."""

    def __init__(self, aws: AwsApi, changed: Callable[[str], None], poll_seconds: float = POLL_SECONDS) -> None:
        """changed: called with the name of each build about which there is news."""
        self._aws, self._changed, self._poll_seconds = aws, changed, poll_seconds
        self._builds: dict[str, KnownBuild] = {}
        self._trouble: dict[str, _Trouble] = {}
        self._awaited = asyncio.Event()

    def get(self, name: str) -> KnownBuild | None:
        """What is known of the build of this name."""
        return self._builds.get(name)

    def know(self, name: str, region: str, build_id: str, view: CodeBuildView | None) -> KnownBuild:
        """A build that was started, found or is on record; the newest word about it counts."""
        self._builds.pop(name, None)
        known = self._builds[name] = KnownBuild(name, region, build_id, view)
        if known.to_be_asked:
            self._awaited.set()
        self._forget_the_oldest()
        return known

    def trouble(self, region: str) -> AwsError | None:
        """Why the region has not answered for so long that people should know; None while it answers."""
        trouble = self._trouble.get(region)
        return trouble.error if trouble and trouble.told else None

    def last_error(self, region: str) -> AwsError | None:
        """Why the last poll of the region failed; None if it did not."""
        trouble = self._trouble.get(region)
        return trouble.error if trouble else None

    async def run(self) -> None:
        """Poll for ever; while no build is awaited, nothing is asked."""
        while True:
            await self._awaited.wait()
            await asyncio.sleep(GATHER_SECONDS)
            try:
                await self.poll()
            except Exception:
                log.exception("A poll of CodeBuild failed and will be repeated.")
            await asyncio.sleep(self._poll_seconds)

    async def poll(self) -> None:
        """Ask once about every build that is awaited."""
        awaited = [build for build in self._builds.values() if build.to_be_asked]
        if not awaited:
            self._awaited.clear()
            return
        before = {build.name: build.view for build in awaited}
        for region in {build.region for build in awaited}:
            await self._poll_region(region, [build for build in awaited if build.region == region])
        self._number_the_queue()
        for build in awaited:
            if build.lost or before[build.name] != build.view:
                self._changed(build.name)

    async def _poll_region(self, region: str, builds: list[KnownBuild]) -> None:
        try:
            for batch in _batches(builds):
                answer = await self._aws.call(Call.BatchGetBuilds, region, ids=[build.id for build in batch])
                await self._take_in(batch, {str(found["id"]): found for found in answer.get("builds", ())})
        except AwsError as error:
            self._note_trouble(region, builds, error)
            return
        if self._trouble.pop(region, None):
            self._wake(builds)

    async def _take_in(self, batch: list[KnownBuild], found: Mapping[str, Mapping[str, Any]]) -> None:
        now = asyncio.get_running_loop().time()
        for build in batch:
            if (answer := found.get(build.id)) is None:
                build.unheard_since = build.unheard_since or now
                build.lost = now - build.unheard_since >= UNHEARD_SECONDS
                continue
            view, build.unheard_since = view_of(answer), None
            if not view.running and view.status != "SUCCEEDED":
                view = replace(view, log_tail=await self._log_tail(build.region, answer))
            build.view = view

    async def _log_tail(self, region: str, build: Mapping[str, Any]) -> str:
        """The end of the build's log without what looks like a secret; empty where there is none or it cannot be had."""
        place = log_of(build)
        if place is None:
            return ""
        try:
            page = await log_page(self._aws, region, place)
        except AwsError as error:
            return f"The log could not be read. {error.sentence}"
        return last_lines(scrub("\n".join(page.lines), ()))

    def _number_the_queue(self) -> None:
        """How many of the operator's builds each one that is queued waits behind, in its region."""
        ahead: dict[str, int] = {}
        queued = [(build, build.view) for build in self._builds.values() if build.view and build.view.queued]
        for build, view in sorted(
            queued, key=lambda pair: (pair[1].started_at is None, pair[1].started_at, pair[1].id)
        ):
            build.view = replace(view, queued_before=ahead.get(build.region, 0))
            ahead[build.region] = ahead.get(build.region, 0) + 1

    def _note_trouble(self, region: str, builds: list[KnownBuild], error: AwsError) -> None:
        now = asyncio.get_running_loop().time()
        trouble = self._trouble.setdefault(region, _Trouble(now, error))
        news = str(trouble.error) != str(error)
        trouble.error = error
        unseen = any(build.view is None for build in builds)
        if (not trouble.told or news) and (unseen or now - trouble.since >= SILENCE_SECONDS):
            trouble.told = True
            self._wake(builds)

    def _wake(self, builds: list[KnownBuild]) -> None:
        for build in builds:
            self._changed(build.name)

    def _forget_the_oldest(self) -> None:
        ended = [name for name, build in self._builds.items() if not build.to_be_asked]
        for name in ended[: max(0, len(ended) - ENDED_KEPT)]:
            del self._builds[name]


def _batches(builds: list[KnownBuild]) -> Iterator[list[KnownBuild]]:
    for start in range(0, len(builds), BATCH):
        yield builds[start : start + BATCH]
