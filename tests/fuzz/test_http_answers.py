"""Registries, sources of checks and endpoints of notifications answer anything: it becomes an answer or a sentence."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brandrelease.adapters.checks.elasticsearch import LogCounts
from brandrelease.adapters.checks.prometheus import PrometheusQueries
from brandrelease.adapters.notify.github import GitHubNotifier
from brandrelease.adapters.notify.sender import HttpSender
from brandrelease.adapters.notify.slack import SlackNotifier
from brandrelease.adapters.notify.webhook import WebhookNotifier
from brandrelease.adapters.registry import RegistryApi
from brandrelease.apis.checks import Check
from brandrelease.apis.verification import LOOK_LIMIT
from brandrelease.core.builds.seen import ImageFound, ImageUnknown
from brandrelease.core.checks.measured import CheckOrder, NumberSeen, Unmeasured
from brandrelease.ports import NotTaken, Taken
from support.hostile import bodies, fuzz, json_values, must_be_one_line, sendable
from support.notices import AT, endpoint, notice
from support.small_site import SmallSite, Visitor

Result = TypeVar("Result")

CANARY = "canary-5f1c9a7e"
STATUS = st.sampled_from([200, 200, 200, 201, 204, 301, 302, 307, 400, 401, 403, 404, 410, 422, 429, 500, 503])
WORDS = sendable(3).map(lambda text: "".join(c for c in text if c not in "\r\n\0")[:4000])
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Location", "Retry-After", "Date", "WWW-Authenticate", "Docker-Content-Digest", "X-RateLimit-Remaining",
         "X-RateLimit-Reset", "Content-Encoding", "Content-Type"]
    ),
    WORDS
    | st.sampled_from(
        ["0", "-1", "²", "99999999999999999999", "Fri, 27 Nov 99999999999999999999 03:04:05 GMT", "http://169.254.169.254/",
         "Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 +2359", 'Bearer realm="http://127.0.0.1:1/t"',
         'Basic realm="x"', "sha256:" + "a" * 64, "gzip", "deflate", "application/json; charset=punycode"]
    ),
    max_size=4,
)  # fmt: skip


@dataclass
class Oracle:
    """A server that says what the example wants, and a client's loop beside it."""

    loop: asyncio.AbstractEventLoop
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    site: SmallSite = field(init=False)

    async def answer(self, visitor: Visitor) -> None:
        token = self.status == 401 and "/token" in visitor.target
        status = 200 if token else self.status
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        head = f"HTTP/1.1 {status} Whatever\r\n{lines}Content-Length: {len(self.body)}\r\nConnection: close\r\n\r\n"
        await visitor.send(head.encode("utf-8", "surrogateescape") + self.body)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.site.port}"

    def says(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def run(self, work: Callable[[aiohttp.ClientSession], Awaitable[Result]]) -> Result:
        async def within() -> Result:
            async with aiohttp.ClientSession() as session:
                return await work(session)

        return self.loop.run_until_complete(within())


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    loop = asyncio.new_event_loop()
    told = Oracle(loop)
    with SmallSite(told.answer) as site:
        told.site = site
        yield told
    loop.close()


@fuzz()
@given(STATUS, HEADERS, bodies())
def test_a_registry(oracle: Oracle, status: int, headers: dict[str, str], body: bytes) -> None:
    headers = headers | {"WWW-Authenticate": f'Bearer realm="http://{oracle.host}/token",service="x"'}
    oracle.says(status, headers, body)
    secret = {".dockerconfigjson": json.dumps({"auths": {oracle.host: {"auth": "dTpw"}}}).encode()}
    found = oracle.run(
        lambda session: RegistryApi(session, frozenset({oracle.host})).look_up(f"{oracle.host}/a/b", "tag", secret)
    )
    if isinstance(found, ImageUnknown):
        must_be_one_line(found.message)
        assert len(found.message) < 1024
    if isinstance(found, ImageFound):
        assert len(found.digest) == len("sha256:") + 64


@fuzz()
@given(json_values())
def test_the_server_that_gives_tokens_for_a_registry(oracle: Oracle, token: Any) -> None:
    oracle.says(401, {"WWW-Authenticate": f'Bearer realm="http://{oracle.host}/token"'}, json.dumps(token).encode())
    found = oracle.run(
        lambda session: RegistryApi(session, frozenset({oracle.host})).look_up(f"{oracle.host}/a/b", "tag", None)
    )
    assert isinstance(found, ImageUnknown)
    must_be_one_line(found.message)


CHECKS: dict[str, dict[str, Any]] = {
    "prometheus": {"query": "up", "max": "1"},
    "elasticsearch": {"index": "logs-*", "query": "level:error", "minCount": 10},
}


@pytest.mark.parametrize("kind", CHECKS)
@fuzz()
@given(status=STATUS, headers=HEADERS, body=bodies())
def test_a_source_of_checks(oracle: Oracle, kind: str, status: int, headers: dict[str, str], body: bytes) -> None:
    oracle.says(status, headers, body)
    source = CHECKS[kind] | {"url": f"http://{oracle.host}", "secretName": "monitoring"}
    order = CheckOrder(Check.model_validate({"name": "c", kind: source}))
    secret = {"token": CANARY.encode(), "apiKey": CANARY.encode()}

    async def measure(session: aiohttp.ClientSession) -> Any:
        asked = PrometheusQueries(session) if kind == "prometheus" else LogCounts(session)
        return await asked.measure(order, secret)

    found = oracle.run(measure)
    if isinstance(found, Unmeasured):
        must_be_one_line(found.message)
        assert len(found.message) <= 4 * LOOK_LIMIT
        assert CANARY not in found.message
    else:
        assert isinstance(found, NumberSeen)
        assert found.value.is_finite()
        assert abs(found.value.adjusted()) < 310


class Clock:
    def now(self) -> Any:
        return AT


def kinds(oracle: Oracle) -> dict[str, tuple[Any, Any, dict[str, bytes]]]:
    url = f"http://{oracle.host}"
    slack = {"slack": {"channel": "#releases", "secretName": "s", "apiUrl": f"{url}/api"}}
    hook = {"slack": {"channel": "#releases", "secretName": "s"}}
    token = {"token": CANARY.encode()}
    return {
        "slack": (SlackNotifier, slack, token),
        "hook": (SlackNotifier, hook, {"url": f"{url}/services/{CANARY}".encode()}),
        "github": (GitHubNotifier, {"gitHub": {"repository": "a/b", "secretName": "s", "apiUrl": url}}, token),
        "webhook": (
            lambda http: WebhookNotifier(http, Clock()),
            {"webhook": {"url": f"{url}/in", "secretName": "s"}},
            {"key": (CANARY * 2).encode()},
        ),
    }


@pytest.mark.parametrize("kind", ["slack", "hook", "github", "webhook"])
@fuzz(20)
@given(status=STATUS, headers=HEADERS, body=bodies())
def test_an_endpoint_of_notifications(
    oracle: Oracle, kind: str, status: int, headers: dict[str, str], body: bytes
) -> None:
    oracle.says(status, headers, body)
    make, to, secret = kinds(oracle)[kind]

    async def tell(session: aiohttp.ClientSession) -> Taken | NotTaken:
        answer = await make(HttpSender(session, allow_insecure=True)).tell(notice(endpoint(**to)), secret)
        assert isinstance(answer, Taken | NotTaken)
        return answer

    found = oracle.run(tell)
    if isinstance(found, NotTaken):
        must_be_one_line(found.problem)
        assert len(found.problem) <= 400
        assert CANARY not in found.problem
        assert found.pause is None or found.pause >= 0
    elif found.known_as is not None:
        must_be_one_line(found.known_as)
        assert len(found.known_as) <= 256
