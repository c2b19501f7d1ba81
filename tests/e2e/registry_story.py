"""A story whose images are in a registry of its own, which can fail as registries do."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from e2e.story import Story
from support.registry import RegistryServer


@dataclass(kw_only=True)
class RegistryStory(Story):
    """A brand whose images are in `server` and nowhere else. `after`: what is to be ended when the story is over."""

    server: RegistryServer
    after: ExitStack = field(default_factory=ExitStack)

    def registry_dies(self) -> None:
        """Nobody listens where it was."""
        self.server.stop()

    def registry_is_overloaded(self) -> None:
        """503 is the answer to everything."""
        self.server.stop()
        address, port = self.server.host.split(":")
        overloaded = self.after.enter_context(ThreadingHTTPServer((address, int(port)), _Overloaded))
        threading.Thread(target=overloaded.serve_forever, daemon=True).start()
        self.after.callback(overloaded.shutdown)


Trouble = Callable[[RegistryStory], None]


class _Overloaded(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815 - the library calls it so

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Nothing on the terminal of the tests."""
