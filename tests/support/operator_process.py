"""The operator as users run it: a process of its own, that can be killed at any moment."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from cluster.ports import free_port

START_SECONDS = 90.0
STOP_SECONDS = 30.0


RUN: Final = ("brandrelease", "run")


class OperatorProcess:
    """`python -m brandrelease run` with a log file of its own, or another module that runs it."""

    def __init__(self, log: Path, environment: Mapping[str, str], module: Sequence[str] = RUN) -> None:
        self._log, self._port, self._module = log, free_port(), module
        self._environment = {
            "PATH": os.environ["PATH"],
            "BRANDRELEASE_HTTP_ADDRESS": f"127.0.0.1:{self._port}",
            "BRANDRELEASE_LOG_FORMAT": "json",
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether the process is there, by the operating system."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it serves its probes."""
        with self._log.open("ab") as sink:
            self._process = subprocess.Popen(
                (sys.executable, "-m", *self._module), env=self._environment, stdout=sink, stderr=sink
            )
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > end or self._process.poll() is not None:
                raise AssertionError(f"The operator did not start; its log ends with:\n{self.last_lines()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a lost node would: without a chance to say goodbye."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as the kubelet does."""
        self._end(signal.SIGTERM)

    def last_lines(self, count: int = 30) -> str:
        """The end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-count:]) if self._log.exists() else ""

    def get(self, path: str) -> str:
        """What its HTTP server answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def _answers(self) -> bool:
        try:
            return self.get("/readyz") == "ok\n"
        except (urllib.error.URLError, OSError):
            return False

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"The operator did not end within {STOP_SECONDS:g} s:\n{self.last_lines()}") from None
        finally:
            self._process = None
