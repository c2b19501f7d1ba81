"""CloudEvents 1.0 in structured JSON mode, by POST, signed as Standard Webhooks says (standardwebhooks.com)."""

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any, Final
from urllib.parse import quote, urlsplit

from brandrelease.adapters.notify.sender import HttpSender, Trouble, text_of, told, trouble
from brandrelease.apis.notifications import Webhook
from brandrelease.apis.wellknown import GROUP
from brandrelease.core.telling.notice import Notice
from brandrelease.ports import Clock, NotTaken, Secret, Taken

PREFIX: Final = "whsec_"
SHORTEST_KEY: Final = 24
"""Bytes: the least that Standard Webhooks allows."""

_GONE: Final = 410


class WebhookNotifier:
    """The port `Notifier` for any HTTP server."""

    def __init__(self, http: HttpSender, clock: Clock) -> None:
        self._http, self._clock = http, clock

    async def tell(self, notice: Notice, secret: Secret) -> Taken | NotTaken:
        """One event, once."""
        webhook = notice.to.endpoint
        assert isinstance(webhook, Webhook), "notifiers are chosen by the endpoint"  # noqa: S101

        async def send() -> None:
            body = json.dumps(event(notice), ensure_ascii=False, separators=(",", ":")).encode()
            at = int(self._clock.now().timestamp())
            headers = {
                "Content-Type": "application/cloudevents+json; charset=utf-8",
                "webhook-id": notice.id,
                "webhook-timestamp": str(at),
                "webhook-signature": signature(signing_key(secret, webhook.secret_name), notice.id, at, body),
            }
            answer = await self._http.send("POST", webhook.url, headers, body)
            if answer.status == _GONE:
                raise Trouble(
                    f"{answer.host} has answered that there is no receiver any more (HTTP 410). Take the notification out of the Brand, or correct its url."
                )
            if not answer.is_ok:
                raise Trouble(
                    f"{answer.host} has not taken the event (HTTP {answer.status}). Look at the log of the receiver; it is tried again."
                )

        return await told(_host(webhook), secret, send)

    async def trouble(self, webhook: Webhook, secret: Secret) -> str | None:
        """Why no event can be sent: no key that signs, or nobody at the address. What is posted there is an event."""

        async def ask() -> None:
            signing_key(secret, webhook.secret_name)
            await self._http.knock(webhook.url)

        return await trouble(_host(webhook), secret, ask)


def _host(webhook: Webhook) -> str:
    return urlsplit(webhook.url).hostname or "The receiver"


def signing_key(secret: Secret, name: str) -> bytes:
    """The key: what follows whsec_ is base64, anything else is the key itself; raises Trouble."""
    text = text_of(secret, name, "key")
    if text is None:
        raise Trouble(
            f'Secret "{name}" has no "key", which signs the events. Make one with: echo "whsec_$(openssl rand -base64 32)".'
        )
    key = text.encode()
    if text.startswith(PREFIX):
        try:
            key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            raise Trouble(
                f'"key" of Secret "{name}" begins with whsec_, and what follows is not base64. Correct it.'
            ) from None
    if len(key) < SHORTEST_KEY:
        raise Trouble(
            f'"key" of Secret "{name}" is shorter than {SHORTEST_KEY} bytes, and could be guessed. Make one with: echo "whsec_$(openssl rand -base64 32)".'
        )
    return key


def signature(key: bytes, id_: str, at: int, body: bytes) -> str:
    """Over id, time and body, so that none of them can be another's."""
    signed = f"{id_}.{at}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def event(notice: Notice) -> dict[str, Any]:
    """The CloudEvent."""
    return {
        "specversion": "1.0",
        "id": notice.id,
        "source": f"/{GROUP}/namespaces/{quote(notice.namespace)}/brandreleases/{quote(notice.name)}",
        "type": f"dev.brandrelease.release.{notice.stage.lower()}",
        "subject": f"{notice.brand}/{notice.environment}/{notice.number}",
        "time": notice.happened_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "datacontenttype": "application/json",
        "data": {key: value for key, value in _data(notice).items() if value not in (None, "")},
    }


def _data(notice: Notice) -> dict[str, Any]:
    return {
        "brand": notice.brand,
        "environment": notice.environment,
        "namespace": notice.namespace,
        "name": notice.name,
        "release": notice.number,
        "stage": notice.stage,
        "title": notice.title,
        "why": notice.why,
        "reason": notice.reason,
        "blame": notice.blame,
        "commit": notice.commit,
        "ref": notice.ref,
        "image": notice.image,
        "requestedBy": notice.requested_by,
        "tookSeconds": notice.took_seconds,
        "changes": [change.to_wire() for change in notice.changes],
        "changesTotal": notice.changes_total,
        "logTail": notice.log,
    }
