"""`logs`: what the build, the hooks and the new pods of a release print, in one stream."""

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from brandrelease.adapters.kube.api import PODS, ApiError
from brandrelease.apis.brandrelease import BrandRelease, CurrentRelease
from brandrelease.apis.wellknown import NAME_LABEL, RELEASE_LABEL
from brandrelease.cli.command import Command, environment_arguments
from brandrelease.cli.exits import Exit
from brandrelease.cli.finding import find
from brandrelease.cli.session import Session
from brandrelease.cli.wishes import in_flight

Json = dict[str, Any]

JOB_NAME: Final = "batch.kubernetes.io/job-name"
LOOK_AGAIN: Final = 2.0
"""Seconds after which pods are looked for that are new."""

TAIL: Final = 200
"""Lines of each container that are shown of what it has printed before."""


@dataclass(frozen=True, slots=True)
class Place:
    """Pods whose logs belong to the release. who: how their lines begin."""

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
    shown: dict[tuple[str, str], asyncio.Task[None]] = {}
    try:
        await _show(at, arguments, release, work, shown)
    finally:
        for task in shown.values():
            task.cancel()
        await asyncio.gather(*shown.values(), return_exceptions=True)
    return Exit.Live


async def _show(
    at: Session,
    arguments: Namespace,
    release: BrandRelease,
    work: CurrentRelease,
    shown: dict[tuple[str, str], asyncio.Task[None]],
) -> None:
    """A task for each container that prints; those of pods that come later are added while the release goes on."""
    while True:
        for place in _places(release, work, arguments.build_namespace):
            await _begin(at, place, shown, follow=arguments.follow)
        if not arguments.follow:
            await asyncio.gather(*shown.values())
            return
        await asyncio.sleep(LOOK_AGAIN)
        release = await find(at.api, arguments.brand, arguments.environment)
        flight = in_flight(release)
        if flight is None or flight.number != work.number:
            return
        work = flight


def _places(release: BrandRelease, work: CurrentRelease, builds: str) -> Iterator[Place]:
    if work.build and work.build.id and work.build.builder == "buildKit":
        yield Place("build", builds, f"{JOB_NAME}={work.build.id}")
    hooks = work.hooks
    for name, hook in (("preDeploy", hooks.pre_deploy), ("postDeploy", hooks.post_deploy)) if hooks else ():
        if hook:
            yield Place(name, release.namespace, f"{JOB_NAME}={hook.job}")
    yield Place("", release.namespace, f"{NAME_LABEL}={release.name},{RELEASE_LABEL}={work.number},!{JOB_NAME}")


async def _begin(at: Session, place: Place, shown: dict[tuple[str, str], asyncio.Task[None]], *, follow: bool) -> None:
    try:
        pods = await at.api.items(PODS, place.namespace, labels=place.labels)
    except ApiError as error:
        key = (place.namespace, place.labels)
        if key not in shown:
            at.terminal.complain(f"The pods in namespace {place.namespace} cannot be listed: {error.message}")
            shown[key] = asyncio.create_task(asyncio.sleep(0))
        return
    for pod in pods:
        name = pod["metadata"]["name"]
        for container in _started(pod):
            if (name, container) not in shown:
                who = f"{place.who or name} {container}"
                shown[name, container] = asyncio.create_task(
                    _stream(at, place.namespace, name, container, who, follow=follow)
                )


def _started(pod: Json) -> Iterator[str]:
    status = pod.get("status", {})
    for entry in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])):
        if "waiting" not in entry.get("state", {}):
            yield entry["name"]


async def _stream(at: Session, namespace: str, pod: str, container: str, who: str, *, follow: bool) -> None:
    query = {"container": container, "tailLines": str(TAIL), "follow": "true" if follow else "false"}
    try:
        async for line in at.api.lines(PODS.path(namespace, pod, "log"), query):
            at.terminal.line(f"{who}: {line.decode(errors='replace')}")
    except ApiError as error:
        at.terminal.complain(f"The log of container {container} of pod {pod} broke off: {error.message}")


LOGS = Command("logs", "what build, hooks and new pods of a release print, in one stream", _arguments, _logs)
