"""The services that are not played here: moto's server, byte for byte."""

import http.client
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from cluster.ports import free_port
from cluster.processes import Program
from support.codebuild.kept import Kept
from support.codebuild.wire import Answer, Request

HOST = "127.0.0.1"
START_SECONDS = 60.0
ANSWER_SECONDS = 60.0
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "expect"})
BAD = 400


class Moto:
    """Starts at the first request that is for it, which takes about a second."""

    def __init__(self, directory: Path) -> None:
        self._port = free_port()
        argv = (sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(self._port))
        self._kept = Kept(Program("moto's server", argv, directory / "moto.log"), self._serves, START_SECONDS)

    def ask(self, request: Request) -> Answer:
        """Pass the request on, and the answer back."""
        self._kept.need()
        connection = http.client.HTTPConnection(HOST, self._port, timeout=ANSWER_SECONDS)
        try:
            connection.request(request.method, request.path, request.body, _end_to_end(request.headers))
            response = connection.getresponse()
            body = response.read()
            error = None if response.status < BAD else response.headers.get("x-amzn-errortype") or str(response.status)
            return Answer(response.status, _end_to_end(dict(response.getheaders())), body, error)
        finally:
            connection.close()

    def end(self) -> None:
        self._kept.end()

    def _serves(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self._port}/moto-api/data.json", timeout=5):
                return True
        except OSError:  # nobody listens yet, or nobody answers
            return False


def _end_to_end(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
