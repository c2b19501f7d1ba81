"""The web page check against real servers: nginx in front of pods, and small sites that do what goes wrong."""

import asyncio
import gzip
import os
import resource
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from socket import EAI_NONAME, gaierror
from typing import Any

import pytest

from brandrelease.adapters.checks.names import Address, SystemNames, public
from brandrelease.adapters.checks.one_request import BODY_LIMIT
from brandrelease.adapters.checks.web_page import WebPage
from brandrelease.adapters.system_clock import SystemClock
from brandrelease.apis.checks import Check, HttpCheck
from brandrelease.core.checks.measured import CheckOrder, HttpAnswer, HttpSeen, NoHttpAnswer, PodAddress, Unmeasured
from cluster.certificates import Authority, KeyPair
from support.edge import Edge
from support.small_site import Handler, SmallSite, Visitor

HOST = "www.drumeo.test"
FILES = Path("/proc/self/fd")


class Table:
    """Names as a test wants them; those that it does not know are the system's."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[str, ...] | Exception] = {HOST: ("127.0.0.1",)}
        self.asked: list[str] = []
        self._system = SystemNames()

    async def addresses(self, host: str) -> tuple[Address, ...]:
        self.asked.append(host)
        entry = self.entries.get(host)
        if entry is None:
            return await self._system.addresses(host)
        if isinstance(entry, Exception):
            raise entry
        return tuple(ip_address(text) for text in entry)


class Silent:
    """DNS that never answers."""

    async def addresses(self, host: str) -> tuple[Address, ...]:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.create()
    return made


@pytest.fixture(scope="module")
def pair(authority: Authority) -> KeyPair:
    return authority.issue("www", "www", addresses=[HOST, "127.0.0.1"])


@pytest.fixture
def names() -> Table:
    return Table()


@pytest.fixture
def page(names: Table, authority: Authority) -> WebPage:
    """The check, for which the test's authority is the only one."""
    trust = authority.pair.certificate
    return WebPage(names, SystemClock(), lambda: ssl.create_default_context(cafile=str(trust)))


def order(url: str, *pods: str, **fields: Any) -> CheckOrder:
    http = HttpCheck(url=url, **{"timeout_seconds": 5, **fields})
    addresses = tuple(PodAddress(f"pod-{number}", ip) for number, ip in enumerate(pods, start=1))
    return CheckOrder(Check(name="home-page", http=http), addresses)


async def look(page: WebPage, url: str, *pods: str, **fields: Any) -> HttpSeen:
    seen = await page.measure(order(url, *pods, **fields), None)
    assert isinstance(seen, HttpSeen), seen
    return seen


async def answer(page: WebPage, url: str, **fields: Any) -> HttpAnswer:
    seen = await look(page, url, **fields)
    assert isinstance(seen.public, HttpAnswer), seen
    return seen.public


async def why(page: WebPage, url: str, **fields: Any) -> str:
    seen = await look(page, url, **fields)
    assert isinstance(seen.public, NoHttpAnswer), seen
    return seen.public.why


async def unmeasured(page: WebPage, url: str, *pods: str, **fields: Any) -> str:
    seen = await page.measure(order(url, *pods, **fields), None)
    assert isinstance(seen, Unmeasured), seen
    return seen.message


def saying(status: int = 200, body: bytes = b"Welcome to Drumeo", **headers: str) -> Handler:
    async def handler(visitor: Visitor) -> None:
        await visitor.answer(status, body, **headers)

    return handler


def at(site: SmallSite, path: str = "/", scheme: str = "http") -> str:
    return f"{scheme}://{HOST}:{site.port}{path}"


async def silent(visitor: Visitor) -> None:
    await asyncio.sleep(60)


# --- what is asked, and what is told of an answer -----------------------------------------------------------------------


async def test_an_answer_is_told_with_its_status_its_time_and_the_end_of_the_certificate(
    page: WebPage, pair: KeyPair
) -> None:
    with SmallSite(saying(), pair=pair) as site:
        seen = await look(page, at(site, scheme="https"))
    assert isinstance(seen.public, HttpAnswer)
    assert (seen.public.status, seen.public.has_text, seen.pods) == (200, True, ())
    assert 0 < seen.public.seconds < 2
    assert seen.certificate_ends is not None
    assert timedelta(days=29) < seen.certificate_ends - SystemClock().now() <= timedelta(days=30)


async def test_an_answer_without_a_body_has_a_certificate_too(page: WebPage, pair: KeyPair) -> None:
    with SmallSite(saying(204, b""), pair=pair) as site:
        seen = await look(page, at(site, scheme="https"))
    assert seen.certificate_ends is not None


async def test_a_status_is_told_as_it_is_and_plain_http_has_no_certificate(page: WebPage) -> None:
    with SmallSite(saying(503)) as site:
        seen = await look(page, at(site))
    assert isinstance(seen.public, HttpAnswer)
    assert (seen.public.status, seen.certificate_ends) == (503, None)


async def test_the_request_says_who_asks_and_carries_nothing_from_before(page: WebPage) -> None:
    with SmallSite(saying(Set_Cookie="visitor=1; Path=/")) as site:
        for _ in range(2):
            await look(page, at(site, "/lessons?page=2#top"))
        assert site.connections == 2, "a connection that is kept would lead to the pod of before"
        for visitor in site.visitors:
            assert (visitor.method, visitor.target) == ("GET", "/lessons?page=2")
            assert visitor.headers["host"] == f"{HOST}:{site.port}"
            assert visitor.headers["user-agent"].startswith("brandrelease/")
            assert visitor.headers["user-agent"].endswith(" (check)")
            assert visitor.headers["cache-control"] == "no-cache"
            assert not {"cookie", "authorization", "x-forwarded-proto"} & set(visitor.headers)


async def test_the_time_is_that_of_the_whole_answer(page: WebPage) -> None:
    async def slow_body(visitor: Visitor) -> None:
        await visitor.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha")
        await asyncio.sleep(0.3)
        await visitor.send(b"lf")

    with SmallSite(slow_body) as site:
        assert (await answer(page, at(site))).seconds >= 0.3


async def test_long_headers_are_taken_as_browsers_take_them(page: WebPage) -> None:
    with SmallSite(saying(Content_Security_Policy="x" * 30_000)) as site:
        assert (await answer(page, at(site))).status == 200


# --- the text in the body -------------------------------------------------------------------------------------------------

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_text_is_found_across_the_borders_of_chunks(page: WebPage) -> None:
    async def chunks(visitor: Visitor) -> None:
        await visitor.send(CHUNKED)
        for piece in (b"<h1>Welcome t", b"o Dru", b"meo</h1>"):
            await visitor.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await asyncio.sleep(0.02)
        await visitor.send(b"0\r\n\r\n")

    with SmallSite(chunks) as site:
        assert (await answer(page, at(site), body_contains="Welcome to Drumeo")).has_text
        assert not (await answer(page, at(site), body_contains="Welcome to Pianote")).has_text


def html(charset: str) -> dict[str, str]:
    return {"Content_Type": f"text/html; charset={charset}"}


WRITTEN: dict[str, tuple[bytes, dict[str, str], str]] = {
    "packed": (gzip.compress("Musik für dich".encode()), {"Content_Encoding": "gzip"}, "für"),
    "UTF-8": ("Musik für dich".encode(), html("utf-8"), "für"),
    "Latin-1": ("Musik für dich".encode("latin-1"), html("ISO-8859-1"), "für"),
    "beside what is no text": (b"\xff\xfe Welcome \xff", {"Content_Type": "text/html"}, "Welcome"),
    "a charset that is none": (b"Welcome", html("no-such-thing"), "Welcome"),
    "a charset that takes long": (b"Welcome", html("punycode"), "Welcome"),
    "a charset that is no text": (b"Welcome", html("base64"), "Welcome"),
    "a broken type": (b"Welcome", {"Content_Type": ";;;charset=\x01"}, "Welcome"),
}


@pytest.mark.parametrize(("body", "headers", "text"), WRITTEN.values(), ids=WRITTEN)
async def test_text_is_found_in_whatever_way_it_is_written(
    page: WebPage, body: bytes, headers: dict[str, str], text: str
) -> None:
    with SmallSite(saying(200, body, **headers)) as site:
        assert (await answer(page, at(site), body_contains=text)).has_text


async def test_the_first_mebibyte_counts_and_the_rest_is_not_waited_for(page: WebPage) -> None:
    async def endless(visitor: Visitor) -> None:
        await visitor.send(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"Welcome" + b" " * BODY_LIMIT + b"Goodbye"
        )
        while True:
            await visitor.send(b" " * 65_536)

    with SmallSite(endless) as site:
        assert (await answer(page, at(site), body_contains="Welcome", timeout_seconds=10)).has_text
        assert not (await answer(page, at(site), body_contains="Goodbye", timeout_seconds=10)).has_text


async def test_a_body_that_grows_when_it_is_unpacked_is_read_no_further_than_others(page: WebPage) -> None:
    bomb = gzip.compress(bytes(512 * 1024 * 1024), compresslevel=1)
    with SmallSite(saying(200, bomb, Content_Encoding="gzip")) as site:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert (await answer(page, at(site))).seconds < 2
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


# --- no answer ------------------------------------------------------------------------------------------------------------


async def nothing(visitor: Visitor) -> None:
    """Close without a word."""


async def reset(visitor: Visitor) -> None:
    visitor.reset()


async def head_only(visitor: Visitor) -> None:
    await visitor.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    await asyncio.sleep(60)


async def half(visitor: Visitor) -> None:
    await visitor.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


async def half_and_reset(visitor: Visitor) -> None:
    await visitor.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await asyncio.sleep(0.1)
    visitor.reset()


async def half_of_the_chunks(visitor: Visitor) -> None:
    await visitor.send(CHUNKED + b"7\r\nWelcome\r\n")


async def drips(visitor: Visitor) -> None:
    await visitor.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        await visitor.send(b".")
        await asyncio.sleep(0.1)


async def not_http(visitor: Visitor) -> None:
    await visitor.send(b"220 mail.drumeo.test ESMTP\r\n")


NO_ANSWER: dict[str, tuple[Handler, str]] = {
    "silent": (silent, "did not answer within 1 s"),
    "head only": (head_only, "did not come to the end of its answer within 1 s"),
    "a byte now and then": (drips, "did not come to the end of its answer within 1 s"),
    "closed": (nothing, "closed the connection without an answer"),
    "reset": (reset, "closed the connection before the answer"),
    "half": (half, "closed the connection in the middle of the answer"),
    "half, then reset": (half_and_reset, "closed the connection in the middle of the answer"),
    "half of the chunks": (half_of_the_chunks, "closed the connection in the middle of the answer"),
    "another protocol": (not_http, "answered with something that is not HTTP"),
    "badly packed": (saying(200, b"no gzip", Content_Encoding="gzip"), "sent a body that cannot be unpacked"),
}


@pytest.mark.parametrize(("handler", "words"), NO_ANSWER.values(), ids=NO_ANSWER)
async def test_why_there_is_no_answer_is_told_in_words(page: WebPage, handler: Handler, words: str) -> None:
    with SmallSite(handler) as site:
        assert await why(page, at(site), timeout_seconds=1) == words


async def test_who_does_not_listen_refuses_connections(page: WebPage) -> None:
    with SmallSite(saying()) as site:
        pass
    assert await why(page, at(site)) == "refuses connections"


async def test_who_takes_connections_and_no_tls_is_told_so(page: WebPage, pair: KeyPair) -> None:
    with SmallSite(saying()) as site:
        told = await why(page, at(site, scheme="https"), timeout_seconds=1)
    assert told in {
        "cannot agree on TLS with the operator (WRONG_VERSION_NUMBER)",
        "closed the connection before the answer",
        "resets the connection",
        "did not answer within 1 s",
    }
    with SmallSite(saying(), pair=pair) as site:
        assert (await why(page, at(site))).startswith("closed the connection")


# --- certificates ---------------------------------------------------------------------------------------------------------


async def test_a_certificate_that_has_expired_is_told_with_the_moment_when_it_did(
    page: WebPage, authority: Authority
) -> None:
    expired = authority.issue("expired", "www", addresses=[HOST], days="-1")
    with SmallSite(saying(), pair=expired) as site:
        seen = await look(page, at(site, scheme="https"))
        assert site.visitors == [], "nothing is sent to a server whose certificate is refused"
    assert isinstance(seen.public, NoHttpAnswer)
    assert seen.certificate_ends is not None
    assert seen.public.why == f"its certificate has expired on {seen.certificate_ends:%Y-%m-%d %H:%M} UTC"
    assert timedelta(days=1) <= SystemClock().now() - seen.certificate_ends < timedelta(days=2)


async def test_a_certificate_for_another_name_or_of_an_unknown_authority_is_told_apart(
    page: WebPage, authority: Authority, tmp_path: Path
) -> None:
    other = authority.issue("other", "www", addresses=["www.pianote.test"])
    stranger = Authority(tmp_path)
    stranger.create()
    unknown = stranger.issue("www", "www", addresses=[HOST])
    told = []
    for pair in (other, unknown, stranger.pair):
        with SmallSite(saying(), pair=pair) as site:
            told.append(await why(page, at(site, scheme="https")))
            assert site.visitors == []
    assert told[0] == "its certificate is for another name"
    assert told[1].startswith("its certificate comes from an authority that the operator does not trust")
    assert told[2] == "its certificate is signed by itself alone"


# --- redirects ------------------------------------------------------------------------------------------------------------


def redirecting(to: Callable[[Visitor], str | None], status: int = 302) -> Handler:
    async def handler(visitor: Visitor) -> None:
        location = to(visitor)
        await (visitor.answer(200, b"the end") if location is None else visitor.answer(status, Location=location))

    return handler


def count_down(visitor: Visitor) -> str | None:
    left = int(visitor.target.removeprefix("/"))
    return f"/{left - 1}" if left else None


async def test_a_redirect_is_the_answer_unless_it_is_to_be_followed(page: WebPage) -> None:
    with SmallSite(redirecting(count_down)) as site:
        assert (await answer(page, at(site, "/1"))).status == 302
        followed = await answer(page, at(site, "/1"), follow_redirects=True, body_contains="the end")
        assert (followed.status, followed.has_text) == (200, True)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_five_redirects_are_followed_and_no_sixth(page: WebPage, status: int) -> None:
    with SmallSite(redirecting(count_down, status)) as site:
        assert (await answer(page, at(site, "/5"), follow_redirects=True)).status == 200
        assert await why(page, at(site, "/6"), follow_redirects=True) == "redirects more than 5 times"


async def test_a_circle_is_told_as_such(page: WebPage) -> None:
    with SmallSite(redirecting(lambda visitor: "/b" if visitor.target.startswith("/a") else "/a?token=canary")) as site:
        told = await why(page, at(site, "/a?token=canary"), follow_redirects=True)
        assert told == f"redirects in a circle, back to {at(site, '/a')}"
        assert len(site.visitors) == 2


async def test_a_redirect_without_a_place_is_an_answer(page: WebPage) -> None:
    with SmallSite(saying(302)) as site:
        assert (await answer(page, at(site), follow_redirects=True)).status == 302


@pytest.mark.parametrize(
    ("location", "words"),
    [
        (
            "ftp://files.test/a?key=canary",
            "redirects to what is not an http:// or https:// address (ftp://files.test/a)",
        ),
        ("file:///etc/passwd", "redirects to what is not an http:// or https:// address (file:///etc/passwd)"),
        ("http://u:canary@[::1", "redirects to what is not an http:// or https:// address ([::1)"),
        ("http://a:99999/", "redirects to what is not an http:// or https:// address (http://a:99999/)"),
        ("http://nowhere.test/a?key=canary", "redirects to http://nowhere.test/a, whose name cannot be resolved"),
    ],
)
async def test_a_redirect_to_nowhere_is_told_without_what_is_secret(
    page: WebPage, names: Table, location: str, words: str
) -> None:
    names.entries["nowhere.test"] = gaierror(EAI_NONAME, "Name or service not known")
    with SmallSite(redirecting(lambda _: location)) as site:
        assert await why(page, at(site), follow_redirects=True) == words


async def test_from_https_to_http_is_followed_as_curl_does_and_the_first_certificate_counts(
    page: WebPage, pair: KeyPair
) -> None:
    with SmallSite(saying()) as plain, SmallSite(redirecting(lambda _: at(plain)), pair=pair) as site:
        seen = await look(page, at(site, scheme="https"), follow_redirects=True)
    assert isinstance(seen.public, HttpAnswer)
    assert seen.public.status == 200
    assert seen.certificate_ends is not None


async def test_a_login_in_a_redirect_is_not_used(page: WebPage) -> None:
    with SmallSite(redirecting(count_down)) as end:
        with SmallSite(redirecting(lambda _: f"http://user:canary@{HOST}:{end.port}/0")) as site:
            assert (await answer(page, at(site), follow_redirects=True)).status == 200
        assert "authorization" not in end.visitors[0].headers


@pytest.fixture
def metadata(names: Table) -> Iterator[SmallSite]:
    """What may never be connected to: it listens at every address of this machine, as the cloud's metadata would."""
    names.entries["metadata.test"] = ("127.0.0.2",)
    names.entries["half-public.test"] = ("::1", "169.254.169.254", "10.0.0.1", "127.0.0.2")
    with SmallSite(saying(200, b"the keys of the role"), "::") as six, SmallSite(saying(), "0.0.0.0", six.port) as four:
        yield four
        assert six.connections == 0


PRIVATE = ["127.0.0.2", "metadata.test", "half-public.test", "localhost", "127.2", "2130706434", "0x7f000002"]
PRIVATE += ["0177.0.0.2", "017700000002", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.2]", "[::ffff:7f00:2]"]
PRIVATE += ["[64:ff9b::7f00:2]", "[2002:7f00:2::]", "169.254.169.254", "[fd00:ec2::254]", "127.0.0.1"]


@pytest.mark.parametrize("host", PRIVATE)
async def test_a_redirect_to_a_private_address_in_whatever_form_is_not_followed(
    page: WebPage, metadata: SmallSite, host: str
) -> None:
    with SmallSite(redirecting(lambda _: f"http://{host}:{metadata.port}/latest/meta-data?x=1")) as site:
        told = await why(page, at(site), follow_redirects=True, timeout_seconds=2)
    assert told.startswith("redirects to http://")
    assert told.endswith("/latest/meta-data, which is not a public address, so it was not followed")
    assert metadata.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.2", "metadata.test"])
async def test_it_is_followed_where_the_brand_allows_it(page: WebPage, metadata: SmallSite, host: str) -> None:
    with SmallSite(redirecting(lambda _: f"http://{host}:{metadata.port}/")) as site:
        seen = await answer(page, at(site), follow_redirects=True, allow_private_addresses=True)
    assert (seen.status, metadata.connections) == (200, 1)


async def test_a_name_means_the_same_from_the_first_answer_to_the_last(
    page: WebPage, names: Table, metadata: SmallSite
) -> None:
    """A site that redirects to itself, while its name now means another address (DNS rebinding)."""

    def rebind(visitor: Visitor) -> str:
        names.entries[HOST] = ("127.0.0.2",)
        return f"http://{HOST}:{elsewhere.port}/"

    with SmallSite(saying(), "127.0.0.2") as elsewhere, SmallSite(redirecting(rebind)) as site:
        assert await why(page, at(site), follow_redirects=True) == "refuses connections"
        assert elsewhere.connections == 0
    assert names.asked == [HOST]


PUBLIC = ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"]
NOT_PUBLIC = [
    "10.1.2.3",
    "172.16.0.1",
    "192.168.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "169.254.169.254",
    "169.254.170.2",
]
NOT_PUBLIC += ["0.0.0.0", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1"]
NOT_PUBLIC += ["::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "::7f00:1"]
NOT_PUBLIC += [
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2002:a00:1::",
    "2001:0:a00:1::",
]


def test_only_addresses_of_the_internet_are_public() -> None:
    addresses = [ip_address(text) for text in (*PUBLIC, *NOT_PUBLIC)]
    assert [str(address) for address in public(addresses)] == PUBLIC


# --- the pods beside ------------------------------------------------------------------------------------------------------


@pytest.fixture
def pods() -> Iterator[tuple[SmallSite, SmallSite]]:
    """Two pods at addresses of their own, with the port of both."""
    with SmallSite(saying(), "127.0.0.2") as first, SmallSite(saying(), "127.0.0.3", first.port) as second:
        yield first, second


@pytest.fixture
def edge(tmp_path: Path, pair: KeyPair, pods: tuple[SmallSite, SmallSite]) -> Iterator[Edge]:
    with Edge(tmp_path, pair, tuple(f"{pod.address}:{pod.port}" for pod in pods)) as running:
        yield running


async def look_at_all(page: WebPage, edge: Edge, pods: tuple[SmallSite, SmallSite], **fields: Any) -> list[object]:
    """Status or words: of the public address, then of each pod."""
    url = f"https://{HOST}:{edge.port}/lessons?page=2"
    seen = await look(page, url, *(pod.address for pod in pods), pod_port=pods[0].port, **fields)
    assert [name for name, _ in seen.pods] == ["pod-1", "pod-2"]
    results = [seen.public, *(result for _, result in seen.pods)]
    return [result.status if isinstance(result, HttpAnswer) else result.why for result in results]


Pods = tuple[SmallSite, SmallSite]


async def test_pods_are_asked_as_the_edge_asks_them(page: WebPage, edge: Edge, pods: Pods) -> None:
    assert await look_at_all(page, edge, pods) == [200, 200, 200]
    visitors = [*pods[0].visitors, *pods[1].visitors]
    assert len(visitors) == 3
    for visitor in visitors:
        assert visitor.target == "/lessons?page=2"
        assert visitor.headers["host"] == f"{HOST}:{edge.port}"
        assert visitor.headers["x-forwarded-proto"] == "https"


async def test_the_host_of_a_usual_port_is_told_without_it(page: WebPage, names: Table, pods: Pods) -> None:
    names.entries[HOST] = ("127.0.0.9",)
    await look(page, f"http://{HOST}/", "127.0.0.2", pod_port=pods[0].port)
    [visitor] = pods[0].visitors
    assert visitor.headers["host"] == HOST
    assert "x-forwarded-proto" not in visitor.headers


async def test_pods_are_left_alone_where_no_port_is_given(page: WebPage, edge: Edge, pods: Pods) -> None:
    seen = await look(page, f"https://{HOST}:{edge.port}/", "127.0.0.2", "127.0.0.3")
    assert seen.pods == ()
    assert pods[0].connections + pods[1].connections == 1


async def test_a_pod_with_an_address_of_ipv6_is_asked(page: WebPage) -> None:
    with SmallSite(saying(), "::1") as pod, SmallSite(saying()) as site:
        seen = await look(page, at(site), "::1", pod_port=pod.port)
    [(_, result)] = seen.pods
    assert isinstance(result, HttpAnswer)


async def test_an_edge_that_leads_elsewhere_is_told_from_pods_that_answer(
    page: WebPage, edge: Edge, pods: Pods
) -> None:
    edge.serves(("127.0.0.4:9",))
    assert await look_at_all(page, edge, pods) == [502, 200, 200]


async def test_an_edge_that_is_down_is_told_from_pods_that_answer(page: WebPage, edge: Edge, pods: Pods) -> None:
    edge.stop()
    assert await look_at_all(page, edge, pods) == ["refuses connections", 200, 200]


async def test_pods_that_are_broken_are_seen_through_the_edge_and_beside_it(
    page: WebPage, edge: Edge, pods: Pods
) -> None:
    for pod in pods:
        pod.handler = saying(500)
    assert await look_at_all(page, edge, pods) == [500, 500, 500]


async def test_one_bad_pod_is_found_though_the_edge_answers(page: WebPage, edge: Edge, pods: Pods) -> None:
    edge.serves((f"{pods[0].address}:{pods[0].port}",))
    pods[1].handler = saying(500)
    assert await look_at_all(page, edge, pods) == [200, 200, 500]


async def test_edge_and_pods_that_are_broken_in_their_own_ways_are_told_so(
    page: WebPage, edge: Edge, pods: Pods
) -> None:
    edge.stop()
    pods[0].handler, pods[1].handler = half, silent
    assert await look_at_all(page, edge, pods, timeout_seconds=1) == [
        "refuses connections",
        "closed the connection in the middle of the answer",
        "did not answer within 1 s",
    ]


async def test_a_slow_pod_takes_no_time_from_the_others(page: WebPage, edge: Edge, pods: Pods) -> None:
    edge.serves((f"{pods[0].address}:{pods[0].port}",))
    pods[1].handler = silent
    began = asyncio.get_running_loop().time()
    assert await look_at_all(page, edge, pods, timeout_seconds=3) == [200, 200, "did not answer within 3 s"]
    assert asyncio.get_running_loop().time() - began < 5.5, "not one after the other"


async def test_a_redirect_of_a_pod_is_its_answer(page: WebPage, edge: Edge, pods: Pods) -> None:
    edge.serves((f"{pods[0].address}:{pods[0].port}",))
    pods[1].handler = saying(301, b"", Location=f"https://{HOST}:{edge.port}/")
    assert await look_at_all(page, edge, pods, follow_redirects=True) == [200, 200, 301]


async def test_the_text_is_looked_for_in_pods_too(page: WebPage, pods: Pods) -> None:
    pods[1].handler = saying(200, b"Index of /")
    with SmallSite(saying()) as site:
        seen = await look(page, at(site), "127.0.0.2", "127.0.0.3", pod_port=pods[0].port, body_contains="Welcome")
    assert [isinstance(result, HttpAnswer) and result.has_text for _, result in seen.pods] == [True, False]


# --- the operator's own trouble -------------------------------------------------------------------------------------------


async def test_a_name_that_dns_does_not_know_is_no_evidence_about_the_site(page: WebPage, names: Table) -> None:
    names.entries[HOST] = gaierror(EAI_NONAME, "Name or service not known")
    told = await unmeasured(page, f"https://{HOST}/")
    assert told.startswith(f"The name {HOST} cannot be resolved (Name or service not known). Look whether ")


async def test_dns_that_does_not_answer_is_no_evidence_either(authority: Authority) -> None:
    page = WebPage(Silent(), SystemClock())
    told = await unmeasured(page, f"https://{HOST}/", timeout_seconds=1)
    assert told.startswith(f"The name {HOST} was not resolved within 1 s. Look whether ")


@pytest.mark.parametrize("url", ["http://a:99999/", "http://a..b/", "http://" + "a" * 64 + ".test/"])
async def test_an_address_that_is_none_is_told_as_a_mistake_in_the_brand(page: WebPage, url: str) -> None:
    told = await unmeasured(page, url)
    assert "in the Brand" in told


async def test_the_systems_names_are_asked_in_threads_and_literals_are_none() -> None:
    names = SystemNames()
    try:
        assert ip_address("127.0.0.1") in await names.addresses("localhost")
        assert await names.addresses("10.0.0.1") == (ip_address("10.0.0.1"),)
        with pytest.raises(ValueError, match="label"):
            await names.addresses("a..b")
    finally:
        names.close()


async def test_no_room_for_another_connection_is_told_as_the_operators_own_trouble(page: WebPage) -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    with SmallSite(saying()) as site:
        taken = [os.open("/dev/null", os.O_RDONLY)]
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(FILES.iterdir())) + 20, limit[1]))
            with suppress(OSError):
                while True:
                    taken.append(os.open("/dev/null", os.O_RDONLY))
            told = await unmeasured(page, at(site))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
            for each in taken:
                os.close(each)
    assert told.startswith(f"The operator cannot open a connection to {HOST}: Too many open files. Look at ")


# --- many at once, and nothing left over ----------------------------------------------------------------------------------


@asynccontextmanager
async def lag() -> AsyncIterator[list[float]]:
    """The longest that the loop was busy between two ticks, in seconds of a processor: others may have it meanwhile."""
    worst = [0.0]

    async def tick() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.005)
            worst[0] = max(worst[0], time.thread_time() - before)

    ticking = asyncio.create_task(tick())
    try:
        yield worst
    finally:
        ticking.cancel()


async def big(visitor: Visitor) -> None:
    await visitor.answer(200, b"<p>" * (2 * BODY_LIMIT // 3))


async def test_twenty_checks_at_once_do_not_hold_up_the_loop(page: WebPage, pair: KeyPair) -> None:
    with SmallSite(big, pair=pair) as site, SmallSite(silent) as hanging:
        await look(page, at(site, scheme="https"))
        urls = [at(site, scheme="https")] * 15 + [at(hanging)] * 5
        async with lag() as worst:
            seen = await asyncio.gather(
                *(look(page, url, body_contains="none", timeout_seconds=10 if "https" in url else 1) for url in urls)
            )
    assert sum(isinstance(each.public, HttpAnswer) for each in seen) == 15
    assert worst[0] < 0.25, f"the loop was busy for {worst[0]:.3f} s"


async def left_over() -> tuple[int, int]:
    await asyncio.sleep(0.05)
    return len(list(FILES.iterdir())), len(asyncio.all_tasks())


async def test_no_connection_and_no_task_is_left_over_whatever_happens(
    page: WebPage, authority: Authority, pair: KeyPair
) -> None:
    expired = authority.issue("expired-again", "www", addresses=[HOST], days="-1")
    handlers = [handler for handler, _ in NO_ANSWER.values()] + [big, redirecting(lambda _: "/round")]
    sites = [SmallSite(handler, pair=pair) for handler in handlers] + [SmallSite(big, pair=expired), SmallSite(silent)]
    for site in sites:
        site.__enter__()
    try:
        await look(page, at(sites[-2], scheme="https"))
        await asyncio.sleep(0.2)
        before = await left_over()
        for _ in range(3):
            await asyncio.gather(
                *(look(page, at(site, scheme="https"), follow_redirects=True, timeout_seconds=1) for site in sites)
            )
        assert sum(site.connections for site in sites) > 30
        for _ in range(40):  # the servers have their ends of the connections in this process
            if (after := await left_over()) <= before:
                break
        assert after <= before
    finally:
        for site in sites:
            site.__exit__(None, None, None)


async def test_a_look_that_is_called_off_leaves_nothing_either(page: WebPage, pair: KeyPair) -> None:
    with SmallSite(silent, pair=pair) as site, SmallSite(silent, "127.0.0.2") as pod:
        tasks = asyncio.all_tasks()
        asking = asyncio.create_task(
            page.measure(order(at(site, scheme="https"), "127.0.0.2", pod_port=pod.port), None)
        )
        while not (site.visitors and pod.visitors):
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert asyncio.all_tasks() == tasks
