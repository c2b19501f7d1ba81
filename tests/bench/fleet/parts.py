"""Where the operator's time goes in a storm: a sampled profile of its process, by the part that each stack is in."""

import asyncio
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

PY_SPY: Final = Path(sys.prefix) / "bin" / "py-spy"
SAMPLES_A_SECOND: Final = "100"
READY_SECONDS: Final = 30.0
END_SECONDS: Final = 60.0

PARTS: Final = (
    ("models (pydantic)", r"/pydantic/|/pydantic_settings/|brandrelease/apis/"),
    ("deciding (core)", r"brandrelease/core/"),
    ("metrics", r"/prometheus_client/|brandrelease/telemetry|controller/counting"),
    ("git", r"adapters/git/"),
    ("registry", r"adapters/registry"),
    ("logs", r"/structlog/|/logging/"),
    ("watches (kopf)", r"/kopf/|controller/handlers"),
    ("requests to the API", r"/kubernetes/aio/|adapters/kube/|/kubernetes/"),
    ("HTTP (aiohttp)", r"/aiohttp/|/yarl/|/multidict/|/aiosignal/|/aiohttp_retry/"),
    ("passes, queue, observing", r"brandrelease/"),
    ("event loop", r"/asyncio/|/selectors\.py"),
)
"""The frames of a part, by their files. A stack belongs to the part of its innermost frame that is in any: JSON and TLS
count to whoever wants them."""

OTHER: Final = "everything else"

WAITS: Final = re.compile(r"(select|wait|_do_waitpid|_wait_for_tstate_lock) \(")
"""What the innermost frame is in while a thread waits. The sampler takes some of that for work."""


@asynccontextmanager
async def profiled(pid: int, collapsed: Path) -> AsyncIterator[None]:
    """Sample the process while the block runs; what was seen goes to a file, one stack a line, for any flame graph."""
    options = ("--rate", SAMPLES_A_SECOND, "--format", "raw", "--full-filenames", "--nonblocking")
    command = (str(PY_SPY), "record", *options, "--output", str(collapsed), "--pid", str(pid))
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)
    assert process.stdout is not None
    said = await asyncio.wait_for(process.stdout.readline(), READY_SECONDS)  # that it samples
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = await asyncio.wait_for(process.communicate(), END_SECONDS)
    if not collapsed.exists():
        message = f"py-spy has not written a profile. It said: {(said + rest).decode()}"
        raise AssertionError(message)


def shares(collapsed: Path) -> dict[str, float]:
    """Percent of the samples at work that are of each part, the largest first."""
    samples: Counter[str] = Counter()
    for line in collapsed.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if not WAITS.search(frames[-1]):
            samples[part_of(frames)] += int(count)
    whole = sum(samples.values())
    return {part: 100 * count / whole for part, count in samples.most_common()}


def part_of(frames: list[str]) -> str:
    """The part of the innermost frame that is in any but the event loop, which is below everything."""
    for frame in reversed(frames):
        for part, files in PARTS[:-1]:
            if re.search(files, frame):
                return part
    event_loop, files = PARTS[-1]
    return event_loop if any(re.search(files, frame) for frame in frames) else OTHER
