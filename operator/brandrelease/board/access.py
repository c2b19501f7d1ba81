"""Who may look at the board: everybody who reaches it, or whoever has the token."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

COOKIE: Final = "brandrelease_board"
SIGNED_IN_FOR: Final = timedelta(hours=12)
_BEARER: Final = "Bearer "


class Access:
    """Asks for a token, unless there is none. Nothing is remembered: every replica knows a cookie of another one."""

    def __init__(self, token: str | None, now: Callable[[], datetime]) -> None:
        """token: None lets everybody in."""
        self._token, self._now = token.encode() if token is not None else None, now

    @property
    def is_open(self) -> bool:
        """Whether no token is asked for."""
        return self._token is None

    def is_token(self, said: str) -> bool:
        """Whether this is the token; it takes the same time whatever was said."""
        # Of digests, so that not even the length of the token can be measured.
        theirs, ours = hashlib.sha256(said.encode(errors="replace")), hashlib.sha256(self._token or b"")
        return self._token is not None and hmac.compare_digest(theirs.digest(), ours.digest())

    def lets_in(self, request: web.Request) -> bool:
        """By the header Authorization, or by the cookie."""
        if self.is_open:
            return True
        header = request.headers.get("Authorization", "")
        if header.startswith(_BEARER):
            return self.is_token(header.removeprefix(_BEARER).strip())
        return self._is_fresh(request.cookies.get(COOKIE, ""))

    def sign_in(self, response: web.StreamResponse, *, secure: bool) -> None:
        """Give the browser a cookie, which no script can read and no other site can send."""
        until = str(int((self._now() + SIGNED_IN_FOR).timestamp()))
        response.set_cookie(
            COOKIE,
            f"{until}.{self._seal(until)}",
            path="/board",
            max_age=int(SIGNED_IN_FOR.total_seconds()),
            httponly=True,
            secure=secure,
            samesite="Strict",
        )

    def sign_out(self, response: web.StreamResponse) -> None:
        """Take the cookie away."""
        response.del_cookie(COOKIE, path="/board")

    def _is_fresh(self, cookie: str) -> bool:
        until, _, seal = cookie.partition(".")
        # Compared as bytes: a text with other letters than English ones cannot be.
        genuine = hmac.compare_digest(seal.encode(errors="replace"), self._seal(until).encode())
        return genuine and int(until) > self._now().timestamp()

    def _seal(self, until: str) -> str:
        """What only who has the token can write. The token itself is in no cookie."""
        message = f"board until {until}".encode(errors="replace")
        return hmac.new(self._token or b"", message, hashlib.sha256).hexdigest()
