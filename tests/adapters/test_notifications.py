"""Slack, a webhook and GitHub are told; and whatever their servers do, it becomes a sentence without secrets."""

import asyncio
import base64
import hashlib
import hmac
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from brandrelease.adapters.notify import sender
from brandrelease.adapters.notify.github import GitHubNotifier
from brandrelease.adapters.notify.sender import HttpSender
from brandrelease.adapters.notify.slack import SlackNotifier
from brandrelease.adapters.notify.webhook import WebhookNotifier
from brandrelease.apis.notifications import Stage
from brandrelease.apis.progress import Change
from brandrelease.ports import Notifier, NotTaken, Secret, Taken
from support.github import GitHub
from support.local_http import http_server, raw_server
from support.notices import COMMIT, FAILED, endpoint, notice
from support.slack import HOOK, Slack

KEY = b"canary-key-of-thirty-two-bytes-!"
SIGNS = {"key": b"whsec_" + base64.b64encode(KEY) + b"\n"}
NOW = datetime(2026, 11, 27, 3, 5, 0, tzinfo=UTC)


class Clock:
    def now(self) -> datetime:
        return NOW


@pytest.fixture
async def http() -> AsyncIterator[HttpSender]:
    async with aiohttp.ClientSession() as session:
        yield HttpSender(session, allow_insecure=True)


def problem(answer: Taken | NotTaken, *parts: str) -> str:
    """The sentence; it says what is to be said, and no secret."""
    assert isinstance(answer, NotTaken), answer
    for part in parts:
        assert part in answer.problem, answer.problem
    assert "canary" not in answer.problem
    assert answer.problem.endswith((".", "?", "…", ")")), answer.problem
    return answer.problem


# --- Slack by a bot ----------------------------------------------------------------------------------------------------


def slack_bot(slack: Slack) -> Secret:
    return {"token": slack.token.encode() + b"\n"}


def to_slack(url: str, channel: str = "#releases") -> dict[str, Any]:
    return {"slack": {"channel": channel, "secretName": "drumeo-slack", "apiUrl": f"{url}/api"}}


async def test_a_release_is_one_message_that_is_updated_as_it_goes_on(http: HttpSender) -> None:
    slack, notifier = Slack(), SlackNotifier(http)
    async with http_server(slack) as url:
        known_as = None
        for stage in (Stage.Started, Stage.Deploying, Stage.Live):
            told = notice(endpoint(**to_slack(url)), stage, known_as=known_as)
            answer = await notifier.tell(told, slack_bot(slack))
            assert isinstance(answer, Taken)
            known_as = answer.known_as
    (message,) = slack.messages
    assert (message.channel, known_as) == ("C0RELEASES", f"C0RELEASES/{message.ts}")
    assert [version["text"].split()[-1] for version in message.versions] == ["Started", "Deploying", "Live"]


async def test_bad_news_are_said_in_the_thread_too_so_that_somebody_hears_them(http: HttpSender) -> None:
    slack, notifier = Slack(), SlackNotifier(http)
    async with http_server(slack) as url:
        first = await notifier.tell(notice(endpoint(**to_slack(url))), slack_bot(slack))
        assert isinstance(first, Taken)
        bad = notice(endpoint(**to_slack(url)), Stage.RolledBack, known_as=first.known_as, **FAILED)
        assert await notifier.tell(bad, slack_bot(slack)) == first
    message, reply = slack.messages
    assert (reply.thread_ts, reply.broadcast, reply.channel) == (message.ts, True, "C0RELEASES")
    assert reply.text == f"{bad.title}: {bad.why}"
    assert "no&lt;/b&gt; such table &amp; more" in message.shown
    assert "Faster &lt;pages&gt; &amp; more (Ada)" in message.shown
    assert "kubectl describe brandrelease drumeo" in message.shown


async def test_bad_news_that_are_the_first_of_a_release_are_a_message_and_no_reply(http: HttpSender) -> None:
    slack = Slack()
    async with http_server(slack) as url:
        told = notice(endpoint(**to_slack(url)), Stage.Failed, **FAILED)
        await SlackNotifier(http).tell(told, slack_bot(slack))
    (message,) = slack.messages
    assert message.thread_ts is None


async def test_a_message_that_somebody_has_deleted_is_made_anew(http: HttpSender) -> None:
    slack = Slack()
    async with http_server(slack) as url:
        told = notice(endpoint(**to_slack(url)), Stage.Live, known_as="C0RELEASES/1600000000.000001")
        answer = await SlackNotifier(http).tell(told, slack_bot(slack))
    assert (slack.calls, len(slack.messages)) == (["chat.update", "chat.postMessage"], 1)
    assert answer == Taken(f"C0RELEASES/{slack.messages[0].ts}")


async def test_what_another_kind_of_endpoint_had_made_is_not_updated(http: HttpSender) -> None:
    slack = Slack()
    async with http_server(slack) as url:
        told = notice(endpoint(**to_slack(url)), Stage.Live, known_as="example-org/drumeo#7")
        await SlackNotifier(http).tell(told, slack_bot(slack))
    assert slack.calls == ["chat.postMessage"]


async def test_the_longest_texts_fit_into_a_message_and_call_nobody(http: HttpSender) -> None:
    slack, nasty = Slack(), "<!channel> & <@U1> *`_~ " * 200
    changes = (Change(commit=COMMIT, author="&" * 128, subject="<" * 200),) * 20
    async with http_server(slack) as url:
        told = notice(
            endpoint(**to_slack(url)),
            Stage.Failed,
            why=nasty,
            log="```<&>" * 400 + " the end",
            facts=(("Commit", "&" * 400), ("Let through", "<" * 255)),
            changes=changes,
            changes_total=35,
        )
        assert isinstance(await SlackNotifier(http).tell(told, slack_bot(slack)), Taken)
    (message,) = slack.messages
    assert "<!" not in message.shown + message.text
    assert "<@" not in message.shown + message.text
    assert message.shown.count("```") == 2
    assert " the end\n```" in message.shown


async def test_of_many_changes_the_newest_are_shown_and_the_others_counted(http: HttpSender) -> None:
    slack = Slack()
    changes = tuple(Change(commit=f"{n:040x}", author="Ada", subject=f"change {n}") for n in range(12))
    async with http_server(slack) as url:
        told = notice(endpoint(**to_slack(url)), changes=changes, changes_total=40)
        await SlackNotifier(http).tell(told, slack_bot(slack))
    assert "change 9 (Ada)\nand 30 more" in slack.messages[0].shown


SLACK_SAYS: dict[str, tuple[str, ...]] = {
    "invalid_auth": ("Put the bot's token (xoxb-...) into the Secret",),
    "token_revoked": ("Put the bot's token (xoxb-...) into the Secret",),
    "channel_not_found": ('for channel "#releases" (channel_not_found)', "/invite the bot there"),
    "not_in_channel": ("/invite the bot there",),
    "is_archived": ("The channel is archived. Name another one in the Brand.",),
    "missing_scope": ("Give the bot the scope chat:write",),
    "fatal_error": ("(fatal_error)", "It is tried again."),
}


@pytest.mark.parametrize(("error", "parts"), SLACK_SAYS.items(), ids=SLACK_SAYS)
async def test_what_slack_refuses_is_told_with_what_to_do(http: HttpSender, error: str, parts: tuple[str, ...]) -> None:
    slack = Slack()
    slack.trouble = [web.json_response({"ok": False, "error": error})]
    async with http_server(slack) as url:
        answer = await SlackNotifier(http).tell(notice(endpoint(**to_slack(url))), slack_bot(slack))
    problem(answer, *parts)


async def test_an_error_that_is_no_word_is_not_repeated(http: HttpSender) -> None:
    slack = Slack()
    for error in ("canary <b>", ["canary"], {"a": "canary"}, None):
        slack.trouble = [web.json_response({"ok": False, "error": error})]
        async with http_server(slack) as url:
            answer = await SlackNotifier(http).tell(notice(endpoint(**to_slack(url))), slack_bot(slack))
        problem(answer, "no reason given")


async def test_a_wrong_token_a_channel_without_the_bot_and_one_that_is_not_there_are_refused_by_slack(
    http: HttpSender,
) -> None:
    slack, notifier = Slack(), SlackNotifier(http)
    slack.members = set()
    async with http_server(slack) as url:
        problem(await notifier.tell(notice(endpoint(**to_slack(url))), {"token": b"xoxb-canary"}), "(invalid_auth)")
        problem(await notifier.tell(notice(endpoint(**to_slack(url))), slack_bot(slack)), "(not_in_channel)")
        nowhere = endpoint(**to_slack(url, "#nowhere"))
        problem(await notifier.tell(notice(nowhere), slack_bot(slack)), '"#nowhere" (channel_not_found)')


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.json_response({"ok": False, "error": "ratelimited"}, headers={"Retry-After": "17"}),
        lambda: web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "17"}),
        lambda: web.Response(status=503, headers={"Retry-After": "17"}),
    ],
)
async def test_how_long_slack_wants_to_be_left_alone_is_heard(
    http: HttpSender, answer: Callable[[], web.Response]
) -> None:
    slack = Slack()
    slack.trouble = [answer()]
    async with http_server(slack) as url:
        told = await SlackNotifier(http).tell(notice(endpoint(**to_slack(url))), slack_bot(slack))
    assert isinstance(told, NotTaken)
    assert told.pause == 17
    problem(told, "for fewer requests", "It is tried again.")


BAD_SECRETS: dict[str, tuple[dict[str, bytes], str]] = {
    "empty": ({}, 'Secret "drumeo-slack" has neither "token" nor "url".'),
    "an empty token": ({"token": b"\n"}, '"token" of Secret "drumeo-slack" is empty'),
    "two lines": ({"token": b"canary\nX-Header: canary"}, "has spaces or letters that no such value has"),
    "no letters": ({"token": b"\xff\xfecanary"}, "has spaces or letters that no such value has"),
    "an address that is none": ({"url": b"hooks.slack.com/canary"}, "The address is not one of https://."),
    "a broken address": ({"url": b"https://[canary/x"}, "The address is not one of https://."),
}


@pytest.mark.parametrize(("secret", "part"), BAD_SECRETS.values(), ids=BAD_SECRETS)
async def test_a_secret_that_cannot_be_used_is_told_of(http: HttpSender, secret: dict[str, bytes], part: str) -> None:
    told = notice(endpoint(**to_slack("http://127.0.0.1:9")), Stage.Live)
    problem(await SlackNotifier(http).tell(told, secret), part)


# --- Slack by an incoming webhook --------------------------------------------------------------------------------------


async def test_an_incoming_webhook_gets_one_message_when_the_release_has_ended_or_needs_somebody(
    http: HttpSender,
) -> None:
    slack = Slack()
    async with http_server(slack) as url:
        for stage in Stage:
            told = notice(endpoint(**to_slack(url)), stage)
            assert await SlackNotifier(http).tell(told, {"url": f"{url}{HOOK}".encode()}) == Taken(None)
    assert [message.text.split()[-1] for message in slack.messages] == [
        "NeedsSomebody",
        "Live",
        "RolledBack",
        "Failed",
        "Superseded",
        "Aborted",
    ]


@pytest.mark.parametrize(
    ("status", "body", "part"),
    [
        (404, "no_service", "The incoming webhook was removed. Make another one"),
        (403, "invalid_token", "The incoming webhook is not valid."),
        (410, "channel_is_archived", "The channel is archived."),
        (500, "<html>canary</html>", "(HTTP 500). It is tried again."),
    ],
)
async def test_what_an_incoming_webhook_refuses_is_told_and_its_address_is_not(
    http: HttpSender, status: int, body: str, part: str
) -> None:
    slack = Slack()
    slack.trouble = [web.Response(status=status, text=body)]
    async with http_server(slack) as url:
        told = notice(endpoint(**to_slack(url)), Stage.Live)
        problem(await SlackNotifier(http).tell(told, {"url": f"{url}{HOOK}".encode()}), part)


# --- a webhook ---------------------------------------------------------------------------------------------------------


def to_webhook(url: str) -> dict[str, Any]:
    return {"webhook": {"url": f"{url}/in?from=brandrelease", "secretName": "drumeo-hook"}}


class Inbox:
    """A receiver as docs/notifications.md says to write one."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((dict(request.headers), await request.read()))
        return web.Response(status=202)

    def verified(self) -> list[dict[str, Any]]:
        found = []
        for headers, body in self.requests:
            signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
            expected = base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()
            assert headers["webhook-signature"] == f"v1,{expected}"
            found.append(json.loads(body))
        return found


async def test_a_webhook_gets_a_signed_cloudevent(http: HttpSender) -> None:
    inbox = Inbox()
    async with http_server(inbox) as url:
        told = notice(endpoint(**to_webhook(url)), Stage.RolledBack, **FAILED)
        assert await WebhookNotifier(http, Clock()).tell(told, SIGNS) == Taken(None)
    (event,) = inbox.verified()
    headers = inbox.requests[0][0]
    assert headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert headers["webhook-id"] == event["id"] == told.id
    data = event.pop("data")
    assert event == {
        "specversion": "1.0",
        "id": told.id,
        "source": "/brandrelease.dev/namespaces/drumeo-production/brandreleases/drumeo",
        "type": "dev.brandrelease.release.rolledback",
        "subject": "drumeo/production/12",
        "time": "2026-11-27T03:04:05Z",
        "datacontenttype": "application/json",
    }
    assert data == {
        "brand": "drumeo",
        "environment": "production",
        "namespace": "drumeo-production",
        "name": "drumeo",
        "release": 12,
        "stage": "RolledBack",
        "title": told.title,
        "why": told.why,
        "reason": "CrashLoopBackOff",
        "blame": "Release",
        "commit": COMMIT,
        "ref": "refs/heads/master",
        "requestedBy": "ada",
        "tookSeconds": 312,
        "changes": [{"commit": COMMIT, "author": "Ada", "subject": "Faster <pages> & more"}],
        "changesTotal": 1,
        "logTail": told.log,
    }


async def test_the_same_news_has_the_same_id_and_later_news_of_the_same_stage_another(http: HttpSender) -> None:
    told = notice(endpoint(**to_webhook("http://x.invalid")), Stage.Deploying)
    assert told.id == replace(told, why="other words").id
    assert len({told.id, replace(told, told_at=NOW).id, replace(told, number=13).id, replace(told, uid="b").id}) == 4


BAD_KEYS: dict[str, tuple[dict[str, bytes], str]] = {
    "none": (
        {"token": b"canary"},
        'Secret "drumeo-hook" has no "key", which signs the events. Make one with: echo "whsec_',
    ),
    "short": ({"key": b"canary"}, '"key" of Secret "drumeo-hook" is shorter than 24 bytes'),
    "short in base64": ({"key": b"whsec_Y2FuYXJ5"}, '"key" of Secret "drumeo-hook" is shorter than 24 bytes'),
    "no base64": ({"key": b"whsec_canary!canary!canary!canary!"}, "what follows is not base64"),
}


@pytest.mark.parametrize(("secret", "part"), BAD_KEYS.values(), ids=BAD_KEYS)
async def test_a_key_that_cannot_sign_is_told_of_and_nothing_is_sent(
    http: HttpSender, secret: dict[str, bytes], part: str
) -> None:
    inbox = Inbox()
    async with http_server(inbox) as url:
        told = notice(endpoint(**to_webhook(url)))
        problem(await WebhookNotifier(http, Clock()).tell(told, secret), part)
    assert not inbox.requests


async def test_a_key_may_be_any_long_text(http: HttpSender) -> None:
    inbox = Inbox()
    async with http_server(inbox) as url:
        await WebhookNotifier(http, Clock()).tell(notice(endpoint(**to_webhook(url))), {"key": KEY})
    assert len(inbox.verified()) == 1


async def test_plain_http_is_refused_unless_the_operator_allows_it() -> None:
    inbox = Inbox()
    async with http_server(inbox) as url, aiohttp.ClientSession() as session:
        careful = HttpSender(session, allow_insecure=False)
        told = notice(endpoint(**to_webhook(url)))
        said = problem(await WebhookNotifier(careful, Clock()).tell(told, SIGNS), "over plain http://")
    assert "BRANDRELEASE_ALLOW_INSECURE_ENDPOINTS=true" in said
    assert not inbox.requests


# --- GitHub ------------------------------------------------------------------------------------------------------------


def to_github(server: str, **fields: Any) -> dict[str, Any]:
    return {
        "gitHub": {"repository": "example-org/drumeo", "secretName": "drumeo-github", "apiUrl": f"{server}/api/v3"}
        | fields
    }


def token(github: GitHub) -> Secret:
    return {"token": github.token.encode()}


async def test_a_release_is_a_status_of_its_commit_and_one_deployment(http: HttpSender) -> None:
    github, known_as = GitHub(commits={COMMIT}), None
    async with http_server(github) as url:
        for stage in (Stage.Started, Stage.Deploying, Stage.Verifying, Stage.Live):
            to = endpoint(**to_github(url, url="https://www.drumeo.com"))
            answer = await GitHubNotifier(http).tell(notice(to, stage, known_as=known_as), token(github))
            assert isinstance(answer, Taken)
            known_as = answer.known_as
    assert [each["state"] for each in github.statuses] == ["pending", "pending", "pending", "success"]
    assert {(each["context"], each["target_url"], each["sha"]) for each in github.statuses} == {
        ("brandrelease/drumeo/production", "https://www.drumeo.com", COMMIT)
    }
    (deployment,) = github.deployments
    assert (deployment["environment"], deployment["production_environment"]) == ("drumeo-production", True)
    assert (deployment["required_contexts"], deployment["auto_merge"]) == ([], False)
    assert [each["state"] for each in deployment["statuses"]] == ["queued", "in_progress", "in_progress", "success"]
    assert known_as == "example-org/drumeo#1000"


async def test_every_stage_has_states_that_github_knows(http: HttpSender) -> None:
    github = GitHub(commits={COMMIT})
    async with http_server(github) as url:
        for stage in Stage:
            answer = await GitHubNotifier(http).tell(notice(endpoint(**to_github(url)), stage), token(github))
            assert isinstance(answer, Taken)
    ends = [
        (status["state"], each["state"])
        for status, each in zip(github.statuses, github.deployments[0]["statuses"], strict=True)
    ]
    assert dict(zip(Stage, ends, strict=True))[Stage.RolledBack] == ("failure", "failure")
    assert ends[-2:] == [("error", "inactive")] * 2
    assert len(github.deployments) == 1


async def test_a_deployment_whose_making_was_not_answered_is_found_again(http: HttpSender) -> None:
    github = GitHub(commits={COMMIT})
    async with http_server(github) as url:
        github.trouble = [None, None, None, web.Response(status=502)]
        first = await GitHubNotifier(http).tell(notice(endpoint(**to_github(url))), token(github))
        problem(first, "(HTTP 502). It is tried again.")
        again = await GitHubNotifier(http).tell(notice(endpoint(**to_github(url))), token(github))
    assert again == Taken("example-org/drumeo#1000")
    assert len(github.deployments) == 1


async def test_the_deployments_of_other_releases_and_tools_are_not_taken_for_ours(http: HttpSender) -> None:
    github = GitHub(commits={COMMIT})
    task = {"sha": COMMIT, "environment": "drumeo-production", "task": "deploy:brandrelease", "statuses": []}
    payloads: list[Any] = [{"uid": "0c9d7e6a-uid", "release": 11}, "not json", "", None, 5]
    github.deployments = [task | {"id": number, "payload": payload} for number, payload in enumerate(payloads)]
    async with http_server(github) as url:
        answer = await GitHubNotifier(http).tell(notice(endpoint(**to_github(url))), token(github))
    assert answer == Taken("example-org/drumeo#1005")


async def test_a_deployment_of_another_repository_is_not_updated(http: HttpSender) -> None:
    github = GitHub(commits={COMMIT})
    async with http_server(github) as url:
        for other in ("example-org/other#1000", "C0RELEASES/17.1", "example-org/drumeo#x"):
            told = notice(endpoint(**to_github(url)), known_as=other)
            assert await GitHubNotifier(http).tell(told, token(github)) == Taken("example-org/drumeo#1000")


@pytest.mark.parametrize(
    ("commits", "secret", "repository", "parts"),
    [
        ({COMMIT}, {}, "example-org/drumeo", ('Secret "drumeo-github" has no "token".',)),
        (
            {COMMIT},
            {"token": b"canary"},
            "example-org/drumeo",
            ("(HTTP 401: Bad credentials)", 'Secret "drumeo-github"'),
        ),
        ({COMMIT}, None, "example-org/other", ("(HTTP 404: Not Found)", "may the token write its commit statuses")),
        (
            set(),
            None,
            "example-org/drumeo",
            ("(HTTP 422: No commit found for SHA)", "Is the commit in that repository?"),
        ),
    ],
)
async def test_what_github_refuses_is_told_with_what_to_do(
    http: HttpSender, commits: set[str], secret: Secret | None, repository: str, parts: tuple[str, ...]
) -> None:
    github = GitHub(commits=commits)
    async with http_server(github) as url:
        told = notice(endpoint(**to_github(url, repository=repository)))
        problem(await GitHubNotifier(http).tell(told, token(github) if secret is None else secret), *parts)


async def test_a_used_up_limit_is_waited_for_by_githubs_own_clock(http: HttpSender) -> None:
    github = GitHub(commits={COMMIT})
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW.timestamp()) + 600)}
    headers["Date"] = "Fri, 27 Nov 2026 03:05:00 GMT"
    async with http_server(github) as url:
        for odd in ({}, {"X-RateLimit-Reset": "soon"}, {"Date": "today"}):
            github.trouble = [web.json_response({"message": "limit"}, status=403, headers=headers | odd)]
            answer = await GitHubNotifier(http).tell(notice(endpoint(**to_github(url))), token(github))
            assert isinstance(answer, NotTaken)
            assert answer.pause == (None if odd else 600)


@pytest.mark.parametrize("body", [b"[]", b'{"id": "x"}', b"canary", b"", b"[" * 100_000])
async def test_an_answer_that_is_not_githubs_is_told_of(http: HttpSender, body: bytes) -> None:
    async def odd(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=201)

    async with http_server(odd) as url:
        answer = await GitHubNotifier(http).tell(notice(endpoint(**to_github(url))), {"token": b"t" * 9})
    problem(answer, "ha")


# --- servers that misbehave --------------------------------------------------------------------------------------------


async def _hang(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def _drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _reset(writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(1, 13, linger)  # SOL_SOCKET, SO_LINGER: close with a reset


async def _cut(writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"ok": tr')
    await writer.drain()


async def _garbage(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16\x03\x01canary\r\n\r\n")
    await writer.drain()


async def _huge(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    try:
        while True:
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            await writer.drain()
    except ConnectionError:
        return


async def _long_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Canary: " + b"x" * 100_000 + b"\r\n\r\n")
    await writer.drain()


LIMIT = 1.0
"""Seconds in which a server that answers has done so, on a busy machine too."""

RAW: dict[str, tuple[Callable[[asyncio.StreamWriter], Awaitable[None]], str]] = {
    "hangs": (_hang, f"127.0.0.1 did not answer within {LIMIT:g} seconds. It is tried again."),
    "drips": (_drip, f"127.0.0.1 did not answer within {LIMIT:g} seconds. It is tried again."),
    "resets the connection": (_reset, "127.0.0.1 could not be spoken to ("),
    "is cut off": (_cut, "127.0.0.1 could not be spoken to (ClientPayloadError). It is tried again."),
    "speaks no HTTP": (_garbage, "127.0.0.1 could not be spoken to ("),
    "has headers without end": (_long_headers, "127.0.0.1 could not be spoken to ("),
}

Told = tuple[Callable[[HttpSender], Notifier], Callable[[str], dict[str, Any]], Secret]
ALL: dict[str, Told] = {
    "slack": (SlackNotifier, to_slack, {"token": b"xoxb-canary-0123456789"}),
    "webhook": (lambda http: WebhookNotifier(http, Clock()), to_webhook, SIGNS),
    "github": (GitHubNotifier, to_github, {"token": b"github_pat_canary0123456789abcdef"}),
}


async def tell(http: HttpSender, kind: str, server: AbstractAsyncContextManager[str]) -> Taken | NotTaken:
    notifier, to, secret = ALL[kind]
    async with server as url:
        return await notifier(http).tell(notice(endpoint(**to(url)), Stage.Live), secret)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(("answer", "part"), RAW.values(), ids=RAW)
async def test_a_server_that_misbehaves_becomes_a_sentence_in_time(
    http: HttpSender,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    answer: Callable[[asyncio.StreamWriter], Awaitable[None]],
    part: str,
) -> None:
    monkeypatch.setattr(sender, "LIMIT_SECONDS", LIMIT)
    problem(await tell(http, kind, raw_server(answer)), part)


@pytest.mark.parametrize("kind", ["slack", "github"])
async def test_an_answer_without_end_is_read_to_a_limit(http: HttpSender, kind: str) -> None:
    problem(await tell(http, kind, raw_server(_huge)), "not JSON")


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(http: HttpSender, kind: str, status: int) -> None:
    stolen = Inbox()

    async def elsewhere(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": f"{other}/canary"})

    async with http_server(stolen) as other:
        problem(await tell(http, kind, http_server(elsewhere)), "127.0.0.1 redirects to another address")
    assert not stolen.requests


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 418, 500, 502, 503, 599])
async def test_a_status_that_is_no_success_is_told_of(http: HttpSender, kind: str, status: int) -> None:
    async def refuses(request: web.Request) -> web.StreamResponse:
        headers = {"X-Echo": request.headers.get("Authorization", "")}
        return web.Response(status=status, text=f"canary {headers}", headers=headers)

    problem(await tell(http, kind, http_server(refuses)), f"HTTP {status}")


@pytest.mark.parametrize("kind", ALL)
async def test_a_token_that_the_server_repeats_is_not_repeated_by_us(http: HttpSender, kind: str) -> None:
    async def echoes(request: web.Request) -> web.StreamResponse:
        said = request.headers.get("Authorization", "canary")
        return web.json_response({"ok": False, "error": "x", "message": f"no: {said}"}, status=400)

    problem(await tell(http, kind, http_server(echoes)))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ("5", 5),
        ("Fri, 27 Nov 2026 03:07:00 GMT", 120),
        ("Fri, 27 Nov 2026 03:00:00 GMT", 0),
        ("Fri, 27 Nov 2026 03:07:00 -0000", None),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("9" * 100, 999_999_999),
    ],
)
async def test_retry_after_is_heard_in_both_its_forms(
    http: HttpSender, kind: str, header: str, pause: float | None
) -> None:
    async def busy(_: web.Request) -> web.StreamResponse:
        headers = {"Retry-After": header, "Date": "Fri, 27 Nov 2026 03:05:00 GMT"}
        return web.Response(status=429, headers=headers)

    answer = await tell(http, kind, http_server(busy))
    assert isinstance(answer, NotTaken)
    assert answer.pause == pause
    problem(answer, "asks for fewer requests (HTTP 429)")


@pytest.mark.parametrize("kind", ALL)
async def test_a_server_that_is_not_there_becomes_a_sentence(http: HttpSender, kind: str) -> None:
    notifier, to, secret = ALL[kind]
    answer = await notifier(http).tell(notice(endpoint(**to("http://127.0.0.1:9"))), secret)
    problem(answer, "127.0.0.1 could not be spoken to (ClientConnectorError)")


async def test_github_that_lists_nothing_at_all_is_no_fault_of_ours(http: HttpSender) -> None:
    async def null(_: web.Request) -> web.StreamResponse:
        return web.json_response(None)

    async with http_server(null) as url:
        to = endpoint(gitHub={"repository": "a/b", "secretName": "s", "apiUrl": url})
        problem(await GitHubNotifier(http).tell(notice(to), {"token": b"canary"}), "without saying which deployment")
