"""LogCounts against a real OpenSearch, and against servers that misbehave."""

import base64
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from brandrelease.adapters.checks.elasticsearch import LogCounts
from brandrelease.apis.checks import Check
from brandrelease.core.checks.measured import CheckOrder, NumberSeen, Observation, Unmeasured
from cluster.processes import wait_until
from support.gate import Gate
from support.misbehaving import TROUBLES, Behaviour, answering, misbehaving
from support.opensearch import OpenSearchServer
from support.registry import User

API_KEY = "Y2FuYXJ5OmtleS0zMWY5YzA="
USER = User("operator", "canary-password-0c4d")
SECRET = "drumeo-logs"

FIELDS = {"@timestamp": "date", "message": "text", "level": "keyword", "brand": "keyword", "status": "integer"}
STORM = "level:error AND brand:drumeo"
MILLION, BATCH = 1_000_000, 10_000

FATAL = (
    "[php:error] [pid {pid}] [client 10.0.3.{host}:51234] PHP Fatal error:  Uncaught Error: Call to undefined method "
    "App\\Cart::total() in /var/www/html/app/Cart.php:42\nStack trace:\n#0 /var/www/html/public/index.php(7): App\\Cart->show()\n"
    "#1 {{main}}\n  thrown in /var/www/html/app/Cart.php on line 42, referer: https://www.drumeo.com/cart"
)
"""As Apache's error log has them."""


@pytest.fixture(scope="module")
def logs() -> Iterator[OpenSearchServer]:
    with OpenSearchServer() as server:
        yield server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


def order(url: str, index: str, query: str = STORM, **more: Any) -> CheckOrder:
    source = {"url": url, "index": index, "query": query, **more}
    return CheckOrder(Check.model_validate({"name": "errors", "elasticsearch": source}))


def words(observation: Observation) -> str:
    assert isinstance(observation, Unmeasured), observation
    for secret in (API_KEY, USER.password, USER.login):
        assert secret not in observation.message
    assert "\n" not in observation.message
    return observation.message


def value(observation: Observation) -> Decimal:
    assert isinstance(observation, NumberSeen), observation
    return observation.value


def now() -> datetime:
    """The real time, since the server reckons its window by it."""
    return datetime.fromtimestamp(time.time(), UTC)  # noqa: TID251


def line(seconds_ago: float, level: str = "error", brand: str = "drumeo", **more: object) -> dict[str, object]:
    at = now() - timedelta(seconds=seconds_ago)
    return {"@timestamp": at.isoformat(), "level": level, "brand": brand, "message": "PHP Warning", **more}


def storm(size: int) -> list[dict[str, object]]:
    return [line(0, message=FATAL.format(pid=70 + number % 8, host=number % 250)) for number in range(size)]


async def test_lines_are_counted_that_the_query_finds_within_the_window(
    logs: OpenSearchServer, session: aiohttp.ClientSession
) -> None:
    logs.create("logs-window-1", FIELDS)
    logs.create("logs-window-2", FIELDS)
    logs.bulk("logs-window-1", [line(5), line(100), line(5, "info"), line(5, brand="pianote"), line(500), line(-600)])
    logs.bulk("logs-window-2", [line(20)])
    counts = LogCounts(session)

    async def counted(index: str, **more: Any) -> Decimal:
        return value(await counts.measure(order(logs.url, index, **more), None))

    assert await counted("logs-window-1") == 2
    assert await counted("logs-window-*") == 3
    assert await counted("logs-window-1,logs-window-2") == 3
    assert await counted("logs-window-*", windowSeconds=60) == 2
    assert await counted("logs-window-*", windowSeconds=3600) == 4
    assert await counted("logs-window-*", query="level:error AND NOT brand:drumeo") == 1


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ('message:"fatal error"', 3),
        ('"call to undefined method"', 3),
        ("message:(fatal AND cart)", 3),
        ("message:undef*", 3),
        ("message:*defined", 3),
        ("status:[500 TO 599]", 2),
        ("status:>=500 OR level:critical", 2),
        ("*", 5),
        ("level:critical", 0),
        ('brand:"no ü such brand / or \\" such"', 0),
    ],
)
async def test_the_query_string_syntax_counts_as_in_kibana(
    query: str, count: int, logs: OpenSearchServer, session: aiohttp.ClientSession
) -> None:
    index = "logs-syntax"
    if not _exists(logs, index):
        logs.create(index, FIELDS)
        logs.bulk(index, [*storm(3), line(5, status=503), line(5, "info", status=502)])
    assert value(await LogCounts(session).measure(order(logs.url, index, query), None)) == count


def _exists(logs: OpenSearchServer, index: str) -> bool:
    return bool(logs.ask("GET", f"/_cat/indices/{index}*?format=json"))


async def test_another_field_may_have_the_time(logs: OpenSearchServer, session: aiohttp.ClientSession) -> None:
    logs.create("logs-event", {**FIELDS, "event.created": "date_nanos"})
    logs.bulk("logs-event", [{"event": {"created": now().isoformat()}, "level": "error"}])
    counts = LogCounts(session)
    asked = order(logs.url, "logs-event", "level:error", timeField="event.created")
    assert value(await counts.measure(asked, None)) == 1
    nothing = order(logs.url, "logs-event", "level:critical", timeField="event.created")
    assert value(await counts.measure(nothing, None)) == 0


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("timestamp", "the field timestamp is not there, and it must be a date"),
        ("level", "the field level has the type keyword, and it must be a date"),
        ("status", 'failed to create query: For input string: "now-300s"'),
    ],
)
async def test_a_time_field_that_is_none_is_no_zero(
    field: str, told: str, logs: OpenSearchServer, session: aiohttp.ClientSession
) -> None:
    index = f"logs-time-{field}"
    logs.create(index, FIELDS)
    logs.bulk(index, [line(5, status=200)])
    assert told in words(await LogCounts(session).measure(order(logs.url, index, "*", timeField=field), None))


@pytest.mark.parametrize("index", ["nope", "nope-*", "logs-there,nope-*", "logs-shut-*", "logs-shut-1"])
async def test_an_index_that_is_not_there_is_no_zero(
    index: str, logs: OpenSearchServer, session: aiohttp.ClientSession
) -> None:
    if not _exists(logs, "logs-there"):
        logs.create("logs-there", FIELDS)
        logs.create("logs-shut-1", FIELDS)
        logs.ask("POST", "/logs-shut-1/_close")
    message = words(await LogCounts(session).measure(order(logs.url, index), None))
    if index == "logs-shut-1":
        assert "cannot carry out the query: closed" in message
    else:
        assert f"Elasticsearch at {logs.url} has no open index for {index}. Correct index of the check" in message


async def test_with_a_login_an_index_that_is_not_there_may_be_one_that_is_not_shown(
    logs: OpenSearchServer, tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    async with Gate(logs.url, f"ApiKey {API_KEY}", tmp_path).open() as gate:
        secret = {"apiKey": API_KEY.encode(), "caFile": gate.ca}
        message = words(await LogCounts(session).measure(order(gate.url, "nope-*", secretName=SECRET), secret))
    assert "has no open index for nope-*, or none that its login may read." in message


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("level:(error", "Failed to parse query [level:(error]: Cannot parse 'level:(error': Encountered"),
        ('message:"fatal', "Failed to parse query"),
        ("level:error AND", "Failed to parse query"),
        ("level:[a TO", "Failed to parse query"),
    ],
)
async def test_a_query_that_cannot_be_read_is_told_of_in_the_servers_words(
    query: str, told: str, logs: OpenSearchServer, session: aiohttp.ClientSession
) -> None:
    if not _exists(logs, "logs-broken"):
        logs.create("logs-broken", FIELDS)
        logs.bulk("logs-broken", [line(5)])  # where there is no line, no server looks at the query
    message = words(await LogCounts(session).measure(order(logs.url, "logs-broken", query), None))
    assert told in message
    assert message.endswith("Correct the check.")
    assert "Was expecting" not in message


async def test_a_count_of_a_part_of_the_logs_is_none(logs: OpenSearchServer, session: aiohttp.ClientSession) -> None:
    """One index is on no node, as after the loss of one; the server says 200 and that no shard has failed."""
    logs.create("logs-part-1", FIELDS)
    logs.bulk("logs-part-1", [line(5)])
    nowhere = {"number_of_replicas": 0, "index.routing.allocation.require.box": "none"}
    logs.ask("PUT", "/logs-part-2?wait_for_active_shards=0&timeout=1s", {"settings": nowhere})
    counts = LogCounts(session)
    part = words(await counts.measure(order(logs.url, "logs-part-*"), None))
    assert "counted in 1 of the 2 shards of logs-part-*, and a part of the logs is no count" in part
    none = words(await counts.measure(order(logs.url, "logs-part-2"), None))
    assert "could not answer (HTTP 503: all shards failed)" in none
    assert value(await counts.measure(order(logs.url, "logs-part-1"), None)) == 1
    logs.ask("DELETE", "/logs-part-2")


async def test_shards_that_fail_are_no_count_either(logs: OpenSearchServer, session: aiohttp.ClientSession) -> None:
    """Two indices of one pattern that do not agree what the field with the time is."""
    logs.create("logs-fail-1", FIELDS)
    logs.create("logs-fail-2", {**FIELDS, "@timestamp": "integer"})
    logs.bulk("logs-fail-1", [line(5)])
    logs.bulk("logs-fail-2", [{**line(5), "@timestamp": 5}])
    message = words(await LogCounts(session).measure(order(logs.url, "logs-fail-*"), None))
    assert "counted in 1 of the 2 shards of logs-fail-* (failed to create query: " in message
    assert "a part of the logs is no count" in message


@pytest.mark.parametrize("way", ["apiKey", "username and password"])
async def test_a_gate_with_tls_is_passed_with_what_the_secret_holds(
    way: str, logs: OpenSearchServer, tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    index = f"logs-gate-{len(way)}"
    logs.create(index, FIELDS)
    logs.bulk(index, [line(5)])
    by_key = way == "apiKey"
    shown = f"ApiKey {API_KEY}" if by_key else f"Basic {USER.login}"
    held = {"apiKey": API_KEY.encode()} if by_key else {"username": b"operator\n", "password": USER.password.encode()}
    counts = LogCounts(session)
    async with Gate(logs.url, shown, tmp_path).open() as gate:
        asked, good = order(gate.url, index, secretName=SECRET), {**held, "caFile": gate.ca}
        assert value(await counts.measure(asked, good)) == 1

        gate.allowed = "ApiKey another"
        denied = words(await counts.measure(asked, good))  # the gate's answer repeats what was shown
        assert (
            f"does not accept the {way} of the Secret {SECRET} (HTTP 401: {shown.split(maxsplit=1)[0]} *** is not allowed)"
            in denied
        )

        none = words(await counts.measure(asked, {"caFile": gate.ca}))
        assert 'Put the key "apiKey", or "username" and "password", in a Secret in the operator\'s namespace' in none

        seen = list(gate.seen)
        assert "is not trusted" in words(await counts.measure(asked, held))
        assert gate.seen == seen == [shown, shown, ""]


async def test_both_questions_of_a_look_show_the_login(
    logs: OpenSearchServer, tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    logs.create("logs-quiet", FIELDS)
    async with Gate(logs.url, f"ApiKey {API_KEY}", tmp_path).open() as gate:
        secret = {"apiKey": API_KEY.encode(), "caFile": gate.ca}
        assert value(await LogCounts(session).measure(order(gate.url, "logs-quiet", secretName=SECRET), secret)) == 0
        assert gate.seen == [f"ApiKey {API_KEY}"] * 2


async def test_a_key_without_the_right_is_told_which_one_it_needs(session: aiohttp.ClientSession) -> None:
    said = "action [indices:data/read/count] is unauthorized for API key id [x1] of user [operator]"
    body = b'{"error": {"root_cause": [{"type": "security_exception", "reason": "%s"}]}}' % said.encode()
    async with misbehaving(answering("403 Forbidden", body)) as server:
        asked = order(server.url, "logs-*", secretName=SECRET)
        message = words(await LogCounts(session).measure(asked, {"apiKey": API_KEY.encode()}))
    assert f"does not let the apiKey of the Secret {SECRET} do this (HTTP 403: {said})" in message
    assert "It needs the right to read logs-*" in message


@pytest.mark.parametrize(("behaviour", "told"), TROUBLES.values(), ids=TROUBLES)
async def test_a_server_that_misbehaves_gives_no_number_and_is_told_of(
    behaviour: Behaviour, told: str, session: aiohttp.ClientSession
) -> None:
    async with misbehaving(behaviour) as server:
        asked = order(server.url, "logs-*", secretName=SECRET, timeoutSeconds=1)
        message = words(await LogCounts(session).measure(asked, {"apiKey": API_KEY.encode()}))
    assert message.startswith(f"Elasticsearch at {server.url} "), message
    assert told in message
    assert len(message) < 700


async def test_a_redirect_is_told_of_and_the_login_stays_here(session: aiohttp.ClientSession) -> None:
    async with misbehaving(answering("200 OK", b"{}")) as elsewhere:
        async with misbehaving(answering("307 Temporary Redirect", b"", f"Location: {elsewhere.url}/login")) as server:
            asked = order(server.url, "logs-*", secretName=SECRET)
            message = words(await LogCounts(session).measure(asked, {"apiKey": API_KEY.encode()}))
        assert elsewhere.asked == []
    assert f"redirects to {elsewhere.url}/login" in message


@pytest.mark.parametrize(
    "body",
    [
        b'{"count": "7", "_shards": {"total": 1, "successful": 1, "failed": 0}}',
        b'{"count": 7.5, "_shards": {"total": 1, "successful": 1, "failed": 0}}',
        b'{"count": NaN, "_shards": {"total": 1, "successful": 1, "failed": 0}}',
        b'{"count": 7}',
        b'{"count": 7, "_shards": null}',
        b'{"count": 7, "_shards": {"total": 1}}',
        b'{"count": 0, "_shards": {"total": 1, "successful": 1, "failed": 0}}',
    ],
)
async def test_an_answer_that_only_looks_like_one_is_not_taken_for_a_count(
    body: bytes, session: aiohttp.ClientSession
) -> None:
    async with misbehaving(answering("200 OK", body)) as server:
        assert "not as Elasticsearch does" in words(await LogCounts(session).measure(order(server.url, "logs"), None))


async def test_a_great_count_is_exact(session: aiohttp.ClientSession) -> None:
    body = b'{"count": 9007199254740993, "_shards": {"total": 1, "successful": 1, "failed": 0}}'
    async with misbehaving(answering("200 OK", body)) as server:
        assert value(await LogCounts(session).measure(order(server.url, "logs"), None)) == 9_007_199_254_740_993


async def test_an_overloaded_server_says_so_in_its_own_words(session: aiohttp.ClientSession) -> None:
    said = "[parent] Data too large, data for [<http_request>] would be [1.2gb]"
    body = b'{"error": {"type": "circuit_breaking_exception", "reason": "%s"}, "status": 429}' % said.encode()
    async with misbehaving(answering("429 Too Many Requests", body)) as server:
        message = words(await LogCounts(session).measure(order(server.url, "logs"), None))
    assert f"is overloaded or asked too often (HTTP 429: {said}). It is asked again." in message


async def test_the_secret_is_read_before_anybody_is_asked(session: aiohttp.ClientSession) -> None:
    async with misbehaving(answering("200 OK", b"{}")) as server:
        asked = order(server.url, "logs", secretName=SECRET)
        message = words(await LogCounts(session).measure(asked, {"api_key": API_KEY.encode()}))
        assert f'The Secret {SECRET} needs the key "apiKey", or "username" and "password"' in message
        assert server.asked == []


async def test_another_source_is_not_asked(session: aiohttp.ClientSession) -> None:
    other = CheckOrder(Check.model_validate({"name": "home", "http": {"url": "http://127.0.0.1/"}}))
    assert "home" in words(await LogCounts(session).measure(other, None))


@pytest.mark.timeout(600)
async def test_an_error_storm_among_a_million_lines_is_counted_to_the_line_in_less_than_a_second(
    logs: OpenSearchServer, session: aiohttp.ClientSession
) -> None:
    logs.create("logs-million", FIELDS, **{"refresh_interval": "-1", "translog.durability": "async"})
    began = time.monotonic()
    with ThreadPoolExecutor(2) as writers:
        list(writers.map(lambda batch: logs.bulk_raw("logs-million", _batch(batch)), range(MILLION // BATCH)))
    logs.ask("POST", "/logs-million/_refresh")
    loaded = time.monotonic() - began
    assert logs.ask("GET", "/logs-million/_count")["count"] == MILLION
    wait_until("That what was loaded is merged", lambda: not _merges(logs), 120)

    counts, looks = LogCounts(session), []
    for size in (0, 1, 250, 4000):
        logs.bulk("logs-million", storm(size)) if size else None
        began = time.monotonic()
        seen = await counts.measure(order(logs.url, "logs-million", f'{STORM} AND message:"fatal error"'), None)
        looks.append(time.monotonic() - began)
        assert value(seen) == {0: 0, 1: 1, 250: 251, 4000: 4251}[size]
    for _ in range(20):
        began = time.monotonic()
        await counts.measure(order(logs.url, "logs-million"), None)
        looks.append(time.monotonic() - began)
    print(
        f"{MILLION} lines loaded in {loaded:.1f} s; a look takes {sorted(looks)[12] * 1000:.0f} ms, at most {max(looks) * 1000:.0f} ms"
    )
    assert sorted(looks)[-3] < 1, "two may meet what the server does at the same time"


def _merges(logs: OpenSearchServer) -> int:
    """How many the server is busy with."""
    stats = logs.ask("GET", "/logs-million/_stats/merge")
    return int(stats["_all"]["total"]["merges"]["current"])


def _batch(number: int) -> bytes:
    """Lines of many brands over the last six hours: some are errors of drumeo, none of those in the last hour."""
    end = now().timestamp() * 1000
    lines = []
    for place in range(number * BATCH, (number + 1) * BATCH):
        age = place * 21_600_000 // MILLION
        brand = ("drumeo", "pianote", "guitareo", "singeo")[place % 4]
        level = "error" if place % 50 == 0 and (age > 3_600_000 or brand != "drumeo") else "info"
        lines.append(
            f'{{"index":{{}}}}\n{{"@timestamp":{end - age:.0f},"level":"{level}","brand":"{brand}","status":200,'
            f'"message":"GET /lessons/{place} HTTP/1.1"}}\n'
        )
    return "".join(lines).encode()


async def test_an_api_key_as_two_parts_is_not_shown_either(session: aiohttp.ClientSession) -> None:
    raw = "canary-id:canary-secret-e7d1"
    body = base64.b64encode(raw.encode()) + b" " + raw.encode()
    async with misbehaving(answering("400 Bad Request", b'{"error": "%s"}' % body)) as server:
        seen = await LogCounts(session).measure(order(server.url, "x", secretName=SECRET), {"apiKey": raw.encode()})
    assert "canary-secret" not in words(seen)
    assert base64.b64encode(raw.encode()).decode() not in words(seen)
