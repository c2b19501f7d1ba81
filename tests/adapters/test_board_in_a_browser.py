"""The board as a person has it before their eyes, in Chromium: live, at night, on a phone, and whatever is written into it."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest
import pytest_asyncio

from support.board import objects
from support.board.chromium import Chromium, Page, chromium
from support.board.server import BoardServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN: Final = "a token that nobody guesses"
DESKTOP, PHONE = (1280, 800), (390, 844)
CARD: Final = "document.getElementById('r:guitareo-staging/guitareo')"
LIVE: Final = "document.getElementById('live').dataset.state === 'live'"
ATTACKS: Final = (
    "<script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked = 1">',
    "' onmouseover='window.hacked = 1",
    "</pre><svg onload=window.hacked=1>",
    "<iframe srcdoc='<script>parent.hacked=1</script>'>",
    "<style>*{display:none}</style>",
    "<a href=javascript:window.hacked=1>x</a>",
)


@pytest.fixture
def board() -> Iterator[BoardServer]:
    with BoardServer(objects.events()) as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Chromium]:
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Chromium, board: BoardServer) -> AsyncIterator[Page]:
    """A tab of which the console stays silent, and which asks nobody but the operator for anything."""
    tab = await browser.page()
    await tab.looks(*DESKTOP)
    yield tab
    assert tab.complaints == []
    assert [url for url in tab.requests if not url.startswith((board.origin, "about:"))] == []


def shown_as(status: dict[str, Any], version: int = 9) -> dict[str, Any]:
    return objects.release("guitareo", "staging", status, version, "staging")


async def test_what_happens_is_seen_without_loading_the_page_again(page: Page, board: BoardServer) -> None:
    await page.open(board.url)
    await page.until(LIVE)
    assert "Deploying" in await page.is_(f"{CARD}.innerText")
    await page.is_("window.kept = true; window.scrollTo(0, 60)")
    scrolled = await page.is_("window.scrollY")

    board.shows("brandreleases", shown_as(objects.live("guitareo", 13, since=0)))
    await page.until(f"{CARD}.innerText.includes('Live')")
    assert "5 live" in await page.is_("document.getElementById('summary').innerText")

    board.shows("brands", objects.brand("zulu", "production", "canary"))
    await page.until("document.querySelectorAll('tbody tr').length === 6")
    assert await page.is_("[...document.querySelectorAll('thead th')].map((each) => each.innerText).join()") == (
        "Brand,production,staging,canary"
    )
    assert await page.is_("window.kept") is True
    assert await page.is_("window.scrollY") == scrolled
    assert len([url for url in page.requests if url == board.url]) == 1


async def test_what_somebody_has_opened_and_where_they_are_stays_as_it_is(page: Page, board: BoardServer) -> None:
    await page.open(f"{board.url}/brands/drumeo")
    await page.until(LIVE)
    opened = "document.getElementById('past:drumeo-production/drumeo:12')"
    await page.is_(f"{opened}.open = true; {opened}.querySelector('summary').focus()")
    status = objects.rolled_back("drumeo")
    status["history"][2]["message"] = "Something new about an old release."

    board.shows("brandreleases", objects.release("drumeo", "production", status, 9))

    await page.until("document.body.textContent.includes('Something new about an old release.')")
    assert await page.is_(f"{opened}.open") is True

    board.shows("pods", objects.pod("drumeo", "production", "drumeo-production-deployment-7d4-d", 12))
    await page.until("document.body.innerText.includes('drumeo-production-deployment-7d4-d')")
    board.shows("brandreleases", objects.release("drumeo", "production", status, 10), "DELETED")
    await page.until("document.querySelectorAll('section.story').length === 1")


async def test_nothing_that_is_written_anywhere_becomes_part_of_the_page(page: Page, board: BoardServer) -> None:
    everything = " ".join(ATTACKS)
    status = objects.rolled_back("guitareo")
    status["conditions"][0]["message"] = everything
    status["current"] |= {"message": everything, "requestedBy": everything[:128], "ref": everything[:300]}
    status["current"]["changes"] = [{"commit": objects.BAD, "author": text, "subject": text} for text in ATTACKS]
    status["current"]["evidence"] = {"pod": ATTACKS[0], "container": ATTACKS[1], "logTail": "\n".join(ATTACKS)}
    status["current"]["verification"]["checks"][0]["message"] = everything[:320]
    status["current"]["build"]["logsURL"] = "javascript:window.hacked=1"
    status["history"][1] |= {"message": everything, "evidence": status["current"]["evidence"]}
    for path in ("", "/brands/guitareo"):
        board.shows("brandreleases", shown_as(objects.live("guitareo"), 8 if path else 6))
        await page.open(board.url + path)
        await page.until(LIVE)
        board.shows("brandreleases", shown_as(status, 9 if path else 7))
        await page.until("document.body.textContent.includes('<script>window.hacked = 1</script>')")
        await page.open(board.url + path)  # as it is when it is loaded, too
        await page.until(LIVE)
        assert (
            await page.is_(
                "document.querySelectorAll('main :is(script, img, svg, iframe, style, [onmouseover])').length"
            )
            == 0
        )
        assert await page.is_("[...document.links].filter((each) => !each.href.startsWith('http')).length") == 0
        assert await page.is_("typeof window.hacked") == "undefined"


@pytest.mark.parametrize("path", ["", "/brands/drumeo", "/reasons/CrashLoopBackOff", "/brands/nobody"])
async def test_on_a_phone_nothing_has_to_be_moved_sideways(browser: Chromium, board: BoardServer, path: str) -> None:
    page = await browser.page()
    await page.looks(*PHONE, phone=True)
    await page.open(board.url + path)
    assert await page.is_("document.documentElement.scrollWidth") <= PHONE[0]
    assert (
        await page.is_(
            "Math.max(...[...document.querySelectorAll('main *')].map((each) => each.getBoundingClientRect().right))"
        )
        <= PHONE[0]
    )


async def test_by_day_and_by_night_every_word_can_be_read(page: Page, board: BoardServer) -> None:
    """WCAG 2.2: 4.5 to 1, for each text against what is behind it."""
    grounds = []
    for dark in (False, True):
        await page.looks(*DESKTOP, dark=dark)
        for path in ("", "/brands/drumeo"):
            await page.open(board.url + path)
            assert json.loads(await page.is_(FAINT)) == []
        grounds.append(await page.is_("getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] != grounds[1]


FAINT: Final = """
(() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((each) => each / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (let each = node; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if ((numbers(colour)[3] ?? 1) === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const words = [...document.querySelectorAll("body *")].filter((each) =>
    [...each.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim()));
  return JSON.stringify(words.filter((each) => {
    const [one, other] = [light(getComputedStyle(each).color), light(behind(each))].sort((a, b) => b - a);
    return (one + 0.05) / (other + 0.05) < 4.5;
  }).map((each) => each.outerHTML));
})()
"""


async def test_without_scripts_the_page_is_all_there_and_says_that_it_stands_still(
    page: Page, board: BoardServer
) -> None:
    await page.send("Emulation.setScriptExecutionDisabled", value=True)
    await page.open(board.url)
    root = (await page.send("DOM.getDocument"))["root"]["nodeId"]
    text = (await page.send("DOM.getOuterHTML", nodeId=root))["outerHTML"]
    assert "Reload to see what is new." in text
    assert all(each in text for each in ("drumeo", "RolledBack", "3d86f4553df2"))


async def test_the_first_key_leads_past_the_header_and_movement_can_be_had_without(
    page: Page, board: BoardServer
) -> None:
    await page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    await page.open(board.url)
    await page.until(LIVE)
    await page.press("Tab", 9)
    assert await page.is_("document.activeElement.innerText") == "To the content"
    board.shows("brandreleases", shown_as(objects.live("guitareo", 13)))
    await page.until(f"{CARD}.classList.contains('fresh')")
    assert await page.is_(f"getComputedStyle({CARD}).animationName") == "none"


async def test_with_a_token_a_person_signs_in_once(browser: Chromium) -> None:
    with BoardServer(objects.events(), TOKEN) as board:
        page = await browser.page()
        await page.open(f"{board.url}/brands/drumeo")
        await page.until("document.activeElement.id === 'token'")
        for said, expected in (("wrong", "That is not the board"), (TOKEN, "CrashLoopBackOff")):
            await page.is_("document.getElementById('token').focus()")
            await page.send("Input.insertText", text=said)
            await page.press("Enter", 13, "\r")
            await page.until(f"document.body.innerText.includes({json.dumps(expected)})")
        assert await page.is_("location.pathname") == "/board/brands/drumeo"
        await page.until(LIVE)
        assert await page.is_("document.cookie") == "", "no script can read it"


async def test_a_page_finds_its_way_to_another_replica_and_shows_what_was_missed(browser: Chromium) -> None:
    page = await browser.page()
    with BoardServer(objects.events()) as first:
        await page.open(first.url)
        await page.until(LIVE)
        await page.is_("window.kept = true")
    await page.until("document.getElementById('live').dataset.state === 'lost'")
    assert "the connection is lost" in await page.is_("document.getElementById('live').innerText")
    later = [*objects.events(), ("brandreleases", shown_as(objects.live("guitareo", 13)))]
    with BoardServer(later, boot="two", port=first.port):
        await page.until(f"{CARD}.innerText.includes('Live')")
        await page.until(LIVE)
        assert await page.is_("window.kept") is True
