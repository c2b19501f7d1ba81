"""RegistryApi against Debian's docker-registry, and against small servers that misbehave."""

import asyncio
import base64
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from brandrelease.adapters import registry as module
from brandrelease.adapters.registry import RegistryApi
from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.seen import ImageAbsent, ImageFound, ImageLookup, ImageUnknown
from support.registry import RegistryServer, User

PASSWORD = "canary-password-7d1f"
USER = User("ada", PASSWORD)
DIGEST = "sha256:" + "a" * 64


@pytest.fixture(scope="module")
def open_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path_factory.mktemp("registry")) as server:
        yield server


@pytest.fixture(scope="module")
def closed_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path_factory.mktemp("registry"), user=USER) as server:
        server.push_image("sites/drumeo", "v1")
        yield server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[str]:
    """A small registry that answers everything with `handler`; its host:port."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def unknown(answer: ImageLookup, reason: Reason) -> str:
    assert isinstance(answer, ImageUnknown), answer
    assert answer.reason == reason, answer
    assert PASSWORD not in answer.message
    assert USER.login not in answer.message
    return answer.message


def docker_config(content: object) -> dict[str, bytes]:
    return {".dockerconfigjson": json.dumps(content).encode()}


async def test_a_tag_is_found_with_the_digest_of_its_manifest(
    open_registry: RegistryServer, session: aiohttp.ClientSession
) -> None:
    digest = open_registry.push_image("sites/drumeo", "v1")
    api = RegistryApi(session, frozenset({open_registry.host}))
    assert await api.look_up(f"{open_registry.host}/sites/drumeo", "v1", None) == ImageFound(digest)
    assert await api.look_up(f"{open_registry.host}/sites/drumeo", digest, None) == ImageFound(digest)


async def test_an_index_is_found_with_its_own_digest(
    open_registry: RegistryServer, session: aiohttp.ClientSession
) -> None:
    image = open_registry.push_image("sites/pianote", "amd64")
    index = open_registry.push_index("sites/pianote", "v1", image, 300)
    api = RegistryApi(session, frozenset({open_registry.host}))
    assert await api.look_up(f"{open_registry.host}/sites/pianote", "v1", None) == ImageFound(index)


async def test_a_missing_tag_and_a_missing_repository_are_absent(
    open_registry: RegistryServer, session: aiohttp.ClientSession
) -> None:
    open_registry.push_image("sites/drumeo", "v1")
    api = RegistryApi(session, frozenset({open_registry.host}))
    assert await api.look_up(f"{open_registry.host}/sites/drumeo", "v2", None) == ImageAbsent()
    assert await api.look_up(f"{open_registry.host}/sites/unheard-of", "v1", None) == ImageAbsent()


async def test_a_deleted_image_is_absent(open_registry: RegistryServer, session: aiohttp.ClientSession) -> None:
    digest = open_registry.push_image("sites/guitareo", "v1", "to be deleted")
    open_registry.delete("sites/guitareo", digest)
    api = RegistryApi(session, frozenset({open_registry.host}))
    assert await api.look_up(f"{open_registry.host}/sites/guitareo", "v1", None) == ImageAbsent()


async def test_a_closed_registry_is_asked_with_the_secrets_login(
    closed_registry: RegistryServer, session: aiohttp.ClientSession
) -> None:
    api = RegistryApi(session, frozenset({closed_registry.host}))
    name = f"{closed_registry.host}/sites/drumeo"
    assert isinstance(await api.look_up(name, "v1", USER.secret(closed_registry.host)), ImageFound)
    assert await api.look_up(name, "v2", USER.secret(closed_registry.host)) == ImageAbsent()
    entry = {"username": USER.name, "password": USER.password}
    by_name = docker_config({"auths": {f"https://{closed_registry.host}/v1/": entry}})
    assert isinstance(await api.look_up(name, "v1", by_name), ImageFound)


async def test_wrong_missing_and_foreign_credentials_are_denied(
    closed_registry: RegistryServer, session: aiohttp.ClientSession
) -> None:
    api = RegistryApi(session, frozenset({closed_registry.host}))
    name = f"{closed_registry.host}/sites/drumeo"
    wrong = User("ada", PASSWORD + "x").secret(closed_registry.host)
    for secret, said in (
        (wrong, "the credentials of the Secret"),
        (None, "without credentials"),
        (USER.secret("registry.example.com"), "without credentials"),
        (USER.secret(closed_registry.host + "0"), "without credentials"),
    ):
        assert said in unknown(await api.look_up(name, "v1", secret), Reason.RegistryAuthenticationFailed)


@pytest.mark.parametrize(
    "secret",
    [
        {},
        {".dockerconfigjson": b"{" + PASSWORD.encode()},
        {".dockerconfigjson": b"\xff"},
        docker_config([]),
        docker_config({"auths": {"127.0.0.1:1": PASSWORD}}),
        docker_config({"auths": {"127.0.0.1:1": {"auth": PASSWORD + "\r\nX: y"}}}),
    ],
)
async def test_a_secret_that_is_no_docker_configuration_is_told_of_without_its_content(
    secret: dict[str, bytes], session: aiohttp.ClientSession
) -> None:
    api = RegistryApi(session, frozenset({"127.0.0.1:1"}))
    answer = await api.look_up("127.0.0.1:1/drumeo", "v1", secret)
    assert ".dockerconfigjson" in unknown(answer, Reason.RegistryAuthenticationFailed)


async def test_an_unreachable_registry_is_no_evidence(session: aiohttp.ClientSession) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{reserved.getsockname()[1]}"
        answer = await RegistryApi(session, frozenset({host})).look_up(f"{host}/drumeo", "v1", None)
    assert host in unknown(answer, Reason.RegistryUnreachable)


async def test_plain_http_is_spoken_only_to_registries_on_the_list(
    open_registry: RegistryServer, session: aiohttp.ClientSession
) -> None:
    answer = await RegistryApi(session, frozenset()).look_up(f"{open_registry.host}/sites/drumeo", "v1", None)
    assert "BRANDRELEASE_INSECURE_REGISTRIES" in unknown(answer, Reason.RegistryUnreachable)


@pytest.mark.parametrize("status", [500, 503, 429, 301])
async def test_other_answers_than_yes_and_no_are_no_evidence(status: int, session: aiohttp.ClientSession) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with server(handler) as host:
        answer = await RegistryApi(session, frozenset({host})).look_up(f"{host}/drumeo", "v1", None)
    assert str(status) in unknown(answer, Reason.RegistryUnreachable)


async def test_a_registry_that_wants_to_be_left_alone_is_not_asked_before_that_about_any_image(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        return (
            web.Response(status=429, headers={"Retry-After": "3600"}) if len(asked) == 1 else web.Response(status=404)
        )

    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.5)
    async with server(handler) as host, server(handler) as other:
        registry = RegistryApi(session, frozenset({host, other}))
        said = unknown(await registry.look_up(f"{host}/drumeo", "v1", None), Reason.RegistryUnreachable)
        assert "HTTP 429" in said
        assert "wants to be left alone for 3600 s" in said
        assert unknown(await registry.look_up(f"{host}/pianote", "v1", None), Reason.RegistryUnreachable) == said
        assert len(asked) == 1
        assert await registry.look_up(f"{other}/drumeo", "v1", None) == ImageAbsent(), "others are not left alone"
        await asyncio.sleep(0.6)
        assert await registry.look_up(f"{host}/drumeo", "v1", None) == ImageAbsent()


async def test_a_registry_that_does_not_answer_in_time_is_no_evidence(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIMIT_SECONDS", 0.2)

    async def handler(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async with server(handler) as host:
        answer = await RegistryApi(session, frozenset({host})).look_up(f"{host}/drumeo", "v1", None)
    assert "0.2 seconds" in unknown(answer, Reason.RegistryUnreachable)


@pytest.mark.parametrize("digest", ["sha256:xyz", "latest", "sha512:" + "a" * 128, "sha256:" + "A" * 64])
async def test_a_digest_that_is_none_is_not_passed_on(digest: str, session: aiohttp.ClientSession) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(headers={"Docker-Content-Digest": digest})

    async with server(handler) as host:
        answer = await RegistryApi(session, frozenset({host})).look_up(f"{host}/drumeo", "v1", None)
    unknown(answer, Reason.RegistryUnreachable)


async def test_another_digest_than_the_one_asked_for_is_not_passed_on(session: aiohttp.ClientSession) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(headers={"Docker-Content-Digest": "sha256:" + "b" * 64})

    async with server(handler) as host:
        answer = await RegistryApi(session, frozenset({host})).look_up(f"{host}/drumeo", DIGEST, None)
    unknown(answer, Reason.RegistryUnreachable)


async def test_without_a_digest_header_the_manifest_itself_is_hashed(session: aiohttp.ClientSession) -> None:
    body = b'{"schemaVersion": 2}'
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(f"{request.method} {request.headers['Accept']}")
        return web.Response(body=body)

    async with server(handler) as host:
        answer = await RegistryApi(session, frozenset({host})).look_up(f"{host}/drumeo", "v1", None)
    assert answer == ImageFound("sha256:" + hashlib.sha256(body).hexdigest())
    assert [line.split()[0] for line in seen] == ["HEAD", "GET"]
    assert all(line.count("application/vnd.") == 4 for line in seen)


class TokenRegistry:
    """A registry that wants a token, which its own /token gives to whom may have it."""

    def __init__(self, *, login: str | None = None, expires_in: int | None = 300) -> None:
        self.login = login
        self.expires_in = expires_in
        self.realm = ""
        self.token_requests: list[web.Request] = []
        self.token: object = "token-1"

    async def handle(self, request: web.Request) -> web.Response:
        if request.path == "/token":
            self.token_requests.append(request)
            if self.login and request.headers.get("Authorization") != f"Basic {self.login}":
                return web.Response(status=401)
            return web.json_response({"token": self.token, "expires_in": self.expires_in})
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            realm = self.realm or f"http://{request.host}/token"
            challenge = f'Bearer realm="{realm}",service="registry.example.com",scope="repository:all:*"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        return web.Response(headers={"Docker-Content-Digest": DIGEST})


async def test_a_token_is_fetched_for_pulling_only_and_used_again(session: aiohttp.ClientSession) -> None:
    place = TokenRegistry(login=USER.login)
    async with server(place.handle) as host:
        api = RegistryApi(session, frozenset({host}))
        for _ in range(3):
            assert await api.look_up(f"{host}/sites/drumeo", "v1", USER.secret(host)) == ImageFound(DIGEST)
    (asked,) = place.token_requests
    assert dict(asked.query) == {"service": "registry.example.com", "scope": "repository:sites/drumeo:pull"}


async def test_a_token_is_not_used_for_another_login_or_beyond_its_life(session: aiohttp.ClientSession) -> None:
    place = TokenRegistry(login=USER.login, expires_in=0)
    async with server(place.handle) as host:
        api = RegistryApi(session, frozenset({host}))
        await api.look_up(f"{host}/drumeo", "v1", USER.secret(host))
        place.expires_in = 300
        await api.look_up(f"{host}/drumeo", "v1", USER.secret(host))
        assert len(place.token_requests) == 2
        unknown(await api.look_up(f"{host}/drumeo", "v1", None), Reason.RegistryAuthenticationFailed)


async def test_a_token_that_the_registry_no_longer_takes_is_replaced(session: aiohttp.ClientSession) -> None:
    place = TokenRegistry()
    async with server(place.handle) as host:
        api = RegistryApi(session, frozenset({host}))
        await api.look_up(f"{host}/drumeo", "v1", None)
        place.token = "token-2"
        assert await api.look_up(f"{host}/drumeo", "v1", None) == ImageFound(DIGEST)


async def test_wrong_credentials_get_no_token(session: aiohttp.ClientSession) -> None:
    place = TokenRegistry(login=base64.b64encode(b"someone:else").decode())
    async with server(place.handle) as host:
        answer = await RegistryApi(session, frozenset({host})).look_up(f"{host}/drumeo", "v1", USER.secret(host))
    unknown(answer, Reason.RegistryAuthenticationFailed)


@pytest.mark.parametrize("realm", ["ftp://127.0.0.1/token", "//127.0.0.1/token", "file:///etc/passwd", "nonsense"])
async def test_credentials_are_not_sent_to_a_realm_that_is_not_https(
    realm: str, session: aiohttp.ClientSession
) -> None:
    place = TokenRegistry()
    place.realm = realm
    async with server(place.handle) as host:
        answer = await RegistryApi(session, frozenset({host})).look_up(f"{host}/drumeo", "v1", USER.secret(host))
    unknown(answer, Reason.RegistryAuthenticationFailed)


@pytest.mark.parametrize("token", [None, 7, "", "two\r\nlines"])
async def test_a_token_server_that_gives_none_is_no_evidence(token: object, session: aiohttp.ClientSession) -> None:
    place = TokenRegistry()
    place.token = token
    async with server(place.handle) as host:
        answer = await RegistryApi(session, frozenset({host})).look_up(f"{host}/drumeo", "v1", None)
    unknown(answer, Reason.RegistryUnreachable)


@pytest.mark.parametrize(
    ("repository", "tag"),
    [
        ("127.0.0.1:1/../secret", "v1"),
        ("127.0.0.1:1/a/../b", "v1"),
        ("127.0.0.1:1/drumeo", "../v1"),
        ("127.0.0.1:1/Drumeo", "v1"),
        ("a@b:1/x", "v1"),
    ],
)
async def test_what_is_no_name_of_an_image_is_not_asked_for(
    repository: str, tag: str, session: aiohttp.ClientSession
) -> None:
    answer = await RegistryApi(session, frozenset({"127.0.0.1:1"})).look_up(repository, tag, None)
    assert "spec.image.repository" in unknown(answer, Reason.RegistryUnreachable)


@pytest.mark.parametrize("place", ["http://169.254.169.254/latest/meta-data/", "{elsewhere}"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed_and_the_login_stays_here(
    session: aiohttp.ClientSession, place: str, status: int
) -> None:
    visited: list[str] = []

    async def other(request: web.Request) -> web.StreamResponse:
        visited.append(request.path)
        return web.Response(headers={"Docker-Content-Digest": DIGEST})

    async with server(other) as elsewhere:
        location = place.format(elsewhere=f"http://{elsewhere}/v2/x")

        async def redirecting(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, headers={"Location": location})

        async with server(redirecting) as host:
            secret = docker_config({"auths": {host: {"auth": USER.login}}})
            found = await RegistryApi(session, frozenset({host, elsewhere})).look_up(f"{host}/sites/x", "v1", secret)
    assert f"answered with HTTP {status}" in unknown(found, Reason.RegistryUnreachable)
    assert visited == []


@pytest.mark.parametrize("answer", [b"[" * 100_000, b'{"token": "t", "expires_in": ' + b"9" * 400 + b"}"])
async def test_a_token_server_that_answers_nonsense_is_told_of(session: aiohttp.ClientSession, answer: bytes) -> None:
    async def odd(request: web.Request) -> web.StreamResponse:
        if request.path == "/token":
            return web.Response(body=answer)
        return web.Response(status=401, headers={"WWW-Authenticate": f'Bearer realm="http://{request.host}/token"'})

    async with server(odd) as host:
        found = await RegistryApi(session, frozenset({host})).look_up(f"{host}/sites/x", "v1", None)
    assert isinstance(found, ImageUnknown)
