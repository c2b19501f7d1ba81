"""What stays is spared by the garbage collector: to look through all of it blocks the event loop, for longer with every site.

Modules and what is known of a fleet live until the end. Python looks through them again and again for cycles that nobody
holds: 0.03 s for the modules alone, 0.1 s and more with a fleet, in the midst of a storm of releases (docs/performance.md).
What is spared is still freed as soon as nobody refers to it; only cycles in it wait for the next round.
"""

import asyncio
import gc
from typing import Final

KNOWN_SECONDS: Final = 60.0
"""After the start. The passes over a fleet of thousands have been made by then, and what they remember stays."""

ROUND_SECONDS: Final = 3600.0
"""A round looks through everything once, which is as long as any of the collections that it spares."""


async def spare_what_stays(known: float = KNOWN_SECONDS, every: float = ROUND_SECONDS) -> None:
    """Look through everything and spare what is left: now, once the fleet is known, and in rounds, until cancelled."""
    _round()
    await asyncio.sleep(known)
    while True:
        _round()
        await asyncio.sleep(every)


def _round() -> None:
    gc.unfreeze()
    gc.collect()
    gc.freeze()
