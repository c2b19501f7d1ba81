"""One look at a check: its Secret, its source, and a time limit. Whatever goes wrong is an answer; nobody waits for ever."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from brandrelease.apis.checks import Check as DeclaredCheck
from brandrelease.core.checks.measured import CheckOrder, Observation, Unmeasured
from brandrelease.ports import Check, Refused, Secret

log = structlog.get_logger(__name__)

GRACE_SECONDS: Final = 3.0
"""What a look may take beyond the check's own time limit, for its Secret and for coming to its end."""


@dataclass(frozen=True, slots=True)
class Looking:
    """Whom to ask. sources: by their names in the Brand. namespace: where the Secrets of checks are."""

    sources: Mapping[str, Check]
    secret: Callable[[str, str], Awaitable[Secret | None]]
    namespace: str

    async def look(self, order: CheckOrder) -> Observation:
        """What is seen; Unmeasured also where our own code fails."""
        limit = order.check.timeout.total_seconds() + GRACE_SECONDS
        try:
            async with asyncio.timeout(limit):
                return await self._look(order)
        except TimeoutError:
            return Unmeasured(f"There was no answer within {limit:g} seconds. It is asked again.")
        except Refused as refused:
            return Unmeasured(refused.refusal.message)
        except Exception as error:
            log.exception("A check could not look.", check=order.check.name)
            kind = type(error).__name__
            return Unmeasured(f"The operator could not look ({kind}); its log says more. It is tried again.")

    async def _look(self, order: CheckOrder) -> Observation:
        check = order.check
        secret = await self.secret(self.namespace, check.secret_name) if check.secret_name else None
        if secret is None and check.secret_name:
            return Unmeasured(_missing(check, self.namespace))
        return await self.sources[check.source_name].measure(order, secret)


def _missing(check: DeclaredCheck, namespace: str) -> str:
    return (
        f'There is no Secret "{check.secret_name}" in namespace "{namespace}", which check {check.name} names. '
        "Create it, or correct secretName."
    )
