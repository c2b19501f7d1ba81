"""Slack: one message for each release, updated as it goes on; bad news are said in its thread as well.

An update makes no sound. So what somebody should look at is a reply in the thread that the channel sees too. An incoming
webhook can update nothing: it gets one message, when the release has ended or needs somebody.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from brandrelease.adapters.notify.sender import Answer, Busy, HttpSender, Trouble, retry_after, text_of, told, trouble
from brandrelease.adapters.notify.slack_message import message, reply
from brandrelease.apis.notifications import Slack, Stage
from brandrelease.core.telling.notice import BAD_NEWS, ENDS, Notice
from brandrelease.ports import NotTaken, Secret, Taken

_CHANNEL: Final = "Is the channel's id or name right, and is the bot in it (/invite the bot there)?"
_TOKEN: Final = 'Put the bot\'s token (xoxb-...) into the Secret as "token"; it needs the scope chat:write.'  # noqa: S105
_WAYS_ON: Final = {
    "channel_not_found": _CHANNEL,
    "not_in_channel": _CHANNEL,
    "is_archived": "The channel is archived. Name another one in the Brand.",
    "channel_is_archived": "The channel is archived. Name another one in the Brand.",
    "restricted_action": "The workspace does not let the bot write there. Ask its administrator.",
    "missing_scope": "Give the bot the scope chat:write (for public channels that it is not in, chat:write.public), and install it again.",
    "invalid_auth": _TOKEN,
    "not_authed": _TOKEN,
    "account_inactive": _TOKEN,
    "token_revoked": _TOKEN,
    "token_expired": _TOKEN,
    "not_allowed_token_type": _TOKEN,
    "no_service": 'The incoming webhook was removed. Make another one, and put it into the Secret as "url".',
    "invalid_token": 'The incoming webhook is not valid. Put its whole address into the Secret as "url".',
}
_LOST: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
"""The message is not there any more, or may not be changed: another one takes its place."""

_WORD: Final = re.compile(r"[a-z_]{1,64}")
_KNOWN_AS: Final = re.compile(r"([A-Z0-9]{1,64})/([0-9.]{1,32})")
_TOO_MANY_PAUSE: Final = 30.0
_ASK: Final = "auth.test"
"""Says whether the token is good. It needs no scope, shows nothing to anybody, and may be asked often."""


@dataclass(frozen=True, slots=True)
class _Token:
    """Of a bot."""

    token: str


@dataclass(frozen=True, slots=True)
class _Hook:
    """The address of an incoming webhook."""

    url: str


class SlackNotifier:
    """The port `Notifier` for Slack."""

    def __init__(self, http: HttpSender) -> None:
        self._http = http

    async def tell(self, notice: Notice, secret: Secret) -> Taken | NotTaken:
        """Post or update the message; known_as is channel/ts."""
        slack = notice.to.endpoint
        assert isinstance(slack, Slack), "notifiers are chosen by the endpoint"  # noqa: S101

        async def send() -> str | None:
            match _way(slack, secret):
                case _Token(token):
                    return await self._by_bot(slack, token, notice)
                case _Hook(url):
                    await self._by_incoming_webhook(url, notice)
                    return None

        return await told(_host(slack, secret), secret, send)

    async def trouble(self, slack: Slack, secret: Secret) -> str | None:
        """Why nothing can be posted, as far as Slack tells without a post: not whether the bot is in the channel."""

        async def ask() -> None:
            match _way(slack, secret):
                case _Token(token):
                    await self._call(slack, token, _ASK, {})
                case _Hook(url):
                    await self._http.knock(url)  # Slack takes nothing but messages there

        return await trouble(_host(slack, secret), secret, ask)

    async def _by_bot(self, slack: Slack, token: str, notice: Notice) -> str:
        made = _KNOWN_AS.fullmatch(notice.known_as or "")
        if made is None:
            return await self._post(slack, token, notice)
        channel, ts = made.groups()
        if await self._call(slack, token, "chat.update", message(notice) | {"channel": channel, "ts": ts}) is None:
            return await self._post(slack, token, notice)
        if notice.stage in BAD_NEWS:
            answer = reply(notice) | {"channel": channel, "thread_ts": ts, "reply_broadcast": True}
            await self._call(slack, token, "chat.postMessage", answer)
        return f"{channel}/{ts}"

    async def _post(self, slack: Slack, token: str, notice: Notice) -> str:
        answer = await self._call(slack, token, "chat.postMessage", message(notice) | {"channel": slack.channel})
        known_as = f"{(answer or {}).get('channel')}/{(answer or {}).get('ts')}"
        if not _KNOWN_AS.fullmatch(known_as):
            raise Trouble("Slack has answered without saying which message it has made. It is tried again.")
        return known_as

    async def _call(self, slack: Slack, token: str, method: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """The answer; None where the message to be changed is lost. Raises Trouble."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}
        url = f"{slack.api_url.rstrip('/')}/{method}"
        answer = await self._http.send("POST", url, headers, json.dumps(body).encode())
        wish = _wish(slack, method)
        if not answer.is_ok:
            raise _refused(answer, wish)
        said = answer.json()
        if not isinstance(said, dict):
            raise Trouble(f"{answer.host} has answered with something that Slack does not say. Look at apiUrl.")
        if said.get("ok") is True:
            return said
        error = _word(said.get("error"))
        if error in _LOST:
            return None
        if error in {"ratelimited", "rate_limited"}:
            raise Busy(
                "Slack asks for fewer requests. It is tried again.", retry_after(answer.headers) or _TOO_MANY_PAUSE
            )
        raise Trouble(f"Slack has not {wish} ({error}). {_WAYS_ON.get(error, 'It is tried again.')}")

    async def _by_incoming_webhook(self, url: str, notice: Notice) -> None:
        if notice.stage not in ENDS | {Stage.NeedsSomebody}:
            return
        headers = {"Content-Type": "application/json; charset=utf-8"}
        answer = await self._http.send("POST", url, headers, json.dumps(message(notice)).encode())
        if not answer.is_ok:
            raise _refused(answer, "taken the message")


def _way(slack: Slack, secret: Secret) -> _Token | _Hook:
    """How the Secret lets post; raises Trouble where it does not."""
    if (token := text_of(secret, slack.secret_name, "token")) is not None:
        return _Token(token)
    if (url := text_of(secret, slack.secret_name, "url")) is not None:
        return _Hook(url)
    raise Trouble(
        f'Secret "{slack.secret_name}" has neither "token" nor "url". {_TOKEN} Or put the address of an incoming webhook into it as "url".'
    )


def _host(slack: Slack, secret: Secret) -> str:
    """Who is spoken to: an incoming webhook has a host of its own."""
    url = slack.api_url if "token" in secret else secret.get("url", b"").decode(errors="ignore").strip()
    try:
        return urlsplit(url).hostname or "Slack"
    except ValueError:
        return "Slack"


def _wish(slack: Slack, method: str) -> str:
    """What Slack has not done when it refuses, after "has not"."""
    if method == _ASK:
        return f'confirmed the token in Secret "{slack.secret_name}"'
    return f'taken the message for channel "{slack.channel}"'


def _refused(answer: Answer, wish: str) -> Trouble:
    """An incoming webhook says in one word why; a server in trouble says anything."""
    word = _word(answer.body[:64].decode(errors="ignore").strip())
    way_on = _WAYS_ON.get(word, "It is tried again.")
    said = f"{word}, HTTP {answer.status}" if word in _WAYS_ON else f"HTTP {answer.status}"
    return Trouble(f"{answer.host} has not {wish} ({said}). {way_on}")


def _word(said: object) -> str:
    """Slack's name for the trouble. Anything else is not repeated."""
    return said if isinstance(said, str) and _WORD.fullmatch(said) else "no reason given"
