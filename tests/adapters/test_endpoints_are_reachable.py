"""Whether Slack, a webhook and GitHub can be told is found out from real servers, and nobody there sees that it was asked."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from brandrelease.adapters.notify import reachable, sender
from brandrelease.adapters.notify.github import GitHubNotifier
from brandrelease.adapters.notify.reachable import AT_ONCE, Reachable
from brandrelease.adapters.notify.sender import HttpSender
from brandrelease.adapters.notify.slack import SlackNotifier
from brandrelease.adapters.notify.webhook import WebhookNotifier
from brandrelease.apis.brand import Brand
from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import Refusal
from brandrelease.ports import Refused, Secret
from support.gate import Gate
from support.github import GitHub
from support.local_http import http_server, raw_server
from support.misbehaving import TROUBLES, Behaviour, misbehaving
from support.slack import HOOK, Slack

KEY = {"key": b"canary-key-of-thirty-two-bytes-!"}
TOKEN = {"token": b"xoxb-canary-0123456789"}
GITHUB_TOKEN = {"token": b"github_pat_canary0123456789abcdef"}
NOW = datetime(2026, 11, 27, 3, 5, 0, tzinfo=UTC)
Secrets = Mapping[str, Secret | Exception]


class Clock:
    def now(self) -> datetime:
        return NOW


class World:
    """The Secrets of the operator's namespace, and one who asks with them."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session, self.reads = session, list[str]()

    async def troubles(
        self, secrets: Secrets, *environments: list[dict[str, Any]], allow_insecure: bool = True
    ) -> list[str] | None:
        """What is told of a Brand with these notifications in e0, e1, ...; never a secret."""

        async def secret(name: str) -> Secret | None:
            self.reads.append(name)
            found = secrets.get(name)
            if isinstance(found, Exception):
                raise found
            return found

        http = HttpSender(self._session, allow_insecure=allow_insecure)
        asker = Reachable(SlackNotifier(http), WebhookNotifier(http, Clock()), GitHubNotifier(http), secret)
        told = await asker.troubles(brand(*environments))
        assert all("canary" not in sentence for sentence in told or ())
        assert all(sentence.endswith((".", "?", ")", "…")) for sentence in told or ()), told
        return None if told is None else list(told)

    async def trouble(self, secrets: Secrets, notification: dict[str, Any], **more: bool) -> str:
        """The sentence about the only one."""
        told = await self.troubles(secrets, [notification], **more)
        assert told is not None
        assert len(told) == 1, told
        beginning = f'Notification "{notification["name"]}" of environment e0 cannot be sent: '
        assert told[0].startswith(beginning)
        return told[0].removeprefix(beginning)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as session:
        yield World(session)


def brand(*environments: list[dict[str, Any]]) -> Brand:
    spec = {
        "source": {"url": "https://git.example.com/drumeo.git"},
        "image": {"repository": "registry.example.com/drumeo"},
        "build": {"external": {}},
        "environments": [{"name": f"e{n}", "notifications": each} for n, each in enumerate(environments)],
    }
    return Brand.model_validate({"name": "drumeo", "uid": "uid", "spec": spec})


def slack_at(url: str, name: str = "slack", channel: str = "#releases", secret: str = "slack") -> dict[str, Any]:
    return {"name": name, "slack": {"channel": channel, "secretName": secret, "apiUrl": f"{url}/api"}}


def webhook_at(url: str, name: str = "hook") -> dict[str, Any]:
    return {"name": name, "webhook": {"url": f"{url}/in/canary?from=brandrelease", "secretName": "hook"}}


def github_at(url: str, repository: str = "example-org/drumeo") -> dict[str, Any]:
    return {"name": "github", "gitHub": {"repository": repository, "secretName": "github", "apiUrl": f"{url}/api/v3"}}


class Inbox:
    """Takes anything, and says no to all of it: the first so many only once all of them are there.

    slow: seconds until it does.
    """

    def __init__(self, status: int = 404, slow: float = 0.0, together: int = 1) -> None:
        self.status, self.slow, self.together = status, slow, together
        self.are_there = asyncio.Event()
        self.requests: list[str] = []
        self.now = self.most = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path_qs}")
        self.now += 1
        self.most = max(self.most, self.now)
        if self.most >= self.together:
            self.are_there.set()
        async with asyncio.timeout(10):
            await self.are_there.wait()
        await asyncio.sleep(self.slow)
        self.now -= 1
        return web.Response(status=self.status, headers={"Location": "https://elsewhere.invalid/"})


# --- whom all can tell --------------------------------------------------------------------------------------------------


async def test_a_brand_without_notifications_has_nobody_to_ask(world: World) -> None:
    assert await world.troubles({}, [], []) is None


async def test_where_all_answer_nothing_is_wrong_and_nothing_is_posted(world: World) -> None:
    slack, github, inbox = Slack(), GitHub(), Inbox()
    secrets = {"slack": TOKEN, "hook": KEY, "github": GITHUB_TOKEN}
    async with http_server(slack) as at_slack, http_server(github) as hub, http_server(inbox) as hook:
        told = await world.troubles(secrets, [slack_at(at_slack), webhook_at(hook), github_at(hub)])
    assert told == []
    assert (slack.calls, slack.messages) == (["auth.test"], [])
    assert github.calls == ["GET example-org/drumeo"]
    assert inbox.requests == ["GET /"]


async def test_each_is_asked_once_however_many_environments_name_it_and_told_of_in_each(world: World) -> None:
    slack, github = Slack("another token"), GitHub()
    secrets = {"slack": TOKEN, "github": GITHUB_TOKEN}
    async with http_server(slack) as at_slack, http_server(github) as hub:
        both = [slack_at(at_slack), slack_at(at_slack, "on-call", "#on-call")]
        told = await world.troubles(secrets, [*both, github_at(hub)], [both[0], github_at(hub)])
    assert slack.calls == ["auth.test"]
    assert github.calls == ["GET example-org/drumeo"]
    assert sorted(world.reads) == ["github", "slack"]
    assert told is not None
    assert [sentence.partition(" cannot be sent: ")[0] for sentence in told] == [
        'Notification "slack" of environment e0',
        'Notification "on-call" of environment e0',
        'Notification "slack" of environment e1',
    ]


async def test_a_few_are_asked_at_a_time(world: World) -> None:
    inbox = Inbox(slow=0.05, together=AT_ONCE)
    async with http_server(inbox) as url:
        many = [webhook_at(f"{url}/{n}", f"hook-{n}") for n in range(8)]
        assert await world.troubles({"hook": KEY}, many, [webhook_at(f"{url}/other")]) == []
    assert len(inbox.requests) == 9
    assert inbox.most == AT_ONCE


async def test_all_together_have_a_limit_and_those_that_are_left_are_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "LIMIT_SECONDS", 1.5)
    monkeypatch.setattr(reachable, "ALL_SECONDS", 2.2)

    async def hang(_: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    began = asyncio.get_running_loop().time()
    async with raw_server(hang) as url:
        told = await world.troubles({"hook": KEY}, [webhook_at(f"{url}/{n}", f"hook-{n}") for n in range(8)])
    assert asyncio.get_running_loop().time() - began < 8
    assert told is not None
    assert [sentence.endswith(" It is asked again.") for sentence in told] == [False] * 4 + [True] * 4
    assert "have not answered within 2.2 seconds" in told[-1]


# --- Secrets ------------------------------------------------------------------------------------------------------------

FORBIDDEN = Refused(Refusal(Reason.SecretForbidden, 'The operator may not read Secret "slack". Allow it.'))
SECRETS: dict[str, tuple[Secrets, str]] = {
    "none": ({}, 'There is no Secret "slack" in the operator\'s namespace. Create it, or correct secretName.'),
    "forbidden": ({"slack": FORBIDDEN}, 'The operator may not read Secret "slack". Allow it.'),
    "not to be had": ({"slack": RuntimeError("canary")}, "not read its Secret (RuntimeError); the operator's log says"),
    "no key that is known": ({"slack": {"password": b"canary"}}, 'Secret "slack" has neither "token" nor "url".'),
    "two lines": ({"slack": {"token": b"canary\ncanary"}}, '"token" of Secret "slack" is empty, or has spaces'),
    "no address": ({"slack": {"url": b"hooks.slack.com/canary"}}, "The address is not one of https://."),
    "a broken address": ({"slack": {"url": b"https://[canary/x"}}, "The address is not one of https://."),
    "a broken port": ({"slack": {"url": b"http://127.0.0.1:canary/x"}}, "127.0.0.1 could not be spoken to ("),
}


@pytest.mark.parametrize(("secrets", "part"), SECRETS.values(), ids=SECRETS)
async def test_a_secret_that_is_of_no_use_is_told_of(world: World, secrets: Secrets, part: str) -> None:
    assert part in await world.trouble(secrets, slack_at("http://127.0.0.1:9"))


async def test_a_key_that_cannot_sign_and_a_token_that_is_not_there_are_told_without_asking(world: World) -> None:
    inbox = Inbox()
    async with http_server(inbox) as url:
        assert 'Secret "hook" has no "key"' in await world.trouble({"hook": {}}, webhook_at(url))
        assert "shorter than 24 bytes" in await world.trouble({"hook": {"key": b"canary"}}, webhook_at(url))
        assert 'Secret "github" has no "token"' in await world.trouble({"github": {}}, github_at(url))
    assert inbox.requests == []


# --- Slack --------------------------------------------------------------------------------------------------------------


async def test_a_token_that_slack_does_not_know_is_told_with_the_secret_that_has_it(world: World) -> None:
    async with http_server(Slack()) as url:
        told = await world.trouble({"slack": {"token": b"xoxb-canary"}}, slack_at(url))
    assert told == (
        'Slack has not confirmed the token in Secret "slack" (invalid_auth). '
        'Put the bot\'s token (xoxb-...) into the Secret as "token"; it needs the scope chat:write.'
    )


@pytest.mark.parametrize("error", ["account_inactive", "token_revoked", "token_expired", "not_allowed_token_type"])
async def test_what_slack_says_against_a_token_is_told(world: World, error: str) -> None:
    slack = Slack()
    slack.trouble = [web.json_response({"ok": False, "error": error})]
    async with http_server(slack) as url:
        told = await world.trouble({"slack": TOKEN}, slack_at(url))
    assert f'"slack" ({error}). Put the bot\'s token' in told


async def test_of_an_incoming_webhook_only_its_host_is_asked_and_its_address_is_not_told_there(world: World) -> None:
    slack = Slack()
    async with http_server(slack) as url:
        address = f"{url}{HOOK}".replace("//", "//canary-user:canary@")
        assert await world.troubles({"slack": {"url": address.encode()}}, [slack_at("http://127.0.0.1:9")]) == []
    assert (slack.calls, slack.messages) == ([""], [])


async def test_the_host_of_an_incoming_webhook_that_is_silent_is_told_by_its_own_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "LIMIT_SECONDS", 0.2)

    async def hang(_: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with raw_server(hang) as url:
        told = await world.trouble({"slack": {"url": f"{url}{HOOK}".encode()}}, slack_at("https://slack.invalid"))
    assert told.startswith("127.0.0.1 did not answer within 0.2 seconds.")


# --- GitHub -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "repository", "expected"),
    [
        (
            {"token": b"github_pat_canary"},
            "example-org/drumeo",
            (
                "GitHub does not show example-org/drumeo to the token (HTTP 401: Bad credentials). "
                'The token in Secret "github" is not valid, or has expired. Put a new one there.'
            ),
        ),
        (
            GITHUB_TOKEN,
            "example-org/dumreo",
            (
                "GitHub does not show example-org/dumreo to the token (HTTP 404: Not Found). "
                "Is the repository's name right, and may the token write its commit statuses and deployments?"
            ),
        ),
    ],
)
async def test_a_token_or_a_repository_that_github_does_not_know_is_told(
    world: World, secret: Secret, repository: str, expected: str
) -> None:
    async with http_server(GitHub()) as url:
        assert await world.trouble({"github": secret}, github_at(url, repository)) == expected


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (lambda: web.json_response({"message": "Resource not accessible"}, status=403), "may the token write its"),
        (lambda: web.json_response({"message": "no: github_pat_canary0123456789abcdef"}, status=401), "(HTTP 401: no"),
        (lambda: web.Response(status=301, headers={"Location": "/repositories/1"}), "redirects to another address"),
        (lambda: web.Response(status=502, text="<html>canary"), "(HTTP 502). It is tried again."),
        (lambda: web.Response(text="<html>Sign in"), "something that GitHub does not say. Look at apiUrl."),
        (lambda: web.json_response([]), "something that GitHub does not say. Look at apiUrl."),
        (lambda: web.json_response({"full_name": 5}), "something that GitHub does not say. Look at apiUrl."),
    ],
)
async def test_what_github_answers_that_is_no_repository_is_told(
    world: World, answer: Callable[[], web.Response], part: str
) -> None:
    github = GitHub(trouble=[answer()])
    async with http_server(github) as url:
        assert part in await world.trouble({"github": GITHUB_TOKEN}, github_at(url))


# --- servers in trouble -------------------------------------------------------------------------------------------------

ALL: dict[str, tuple[Callable[[str], dict[str, Any]], Secret]] = {
    "slack": (slack_at, TOKEN),
    "hook": (webhook_at, KEY),
    "github": (github_at, GITHUB_TOKEN),
}

LIMITS: dict[str, dict[str, Any]] = {
    "429": {"status": 429},
    "429 with a time": {"status": 429, "headers": {"Retry-After": "60"}},
    "the second limit of GitHub": {"status": 403, "headers": {"Retry-After": "60"}},
}


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("answer", LIMITS.values(), ids=LIMITS)
async def test_who_asks_for_fewer_requests_is_there(world: World, kind: str, answer: dict[str, Any]) -> None:
    async def busy(_: web.Request) -> web.StreamResponse:
        return web.Response(**answer)

    to, secret = ALL[kind]
    async with http_server(busy) as url:
        assert await world.troubles({kind: secret}, [to(url)]) == []


async def test_used_up_limits_in_slacks_and_githubs_own_words_are_no_trouble_either(world: World) -> None:
    slack, github = Slack(), GitHub()
    slack.trouble = [web.json_response({"ok": False, "error": "ratelimited"})]
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795750000", "Date": "Fri, 27 Nov 2026 03:05:00 GMT"}
    github.trouble = [web.json_response({"message": "API rate limit exceeded"}, status=403, headers=headers)]
    async with http_server(slack) as at_slack, http_server(github) as hub:
        both = [slack_at(at_slack), github_at(hub)]
        assert await world.troubles({"slack": TOKEN, "github": GITHUB_TOKEN}, both) == []


@pytest.mark.parametrize("kind", ["slack", "github"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_who_is_down_is_told_also_if_it_says_when_it_will_be_back(world: World, kind: str, status: int) -> None:
    async def down(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Retry-After": "60"})

    to, secret = ALL[kind]
    async with http_server(down) as url:
        assert f"HTTP {status}" in await world.trouble({kind: secret}, to(url))


@pytest.mark.parametrize("status", [200, 204, 301, 302, 401, 403, 404, 405, 410, 500, 502, 503])
async def test_any_answer_of_a_webhooks_host_is_good(world: World, status: int) -> None:
    inbox = Inbox(status)
    async with http_server(inbox) as url:
        assert await world.troubles({"hook": KEY}, [webhook_at(url)]) == []
    assert inbox.requests == ["GET /"]


SILENT = {"hangs", "resets", "says nothing", "speaks something else"}
FINE: dict[str, set[str]] = {
    "slack": {"is overloaded", "gives a JSON of another API"},  # {"ok": true}, which is Slack's
    "hook": set(TROUBLES) - SILENT,  # the head of an answer is one
    "github": {"is overloaded"},
}
"""Of TROUBLES, those that are none of an endpoint that is only asked."""


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("name", TROUBLES)
async def test_a_server_that_misbehaves_becomes_a_sentence_in_time(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str, name: str
) -> None:
    monkeypatch.setattr(sender, "LIMIT_SECONDS", 1.0)
    behaviour: Behaviour = TROUBLES[name][0]
    to, secret = ALL[kind]
    began = asyncio.get_running_loop().time()
    async with misbehaving(behaviour) as server:
        told = await world.troubles({kind: secret}, [to(server.url)])
    assert asyncio.get_running_loop().time() - began < 5
    assert told is not None
    assert len(told) == (name not in FINE[kind])


@pytest.mark.parametrize("kind", ALL)
async def test_a_server_that_is_not_there_is_told(world: World, kind: str) -> None:
    to, secret = ALL[kind]
    told = await world.trouble({kind: secret}, to("http://127.0.0.1:9"))
    assert told == "127.0.0.1 could not be spoken to (ClientConnectorError). It is tried again."


@pytest.mark.parametrize("kind", ALL)
async def test_a_certificate_that_nobody_vouches_for_is_no_answer(world: World, tmp_path: Path, kind: str) -> None:
    to, secret = ALL[kind]
    async with http_server(Inbox(200)) as behind, Gate(behind, "anything", tmp_path).open() as gate:
        told = await world.trouble({kind: secret}, to(gate.url), allow_insecure=False)
    assert told == "127.0.0.1 could not be spoken to (ClientConnectorCertificateError). It is tried again."
    assert gate.seen == []


@pytest.mark.parametrize("kind", [*ALL, "incoming webhook"])
async def test_plain_http_is_refused_unless_the_operator_allows_it(world: World, kind: str) -> None:
    inbox = Inbox()
    async with http_server(inbox) as url:
        to, secret = ALL.get(kind, (slack_at, {"url": f"{url}{HOOK}".encode()}))
        name = to(url)["name"]
        told = await world.trouble({name: secret}, to(url), allow_insecure=False)
    assert "over plain http://, where anybody on the way can read the Secret" in told
    assert "BRANDRELEASE_ALLOW_INSECURE_ENDPOINTS=true" in told
    assert inbox.requests == []


async def test_one_that_is_in_trouble_hides_none_of_the_others(world: World) -> None:
    async with http_server(Slack()) as url:
        told = await world.troubles(
            {"slack": TOKEN, "hook": RuntimeError("canary")},
            [slack_at(url), webhook_at("http://127.0.0.1:9"), github_at("http://127.0.0.1:9")],
        )
    assert told is not None
    assert [sentence.split('"')[1] for sentence in told] == ["hook", "github"]
