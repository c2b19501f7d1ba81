"""A hundred builds at once in CodeBuild: how many calls they make, and how much memory they take.

The local CodeBuild runs in this process and the builder in one of its own, so that its memory is its alone. Prints one
table; `polls` is beside what a poller for each release would have made.
"""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.builders.codebuild import CodeBuild
from brandrelease.adapters.builders.codebuild_watch import POLL_SECONDS, CodeBuildWatch
from brandrelease.adapters.system_clock import SystemClock
from brandrelease.apis.brand import Brand
from brandrelease.core.builds.images import BuildOrder, build_order
from brandrelease.core.builds.seen import BuildRunning, BuildSucceeded, BuildUnseen
from brandrelease.ports import Refused
from brandrelease.telemetry import Metrics
from support.codebuild import CodeBuildServer, Fault, Script
from support.registry import RegistryServer

BUILDS: Final = 100
PATH: Final = "sites/bench"
LIMIT_SECONDS: Final = 300


def main() -> None:
    """The bench; with the word `builder`, the process that is measured."""
    if sys.argv[1:2] == ["builder"]:
        asyncio.run(build(sys.argv[2]))
        return
    with (
        tempfile.TemporaryDirectory() as scratch,
        RegistryServer(Path(scratch) / "registry") as registry,
        CodeBuildServer(Path(scratch) / "aws", registry=registry.host, real=False) as aws,
    ):
        aws.create_project("bench", "http://git.invalid/bench.git", f"{registry.host}/{PATH}")
        aws.script(Script(seconds=25, times=None), project="bench")
        say(f"{'':28} {'polls':>6} {'alone':>6} {'starts':>7} {'builds':>7} {'seconds':>8} {'RSS MB':>7} {'growth':>7}")
        row("calm", aws, registry, "calm")
        aws.script(Fault("*", "ThrottlingException", every=3, times=None))
        row("every third call refused", aws, registry, "throttled")


def row(title: str, aws: CodeBuildServer, registry: RegistryServer, salt: str) -> None:
    before = {operation: len(aws.journal.calls(operation)) for operation in ("BatchGetBuilds", "StartBuild")}
    built = len(aws.builds("bench"))
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "BENCH_REPOSITORY": f"{registry.host}/{PATH}",
    }
    command = [sys.executable, __file__, "builder", salt]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=LIMIT_SECONDS)
    told = json.loads(done.stdout)
    polls = len(aws.journal.calls("BatchGetBuilds")) - before["BatchGetBuilds"]
    starts = len(aws.journal.calls("StartBuild")) - before["StartBuild"]
    alone = round(told["seconds"] / POLL_SECONDS) * BUILDS
    figures = f"{told['seconds']:8.1f} {told['rss']:7.1f} {told['growth']:7.1f}"
    say(f"{title:28} {polls:6} {alone:6} {starts:7} {len(aws.builds('bench')) - built:7} {figures}")


# --- the process that is measured ---------------------------------------------------------------------------------------


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
    print(json.dumps({"seconds": seconds, "rss": rss(), "growth": rss() - before}))
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
        "image": {"repository": os.environ["BENCH_REPOSITORY"]},
        "build": {"codeBuild": {"project": "bench", "region": "us-east-2"}},
        "environments": [{"name": "production"}],
    }
    brand = Brand.model_validate({"name": f"brand-{number}", "uid": "uid", "spec": spec})
    return build_order(brand, hashlib.sha1(f"{salt} {number}".encode()).hexdigest(), 1)


def rss() -> float:
    """Resident memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
