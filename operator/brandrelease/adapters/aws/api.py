"""Calls to AWS by boto3, in threads of their own: it blocks, and the event loop must not. The only file that imports boto3."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import Lock
from typing import Any, Final

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)

from brandrelease.adapters.aws.calls import Call
from brandrelease.adapters.aws.errors import NO_ANSWER, NO_CREDENTIALS, AwsError
from brandrelease.ports import Fence
from brandrelease.telemetry import Metrics

THREADS: Final = 8
"""Calls at the same time. Each may sleep between botocore's own tries, so they do not share asyncio's threads."""

_SETTINGS: Final[dict[str, Any]] = {
    # `adaptive` would make every release wait for the one that AWS throttles.
    "retries": {"mode": "standard", "total_max_attempts": 4},
    "connect_timeout": 3,
    "read_timeout": 20,
    "max_pool_connections": THREADS,
    "user_agent_appid": "brandrelease",
}

_NO_CREDENTIALS: Final = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)


class AwsApi:
    """AWS, in any region, with the credentials that boto3 finds: a role's token, keys in the environment, a profile."""

    def __init__(self, metrics: Metrics, fence: Fence | None = None) -> None:
        """The fence is asked before each change, also by each of botocore's own tries of it."""
        self._metrics, self._fence = metrics, fence
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="aws")
        self._lock = Lock()
        self._session: Any = None  # typed for services that are known when mypy runs; here they are values
        self._clients: dict[tuple[str, str], Any] = {}

    async def call(self, call: Call, region: str, **parameters: Any) -> dict[str, Any]:
        """What AWS answers. Raises AwsError."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._call, call, region, parameters)

    def close(self) -> None:
        """No more calls; those under way are left to their own time limits."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _call(self, call: Call, region: str, parameters: dict[str, Any]) -> dict[str, Any]:
        try:
            with self._fence.write() if self._fence and call.changes else nullcontext():
                answer: dict[str, Any] = getattr(self._client(call.service, region), xform_name(call.operation))(
                    **parameters
                )
        except (BotoCoreError, ClientError) as error:
            failed = _translated(error, call, region)
            self._metrics.outside.aws_calls.labels(call.action, failed.code).inc()
            if failed.stale_credentials:
                self._forget_credentials()
            raise failed from error
        self._metrics.outside.aws_calls.labels(call.action, "ok").inc()
        return answer

    def _client(self, service: str, region: str) -> Any:
        """Clients may be used by many threads at once; making them may not."""
        with self._lock:
            if (service, region) not in self._clients:
                self._session = self._session or boto3.Session()
                made = self._session.client(service, region_name=region, config=Config(**_SETTINGS))
                for call in Call:
                    if call.changes and call.service == service:
                        made.meta.events.register(f"before-send.{service}.{call.operation}", self._before_each_try)
                self._clients[service, region] = made
            return self._clients[service, region]

    def _before_each_try(self, **_: Any) -> None:
        if self._fence:
            self._fence.ask()

    def _forget_credentials(self) -> None:
        """The next call reads them anew, so that a Secret that was mended helps without a restart where it is a file."""
        with self._lock:
            self._session = None
            self._clients.clear()


def _translated(error: BotoCoreError | ClientError, call: Call, region: str) -> AwsError:
    if isinstance(error, ClientError):
        told = error.response.get("Error", {})
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        code = str(told.get("Code", "Unknown")).rpartition("#")[2]
        return AwsError(call, region, code, str(told.get("Message", "")), status)
    if isinstance(error, _NO_CREDENTIALS):
        return AwsError(call, region, NO_CREDENTIALS, str(error))
    # Only the kind of the error: its text may repeat an address with a query.
    return AwsError(call, region, NO_ANSWER, type(error).__name__)
