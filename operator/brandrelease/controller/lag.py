"""How late the event loop is: everything that blocks it makes every site's release late."""

import asyncio
from typing import Final

from prometheus_client import Histogram

EVERY_SECONDS: Final = 0.1
"""A timer that is set so often meets most of what blocks the loop for longer than the half of it, and costs next to nothing."""


async def measure_lag(lag: Histogram) -> None:
    """Observe by how much each timer is late, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + EVERY_SECONDS
        await asyncio.sleep(EVERY_SECONDS)
        lag.observe(loop.time() - due)
