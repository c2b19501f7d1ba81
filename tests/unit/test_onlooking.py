"""The board within the operator: nothing where it is off, and a word where what it shows may be old."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from brandrelease.adapters.system_clock import SystemClock
from brandrelease.onlooking import Onlooking
from brandrelease.settings import Settings
from brandrelease.telemetry import Metrics
from support.board import objects

NO_EVENT_TOLD: dict[str, list[dict[str, Any]]] = {"brandreleases": [], "jobs": []}


async def test_what_a_list_has_no_more_is_gone_from_the_board(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = onlooking(monkeypatch, "open")

    async def lists(kind: str) -> list[dict[str, Any]]:
        if kind == "brandreleases":  # what comes while the list is under way is not in it
            shown.beside(lambda *_: None)("brandreleases", "ADDED", late)
        return NO_EVENT_TOLD[kind]

    deleted, late = (objects.release(name, "production", objects.live(name)) for name in ("drumeo", "pianote"))
    shown.beside(lambda *_: None)("brandreleases", None, deleted)
    monkeypatch.setattr(shown, "_lists", lists)
    assert await shown.lists("brandreleases") == []
    assert [glance.brand for glance in shown._held.glances()] == ["pianote"]
    assert await shown.lists("jobs") == []


async def nothing(kind: str) -> list[dict[str, Any]]:
    raise AssertionError("nobody lists anything here")


def onlooking(monkeypatch: pytest.MonkeyPatch, board: str, silence: float = 0.0) -> Onlooking:
    monkeypatch.setenv("KUBECONFIG", str(Path(__file__)))
    monkeypatch.setenv("BRANDRELEASE_BOARD", board)
    return Onlooking(Settings(), nothing, SystemClock(), Metrics(), lambda: silence)


async def test_where_the_board_is_off_nothing_is_served_watched_or_held(monkeypatch: pytest.MonkeyPatch) -> None:
    off, app = onlooking(monkeypatch, "off"), web.Application()
    off.add_to(app)
    assert list(app.router.resources()) == []

    def arrivals(*_: Any) -> None: ...

    assert off.beside(arrivals) is arrivals
    await off.stand_by()
    with pytest.raises(AssertionError, match="nobody lists"):
        await off.lists("pods")


def test_after_two_resyncs_without_a_list_readers_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert onlooking(monkeypatch, "open", 149)._trouble() == ""
    told = onlooking(monkeypatch, "open", 151)._trouble()
    assert told.startswith("No list of the Kubernetes API has succeeded for 2 min 31 s: what stands here may be old.")
