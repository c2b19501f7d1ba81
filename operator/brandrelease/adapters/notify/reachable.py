"""The port `Endpoints`: whether those who are to be told of releases can be told. Nothing is posted anywhere."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

import structlog

from brandrelease.adapters.notify.github import GitHubNotifier
from brandrelease.adapters.notify.slack import SlackNotifier
from brandrelease.adapters.notify.webhook import WebhookNotifier
from brandrelease.apis.brand import Brand
from brandrelease.apis.notifications import GitHub, Slack, Webhook
from brandrelease.ports import Refused, Secret

log = structlog.get_logger(__name__)

AT_ONCE: Final = 4
"""Endpoints of one Brand that are asked at the same time."""

ALL_SECONDS: Final = 60.0
"""For all endpoints of one Brand together, their Secrets included."""

Endpoint = Slack | Webhook | GitHub


@dataclass(frozen=True, slots=True)
class Reachable:
    """Asks each API in its own way. secret: reads a Secret of the operator's own namespace; raises Refused."""

    slack: SlackNotifier
    webhook: WebhookNotifier
    github: GitHubNotifier
    secret: Callable[[str], Awaitable[Secret | None]]

    async def troubles(self, brand: Brand) -> Sequence[str] | None:
        """Ask all; those that are the same in several environments once."""
        told = [(each.name, notification) for each in brand.spec.environments for notification in each.notifications]
        if not told:
            return None
        places, until = asyncio.Semaphore(AT_ONCE), asyncio.get_running_loop().time() + ALL_SECONDS
        asking: dict[tuple[str, ...], asyncio.Task[str | None]] = {}
        async with asyncio.TaskGroup() as group:
            for _, notification in told:
                question = _question(notification.endpoint)
                if question not in asking:
                    asking[question] = group.create_task(self._in_turn(notification.endpoint, places, until))
        return [
            f'Notification "{notification.name}" of environment {environment} cannot be sent: {problem}'
            for environment, notification in told
            if (problem := asking[_question(notification.endpoint)].result())
        ]

    async def _in_turn(self, endpoint: Endpoint, places: asyncio.Semaphore, until: float) -> str | None:
        """What is wrong with it; also where our own code fails."""
        try:
            async with asyncio.timeout_at(until), places:
                return await self._trouble(endpoint)
        except TimeoutError:
            return f"All endpoints of the Brand together have not answered within {ALL_SECONDS:g} seconds, and this is one of those that are left. It is asked again."
        except Refused as refused:
            return refused.refusal.message
        except Exception as error:
            log.exception("An endpoint could not be asked.", kind=type(endpoint).__name__)
            return f"The operator could not ask it, or not read its Secret ({type(error).__name__}); the operator's log says more. It is asked again."

    async def _trouble(self, endpoint: Endpoint) -> str | None:
        secret = await self.secret(endpoint.secret_name)
        if secret is None:
            return f'There is no Secret "{endpoint.secret_name}" in the operator\'s namespace. Create it, or correct secretName.'
        match endpoint:
            case Slack():
                return await self.slack.trouble(endpoint, secret)
            case Webhook():
                return await self.webhook.trouble(endpoint, secret)
            case GitHub():
                return await self.github.trouble(endpoint, secret)
            case _:
                assert_never(endpoint)


def _question(endpoint: Endpoint) -> tuple[str, ...]:
    """What is asked: the channels of one bot are one question."""
    match endpoint:
        case Slack():
            return "slack", endpoint.api_url, endpoint.secret_name
        case Webhook():
            return "webhook", endpoint.url, endpoint.secret_name
        case GitHub():
            return "github", endpoint.api_url, endpoint.repository, endpoint.secret_name
        case _:
            assert_never(endpoint)
