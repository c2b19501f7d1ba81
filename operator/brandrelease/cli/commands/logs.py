"""`logs`: what the build, the hooks and the new pods of a release print, in one stream."""

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from brandrelease.adapters.kube.api import BRAND_RELEASES, PODS, ApiError
from brandrelease.adapters.kube.following import follow, follow_all
from brandrelease.apis.brandrelease import BrandRelease, CurrentRelease
from brandrelease.apis.progress import BuildProgress
from brandrelease.apis.wellknown import NAME_LABEL, RELEASE_LABEL
from brandrelease.cli.codebuild_lines import codebuild_lines
from brandrelease.cli.command import Command, environment_arguments
from brandrelease.cli.ended import ended
from brandrelease.cli.exits import Exit
from brandrelease.cli.finding import find, readable
from brandrelease.cli.session import Session

Json = Mapping[str, Any]

JOB_NAME: Final = "batch.kubernetes.io/job-name"
TAIL: Final = 200
"""Lines of each container that are shown of what it has printed before."""

LAST_WORDS: Final = 3.0
"""Seconds after the end of a release for what is still on its way."""


@dataclass(frozen=True, slots=True)
class Place:
    """Pods whose logs belong to the release. who: how their lines begin; a part of the pod's name where it is empty."""

    who: str
    namespace: str
    labels: str


def _arguments(parser: ArgumentParser) -> None:
    environment_arguments(parser)
    parser.add_argument("--follow", "-f", action="store_true", help="go on until the release has ended")
    parser.add_argument(
        "--build-namespace",
        default="brandrelease-builds",
        metavar="NAME",
        help="namespace in which builds run (default brandrelease-builds)",
    )


async def _logs(at: Session, arguments: Namespace) -> Exit:
    release = await find(at.api, arguments.brand, arguments.environment)
    work = release.status.next or release.status.current
    if work is None:
        at.terminal.line(f"Nothing was released to {arguments.brand} {arguments.environment} yet.")
        return Exit.Live
    if work.build and work.build.logs_url:
        at.terminal.line(f"build: the log is at {work.build.logs_url}")
    stream = Stream(at, arguments.brand, follow=arguments.follow)
    try:
        if arguments.follow:
            await _until_its_end(at, release, work.number, arguments.build_namespace, stream)
        else:
            stream.build(work.build)
            await asyncio.gather(*(stream.once(place) for place in places(release, work, arguments.build_namespace)))
        await stream.dry(LAST_WORDS if arguments.follow else None)
    finally:
        await stream.close()
    if not stream.lines:
        _tell_what_is_kept(at, work)
    return Exit.Live


async def _until_its_end(at: Session, release: BrandRelease, number: int, builds: str, stream: "Stream") -> None:
    async with aclosing(follow(at.api, BRAND_RELEASES, release.namespace, release.name)) as looks:
        async for body in looks:
            status = readable(body).status if body else release.status
            work = next((each for each in (status.next, status.current) if each and each.number == number), None)
            for place in places(release, work, builds) if work else ():
                stream.watch(place)
            stream.build(work.build if work else None)
            if body is None or work is None or work.outcome is not None:
                return


def places(release: BrandRelease, work: CurrentRelease, builds: str) -> Iterator[Place]:
    """Where the release has pods by now."""
    if work.build and work.build.id and work.build.builder == "buildKit":
        yield Place("build", builds, f"{JOB_NAME}={work.build.id}")
    hooks = work.hooks
    for name, hook in (("preDeploy", hooks.pre_deploy), ("postDeploy", hooks.post_deploy)) if hooks else ():
        if hook:
            yield Place(name, release.namespace, f"{JOB_NAME}={hook.job}")
    if work.rollout:
        yield Place("", release.namespace, f"{NAME_LABEL}={release.name},{RELEASE_LABEL}={work.number},!{JOB_NAME}")


class Stream:
    """A task for each place that is watched, and one for each run of a container that prints."""

    def __init__(self, at: Session, brand: str, *, follow: bool) -> None:
        self._at, self._brand, self._follow = at, brand, follow
        self._watched: dict[Place, asyncio.Task[None]] = {}
        self._shown: dict[tuple[str, str, int], asyncio.Task[None]] = {}
        self.lines = 0

    def watch(self, place: Place) -> None:
        """Show what is printed there, from now on."""
        if place not in self._watched:
            self._watched[place] = asyncio.create_task(self._told(place, self._watch))

    async def once(self, place: Place) -> None:
        """Show what was printed there."""
        await self._told(place, self._list)

    def build(self, build: BuildProgress | None) -> None:
        """Show what a build prints that is not in the cluster."""
        if build and build.id and build.builder == "codeBuild" and (key := (build.id, "", 0)) not in self._shown:
            self._shown[key] = asyncio.create_task(self._show_build(build.id))

    async def dry(self, limit: float | None) -> None:
        """Wait until everything is shown, for so many seconds at most."""
        if self._shown:
            await asyncio.wait(self._shown.values(), timeout=limit)

    async def close(self) -> None:
        """End what still goes on."""
        await ended(*self._watched.values(), *self._shown.values())

    async def _told(self, place: Place, work: Callable[[Place], Awaitable[None]]) -> None:
        try:
            await work(place)
        except ApiError as error:
            what = f"The pods of {place.who or 'the release'} in namespace {place.namespace} cannot be seen"
            self._at.terminal.complain(f"{what}: {error.message}")

    async def _list(self, place: Place) -> None:
        for pod in await self._at.api.items(PODS, place.namespace, labels=place.labels):
            self._begin(place, pod)

    async def _watch(self, place: Place) -> None:
        select = {"labelSelector": place.labels}
        async with aclosing(follow_all(self._at.api, PODS, place.namespace, select)) as looks:
            async for found in looks:
                for pod in found.values():
                    self._begin(place, pod)

    def _begin(self, place: Place, pod: Json) -> None:
        name = pod["metadata"]["name"]
        for container, run in runs(pod):
            key = (name, container, run)
            if key not in self._shown:
                who = f"{place.who or name.rpartition('-')[2]} {container}"
                self._shown[key] = asyncio.create_task(self._show(place.namespace, name, container, who))

    async def _show_build(self, build_id: str) -> None:
        async with aclosing(codebuild_lines(self._at, self._brand, build_id, follow=self._follow)) as lines:
            async for line in lines:
                self.lines += 1
                self._at.terminal.line(f"build: {line}")

    async def _show(self, namespace: str, pod: str, container: str, who: str) -> None:
        query = {"container": container, "tailLines": str(TAIL), "follow": "true" if self._follow else "false"}
        try:
            async with aclosing(self._at.api.lines(PODS.path(namespace, pod, "log"), query)) as lines:
                async for line in lines:
                    self.lines += 1
                    self._at.terminal.line(f"{who}: {line.decode(errors='replace')}")
        except ApiError as error:
            self._at.terminal.complain(f"The log of container {container} of pod {pod} cannot be had: {error.message}")


def runs(pod: Json) -> Iterator[tuple[str, int]]:
    """The containers that have a log, and the how manieth run of each it is."""
    status = pod.get("status", {})
    for entry in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])):
        waits = "waiting" in entry.get("state", {"waiting": {}})
        has_run = bool(entry.get("lastState", {}).get("terminated"))
        if not waits or has_run:
            yield entry["name"], entry.get("restartCount", 0) - (1 if waits else 0)


def _tell_what_is_kept(at: Session, work: CurrentRelease) -> None:
    """The pods are gone, or have printed nothing: the status keeps the end of what has failed."""
    hooks = work.hooks
    kept = {
        "build": work.build.log_tail if work.build else None,
        "preDeploy": hooks.pre_deploy.log_tail if hooks and hooks.pre_deploy else None,
        "postDeploy": hooks.post_deploy.log_tail if hooks and hooks.post_deploy else None,
    }
    if work.evidence:
        kept[f"{work.evidence.pod.rpartition('-')[2]} {work.evidence.container}"] = work.evidence.log_tail
    told = {who: text for who, text in kept.items() if text}
    if not told:
        at.terminal.line(f"No pod of release {work.number} is there that has printed anything.")
        return
    at.terminal.line(f"No pod of release {work.number} is there any more. This was kept of its logs:")
    for who, text in told.items():
        for each in text.splitlines():
            at.terminal.line(f"{who}: {each}")


LOGS = Command(
    "logs",
    "what build, hooks and new pods of a release print, in one stream",
    _arguments,
    _logs,
    ("logs drumeo production --follow",),
)
