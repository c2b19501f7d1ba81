"""The board within the operator: nothing where it is off, and a word where what it shows may be old."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from brandrelease.adapters.system_clock import SystemClock
from brandrelease.onlooking import Onlooking
from brandrelease.settings import Settings
from brandrelease.telemetry import Metrics


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
    assert off.also_gone(arrivals) is arrivals
    await off.stand_by()


def test_after_two_resyncs_without_a_list_readers_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert onlooking(monkeypatch, "open", 149)._trouble() == ""
    told = onlooking(monkeypatch, "open", 151)._trouble()
    assert told.startswith("No list of the Kubernetes API has succeeded for 2 min 31 s: what stands here may be old.")
