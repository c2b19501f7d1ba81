"""Slack as its documentation has it: chat.postMessage, chat.update, auth.test and incoming webhooks, on a store of messages."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TEXT_LIMIT, SECTION_LIMIT, BLOCKS_LIMIT = 40_000, 3000, 50
HOOK = "/services/T0/B0/canary-hook-4c1e"


@dataclass
class Message:
    """One message in a channel, as it stands now; `versions` has all that it ever said."""

    channel: str
    ts: str
    versions: list[dict[str, Any]] = field(default_factory=list)
    thread_ts: str | None = None
    broadcast: bool = False

    @property
    def text(self) -> str:
        return str(self.versions[-1]["text"])

    @property
    def shown(self) -> str:
        """All that can be read of it."""
        blocks = self.versions[-1].get("blocks", [])
        return "\n".join(
            part["text"] for block in blocks for part in ([block["text"]] if "text" in block else block["elements"])
        )


class Slack:
    """A workspace with one bot. `trouble`: what the next calls answer instead, each once."""

    def __init__(self, token: str = "xoxb-canary-0123456789") -> None:
        self.token = token
        self.channels = {"#releases": "C0RELEASES", "#other": "C0OTHER"}
        self.members = {"C0RELEASES", "C0OTHER"}
        self.messages: list[Message] = []
        self.calls: list[str] = []
        self.trouble: list[web.Response] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.calls.append(request.path.rsplit("/", 1)[-1])
        if self.trouble:
            return self.trouble.pop(0)
        if request.path == "/":
            return web.Response(status=302, headers={"Location": "https://api.slack.com/"})
        if request.path == HOOK:
            return self._hook(await request.json())
        return web.json_response(self._call(request, await request.text()))

    def _call(self, request: web.Request, text: str) -> dict[str, Any]:
        if request.content_type != "application/json":
            return {"ok": False, "error": "invalid_form_data"}
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return {"ok": False, "error": "invalid_auth"}
        if request.path.endswith("/auth.test"):
            return {"ok": True, "team": "Example", "team_id": "T0", "user": "releases", "user_id": "U0", "bot_id": "B0"}
        body = json.loads(text)
        if error := _flaw(body):
            return {"ok": False, "error": error}
        match request.path.rsplit("/", 1)[-1]:
            case "chat.postMessage":
                return self._post(body)
            case "chat.update":
                return self._update(body)
            case _:
                return {"ok": False, "error": "unknown_method"}

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        channel = self.channels.get(body["channel"], body["channel"])
        if channel not in self.channels.values():
            return {"ok": False, "error": "channel_not_found"}
        if channel not in self.members:
            return {"ok": False, "error": "not_in_channel"}
        made = Message(channel, f"1700000000.{len(self.messages):06}", [body], body.get("thread_ts"))
        made.broadcast = bool(body.get("reply_broadcast"))
        self.messages.append(made)
        return {"ok": True, "channel": channel, "ts": made.ts, "message": {"text": body["text"]}}

    def _update(self, body: dict[str, Any]) -> dict[str, Any]:
        """Only by the channel's id."""
        for message in self.messages:
            if (message.channel, message.ts) == (body["channel"], body["ts"]):
                message.versions.append(body)
                return {"ok": True, "channel": message.channel, "ts": message.ts, "text": body["text"]}
        known = body["channel"] in self.channels.values()
        return {"ok": False, "error": "message_not_found" if known else "channel_not_found"}

    def _hook(self, body: dict[str, Any]) -> web.Response:
        if _flaw(body):
            return web.Response(status=400, text="invalid_blocks")
        self.messages.append(Message("C0HOOK", f"1700000000.{len(self.messages):06}", [body]))
        return web.Response(text="ok")

    def delete(self, message: Message) -> None:
        self.messages.remove(message)


def _flaw(body: dict[str, Any]) -> str | None:
    if not body.get("text"):
        return "no_text"
    if len(body["text"]) > TEXT_LIMIT:
        return "msg_too_long"
    blocks = body.get("blocks", [])
    texts = [part for block in blocks for part in ([block["text"]] if "text" in block else block["elements"])]
    if len(blocks) > BLOCKS_LIMIT or any(not 0 < len(part["text"]) <= SECTION_LIMIT for part in texts):
        return "invalid_blocks"
    if any(len(block.get("elements", [])) > 10 for block in blocks):
        return "invalid_blocks"
    return None
