"""What hostile people and broken servers write, and what may come of it: never more than a line, a size, a known error."""

import json
import os
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import yaml
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from apiserver.objects import CRDS

JOINERS: Final = "\u200c\u200d"

SNIPPETS: Final = (
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b31m", "\r", "\n", "\r\n", "\0", "\x7f", "\u2028", "\u202e", "\u200b",
    "<!channel>", "<@U123>", "<http://x|y>", "&amp;", "&", "```", "*b*", "$(id)", "`id`", "; rm -rf /", "${HOME}",
    "--upload-pack=id", "ext::sh -c id", "-", "..", "@{", "^{}", "refs/heads/", "refs/tags/", ".lock", "%2e%2e", "\\",
    "{url}", "{0}", "{0.__class__}", "{", "}", "%s", "\ud800", "世", "🙈", "https://u:p@host/", "'", '"', "//", ":", "@",
    "fatal: ", "remote: ", "error: ", "warning: ", "This reverts commit " + "a" * 40, "a" * 40, "password=hunter2x9",
    "1" * 400, "²", "١", "x" * 3000,
)  # fmt: skip
"""Words with a meaning to somebody: a terminal, a shell, git, Slack, Python's format, a parser."""


def texts(most: int = 12) -> st.SearchStrategy[str]:
    """Snippets and anything else, mixed."""
    return st.lists(st.sampled_from(SNIPPETS) | st.text(max_size=20), max_size=most).map("".join)


def sendable(most: int = 12) -> st.SearchStrategy[str]:
    """The same as JSON can carry it between programs: a lone surrogate cannot be."""
    return texts(most).map(lambda text: text.encode(errors="ignore").decode())


def octets() -> st.SearchStrategy[bytes]:
    return st.binary(max_size=200) | texts().map(lambda text: text.encode(errors="surrogatepass"))


def numbers() -> st.SearchStrategy[int | float]:
    odd = st.sampled_from([0, -1, 2**31, 2**63, 10**400, -(10**400), True, float("inf"), float("nan"), 1e308])
    return odd | st.integers() | st.floats()


def json_values() -> st.SearchStrategy[Any]:
    """Any JSON, with what answers are made of as keys."""
    keys = st.sampled_from(
        ["data", "result", "resultType", "value", "error", "reason", "caused_by", "count", "_shards", "total", "failed",
         "successful", "failures", "root_cause", "failed_shards", "fields", "message", "ok", "channel", "ts", "id",
         "payload", "token", "access_token", "expires_in", "type"]
    )  # fmt: skip
    leaves = st.none() | st.booleans() | numbers() | sendable(4)
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys | sendable(1), inner, max_size=5),
        max_leaves=12,
    )


def bodies() -> st.SearchStrategy[bytes]:
    """Bodies of answers: JSON, what was JSON once, and what digs too deep for a parser."""
    written = json_values().map(lambda value: json.dumps(value).encode())
    deep = st.sampled_from([b"[" * 100_000, b'{"payload":' * 20_000, b'[{"payload":"' + b"[" * 100_000 + b'"}]'])
    return written | written.map(lambda body: body[: len(body) // 2]) | octets() | deep


# --- how long it is tried ---------------------------------------------------------------------------------------------

_SHORT: Final = 25
EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "0"))
"""Of each property, for `make fuzz`; 0: a few, the same each time, for `make coverage`."""


def fuzz(least: int = _SHORT) -> Callable[[Any], Any]:
    """As a decorator: so many examples in the short run."""
    return settings(
        max_examples=EXAMPLES or least,
        deadline=None,
        derandomize=not EXAMPLES,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


# --- what may come of it ----------------------------------------------------------------------------------------------


def must_be_one_line(text: str) -> None:
    """Nothing in it moves a cursor, turns the reading direction, hides text or begins another line."""
    bad = [c for c in text if c not in JOINERS and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    assert not bad, (bad, text)


def must_be_plain(text: str) -> None:
    """The same, for what may have several lines."""
    must_be_one_line(text.replace("\n", "").replace("\t", ""))


def must_call_nobody_in_slack(body: Any) -> None:
    """No text of a message has markup: `<` and `>` stand nowhere, and each `&` begins an entity of Slack's."""
    match body:
        case str():
            left = body.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
            assert not set(left) & set("<>&"), body
        case dict():
            for value in body.values():
                must_call_nobody_in_slack(value)
        case list() | tuple():
            for value in body:
                must_call_nobody_in_slack(value)


@cache
def status_schema(plural: str) -> Any:
    """The schema of the status in the CRD that is shipped."""
    [path] = [path for path in CRDS.iterdir() if path.name.endswith(f"_{plural}.yaml") or path.stem.startswith(plural)]
    crd = yaml.safe_load(path.read_text())
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]


def must_fit(value: Any, schema: Any, where: str = "status") -> None:
    """The API server would take it: every bound of the schema holds."""
    match value:
        case str():
            assert len(value) <= schema.get("maxLength", 10**9), (where, len(value))
            assert value in schema.get("enum", [value]), (where, value)
            value.encode()
        case bool():
            pass
        case int():
            assert schema.get("minimum", value) <= value <= schema.get("maximum", 2**63 - 1), (where, value)
        case list():
            assert len(value) <= schema.get("maxItems", 10**9), (where, len(value))
            for index, item in enumerate(value):
                must_fit(item, schema["items"], f"{where}[{index}]")
        case dict():
            known = schema.get("properties")
            for name, item in value.items():
                if known is not None:
                    must_fit(item, known[name], f"{where}.{name}")
