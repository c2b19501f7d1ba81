"""What blocks the event loop is seen."""

import asyncio
import time
from contextlib import suppress

from prometheus_client import generate_latest

from brandrelease.controller.lag import EVERY_SECONDS, measure_lag
from brandrelease.telemetry import Metrics

BLOCKED = 4 * EVERY_SECONDS


async def test_a_loop_that_was_blocked_was_late() -> None:
    metrics = Metrics()
    task = asyncio.create_task(measure_lag(metrics.event_loop_lag_seconds))
    await asyncio.sleep(0)
    time.sleep(BLOCKED)
    await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    page = generate_latest(metrics.registry).decode()
    late = next(line for line in page.splitlines() if line.startswith("brandrelease_event_loop_lag_seconds_sum"))
    assert float(late.split()[1]) >= BLOCKED - EVERY_SECONDS - 0.05
