"""A source of checks that answers with JSON over HTTP: asking it, and saying what is wrong when it does not answer."""

import asyncio
import errno
import json
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from yarl import URL

from brandrelease.adapters.checks.login import Login, Ticket, UnusableSecret
from brandrelease.core.checks.measured import Observation, Unmeasured
from brandrelease.core.plain import plain
from brandrelease.core.scrubbing.scrub import scrub
from brandrelease.core.words import cut, cut_middle, seconds, without_passwords

ANSWER_LIMIT: Final = 1024 * 1024
"""Bytes. An answer is one number."""

_QUOTED: Final = 300
"""Bytes of the server's own words: their beginning and their end."""

_CONSIDERED: Final = 16_384
"""Characters that are searched for secrets: more than any login has, and few enough to take a moment."""

_TITLE: Final = 200

_OK, _DENIED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY = 200, 401, 403, 404, 429
_REDIRECTS: Final = range(300, 400)
_SERVER_ERRORS: Final = range(500, 600)

_AGAIN: Final = (
    "It is asked again; if this lasts, look whether it runs and whether a NetworkPolicy or firewall is in the way."
)


class Unanswered(Exception):
    """There is no number; the text is a sentence that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said. content: its JSON; None where it gave none."""

    status: int
    content: Any

    @property
    def is_good(self) -> bool:
        return self.status == _OK


@dataclass(frozen=True, slots=True)
class Server:
    """What is asked. kind: its name for people. right: what a login must be allowed, as the end of a sentence."""

    session: aiohttp.ClientSession = field(repr=False)
    kind: str
    url: str
    login: Login
    ticket: Ticket
    right: str

    @property
    def title(self) -> str:
        return title(self.kind, self.url)

    async def ask(self, method: str, *path: str, **question: Any) -> Answer:
        """Ask below the server's address; raises Unanswered, and what aiohttp raises. question: as aiohttp takes it.

        A connection that was kept from the last look may be closed by the server in the very moment it is used; a
        question changes nothing, so it is put once more. (Asking for no such connections is no way out: OpenSearch cuts
        those whose head and body come one after the other.)
        """
        try:
            return await self._ask(method, path, question)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            return await self._ask(method, path, question)

    async def _ask(self, method: str, path: tuple[str, ...], question: Mapping[str, Any]) -> Answer:
        headers = {"Accept": "application/json"}
        if self.login.authorization:
            headers["Authorization"] = self.login.authorization
        url, trust = URL(self.url).joinpath(*path), self.login.trust or True
        async with self.session.request(
            method, url, headers=headers, allow_redirects=False, ssl=trust, **question
        ) as response:
            if response.status in _REDIRECTS:
                raise Unanswered(self._redirects(response))
            answer = Answer(response.status, await self._json(response))
        if answer.is_good and answer.content is None:
            raise self.strange()
        return answer

    def refusal(self, answer: Answer, words: str) -> Unanswered:
        """What an answer with an error means. words: the server's own, empty where it has none."""
        said = f"HTTP {answer.status}" + (f": {self.quote(words)}" if words else "")
        match answer.status:
            case code if code == _DENIED:
                return Unanswered(self._denied(said))
            case code if code == _FORBIDDEN:
                return Unanswered(self._forbidden(said))
            case code if code == _NOT_FOUND:
                return Unanswered(
                    f"{self.title} has no such page ({said}). Correct url of the check: it is the address of "
                    f"{self.kind} itself, with the path under which it is served."
                )
            case code if code == _TOO_MANY:
                return Unanswered(f"{self.title} is overloaded or asked too often ({said}). It is asked again.")
            case code if code in _SERVER_ERRORS:
                return Unanswered(
                    f"{self.title} could not answer ({said}). It is asked again; if this lasts, look at its log."
                )
            case _:
                return Unanswered(f"{self.title} refuses the question ({said}). Correct the check, or look at its log.")

    def strange(self) -> Unanswered:
        """An answer that is not one of its API."""
        return Unanswered(
            f"{self.title} answers, but not as {self.kind} does. Correct url of the check: it is the address of "
            f"{self.kind} itself, not of a page in front of it."
        )

    def quote(self, words: str) -> str:
        """The server's words in one short line, without our secrets: a server says whatever it likes."""
        considered = " ".join(plain(words[:_CONSIDERED]).split())
        line = without_passwords(scrub(considered, self.login.hidden))
        # A secret that was cut in two at the end is not recognized there, so that end is not shown.
        return (cut(line, _QUOTED) if len(words) > _CONSIDERED else cut_middle(line, _QUOTED)).rstrip(".")

    async def _json(self, response: aiohttp.ClientResponse) -> Any:
        body = bytearray()
        async for piece in response.content.iter_chunked(65536):
            body += piece
            if len(body) > ANSWER_LIMIT:
                if response.status == _OK:
                    raise Unanswered(
                        f"{self.title} answers with more than {ANSWER_LIMIT // 1024} KiB, and a check needs one number. "
                        "Aggregate the query, for example with sum(...), or correct url of the check."
                    )
                return None
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            return None

    def _redirects(self, response: aiohttp.ClientResponse) -> str:
        try:
            place = URL(response.headers.get("Location", "")).with_user(None).with_query(None).with_fragment(None)
        except ValueError:
            place = URL()
        where = f" to {self.quote(str(place))}" if str(place) else ""
        return (
            f"{self.title} redirects{where} (HTTP {response.status}). Redirects are not followed, since the login would go "
            "along. Write the address that answers itself in url of the check."
        )

    def _denied(self, said: str) -> str:
        if self.login.authorization:
            return f"{self.title} does not accept {self.login.title} ({said}). Put valid ones there."
        return (
            f'{self.title} wants a login ({said}). Put the key "{self.ticket.key}", or "username" and "password", in a Secret in '
            "the operator's namespace, and name it in secretName of the check."
        )

    def _forbidden(self, said: str) -> str:
        who = self.login.title if self.login.authorization else "a request without a login"
        return f"{self.title} does not let {who} do this ({said}). It needs the right {self.right}."


def title(kind: str, url: str) -> str:
    """What a source is called in a sentence."""
    return f"{kind} at {cut(url, _TITLE)}"


async def within(limit: int, title: str, look: Coroutine[Any, Any, Observation]) -> Observation:
    """What the look finds in so many seconds. Nothing is raised: what goes wrong is said."""
    try:
        async with asyncio.timeout(limit):
            return await look
    except (Unanswered, UnusableSecret) as told:
        return Unmeasured(str(told))
    except TimeoutError:
        return Unmeasured(f"{title} did not answer within {seconds(limit)}. {_AGAIN}")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Unmeasured(f"{title} {_trouble(error)}")


def _trouble(error: Exception) -> str:
    """What went wrong on the way, and what to do. Only texts of the operating system: others may repeat headers."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"cannot be found: DNS does not know its name. Correct url of the check. {_AGAIN}"
        case aiohttp.ClientConnectorCertificateError(certificate_error=why):
            words = getattr(why, "verify_message", "") or "it is not valid for this name"
            return (
                f"has a certificate that is not trusted ({words.rstrip('.')}). Put the certificate of its authority under "
                'the key "caFile" in the Secret of the check, or let the server have a valid one.'
            )
        case aiohttp.ClientSSLError():
            return "does not speak TLS as it should. Look whether url of the check should begin with http://."
        case aiohttp.ClientConnectorError(os_error=OSError(errno=errno.ECONNREFUSED)):
            return f"refuses connections. {_AGAIN}"
        case aiohttp.ClientConnectorError(os_error=why):
            return f"cannot be reached ({why.strerror or type(why).__name__}). {_AGAIN}"
        case aiohttp.ClientPayloadError():
            return f"broke off in the middle of its answer. {_AGAIN}"
        case aiohttp.ServerDisconnectedError() | OSError():
            return f"cut the connection before it answered. {_AGAIN}"
        case aiohttp.ClientResponseError():
            return "answers, but not in HTTP. Correct url of the check."
        case _:
            return (
                f"could not be asked ({type(error).__name__}). Correct url of the check, if it is not a plain address."
            )
