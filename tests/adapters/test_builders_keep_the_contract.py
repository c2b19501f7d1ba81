"""The contract of all builders, kept by `codeBuild` and `external`; that of `buildKit` needs a cluster (tests/e2e)."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.builders.codebuild import CodeBuild
from brandrelease.adapters.builders.codebuild_watch import CodeBuildWatch
from brandrelease.adapters.builders.external import External
from brandrelease.adapters.registry import RegistryApi
from brandrelease.adapters.system_clock import SystemClock
from brandrelease.apis.brand import Brand
from brandrelease.core.builds.images import BuildOrder, build_order
from brandrelease.core.builds.seen import ImageLookup
from brandrelease.ports import Builder
from brandrelease.telemetry import Metrics
from support.builder_contract import *  # noqa: F403 - the contract
from support.builder_contract import LAST_WORDS, Source
from support.codebuild import CodeBuildServer, Script
from support.registry import RegistryServer


class CodeBuildWorkshop:
    """CodeBuild on this machine. Its builds push tiny images; real ones are built in tests/e2e and test_local_codebuild."""

    many = 50
    builds_itself = True

    def __init__(self, aws: CodeBuildServer, repository: str, session: aiohttp.ClientSession) -> None:
        self._aws, self._repository = aws, repository
        self._registry = RegistryApi(session, frozenset({repository.partition("/")[0]}))
        self._processes: list[tuple[asyncio.Task[None], AwsApi]] = []

    async def process(self) -> Builder:
        self._end_the_last()
        api = AwsApi(Metrics())
        watch = CodeBuildWatch(api, lambda _name: None, poll_seconds=0.2)
        self._processes.append((asyncio.create_task(watch.run()), api))
        return CodeBuild(api, watch, SystemClock())

    def order(self, source: Source, number: int = 1) -> BuildOrder:
        match source:
            case Source.Broken:
                self._aws.script(Script(status="FAILED", log=("step 1", LAST_WORDS)), project="drumeo")
            case Source.Slow:
                self._aws.script(Script(seconds=60), project="drumeo")
            case Source.Missing:
                self._aws.script(Script(status="FAILED", phase="DOWNLOAD_SOURCE"), project="drumeo")
            case Source.Endless:
                self._aws.script(Script(status="TIMED_OUT"), project="drumeo")
            case Source.Good:
                pass
        commit = hashlib.sha1(f"{source} {number}".encode()).hexdigest()
        return build_order(
            brand({"codeBuild": {"project": "drumeo", "region": "us-east-2"}}, self._repository), commit, 1
        )

    async def starts(self, order: BuildOrder) -> int:
        return sum(build.variables.get("BR_KEY") == order.key for build in self._aws.builds("drumeo"))

    async def look_up(self, order: BuildOrder) -> ImageLookup:
        return await self._registry.look_up(order.repository, order.tag, None)

    async def is_at_work(self, order: BuildOrder) -> bool:
        return any(
            build.status == "IN_PROGRESS"
            for build in self._aws.builds("drumeo")
            if build.variables.get("BR_KEY") == order.key
        )

    def _end_the_last(self) -> None:
        """Killed: what it knew is gone."""
        for task, api in self._processes:
            task.cancel()
            api.close()

    async def close(self) -> None:
        self._end_the_last()
        await asyncio.gather(*(task for task, _ in self._processes), return_exceptions=True)


class ExternalWorkshop:
    """CI has pushed every image before anybody asks for it."""

    many = 50
    builds_itself = False

    def __init__(self, registry: RegistryServer, path: str, session: aiohttp.ClientSession) -> None:
        self._server, self._path = registry, path
        self._registry = RegistryApi(session, frozenset({registry.host}))

    async def process(self) -> Builder:
        return External()

    def order(self, source: Source, number: int = 1) -> BuildOrder:
        commit = hashlib.sha1(f"{source} {number}".encode()).hexdigest()
        self._server.push_image(self._path, commit, commit)
        return build_order(brand({"external": {}}, f"{self._server.host}/{self._path}"), commit, 1)

    async def starts(self, order: BuildOrder) -> int:
        return 0

    async def look_up(self, order: BuildOrder) -> ImageLookup:
        return await self._registry.look_up(order.repository, order.tag, None)

    async def is_at_work(self, order: BuildOrder) -> bool:
        return False


def brand(build: dict[str, Any], repository: str) -> Brand:
    spec = {
        "source": {"url": "https://git.example.com/drumeo.git"},
        "image": {"repository": repository},
        "build": build,
        "environments": [{"name": "production"}],
    }
    return Brand.model_validate({"name": "drumeo", "uid": "brand-uid", "spec": spec})


@pytest.fixture
def path(request: pytest.FixtureRequest) -> str:
    """A repository of this test alone."""
    return f"{hashlib.sha1(request.node.name.encode()).hexdigest()[:12]}/drumeo"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
async def factory(
    path: str,
    registry: RegistryServer,
    aws: CodeBuildServer,
    session: aiohttp.ClientSession,
    login: None,
) -> AsyncIterator[CodeBuildWorkshop]:
    aws.create_project("drumeo", "http://git.invalid/drumeo.git", f"{registry.host}/{path}")
    made = CodeBuildWorkshop(aws, f"{registry.host}/{path}", session)
    yield made
    await made.close()


@pytest.fixture(params=["codeBuild", "external"])
def workshop(
    request: pytest.FixtureRequest,
    path: str,
    registry: RegistryServer,
    factory: CodeBuildWorkshop,
    session: aiohttp.ClientSession,
) -> CodeBuildWorkshop | ExternalWorkshop:
    return ExternalWorkshop(registry, path, session) if request.param == "external" else factory


def test_orders_of_different_attempts_are_different_builds() -> None:
    order = build_order(
        brand({"codeBuild": {"project": "drumeo", "region": "us-east-2"}}, "r.example.com/d"), "c" * 40, 1
    )
    assert order.name != replace(order, attempt=2).name
