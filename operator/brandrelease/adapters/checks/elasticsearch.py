"""The port `Check` on the API of Elasticsearch and OpenSearch: how many lines of a log a query finds in a window of time."""

from decimal import Decimal
from typing import Any, Final

import aiohttp

from brandrelease.adapters.checks.asking import Answer, Server, Unanswered, title, within
from brandrelease.adapters.checks.login import Ticket, login
from brandrelease.apis.checks import ElasticsearchCheck
from brandrelease.core.checks.measured import CheckOrder, NumberSeen, Observation, Unmeasured
from brandrelease.ports import Secret

KIND: Final = "Elasticsearch"
API_KEY: Final = Ticket("apiKey", "ApiKey")

_ONLY_WHAT_IS_THERE: Final = {"ignore_unavailable": "false", "allow_no_indices": "false"}
"""Without these, a pattern that matches no index counts 0 lines, and a mistyped name is good for ever."""

_BAD_REQUEST, _NOT_FOUND = 400, 404
_NO_INDEX: Final = "index_not_found_exception"
_DATES: Final = frozenset({"date", "date_nanos"})


class LogCounts:
    """Counts lines in Elasticsearch or OpenSearch."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def measure(self, order: CheckOrder, secret: Secret | None) -> Observation:
        """The number of lines that the check's query finds in its window."""
        source = order.check.elasticsearch
        if source is None:
            return Unmeasured(f"The check {order.check.name} does not name an Elasticsearch.")
        return await within(source.timeout_seconds, title(KIND, source.url), self._look(source, secret))

    async def _look(self, source: ElasticsearchCheck, secret: Secret | None) -> Observation:
        granted = login(source.secret_name, secret, API_KEY, source.url)
        server = Server(self._session, KIND, source.url, granted, API_KEY, f"to read {source.index}")
        count = await _count(server, source)
        if not count:
            await _require_time_field(server, source)
        return NumberSeen(Decimal(count))


async def _count(server: Server, source: ElasticsearchCheck) -> int:
    answer = await server.ask("POST", source.index, "_count", params=_ONLY_WHAT_IS_THERE, json=_question(source))
    if not answer.is_good:
        raise _refusal(server, source, answer)
    match answer.content:
        case {
            "count": int(count),
            "_shards": {"total": int(total), "successful": int(good), "failed": int(bad)} as shards,
        }:
            if bad or good < total:  # shards that are on no node are not among the failed ones
                raise Unanswered(_in_part(server, source, good, total, shards))
            return count
        case _:
            raise server.strange()


def _question(source: ElasticsearchCheck) -> dict[str, Any]:
    """The query as Kibana sends one in Lucene syntax, so that what is tried out there counts the same here.

    The window is reckoned by the server: its clock, and not ours, is near the one that wrote the lines.
    """
    query = {"query_string": {"query": source.query, "analyze_wildcard": True}}
    window = {"range": {source.time_field: {"gte": f"now-{source.window_seconds}s", "lte": "now"}}}
    return {"query": {"bool": {"filter": [query, window]}}}


async def _require_time_field(server: Server, source: ElasticsearchCheck) -> None:
    """Raise Unanswered unless the lines have their time where the check says: else the count is 0 for ever."""
    params = {"fields": source.time_field, **_ONLY_WHAT_IS_THERE}
    answer = await server.ask("GET", source.index, "_field_caps", params=params)
    if not answer.is_good:
        raise _refusal(server, source, answer)
    fields = answer.content.get("fields") if isinstance(answer.content, dict) else None
    if not isinstance(fields, dict):
        raise server.strange()
    types = fields.get(source.time_field)
    if not isinstance(types, dict) or not _DATES & types.keys():
        has = f"has the type {server.quote(', '.join(sorted(types)))}" if isinstance(types, dict) else "is not there"
        raise Unanswered(
            f"No line of {source.index} in {server.title} can be found by its time: the field {source.time_field} {has}, and "
            "it must be a date. Correct timeField of the check."
        )


def _refusal(server: Server, source: ElasticsearchCheck, answer: Answer) -> Unanswered:
    error = answer.content.get("error") if isinstance(answer.content, dict) else None
    words = _words(error)
    if answer.status == _NOT_FOUND and isinstance(error, dict) and error.get("type") == _NO_INDEX:
        # A pattern shows a login only what it may read, so the two look the same.
        allowed = ", or none that its login may read" if server.login.authorization else ""
        return Unanswered(
            f"{server.title} has no open index for {source.index}{allowed}. Correct index of the check, or look whether logs "
            "still arrive there."
        )
    if answer.status == _BAD_REQUEST and words:
        return Unanswered(f"{server.title} cannot carry out the query: {server.quote(words)}. Correct the check.")
    return server.refusal(answer, words)


def _in_part(server: Server, source: ElasticsearchCheck, good: int, total: int, shards: dict[str, Any]) -> str:
    match shards.get("failures"):
        case [{"reason": dict(reason)}, *_]:
            why = f" ({server.quote(_reason(reason))})"
        case _:
            why = ""
    return (
        f"{server.title} counted in {good} of the {total} shards of {source.index}{why}, and a part of the logs is no count. It "
        "is asked again; if this lasts, look at the health of that cluster and its indices."
    )


def _words(error: Any) -> str:
    """The server's own reason. What is at the top says only that all shards failed."""
    match error:
        case {"failed_shards": [{"reason": dict(inner)}, *_]} | {"root_cause": [dict(inner), *_]}:
            return _reason(inner)
        case dict():
            return _reason(error)
        case str(text):
            return _line(text)
        case _:
            return ""


def _reason(error: dict[str, Any]) -> str:
    """The reason with its cause, a line of each: a parser's other lines list all that it would have taken."""
    match error:
        case {"reason": str(reason), "caused_by": {"reason": str(cause)}}:
            return f"{_line(reason)}: {_line(cause)}"
        case {"reason": str(reason)}:
            return _line(reason)
        case _:
            return ""


def _line(text: str) -> str:
    return text.strip().partition("\n")[0]
