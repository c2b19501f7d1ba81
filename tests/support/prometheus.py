"""A real Prometheus: Debian's, with metrics that it scrapes from this machine again and again."""

import json
import ssl
import subprocess
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from cluster import debian
from cluster.certificates import Authority, KeyPair
from cluster.ports import free_port
from cluster.processes import Program, start, wait_until
from support.registry import User, bcrypt

SCRAPE = "200ms"
START_SECONDS = 30.0
ASK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Guard:
    """Basic authentication and TLS, as --web.config.file has them."""

    user: User
    pair: KeyPair
    authority: Authority

    @property
    def ca(self) -> bytes:
        return self.authority.pair.certificate.read_bytes()


def guard(directory: Path, user: User) -> Guard:
    """A guard with a certificate of an authority of its own."""
    authority = Authority(directory)
    authority.create()
    return Guard(user, authority.issue("prometheus", "prometheus", addresses=("127.0.0.1",)), authority)


class PrometheusServer:
    """Runs Prometheus, with its data in ``directory``, while the block runs.

    targets: host:port of what has /metrics. path: under which all of it is served, for example /prometheus. scrape: how often,
    and also the limit of each time: what is scraped in vain once is not there until the next time.
    """

    def __init__(
        self,
        directory: Path,
        targets: Sequence[str] = (),
        *,
        path: str = "",
        guarded: Guard | None = None,
        scrape: str = SCRAPE,
    ) -> None:
        self.port, self._scrape = 0, scrape
        self._directory = directory
        self._targets = list(targets)
        self._path = path
        self._guard = guarded
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        debian.require(debian.FOR_THE_CHECKS, print)
        self.port = free_port()
        program = Program("Prometheus", self._command(), self._directory / "prometheus.log")
        self._process = start(program)
        try:
            wait_until("That Prometheus answers", self._answers, START_SECONDS, program, self._process)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def url(self) -> str:
        return f"{'https' if self._guard else 'http'}://127.0.0.1:{self.port}{self._path}"

    def query(self, text: str) -> list[Any]:
        """The elements of the vector that the query gives."""
        answer = self._ask("/api/v1/query?" + urlencode({"query": text}))
        return list(json.loads(answer)["data"]["result"])

    def wait_for(self, query: str) -> None:
        """Return when the query finds something: what was counted just now has been scraped."""
        wait_until(f"That {query} finds something", lambda: bool(self.query(query)), START_SECONDS)

    def _command(self) -> tuple[str, ...]:
        self._directory.mkdir(parents=True, exist_ok=True)
        scraped = {"job_name": "site", "static_configs": [{"targets": self._targets}]}
        configuration = {
            "global": {"scrape_interval": self._scrape, "scrape_timeout": self._scrape},
            "scrape_configs": [scraped],
        }
        return (
            debian.FOR_THE_CHECKS["prometheus"],
            f"--config.file={self._write('prometheus.yml', configuration)}",
            f"--web.config.file={self._write('web.yml', self._web())}",
            f"--storage.tsdb.path={self._directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--web.external-url={self.url}",
            "--log.level=warn",
        )

    def _web(self) -> dict[str, Any]:
        if self._guard is None:
            return {}
        user, pair = self._guard.user, self._guard.pair
        return {
            "basic_auth_users": {user.name: bcrypt(user.password)},
            "tls_server_config": {"cert_file": str(pair.certificate), "key_file": str(pair.key)},
        }

    def _write(self, name: str, content: dict[str, Any]) -> Path:
        path = self._directory / name
        path.write_text(json.dumps(content))  # JSON is YAML
        return path

    def _answers(self) -> bool:
        try:
            self._ask("/-/ready")
        except OSError:
            return False
        return True

    def _ask(self, path: str) -> bytes:
        request = urllib.request.Request(self.url + path)
        tls = None
        if self._guard:
            request.add_header("Authorization", f"Basic {self._guard.user.login}")
            tls = ssl.create_default_context(cadata=self._guard.ca.decode())
        with urllib.request.urlopen(request, timeout=ASK_SECONDS, context=tls) as answer:
            return bytes(answer.read())

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
