"""PrometheusQueries against Debian's Prometheus, which scrapes real metrics, and against servers that misbehave."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path

import aiohttp
import prometheus_client
import pytest

from brandrelease.adapters.checks.prometheus import PrometheusQueries
from brandrelease.apis.checks import Check
from brandrelease.core.checks.measured import CheckOrder, NumberSeen, Observation, Unmeasured
from support.gate import Gate
from support.misbehaving import TROUBLES, Behaviour, answering, misbehaving
from support.prometheus import PrometheusServer, guard
from support.registry import User

TOKEN = "canary-token-5b8e21"
USER = User("operator", "canary-password-77aa")
SECRET = "drumeo-monitoring"

ERROR_RATIO = (
    'sum(rate(site_requests_total{status=~"5.."}[30s])) / (sum(rate(site_requests_total[30s])) > 0) or vector(0)'
)
P95 = "histogram_quantile(0.95, sum by (le) (rate(site_seconds_bucket[30s])))"


class Site:
    """The metrics of a site, on a port of this machine."""

    def __init__(self) -> None:
        registry = prometheus_client.CollectorRegistry()
        self.requests = prometheus_client.Counter("site_requests", "Requests", ["status"], registry=registry)
        self.seconds = prometheus_client.Histogram(
            "site_seconds", "Seconds", buckets=(0.1, 0.2, 0.5, 1.0), registry=registry
        )
        for status in ("200", "500"):
            self.requests.labels(status)
        self._server, self._thread = prometheus_client.start_http_server(0, "127.0.0.1", registry)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    serving = Site()
    yield serving
    serving.close()


@pytest.fixture(scope="module")
def prometheus(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """A Prometheus under a path, as behind many an ingress, that has seen requests: 20 good ones and 5 bad ones."""
    directory = tmp_path_factory.mktemp("prometheus")
    with PrometheusServer(directory, [site.target], path="/prometheus", scrape="1s") as server:
        server.wait_for('site_requests_total{status="500"} == 0')
        site.requests.labels("200").inc(20)
        site.requests.labels("500").inc(5)
        for taken in (0.05,) * 16 + (0.8,) * 4:
            site.seconds.observe(taken)
        server.wait_for('rate(site_requests_total{status="500"}[30s]) > 0')
        server.wait_for("rate(site_seconds_count[30s]) > 0")
        yield server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


def order(url: str, query: str, secret_name: str | None = None, seconds: int = 10) -> CheckOrder:
    source = {"url": url, "query": query, "max": "0.05", "timeoutSeconds": seconds}
    if secret_name:
        source["secretName"] = secret_name
    return CheckOrder(Check.model_validate({"name": "errors", "prometheus": source}))


def words(observation: Observation) -> str:
    assert isinstance(observation, Unmeasured), observation
    for secret in (TOKEN, USER.password, USER.login):
        assert secret not in observation.message
    assert "\n" not in observation.message
    return observation.message


def value(observation: Observation) -> Decimal:
    assert isinstance(observation, NumberSeen), observation
    return observation.value


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("sum(site_requests_total)", "25"),
        ('site_requests_total{status="500"}', "5"),
        ("scalar(sum(site_requests_total))", "25"),
        ("0.1 + 0.2", "0.30000000000000004"),
        ("vector(-3)", "-3"),
        ("1e300", "1" + "0" * 300),
        ('sum(site_requests_total{status="418"}) or vector(0)', "0"),
        ('sum(site_requests_total{status=~"4..|5.."}) # ein Kommentar über Fehler', "5"),
    ],
)
async def test_one_number_is_seen_exactly_as_prometheus_has_it(
    query: str, number: str, prometheus: PrometheusServer, session: aiohttp.ClientSession
) -> None:
    assert value(await PrometheusQueries(session).measure(order(prometheus.url, query), None)) == Decimal(number)


async def test_the_address_may_end_with_a_slash(prometheus: PrometheusServer, session: aiohttp.ClientSession) -> None:
    seen = await PrometheusQueries(session).measure(order(prometheus.url + "/", "vector(1)"), None)
    assert value(seen) == 1


async def test_an_address_without_the_path_is_told_of(
    prometheus: PrometheusServer, session: aiohttp.ClientSession
) -> None:
    url = prometheus.url.removesuffix("/prometheus")
    told = words(await PrometheusQueries(session).measure(order(url, "vector(1)"), None))
    assert f"Prometheus at {url} has no such page (HTTP 404)" in told
    assert "Correct url of the check" in told


async def test_the_share_of_errors_and_the_slowest_twentieth_are_seen(
    prometheus: PrometheusServer, session: aiohttp.ClientSession
) -> None:
    queries = PrometheusQueries(session)
    assert float(value(await queries.measure(order(prometheus.url, ERROR_RATIO), None))) == pytest.approx(0.2, abs=0.01)
    assert 0.5 < value(await queries.measure(order(prometheus.url, P95), None)) <= 1


async def test_where_there_are_no_requests_the_share_of_errors_is_zero(
    prometheus: PrometheusServer, session: aiohttp.ClientSession
) -> None:
    nobody = ERROR_RATIO.replace("site_requests_total", 'site_requests_total{job="nobody"}').replace(
        '{job="nobody"}{', '{job="nobody",'
    )
    assert value(await PrometheusQueries(session).measure(order(prometheus.url, nobody), None)) == 0


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("sum(site_request_total)", ["finds nothing in Prometheus at http://127", "`... or vector(0)`"]),
        ("site_requests_total", ["gives 2 numbers", "sum(...)"]),
        ("0 / 0", ["'NaN'", "divided by zero", "`a / (b > 0) or vector(0)`"]),
        ("1 / 0", ["'+Inf'", "divided by zero"]),
        ("-1 / 0", ["'-Inf'"]),
        ("site_requests_total[1m]", ["gives a range of values", "rate(...)"]),
        ("'text'", ["gives a text"]),
        (
            "sum(rate(site_requests_total)",
            ["cannot carry out the query: ", "parse error", "Correct query of the check"],
        ),
        ("rate(site_requests_total)", ["expected type range vector", "Correct query of the check"]),
        (
            "site_requests_total + on(job) site_requests_total",
            ["cannot carry out the query: ", "many-to-many matching not allowed", "Correct query of the check"],
        ),
    ],
)
async def test_a_query_that_gives_no_number_is_told_of_with_what_to_write(
    query: str, told: list[str], prometheus: PrometheusServer, session: aiohttp.ClientSession
) -> None:
    message = words(await PrometheusQueries(session).measure(order(prometheus.url, query), None))
    assert [text for text in told if text not in message] == [], message


async def test_prometheus_own_login_and_certificate_are_satisfied_from_the_secret(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    guarded = guard(tmp_path / "authority", USER)
    good = {"username": USER.name.encode(), "password": USER.password.encode() + b"\n", "caFile": guarded.ca}
    with PrometheusServer(tmp_path / "server", guarded=guarded) as server:
        queries, asked = PrometheusQueries(session), order(server.url, "vector(7)", SECRET)
        assert value(await queries.measure(asked, good)) == 7

        denied = words(await queries.measure(asked, {**good, "password": b"canary-wrong-1"}))
        assert f"does not accept the username and password of the Secret {SECRET} (HTTP 401" in denied
        assert "canary-wrong" not in denied

        none = words(await queries.measure(asked, {"caFile": guarded.ca}))
        assert "wants a login (HTTP 401" in none
        assert '"token", or "username" and "password"' in none

        distrusted = words(await queries.measure(asked, {**good, "caFile": b""}))
        assert "a certificate that is not trusted (unable to get local issuer certificate)" in distrusted
        assert '"caFile"' in distrusted

        plain = words(await queries.measure(order(server.url.replace("https", "http"), "vector(7)"), None))
        assert "refuses the question (HTTP 400)" in plain


async def test_tls_to_a_server_without_it_is_told_of(
    prometheus: PrometheusServer, session: aiohttp.ClientSession
) -> None:
    asked = order(prometheus.url.replace("http:", "https:"), "vector(7)")
    assert "should begin with http://" in words(await PrometheusQueries(session).measure(asked, None))


async def test_a_gate_is_passed_with_the_secrets_token(
    prometheus: PrometheusServer, tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    queries = PrometheusQueries(session)
    async with Gate(prometheus.url, f"Bearer {TOKEN}", tmp_path).open() as gate:
        asked, good = order(gate.url, "vector(7)", SECRET), {"token": TOKEN.encode() + b"\n", "caFile": gate.ca}
        assert value(await queries.measure(asked, good)) == 7
        gate.allowed = "Bearer another"
        denied = words(await queries.measure(asked, good))  # the gate's answer repeats what was shown
    assert f"does not accept the token of the Secret {SECRET} (HTTP 401: Bearer *** is not allowed)" in denied
    assert gate.seen == [f"Bearer {TOKEN}"] * 2


async def test_a_certificate_for_another_name_is_not_believed(
    prometheus: PrometheusServer, tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    async with Gate(prometheus.url, f"Bearer {TOKEN}", tmp_path).open("metrics.example.com") as gate:
        asked = order(gate.url, "vector(7)", SECRET)
        told = words(await PrometheusQueries(session).measure(asked, {"token": TOKEN.encode(), "caFile": gate.ca}))
    assert "IP address mismatch" in told
    assert gate.seen == []


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        (None, f"The Secret {SECRET}, which secretName of the check names, is not in the operator's namespace"),
        ({}, 'needs the key "token", or "username" and "password", each with a value; it has nothing'),
        ({"Token": TOKEN.encode()}, 'it has "Token"'),
        ({"token": b"\n", "username": b"operator"}, 'it has "token" and "username"'),
        ({"password": USER.password.encode(), "caFile": b" "}, 'it has "caFile" and "password"'),
        ({"token": TOKEN.encode() + b"\r\nX-Evil: yes"}, "holds line breaks"),
        ({"token": TOKEN.encode() + "ü".encode()}, "that no HTTP header can carry"),
        ({"token": TOKEN.encode() + b"\xff"}, "that no HTTP header can carry"),
        ({"token": TOKEN.encode(), "caFile": TOKEN.encode()}, "does not hold certificates in PEM"),
        ({"token": TOKEN.encode(), "caFile": b"\xff\x00"}, "does not hold certificates in PEM"),
        (
            {"token": TOKEN.encode(), "caFile": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
            "does not hold certificates in PEM",
        ),
    ],
)
async def test_nobody_is_asked_with_a_secret_that_is_of_no_use(
    secret: dict[str, bytes] | None, told: str, session: aiohttp.ClientSession
) -> None:
    async with misbehaving(answering("200 OK", b"{}")) as server:
        assert told in words(await PrometheusQueries(session).measure(order(server.url, "vector(7)", SECRET), secret))
        assert server.asked == []


@pytest.mark.parametrize(("behaviour", "told"), TROUBLES.values(), ids=TROUBLES)
async def test_a_server_that_misbehaves_gives_no_number_and_is_told_of(
    behaviour: Behaviour, told: str, session: aiohttp.ClientSession
) -> None:
    async with misbehaving(behaviour) as server:
        asked = order(server.url, "vector(7)", SECRET, seconds=1)
        seen = await PrometheusQueries(session).measure(asked, {"token": TOKEN.encode()})
        message = words(seen)
    assert message.startswith(f"Prometheus at {server.url} "), message
    assert told in message
    assert len(message) < 700


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_told_of_and_the_login_stays_here(status: int, session: aiohttp.ClientSession) -> None:
    async with misbehaving(answering("200 OK", b"{}")) as elsewhere:
        leads = f"Location: {elsewhere.url.replace('//', '//a:b@')}/login?state=canary-state#top"
        async with misbehaving(answering(f"{status} Moved", b"", leads)) as server:
            asked = order(server.url, "vector(7)", SECRET)
            message = words(await PrometheusQueries(session).measure(asked, {"token": TOKEN.encode()}))
        assert elsewhere.asked == []
    assert f"redirects to {elsewhere.url}/login (HTTP {status})" in message


async def test_a_redirect_to_nowhere_is_told_of_too(session: aiohttp.ClientSession) -> None:
    for location in ("Location: http://[", "X-Location: none", "Location: /login"):
        async with misbehaving(answering("302 Found", b"", location)) as server:
            assert "Redirects are not followed" in words(
                await PrometheusQueries(session).measure(order(server.url, "vector(7)"), None)
            )


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": {"resultType": "vector", "result": [{"value": [1, 7]}]}}',
        b'{"data": {"resultType": "vector", "result": [{}]}}',
        b'{"data": {"resultType": "scalar", "result": "7"}}',
        b'{"data": {"resultType": "scalar"}}',
        b'{"data": {"resultType": "streams", "result": []}}',
        b'{"data": []}',
    ],
)
async def test_an_answer_that_only_looks_like_one_is_not_taken_for_a_number(
    body: bytes, session: aiohttp.ClientSession
) -> None:
    async with misbehaving(answering("200 OK", body)) as server:
        seen = await PrometheusQueries(session).measure(order(server.url, "vector(7)"), None)
    assert "not as Prometheus does" in words(seen)


@pytest.mark.parametrize("text", ["1e999999999", "1e-999999999", "0x10", "", "١", "1_000", "sNaN", "9" * 500])
async def test_a_number_that_no_double_holds_is_none(text: str, session: aiohttp.ClientSession) -> None:
    body = json.dumps({"data": {"resultType": "scalar", "result": [1, text]}})
    async with misbehaving(answering("200 OK", body.encode())) as server:
        seen = await PrometheusQueries(session).measure(order(server.url, "vector(7)"), None)
    assert "is no number to judge by" in words(seen)


async def test_a_histogram_is_told_apart_and_warnings_are_left_alone(session: aiohttp.ClientSession) -> None:
    histogram = b'{"data": {"resultType": "vector", "result": [{"histogram": [1, {}]}]}}'
    async with misbehaving(answering("200 OK", histogram)) as server:
        seen = await PrometheusQueries(session).measure(order(server.url, "h"), None)
    assert "histogram_quantile" in words(seen)
    warned = b'{"data": {"resultType": "scalar", "result": [1, "7"]}, "warnings": ["slow"], "infos": ["so"]}'
    async with misbehaving(answering("200 OK", warned)) as server:
        assert value(await PrometheusQueries(session).measure(order(server.url, "h"), None)) == 7


async def test_a_query_that_takes_too_long_is_no_fault_of_the_query(session: aiohttp.ClientSession) -> None:
    body = b'{"status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation"}'
    async with misbehaving(answering("503 Service Unavailable", body)) as server:
        message = words(await PrometheusQueries(session).measure(order(server.url, "vector(7)"), None))
        (asked,) = server.asked
    assert "could not answer (HTTP 503: query timed out in expression evaluation). It is asked again" in message
    assert b"timeout=10s" in asked


async def test_the_servers_words_are_short_and_on_one_line(session: aiohttp.ClientSession) -> None:
    body = b'{"error": "bad\\n\\u001b[31mthings at http://me:canary-pw@db/ ' + b"x" * 900_000 + b'"}'
    async with misbehaving(answering("422 Unprocessable Entity", body)) as server:
        message = words(await PrometheusQueries(session).measure(order(server.url, "vector(7)"), None))
    assert "bad things at http://db/ xxx" in message
    assert len(message) < 500


@pytest.mark.parametrize("before", range(16_360, 16_390, 5))
async def test_a_secret_at_any_place_of_a_long_answer_is_not_shown(before: int, session: aiohttp.ClientSession) -> None:
    body = json.dumps({"error": "x" * before + TOKEN + "y" * 5_000}).encode()
    async with misbehaving(answering("422 Unprocessable Entity", body)) as server:
        asked = order(server.url, "vector(7)", SECRET)
        assert TOKEN[:8] not in words(await PrometheusQueries(session).measure(asked, {"token": TOKEN.encode()}))


async def test_nobody_listens_or_the_name_is_unknown(session: aiohttp.ClientSession) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        refused = words(await PrometheusQueries(session).measure(order(url, "vector(7)"), None))
    assert f"Prometheus at {url} refuses connections. It is asked again" in refused
    unknown = words(
        await PrometheusQueries(session).measure(order("http://prometheus.invalid:9090", "vector(7)"), None)
    )
    assert "DNS does not know its name" in unknown
    for url in ("http://127.0.0.1:99999", "http://a..b/", "https://" + "a" * 64 + ".example.com"):
        assert "Correct url of the check" in words(
            await PrometheusQueries(session).measure(order(url, "vector(7)"), None)
        )


async def test_a_connection_that_was_closed_since_the_last_look_is_no_trouble(session: aiohttp.ClientSession) -> None:
    """The server answers the first question of each connection, and closes when it hears the second."""
    body = b'{"data": {"resultType": "scalar", "result": [1, "7"]}}'
    heard = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65536))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        heard.append(await reader.read(65536))
        writer.close()

    async with await asyncio.start_server(once, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for _ in range(3):
            assert value(await PrometheusQueries(session).measure(order(url, "vector(7)"), None)) == 7
        assert len(heard) == 5  # three answers, and two questions that had none
        await session.close()


async def test_a_look_that_is_cancelled_is_cancelled(session: aiohttp.ClientSession) -> None:
    asked = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()

    async with misbehaving(hang) as server:
        look = asyncio.create_task(PrometheusQueries(session).measure(order(server.url, "vector(7)"), None))
        await asked.wait()
        look.cancel()
        with pytest.raises(asyncio.CancelledError):
            await look


async def test_another_source_is_not_asked(session: aiohttp.ClientSession) -> None:
    other = CheckOrder(Check.model_validate({"name": "home", "http": {"url": "http://127.0.0.1/"}}))
    assert "home" in words(await PrometheusQueries(session).measure(other, None))
