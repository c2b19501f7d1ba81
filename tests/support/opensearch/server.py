"""Starts OpenSearch with a data folder of its own, as a user other than root: it refuses to be root."""

import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cluster.ports import free_port
from cluster.processes import Program, start, wait_until
from support.opensearch.jars import installed

USER, GROUP = "nobody", "nogroup"
START_SECONDS = 90.0
ASK_SECONDS = 60.0
HEAP = "768m"

LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""


class OpenSearchServer:
    """Runs OpenSearch on this machine while the block runs. Its data goes with it."""

    def __init__(self) -> None:
        self.port = 0
        self._home = Path()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        jars = installed(print)
        # Not below the cache or pytest's directory: those are root's alone.
        self._home = Path(tempfile.mkdtemp(prefix="brandrelease-opensearch-"))
        try:
            self._start(jars)
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
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, content: object = None) -> Any:
        """The JSON of the answer; raises HTTPError for a status that is no success."""
        body = None if content is None else json.dumps(content).encode()
        return self._send(method, path, body, "application/json")

    def create(self, index: str, fields: Mapping[str, str], **settings: object) -> None:
        """Make an index of one shard with these fields, name -> type."""
        mapping = {"dynamic": False, "properties": {name: {"type": kind} for name, kind in fields.items()}}
        shards = {"number_of_shards": 1, "number_of_replicas": 0, **settings}
        self.ask("PUT", f"/{index}", {"settings": shards, "mappings": mapping})

    def bulk(self, index: str, lines: Iterable[Mapping[str, object]], *, refresh: bool = True) -> None:
        """Write lines; with `refresh` they can be found when this returns."""
        action = b'{"index":{}}\n'
        body = b"".join(action + json.dumps(line).encode() + b"\n" for line in lines)
        self.bulk_raw(index, body)
        if refresh:
            self.ask("POST", f"/{index}/_refresh")

    def bulk_raw(self, index: str, body: bytes) -> None:
        """Write lines that are already in the form of the bulk API."""
        answer = self._send("POST", f"/{index}/_bulk?filter_path=errors", body, "application/x-ndjson")
        assert answer == {"errors": False}, answer

    def _send(self, method: str, path: str, body: bytes | None, kind: str) -> Any:
        request = urllib.request.Request(self.url + path, data=body, method=method, headers={"Content-Type": kind})
        with urllib.request.urlopen(request, timeout=ASK_SECONDS) as answer:
            return json.loads(answer.read() or b"null")

    def _start(self, jars: Path) -> None:
        shutil.copytree(jars, self._home, dirs_exist_ok=True)
        for name in ("config", "data", "logs", "plugins"):
            (self._home / name).mkdir()
        self.port = free_port()
        self._configure()
        self._give_away()
        program = Program("OpenSearch", self._command(), self._home / "logs" / "server.log")
        self._process = start(program)
        wait_until("That OpenSearch answers", self._answers, START_SECONDS, program, self._process)

    def _configure(self) -> None:
        settings = {
            "cluster.name": "brandrelease-tests",
            "discovery.type": "single-node",
            "network.host": "127.0.0.1",
            "http.port": self.port,
            "transport.port": free_port(),
            "indices.breaker.total.use_real_memory": False,  # it takes garbage that nobody has collected yet for memory in use
            "cluster.routing.allocation.disk.threshold_enabled": False,  # a full disk of the machine is not the test's
        }
        (self._home / "config" / "opensearch.yml").write_text(json.dumps(settings))  # JSON is YAML
        (self._home / "config" / "log4j2.properties").write_text(LOGGING)

    def _give_away(self) -> None:
        if os.geteuid() == 0:
            for path in (self._home, *self._home.rglob("*")):
                shutil.chown(path, USER, GROUP)

    def _command(self) -> tuple[str, ...]:
        java = (
            "/usr/bin/java",
            f"-Xms{HEAP}",
            f"-Xmx{HEAP}",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",  # the fast compiler alone: it starts in seconds
            "-Djava.security.manager=allow",
            f"-Djava.io.tmpdir={self._home / 'data'}",
            f"-Dopensearch.path.home={self._home}",
            f"-Dopensearch.path.conf={self._home / 'config'}",
            "-Dopensearch.networkaddress.cache.ttl=60",
            "-classpath",
            f"{self._home}/lib/*",
            "org.opensearch.bootstrap.OpenSearch",
        )
        if os.geteuid() != 0:
            return java
        # With another user the kernel forgets whose death ends the process, so it is told again.
        other = ("--reuid", USER, "--regid", GROUP, "--clear-groups", "--pdeathsig", "KILL")
        return ("/usr/bin/setpriv", *other, *java)

    def _answers(self) -> bool:
        try:
            return bool(self.ask("GET", "/_cluster/health")["status"] == "green")
        except OSError:
            return False

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        shutil.rmtree(self._home, ignore_errors=True)
