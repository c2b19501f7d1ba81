"""Who may look at the board, over HTTP."""

import http.client
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from support.board import objects
from support.board.server import BoardServer

TOKEN = "a token that nobody guesses"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str


def ask(
    board: BoardServer, path: str = "", method: str = "GET", form: dict[str, str] | None = None, **headers: str
) -> Answer:
    connection = http.client.HTTPConnection(board.origin.removeprefix("http://"), timeout=10)
    body = urllib.parse.urlencode(form) if form is not None else None
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(
        method, f"/board{path}", body, {name.replace("_", "-"): value for name, value in headers.items()}
    )
    answer = connection.getresponse()
    return Answer(answer.status, answer.headers, answer.read().decode())


def cookie(answer: Answer) -> str:
    return answer.headers["Set-Cookie"].partition(";")[0]


@pytest.fixture(scope="module")
def guarded() -> Iterator[BoardServer]:
    with BoardServer(objects.events(), TOKEN) as board:
        yield board


@pytest.mark.parametrize("path", ["", "/brands/drumeo", "/brands/nobody", "/reasons/Succeeded"])
def test_without_the_token_every_page_is_the_form_that_asks_for_it(guarded: BoardServer, path: str) -> None:
    answer = ask(guarded, path)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="brandrelease board"')
    assert 'action="/board/login"' in answer.text
    assert "drumeo-production" not in answer.text
    assert "3d86f4553df2" not in answer.text


def test_without_the_token_there_is_no_stream(guarded: BoardServer) -> None:
    assert ask(guarded, "/events").status == 401


@pytest.mark.parametrize("said", ["Bearer wrong", f"Basic {TOKEN}", "Bearer ", f"Bearer {TOKEN[:-1]}", "Bearer tökén"])
def test_a_wrong_header_is_refused(guarded: BoardServer, said: str) -> None:
    assert ask(guarded, Authorization=said).status == 401


def test_a_program_says_the_token_in_a_header(guarded: BoardServer) -> None:
    assert ask(guarded, Authorization=f"Bearer {TOKEN}").status == 200


def test_a_person_says_the_token_in_the_form_and_is_let_in_by_a_cookie(guarded: BoardServer) -> None:
    answer = ask(guarded, "/login", "POST", {"token": f" {TOKEN}\n", "page": "/board/brands/drumeo"})
    assert (answer.status, answer.headers["Location"]) == (303, "/board/brands/drumeo")
    said = answer.headers["Set-Cookie"]
    assert all(part in said for part in ("HttpOnly", "SameSite=Strict", "Path=/board", "Max-Age=43200"))
    assert "Secure" not in said
    assert TOKEN not in said
    assert ask(guarded, Cookie=cookie(answer)).status == 200
    assert ask(guarded, "/login", Cookie=cookie(answer)).status == 303
    left = ask(guarded, "/logout", "POST", {}, Cookie=cookie(answer))
    assert (left.status, left.headers["Location"]) == (303, "/board/login")
    assert "Max-Age=0" in left.headers["Set-Cookie"]


def test_behind_a_proxy_that_speaks_tls_the_cookie_is_for_tls_only(guarded: BoardServer) -> None:
    answer = ask(guarded, "/login", "POST", {"token": TOKEN}, X_Forwarded_Proto="https")
    assert "Secure" in answer.headers["Set-Cookie"]


def test_another_replica_with_the_same_token_knows_the_cookie_and_one_with_another_token_does_not(
    guarded: BoardServer,
) -> None:
    made = cookie(ask(guarded, "/login", "POST", {"token": TOKEN}))
    with BoardServer(token=TOKEN, boot="two") as other:
        assert ask(other, Cookie=made).status == 200
    with BoardServer(token=f"{TOKEN}, really") as changed:
        assert ask(changed, Cookie=made).status == 401


@pytest.mark.parametrize("change", ["9{}", "{}0", "x", ".", "99999999999.", "²²²²."])
def test_a_cookie_that_was_changed_or_made_up_is_refused(guarded: BoardServer, change: str) -> None:
    made = cookie(ask(guarded, "/login", "POST", {"token": TOKEN})).partition("=")[2]
    forged = f"brandrelease_board={change.format(made)}"
    assert ask(guarded, Cookie=forged.encode().decode("latin-1")).status == 401


@pytest.mark.parametrize(
    "page", ["https://evil.example.com", "//evil.example.com", "/board/../evil", "/board\r\nX: y", "/metrics"]
)
def test_signing_in_leads_to_pages_of_the_board_and_nowhere_else(guarded: BoardServer, page: str) -> None:
    assert ask(guarded, "/login", "POST", {"token": TOKEN, "page": page}).headers["Location"] == "/board"
    refused = ask(guarded, "/login", "POST", {"token": "wrong", "page": page})
    assert (refused.status, "evil" in refused.text) == (401, False)
    assert "That is not the board&#39;s token" in refused.text or "That is not the board's token" in refused.text


def test_an_open_board_asks_for_nothing() -> None:
    with BoardServer(objects.events()) as board:
        assert "3d86f4553df2" in ask(board).text
        assert ask(board, "/login").status == 303
        assert ask(board, "/login", "POST", {"token": ""}).headers["Location"] == "/board"
        assert "Sign out" not in ask(board).text


@pytest.mark.parametrize(
    "path", ["", "/brands/nobody", "/nothing", "/static/board.css", "/static/board.js", "/login", "/reasons/x"]
)
def test_every_answer_forbids_whatever_is_not_from_here(guarded: BoardServer, path: str) -> None:
    headers = ask(guarded, path, Authorization=f"Bearer {TOKEN}").headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    )
    assert "unsafe" not in policy
    assert (headers["X-Content-Type-Options"], headers["X-Frame-Options"]) == ("nosniff", "DENY")
    assert headers["Referrer-Policy"] == "no-referrer"
    assert ("immutable" in headers["Cache-Control"]) == path.startswith("/static/")
    assert path.startswith("/static/") or headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(guarded: BoardServer, method: str) -> None:
    for path in ("", "/brands/drumeo", "/events", "/reasons/Succeeded"):
        answer = ask(guarded, path, method, {}, Authorization=f"Bearer {TOKEN}")
        assert (answer.status, answer.headers["Allow"]) == (405, "GET" if path == "/events" else "GET,HEAD")


def test_a_page_that_is_not_there_says_where_the_board_begins(guarded: BoardServer) -> None:
    answer = ask(guarded, "/nothing", Authorization=f"Bearer {TOKEN}")
    assert answer.status == 404
    assert "The board begins at /board." in answer.text
    answer = ask(guarded, "/brands/nobody", Authorization=f"Bearer {TOKEN}")
    assert (answer.status, "There is no Brand &#34;nobody&#34;" in answer.text) == (404, True)
