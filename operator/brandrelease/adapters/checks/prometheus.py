"""The port `Check` on Prometheus' HTTP API: an instant query that gives one number."""

import math
import re
from decimal import Decimal
from typing import Any, Final

import aiohttp

from brandrelease.adapters.checks.asking import Answer, Server, Unanswered, title, within
from brandrelease.adapters.checks.login import Ticket, login
from brandrelease.apis.checks import PrometheusCheck
from brandrelease.core.checks.measured import CheckOrder, NumberSeen, Observation, Unmeasured
from brandrelease.core.words import cut
from brandrelease.ports import Secret

KIND: Final = "Prometheus"
TOKEN: Final = Ticket("token", "Bearer")

_QUERY_REFUSED: Final = frozenset({400, 422})
"""It cannot be read, or it cannot be carried out."""

_FLOAT: Final = re.compile(r"[+-]?[0-9]{1,400}([.][0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")
"""A finite number as servers write one; anything longer is no double."""

_QUERY_SHOWN: Final = 120


class PrometheusQueries:
    """Asks Prometheus, or what speaks its API."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def measure(self, order: CheckOrder, secret: Secret | None) -> Observation:
        """The number that the check's query gives."""
        source = order.check.prometheus
        if source is None:
            return Unmeasured(f"The check {order.check.name} does not name a Prometheus.")
        return await within(source.timeout_seconds, title(KIND, source.url), self._look(source, secret))

    async def _look(self, source: PrometheusCheck, secret: Secret | None) -> Observation:
        granted = login(source.secret_name, secret, TOKEN, source.url)
        server = Server(self._session, KIND, source.url, granted, TOKEN, "to send queries to /api/v1/query")
        # It gives up when we do: nobody waits for the answer any more.
        form = {"query": source.query, "timeout": f"{source.timeout_seconds}s"}
        answer = await server.ask("POST", "api", "v1", "query", data=form)
        if answer.status in _QUERY_REFUSED and (words := _words(answer)):
            raise Unanswered(
                f"{server.title} cannot carry out the query: {server.quote(words)}. Correct query of the check."
            )
        if not answer.is_good:
            raise server.refusal(answer, _words(answer))
        return NumberSeen(_number(_value(answer.content, server, source.query), source.query))


def _words(answer: Answer) -> str:
    match answer.content:
        case {"error": str(words)}:
            return words
        case _:
            return ""


def _value(content: Any, server: Server, query: str) -> str:
    """The one value that came, as text; raises Unanswered if it is not one."""
    asked = f'The query "{cut(query, _QUERY_SHOWN)}"'
    match content.get("data") if isinstance(content, dict) else None:
        case {"resultType": "scalar", "result": [_, str(text)]}:
            return text
        case {"resultType": "vector", "result": [{"value": [_, str(text)]}]}:
            return text
        case {"resultType": "vector", "result": []}:
            raise Unanswered(
                f"{asked} finds nothing in {server.title}. Correct its names and labels; if nothing is what it finds on good "
                "days too, write `... or vector(0)` at its end."
            )
        case {"resultType": "vector", "result": [{"histogram": _}]}:
            raise Unanswered(
                f"{asked} gives a histogram. Take a number of it, for example with histogram_quantile(0.95, ...)."
            )
        case {"resultType": "vector", "result": [_, _, *_] as several}:
            raise Unanswered(
                f"{asked} gives {len(several)} numbers, and a check needs one. Aggregate them, for example with sum(...) "
                "or max(...)."
            )
        case {"resultType": "matrix"}:
            raise Unanswered(
                f"{asked} gives a range of values, and a check needs one number. Wrap it, for example in rate(...) or "
                "avg_over_time(...)."
            )
        case {"resultType": "string"}:
            raise Unanswered(f"{asked} gives a text, and a check needs a number. Leave the quotes away.")
        case _:
            raise server.strange()


def _number(text: str, query: str) -> Decimal:
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return Decimal(text)
    raise Unanswered(
        f'The query "{cut(query, _QUERY_SHOWN)}" gives {cut(text, 16)!a}, which is no number to judge by; most often something '
        "is divided by zero, since there are no requests. Let the divisor count only above zero and say what then holds: "
        "`a / (b > 0) or vector(0)`."
    )
