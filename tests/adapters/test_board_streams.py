"""Streams cost the operator little: few of them, none that waits for a slow one, and none that holds its end up."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from brandrelease.board import streams
from support.board import objects
from support.board.server import BoardServer

Object = dict[str, Any]


class Stream:
    """What one viewer is told."""

    def __init__(self, board: BoardServer, query: str = "", **headers: str) -> None:
        self.events: list[tuple[str, Object]] = []
        self.marks: list[str] = []
        self._connection = http.client.HTTPConnection("127.0.0.1", board.port, timeout=10)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("GET", f"/board/events{query}", headers=names)
        self.answer = self._connection.getresponse()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        if self.answer.status == 200:
            self._thread.start()

    def _listen(self) -> None:
        name = ""
        with suppress(OSError, http.client.HTTPException):
            for line in self.answer:
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "id":
                    self.marks.append(value)
                elif field == "data":
                    self.events.append((name, json.loads(value)))

    def close(self) -> None:
        with suppress(OSError):
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        if self._thread.ident:
            self._thread.join(5)
        self._connection.close()

    def names(self) -> list[str]:
        return [name for name, _ in self.events]


@contextmanager
def stream(board: BoardServer, query: str = "", **headers: str) -> Iterator[Stream]:
    opened = Stream(board, query, **headers)
    try:
        yield opened
    finally:
        opened.close()


def until(condition: Callable[[], object], limit: float = 10.0) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.01)


def release(number: int, status: Object, version: int) -> Object:
    return objects.release(f"brand{number:03}", "production", status, version)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Iterator[BoardServer]:
    monkeypatch.setattr(streams, "PACE_SECONDS", 0.05)
    with BoardServer(("brandreleases", release(number, objects.live("x"), 1)) for number in range(3)) as served:
        yield served


def test_who_has_another_page_than_this_process_wrote_gets_all_of_it_and_then_only_what_changes(
    board: BoardServer,
) -> None:
    with stream(board, "?since=other.3") as viewer:
        until(lambda: viewer.names() == ["beat", "whole"])
        assert all(f"brand{number:03}" in viewer.events[1][1]["html"] for number in range(3))
        board.shows("brandreleases", release(1, objects.suspended("x"), 2))
        until(lambda: viewer.names() == ["beat", "whole", "parts"])
        html = viewer.events[2][1]["html"]
        assert "brand001" in html
        assert "brand002" not in html
        mark = viewer.marks[-1]
    board.shows("brandreleases", release(2, objects.suspended("x"), 2))
    with stream(board, "?since=other.3", Last_Event_ID=mark) as again:
        until(lambda: again.names() == ["beat", "parts"])
        assert "brand002" in again.events[1][1]["html"]
        assert "brand001" not in again.events[1][1]["html"], "that was told before the connection was lost"


def test_a_brands_page_is_told_of_that_brand_alone(board: BoardServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BEAT_SECONDS", 0.2)
    with stream(board, f"?brand=brand001&since=one.{board.held.in_stories.revision}") as viewer:
        board.shows("brandreleases", release(2, objects.suspended("x"), 2))
        until(lambda: viewer.names().count("beat") >= 2)
        assert set(viewer.names()) == {"beat"}
        board.shows("brandreleases", release(1, objects.suspended("x"), 2))
        until(lambda: "parts" in viewer.names())
        board.shows("brandreleases", release(1, objects.suspended("x"), 3), "DELETED")
        until(lambda: viewer.events[-1][1].get("gone") is True)


def test_while_nothing_happens_something_is_said_now_and_then(
    board: BoardServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "BEAT_SECONDS", 0.1)
    with stream(board, f"?since=one.{board.held.on_the_wall.revision}") as viewer:
        until(lambda: len(viewer.names()) >= 4)
        assert set(viewer.names()) == {"beat"}
        board.trouble = "No list of the Kubernetes API has succeeded."
        until(lambda: viewer.events[-1][1]["trouble"] == board.trouble)


def test_what_changes_faster_than_anybody_reads_is_told_as_it_is_at_last(board: BoardServer) -> None:
    with stream(board) as viewer:
        until(lambda: "whole" in viewer.names())
        for version in range(2, 202):
            board.shows("brandreleases", release(1, objects.live("x", version), version))
        until(lambda: viewer.names()[-1] == "parts" and "release 201" in viewer.events[-1][1]["html"])
        assert len(viewer.events) < 100


def test_one_viewer_too_many_is_told_to_come_back(board: BoardServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "VIEWERS", 2)
    with stream(board) as one, stream(board):
        until(one.names)
        with stream(board) as third:
            assert (third.answer.status, third.answer.headers["Retry-After"]) == (503, "30")
            assert b"Too many pages are live already" in third.answer.read()
        board.shows("brandreleases", release(1, objects.suspended("x"), 2))
        until(lambda: "parts" in one.names())


def test_a_viewer_that_takes_nothing_is_dropped_and_nobody_waits_for_it(
    board: BoardServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "SLOW_SECONDS", 0.3)
    with socket.create_connection(("127.0.0.1", board.port)) as deaf, stream(board) as other:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(b"GET /board/events HTTP/1.1\r\nHost: board\r\n\r\n")
        until(lambda: len(board.board.streams._viewers) == 2)
        number, end = 100, time.monotonic() + 20
        while len(board.board.streams._viewers) == 2:
            assert time.monotonic() < end
            number += 1
            board.shows("brandreleases", release(number, objects.rolled_back("x"), 1))
        board.shows("brandreleases", release(1, objects.suspended("x"), 2))
        until(lambda: "Suspended" in str(other.events[-1]))


def test_open_pages_do_not_hold_the_end_of_the_operator_up() -> None:
    with BoardServer(objects.events()) as served:
        viewers = [Stream(served) for _ in range(3)]
        until(lambda: all("whole" in each.names() for each in viewers))
        began = time.monotonic()
    assert time.monotonic() - began < 2
    assert served.board.streams.takes_no_more
    for each in viewers:
        each.close()
