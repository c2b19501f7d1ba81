"""Whatever anybody writes into any field, it is text on the board and never markup."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from brandrelease.adapters.system_clock import SystemClock
from brandrelease.board.pages import Pages
from brandrelease.board.streams import _event
from support.board import objects
from support.board.server import held
from support.hostile import SNIPPETS, fuzz

Object = dict[str, Any]

MARKUP: Final = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", "</pre><svg onload=alert(1)>",
    "javascript:alert(1)", "{{ 7 * 7 }}", "{% raw %}", "<!--", "-->", "]]>", "</title>", "</td></tr></table>", "&lt;b&gt;",
    "\n\nevent: whole\ndata: {}", "\N{RIGHT-TO-LEFT OVERRIDE}", "\x00", 'https://x/" onclick=alert(1) "',
)  # fmt: skip

BY_THE_RULES: Final = {
    "phase", "type", "status", "reason", "outcome", "blame", "state", "name", "namespace", "uid", "resourceVersion",
    "creationTimestamp", "lastTransitionTime", "since", "at",
}  # fmt: skip
"""Fields whose values the API server or the models check: nobody can write anything else there."""

words = st.lists(st.sampled_from(MARKUP + SNIPPETS) | st.text(max_size=8), min_size=1, max_size=3).map(
    lambda parts: "".join(parts)[:60]
)


class Skeleton(HTMLParser):
    """The elements and attributes of a page, where its links lead, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: set[tuple[str, str]] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements |= {(tag, ""), *((tag, name) for name, _ in attrs)}
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "action"}]

    def handle_comment(self, data: str) -> None:
        self.elements.add(("comment", data))

    def handle_data(self, data: str) -> None:
        self.text += data


def spoiled(value: Any, draw: Callable[[], str], name: str = "") -> Any:
    """The object with other texts wherever somebody can write some."""
    match value:
        case dict():
            return {key: spoiled(inner, draw, key) for key, inner in value.items()}
        case list():
            return [spoiled(inner, draw, name) for inner in value]
        case str() if name not in BY_THE_RULES and not name.endswith(("At", "endsAt")):
            return draw()
        case _:
            return value


def pages(events: list[tuple[str, Object]]) -> list[str]:
    seen = held(events)
    made = Pages(seen, SystemClock().now, lambda: "", "one")
    brands = {glance.brand for glance in seen.glances()}
    told = [made.overview("one.1", can_leave=True), *(made.brand(name, "one.1", can_leave=True) for name in brands)]
    return [html for html in told if html is not None]


EVERYTHING: Final = [*objects.events(), ("brands", objects.brand("zulu", "canary"))]
ORDINARY: Final = {element for html in pages(EVERYTHING) for element in Skeleton(html).elements}


@fuzz()
@given(st.data())
def test_no_text_in_any_field_ever_becomes_markup(data: st.DataObject) -> None:
    def draw() -> str:
        return data.draw(words)

    body = objects.release("drumeo", "production", objects.rolled_back("drumeo"))
    brand = objects.brand("drumeo", "production", trouble="x")
    body["status"], body["spec"] = spoiled(body["status"], draw), spoiled(body["spec"], draw)
    brand["status"]["conditions"] = spoiled(brand["status"]["conditions"], draw)
    pod = objects.pod("drumeo", "production", draw(), 13, crashes=True)
    pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] = draw()

    for html in pages([("brands", brand), ("brandreleases", body), ("pods", pod)]):
        found = Skeleton(html)
        assert found.elements <= ORDINARY
        assert all(link.startswith(("/board", "https://")) or link == "#main" for link in found.links)
        html.encode(errors="replace")


def test_what_is_written_is_shown_as_it_was_written() -> None:
    status = objects.rolled_back("drumeo")
    subject = '<script>alert(1)</script> & "co" {{ 7 * 7 }}'
    status["current"]["changes"][0]["subject"] = subject
    [html] = pages([("brandreleases", objects.release("drumeo", "production", status))])[1:]
    assert subject in Skeleton(html).text
    assert "<script>alert" not in html


def test_what_turns_the_reading_direction_is_left_out() -> None:
    status = objects.live("drumeo")
    status["current"]["changes"][0]["subject"] = "a\N{RIGHT-TO-LEFT OVERRIDE}b"
    [html] = pages([("brandreleases", objects.release("drumeo", "production", status))])[1:]
    assert "<code>3d86f4553df2</code> ab " in html


@fuzz()
@given(words, words)
def test_no_text_ends_an_event_of_the_stream_or_begins_another(html: str, mark: str) -> None:
    identity, event, data, *rest = _event("parts", {"html": html}, "one.7").split("\n")
    assert (identity, event, rest) == ("id: one.7", "event: parts", ["", ""])
    assert json.loads(data.removeprefix("data: ")) == {"html": html}
