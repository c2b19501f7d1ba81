"""A hundred builds at once in CodeBuild: the calls that they make, beside a poller for each, and what they keep in memory.

The local CodeBuild runs in this process, and the operator's builder in one of its own, so that its memory is its alone.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.codebuild_process import BUILDS, REPOSITORY
from bench.figures import Figure, Peer, Section
from brandrelease.adapters.builders.codebuild_watch import POLL_SECONDS
from support.codebuild import CodeBuildServer, Fault, Script
from support.registry import RegistryServer

PATH: Final = "sites/bench"
LIMIT_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Ran:
    """polls, starts: calls. growth: of the process, in MB, from before the first build."""

    polls: int
    starts: int
    seconds: float
    growth: float


def measure(out: Path) -> Section:
    """The section `codebuild`."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        RegistryServer(Path(scratch) / "registry") as registry,
        CodeBuildServer(Path(scratch) / "aws", registry=registry.host, real=False) as aws,
    ):
        repository = f"{registry.host}/{PATH}"
        aws.create_project("bench", "http://git.invalid/bench.git", repository)
        aws.script(Script(seconds=25, times=None), project="bench")
        calm = run(aws, repository, "calm")
        aws.script(Fault("*", "ThrottlingException", every=3, times=None))
        throttled = run(aws, repository, "throttled")
    return Section(
        title=f"{BUILDS} builds at once in CodeBuild, each of 25 seconds",
        figures=(*figures("", calm), *figures(", every third call refused", throttled)),
    )


def figures(when: str, ran: Ran) -> tuple[Figure, ...]:
    """Beside the questions is what a poller for each build would have asked in the same time."""
    alone = float(round(ran.seconds / POLL_SECONDS) * BUILDS)
    return (
        Figure(
            what=f"BatchGetBuilds{when}", values=(float(ran.polls),), unit="calls", peer=Peer("a poller each", (alone,))
        ),
        Figure(what=f"StartBuild{when}", values=(float(ran.starts),), unit="calls"),
        Figure(what=f"memory that it took{when}", values=(ran.growth,), unit="MB"),
    )


def run(aws: CodeBuildServer, repository: str, salt: str) -> Ran:
    """Have the process build, and count what arrives here meanwhile."""
    before = _calls(aws)
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        REPOSITORY: repository,
    }
    command = [sys.executable, "-m", "bench.codebuild_process", salt]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=LIMIT_SECONDS)
    told, after = json.loads(done.stdout), _calls(aws)
    polls, starts = (now - then for now, then in zip(after, before, strict=True))
    return Ran(polls, starts, told["seconds"], told["growth"])


def _calls(aws: CodeBuildServer) -> tuple[int, int]:
    return len(aws.journal.calls("BatchGetBuilds")), len(aws.journal.calls("StartBuild"))
