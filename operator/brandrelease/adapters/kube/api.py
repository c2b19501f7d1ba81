"""The Kubernetes API as JSON objects: read live, applied server-side. The only code that imports `kubernetes`, but for `kubeconfig`."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic import DynamicClient
from kubernetes.aio.dynamic.exceptions import DynamicApiError

from brandrelease.adapters.kube.kubeconfig import configuration_of, load
from brandrelease.adapters.kube.questions import UNKNOWN, question
from brandrelease.adapters.kube.watched import Unwatched, Watched
from brandrelease.apis.wellknown import FIELD_MANAGER
from brandrelease.core.freshness import Seen, is_outdated
from brandrelease.core.kubernetes_trouble import Question, Trouble
from brandrelease.core.leadership import REQUEST_SECONDS
from brandrelease.core.plain import line
from brandrelease.core.scrubbing.secret_patterns import without_lookalikes
from brandrelease.elapsed import elapsed
from brandrelease.ports import Fence, KubernetesFails

REQUEST_TIMEOUT: Final = REQUEST_SECONDS
"""Seconds for one request. A pass that waits longer would hold its object up; it is repeated instead."""

MESSAGE_READ: Final = 8192
"""Characters that are looked at of what the API server says. An admission webhook may say a megabyte."""

ONE_REQUEST: Final = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT)

METADATA_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Asks the API server for names, labels and versions without the rest: all that a resync compares."""

Json = dict[str, Any]


Count = Callable[[str, Question, int], None]
"""Takes the HTTP method, what was asked, and the status of the answer: 0 where there was none."""


class ApiError(KubernetesFails):
    """The API server answered with an error. status is the HTTP status, or 0 where no answer came.

    A pass that meets one is repeated later; it is never evidence about a release. What it says may come to be read by
    people, and an admission webhook may have put anything into it: what looks like a secret is taken out, and the rest is
    one line.
    """

    def __init__(self, status: int, message: str, asked: Question | None = None, retry_after: float = 0.0) -> None:
        self.status, self.message = status, without_lookalikes(line(message[:MESSAGE_READ]))
        super().__init__(Trouble(asked or UNKNOWN, status, self.message), retry_after)


class Resource:
    """Paths of one kind of object: `namespaced` ones are listed over all namespaces where none is given."""

    def __init__(self, prefix: str, plural: str, *, namespaced: bool = True) -> None:
        self._prefix, self.plural, self._namespaced = prefix, plural, namespaced

    @property
    def group(self) -> str:
        """The API group as RBAC names it: empty for the core."""
        return self._prefix.split("/")[2] if self._prefix.startswith("/apis/") else ""

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The path of the collection, of one object, or of a subresource of it."""
        where = f"/namespaces/{namespace}" if self._namespaced and namespace else ""
        return "/".join(filter(None, [f"{self._prefix}{where}", self.plural, name, subresource]))


BRANDS: Final = Resource("/apis/brandrelease.dev/v1alpha1", "brands", namespaced=False)
BRAND_RELEASES: Final = Resource("/apis/brandrelease.dev/v1alpha1", "brandreleases")
DEPLOYMENTS: Final = Resource("/apis/apps/v1", "deployments")
EVENTS: Final = Resource("/api/v1", "events")
JOBS: Final = Resource("/apis/batch/v1", "jobs")
LEASES: Final = Resource("/apis/coordination.k8s.io/v1", "leases")
PODS: Final = Resource("/api/v1", "pods")
SECRETS: Final = Resource("/api/v1", "secrets")


class KubeApi:
    """One connection pool to the API server. Whatever changes anything there asks the fence first, in `_send`."""

    def __init__(
        self,
        api_client: client.ApiClient,
        fence: Fence | None,
        heard: Callable[[str | None], None] = lambda _: None,
        manager: str = FIELD_MANAGER,
    ) -> None:
        """Heard is told the header Date of each answer. manager: the name that the API server keeps with what is written."""
        self._client, self._fence, self._heard, self._manager = api_client, fence, heard, manager
        self._dynamic = DynamicClient(api_client)  # not awaited: the paths are known, so nothing is discovered
        self._count: Count = _nothing
        self._watched: Watched = Unwatched()

    @classmethod
    async def connect(
        cls,
        kubeconfig: Path | None,
        fence: Fence | None = None,
        heard: Callable[[str | None], None] = lambda _: None,
    ) -> "KubeApi":
        """With a kubeconfig where one is given, else with the service account of the pod. Raises NoCluster."""
        configuration = client.Configuration()
        configuration.retries = None  # the loop is the retry
        configuration.client_session_kwargs = {"trust_env": False}  # else it reads ~/.netrc anew for each request
        await load(configuration, kubeconfig)
        return cls(client.ApiClient(configuration), fence, heard)

    def without_fence(self) -> "KubeApi":
        """For the Lease, whose writes are what the fence rests on."""
        return KubeApi(self._client, None, self._heard)

    def counting(self, count: Count) -> None:
        """From now on `count` is told of each answer."""
        self._count = count

    @classmethod
    async def connect_as(cls, manager: str, kubeconfig: Path | None, context: str | None) -> "KubeApi":
        """As a person does: with the kubeconfig that is given, else with what kubectl would take.

        Raises NoCluster.
        """
        configuration = await configuration_of(kubeconfig, context)
        return cls(client.ApiClient(configuration), None, manager=manager)

    def believing(self, watched: Watched) -> None:
        """From now on an object that is older than what was told of it before is a trouble, and no answer.

        A proxy or a cache in between may give one. Whoever decides by it would wait for an event that has come already, or
        take what was there before our own change for somebody else's. watched is told of each object that we have applied.
        """
        self._watched = watched

    def is_newest(self, resource: Resource, metadata: Mapping[str, Any]) -> bool:
        """Whether an object that was read before is there still, and nothing newer is known of it; False without a watch."""
        return self._watched.is_newest(resource.plural, metadata)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def get(
        self, resource: Resource, namespace: str | None, name: str, *, at_its_word: bool = False
    ) -> Json | None:
        """The object as it is now; None if there is none.

        at_its_word: that there is none is believed also where it was told of a moment ago, and nobody has told of its end.
        """
        path, known = resource.path(namespace, name), partial(self._watched.newest_of, resource.plural, namespace, name)
        before = known()
        try:
            body = await self._request("get", path)
        except ApiError as error:
            if error.status == 404:  # noqa: PLR2004 - HTTP
                if not at_its_word:
                    self._believe_absence(resource, path, before, known())
                return None
            raise
        self._believe(resource, path, body, before)
        return body

    async def items(
        self, resource: Resource, namespace: str | None, *, labels: str | None = None, fields: str | None = None
    ) -> list[Json]:
        """All objects that match, as `listing`."""
        return (await self.listing(resource, namespace, labels=labels, fields=fields))[0]

    async def listing(
        self, resource: Resource, namespace: str | None, *, labels: str | None = None, fields: str | None = None
    ) -> tuple[list[Json], str]:
        """All objects that match, and the version of the list, from which a watch can go on."""
        path, newest = resource.path(namespace), self._watched.newest(resource.plural)
        answer = await self._request("get", path, label_selector=labels, field_selector=fields)
        self._believe_list(resource, path, answer, newest)
        return answer["items"] or [], str(answer["metadata"]["resourceVersion"])

    async def pages(self, resource: Resource, namespace: str | None, size: int) -> AsyncIterator[list[Json]]:
        """All objects, at most `size` of them at a time."""
        async for page in self._pages(resource, namespace, limit=size):
            yield page

    async def versions(self, resource: Resource, namespace: str | None, labels: str | None = None) -> list[Json]:
        """The metadata of all objects that match, in pages, so that no answer is ever large."""
        accept = {"Accept": METADATA_ONLY}
        pages = self._pages(resource, namespace, label_selector=labels, limit=500, header_params=accept)
        return [body async for page in pages for body in page]

    async def _pages(self, resource: Resource, namespace: str | None, **parameters: Any) -> AsyncIterator[list[Json]]:
        """All pages are of the version at which the first one was read."""
        path, newest = resource.path(namespace), self._watched.newest(resource.plural)
        token: str | None = None
        while True:
            answer = await self._request("get", path, _continue=token, **parameters)
            self._believe_list(resource, path, answer, newest)
            yield answer["items"] or []  # null where there is none, in a list of metadata
            token = answer["metadata"].get("continue")
            if not token:
                return

    def _believe(self, resource: Resource, path: str, body: Json, before: Seen | None) -> None:
        """Raises ApiError where it is older than what a watch, or the answer to a change, had told before the question.

        What a watch has told since is no fault of the answer, and asks for a pass of its own.
        """
        if before is not None and is_outdated(int(body["metadata"]["resourceVersion"]), before, elapsed()):
            told = f"The API server gave an older state of {_called(resource, path)} than before"
            raise ApiError(0, told, question("get", path))

    def _believe_absence(self, resource: Resource, path: str, *known: Seen | None) -> None:
        """Raises ApiError where it was told of before the question, and still nobody has told of its end."""
        if all(is_outdated(None, each, elapsed()) for each in known):
            told = f"The API server says that {_called(resource, path)} is not there, and told of it a moment ago and not of its end"
            raise ApiError(0, told, question("get", path))

    def _believe_list(self, resource: Resource, path: str, answer: Json, newest: Seen | None) -> None:
        """Raises ApiError where the list is older than the newest of its kind that had been told of before the question.

        In such a list are not only old objects: others are not in it yet, and some are in it still.
        """
        if is_outdated(int(answer["metadata"]["resourceVersion"]), newest, elapsed()):
            told = f"The API server gave an older list of {resource.plural} than before"
            raise ApiError(0, told, question("get", path))

    async def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        """Create an object; raises ApiError 409 if there is one of the name."""
        return await self._request("post", resource.path(namespace), body=body, field_manager=self._manager)

    async def ask(self, resource: Resource, body: Json) -> Json:
        """Create what is nothing but a question, as access reviews are; the answer."""
        return await self._request("post", resource.path(), body=body)

    async def would_create(self, resource: Resource, namespace: str, body: Json) -> None:
        """Ask whether the object could be created, with all that `create` raises, and create nothing."""
        path = resource.path(namespace)
        await self._request("post", path, body=body, field_manager=self._manager, dry_run="All")

    async def replace(self, resource: Resource, body: Json) -> Json:
        """Write an object; raises ApiError 409 if it has changed since, 404 if it is gone."""
        path = resource.path(body["metadata"]["namespace"], body["metadata"]["name"])
        return await self._request("put", path, body=body, field_manager=self._manager)

    async def replace_status(self, resource: Resource, body: Json) -> Json:
        """Write an object's status; raises ApiError 409 if the object has changed since."""
        metadata = body["metadata"]
        path = resource.path(metadata.get("namespace"), metadata["name"], "status")
        return await self._request("put", path, body=body, field_manager=self._manager)

    async def patch_status(self, resource: Resource, namespace: str, name: str, operations: list[Json]) -> Json:
        """Change an object's status by JSON patch; raises ApiError 422 if one of its tests fails."""
        return await self._request(
            "patch",
            resource.path(namespace, name, "status"),
            body=operations,
            field_manager=self._manager,
            content_type="application/json-patch+json",
        )

    async def apply(self, resource: Resource, body: Json) -> None:
        """Server-side apply: our fields, taken over from other owners where they are somebody else's."""
        metadata = body["metadata"]
        applied = await self._request(
            "patch",
            resource.path(metadata["namespace"], metadata["name"]),
            body=body,
            field_manager=self._manager,
            force_conflicts=True,
            content_type="application/apply-patch+yaml",
        )
        self._watched.answered(resource.plural, applied["metadata"])

    async def merge(self, resource: Resource, namespace: str, name: str, fields: Json) -> Json:
        """Change some fields of an object that is there; the object as it is then."""
        return await self._request(
            "patch",
            resource.path(namespace, name),
            body=fields,
            field_manager=self._manager,
            content_type="application/merge-patch+json",
        )

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> None:
        """Delete this very object with what belongs to it.

        One that is not there is as good as deleted, also if there is another one of its name by now.
        """
        options = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        try:
            await self._request("delete", resource.path(namespace, name), body=options)
        except ApiError as error:
            if error.status not in {404, 409}:
                raise
        self._watched.deleted(resource.plural, namespace, name, uid)

    async def log(self, namespace: str, pod: str, query: Mapping[str, str], seconds: float) -> str:
        """The log of a container; raises ApiError or TimeoutError where it cannot be had within so many seconds."""
        path = PODS.path(namespace, pod, "log")
        parameters: Json = {"query_params": list(query.items()), "header_params": {"Accept": "*/*"}}
        async with asyncio.timeout(seconds):
            response = await self._send("get", path, **parameters)
            try:
                return (await response.read()).decode(errors="replace")
            except aiohttp.ClientError as error:
                raise ApiError(0, f"The log broke off: {type(error).__name__}") from error

    async def lines(
        self, path: str, query: Mapping[str, str], silence: float | None = None
    ) -> AsyncGenerator[bytes, None]:
        """An answer that comes line by line, as watches and followed logs do, until the API server ends it.

        Raises ApiError; also where the connection breaks off, or brings nothing for so many seconds of silence. Without
        that it may be silent for as long as it likes, as the log of a quiet pod is: whoever reads it has a limit.
        """
        patience = aiohttp.ClientTimeout(total=None, connect=REQUEST_TIMEOUT, sock_read=silence)
        parameters: Json = {"query_params": list(query.items()), "header_params": {"Accept": "*/*"}}
        response = await self._send("get", path, patience=patience, **parameters)
        rest = b""
        try:
            async for chunk in response.content.iter_any():
                *whole, rest = (rest + chunk).split(b"\n")
                for each in whole:
                    yield each
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiError(0, f"The answer broke off: {error or type(error).__name__}") from error
        finally:
            response.close()
        if rest:
            yield rest

    async def _request(self, method: str, path: str, **parameters: Any) -> Json:
        response = await self._send(method, path, **parameters)
        try:
            answer = orjson.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            told = f"The answer of the Kubernetes API broke off or is no JSON: {error or type(error).__name__}"
            raise ApiError(0, told, question(method, path)) from error
        if not isinstance(answer, dict):
            raise ApiError(0, "The answer of the Kubernetes API is empty.", question(method, path))
        return answer

    async def _send(self, method: str, path: str, **parameters: Any) -> aiohttp.ClientResponse:
        if self._fence is None or method == "get" or "dry_run" in parameters:
            return await self._send_at_once(method, path, **parameters)
        with self._fence.write():
            return await self._send_at_once(method, path, **parameters)

    async def _send_at_once(
        self, method: str, path: str, patience: aiohttp.ClientTimeout = ONE_REQUEST, **parameters: Any
    ) -> aiohttp.ClientResponse:
        asked = question(method, path)
        try:
            response: aiohttp.ClientResponse = await self._dynamic.request(
                method,
                path,
                serialize=False,
                _request_timeout=patience,
                **parameters,
            )
        except (DynamicApiError, ApiException) as error:
            self._count(method, asked, error.status or 0)
            raise ApiError(error.status or 0, _reason(error), asked, _retry_after(error)) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._count(method, asked, 0)
            told = str(error) or type(error).__name__
            raise ApiError(0, f"The Kubernetes API did not answer: {told}", asked) from error
        self._count(method, asked, response.status)
        self._heard(response.headers.get("Date"))
        return response


def _reason(error: Any) -> str:
    """The API server's own sentence, out of a Status object if it sent one."""
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else str(error.body or "")
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason} {body}".strip()


def _retry_after(error: Any) -> float:
    """Seconds; the API server never says it as a date."""
    said = str((error.headers or {}).get("Retry-After") or "").strip()
    return float(said) if said.isdecimal() else 0.0


def _nothing(_method: str, _asked: Question, _status: int) -> None:
    """Where nobody counts."""


def _called(resource: Resource, path: str) -> str:
    return f"{resource.plural.removesuffix('s')} {path.rpartition('/')[2]}"
