"""The process that the section `codebuild` measures: the operator's builder for CodeBuild, with all builds at once."""

import asyncio
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Final

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.builders.codebuild import CodeBuild
from brandrelease.adapters.builders.codebuild_watch import CodeBuildWatch
from brandrelease.adapters.system_clock import SystemClock
from brandrelease.apis.brand import Brand
from brandrelease.core.builds.images import BuildOrder, build_order
from brandrelease.core.builds.seen import BuildRunning, BuildSucceeded, BuildUnseen
from brandrelease.ports import Refused
from brandrelease.telemetry import Metrics

BUILDS: Final = 100
REPOSITORY: Final = "BENCH_REPOSITORY"
"""The variable that says where images are."""


async def build(salt: str) -> None:
    """Start all builds at once, follow them to their ends, and print what it took."""
    api = AwsApi(Metrics())
    watch = CodeBuildWatch(api, lambda _name: None)
    builder, polling = CodeBuild(api, watch, SystemClock()), asyncio.create_task(watch.run())
    await builder.state(order(salt, -1))  # boto3 and its clients are loaded
    began, before = asyncio.get_running_loop().time(), rss()
    orders = [order(salt, number) for number in range(BUILDS)]
    await asyncio.gather(*(insist(builder, each) for each in orders))
    await asyncio.gather(*(end(builder, each) for each in orders))
    seconds = asyncio.get_running_loop().time() - began
    print(json.dumps({"seconds": seconds, "growth": rss() - before}))
    polling.cancel()
    api.close()


async def insist(builder: CodeBuild, wanted: BuildOrder) -> None:
    while True:
        try:
            await builder.start(wanted)
        except Refused:
            await asyncio.sleep(1)
        else:
            return


async def end(builder: CodeBuild, wanted: BuildOrder) -> None:
    while isinstance(state := await builder.state(wanted), BuildRunning | BuildUnseen):
        await asyncio.sleep(0.5)
    if not isinstance(state, BuildSucceeded):
        raise SystemExit(f"A build has not succeeded: {state}")


def order(salt: str, number: int) -> BuildOrder:
    spec = {
        "source": {"url": "https://git.example.com/bench.git"},
        "image": {"repository": os.environ[REPOSITORY]},
        "build": {"codeBuild": {"project": "bench", "region": "us-east-2"}},
        "environments": [{"name": "production"}],
    }
    brand = Brand.model_validate({"name": f"brand-{number}", "uid": "uid", "spec": spec})
    return build_order(brand, hashlib.sha1(f"{salt} {number}".encode()).hexdigest(), 1)


def rss() -> float:
    """Resident memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    asyncio.run(build(sys.argv[1]))
