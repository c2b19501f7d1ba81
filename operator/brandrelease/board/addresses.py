"""The board's addresses: /board and what is below it."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from brandrelease.board.access import Access
from brandrelease.board.files import FILES, read
from brandrelease.board.held import Held
from brandrelease.board.pages import ROOT, Pages
from brandrelease.board.streams import BrandView, OverviewView, Streams, View

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "brandrelease",
}
_PAGE: Final = re.compile(r"/board(/brands/[a-z0-9.-]{1,253})?")
"""Pages that one can be led to after signing in."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Board:
    """Read-only, but for signing in and out."""

    held: Held
    pages: Pages
    streams: Streams
    access: Access

    def add_to(self, app: web.Application) -> None:
        """Serve the board beside what is served already."""
        board = web.Application(middlewares=[_sentences(self.pages)])
        board.on_response_prepare.append(_secured)
        board.on_shutdown.append(self._end)
        board.router.add_get("", self._for_viewers(self._overview))
        board.router.add_get("/brands/{brand}", self._for_viewers(self._brand))
        board.router.add_get("/reasons/{reason}", self._for_viewers(self._reason))
        board.router.add_get("/events", self._events, allow_head=False)
        board.router.add_get("/login", self._login_form)
        board.router.add_post("/login", self._login)
        board.router.add_post("/logout", self._logout)
        for name, kind in FILES.items():
            board.router.add_get(f"/static/{name}", _file(name, kind))
        app.add_subapp(ROOT, board)

    def _for_viewers(self, page: Handler) -> Handler:
        """Whoever is not let in gets the form that asks for the token in the place of the page."""

        async def handler(request: web.Request) -> web.StreamResponse:
            if self.access.lets_in(request):
                return await page(request)
            return self._ask_for_token(request.path, refused="Authorization" in request.headers)

        return handler

    # --- pages --------------------------------------------------------------------------------------------------------

    async def _overview(self, _: web.Request) -> web.Response:
        mark = self.streams.mark(OverviewView(self.held, self.pages))
        return _html(self.pages.overview(mark, can_leave=not self.access.is_open))

    async def _brand(self, request: web.Request) -> web.Response:
        name = request.match_info["brand"]
        mark = self.streams.mark(BrandView(self.held, self.pages, name))
        html = self.pages.brand(name, mark, can_leave=not self.access.is_open)
        if html is None:
            raise web.HTTPNotFound(text=f'There is no Brand "{name}", and no BrandRelease names it.')
        return _html(html)

    async def _reason(self, request: web.Request) -> web.Response:
        name = request.match_info["reason"]
        html = self.pages.reason(name, can_leave=not self.access.is_open)
        if html is None:
            raise web.HTTPNotFound(text=f'There is no reason "{name}".')
        return _html(html)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if not self.access.lets_in(request):
            raise web.HTTPUnauthorized(text="The token is missing or wrong.")
        if self.streams.takes_no_more:
            raise web.HTTPServiceUnavailable(
                text="Too many pages are live already; this one stands still. Reload it to see what is new.",
                headers={"Retry-After": "30"},
            )
        brand = request.query.get("brand", "")
        view: View = BrandView(self.held, self.pages, brand) if brand else OverviewView(self.held, self.pages)
        return await self.streams.serve(request, view)

    # --- the token ----------------------------------------------------------------------------------------------------

    async def _login_form(self, request: web.Request) -> web.Response:
        if self.access.lets_in(request):
            raise web.HTTPSeeOther(ROOT)
        return self._ask_for_token(ROOT, refused=False)

    async def _login(self, request: web.Request) -> web.Response:
        said = await request.post()
        page = str(said.get("page", ROOT))
        if not self.access.is_open and not self.access.is_token(str(said.get("token", "")).strip()):
            return self._ask_for_token(page, refused=True)
        answer = web.Response(status=303, headers={"Location": page if _PAGE.fullmatch(page) else ROOT})
        if not self.access.is_open:
            by_proxy = request.headers.get("X-Forwarded-Proto", "").split(",")[-1].strip()
            self.access.sign_in(answer, secure="https" in {request.scheme, by_proxy})
        return answer

    async def _logout(self, _: web.Request) -> web.Response:
        answer = web.Response(status=303, headers={"Location": f"{ROOT}/login"})
        self.access.sign_out(answer)
        return answer

    def _ask_for_token(self, page: str, *, refused: bool) -> web.Response:
        html = self.pages.login(page if _PAGE.fullmatch(page) else ROOT, refused=refused)
        return _html(html, status=401, headers={"WWW-Authenticate": 'Bearer realm="brandrelease board"'})

    async def _end(self, _: web.Application) -> None:
        await self.streams.end()


def _html(text: str, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    body = text.encode(errors="replace")
    answer = web.Response(body=body, content_type="text/html", charset="utf-8", status=status, headers=headers)
    answer.enable_compression()
    return answer


def _sentences(pages: Pages) -> Middleware:
    """What cannot be answered is said on a page that looks like the others."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPClientError as error:
            text = error.text or ""
            if error.status == web.HTTPNotFound.status_code and text.startswith(str(error.status)):
                text = "There is no such page. The board begins at /board."
            kept = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
            return _html(pages.message(error.reason, text), error.status, kept)

    return middleware


async def _secured(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")


def _file(name: str, kind: str) -> Handler:
    body = read(name)

    async def handler(_: web.Request) -> web.Response:
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        answer = web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)
        answer.enable_compression()
        return answer

    return handler
