"""`brandrelease` as a script calls it: a process, its output and its exit code."""

import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import yaml

PROGRAMS: Final = Path(sys.executable).parent
"""Where `brandrelease`, `kubectl-brandrelease` and `kubectl_complete-brandrelease` are installed."""


@dataclass(frozen=True)
class Said:
    """How a call went."""

    code: int
    out: str
    err: str

    def ends(self, code: int) -> "Said":
        assert self.code == code, f"exit code {self.code}\n{self.out}\n{self.err}"
        assert "Traceback" not in self.err, self.err
        return self


@functools.cache
def _loaded() -> subprocess.Popen[str]:
    """One for the whole run; it ends with it, as nobody asks any more."""
    return subprocess.Popen(
        (sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-m", "support.loaded_command"),
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


class CommandLine:
    """Calls with a kubeconfig, by somebody who is logged in as ada."""

    def __init__(self, kubeconfig: Path, home: Path) -> None:
        self.environment = {
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "KUBECONFIG": str(kubeconfig),
            "HOME": str(home),
            "USER": "ada",
            "LOGNAME": "ada",
            "LANG": "C.UTF-8",
            "PYTHONWARNINGS": "error,ignore::ResourceWarning",
        }

    def __call__(self, *words: str, limit: int = 60) -> Said:
        """To its end. The program is loaded already: see `support.loaded_command`."""
        with TemporaryDirectory() as place:
            out, err = Path(place) / "out", Path(place) / "err"
            call = {"words": words, "environment": self.environment, "limit": limit, "out": str(out), "err": str(err)}
            server = _loaded()
            assert server.stdin
            assert server.stdout
            server.stdin.write(json.dumps(call) + "\n")
            server.stdin.flush()
            return Said(int(server.stdout.readline()), out.read_text(), err.read_text())

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """The same without waiting for its end, and started from nothing."""
        return subprocess.Popen(
            (sys.executable, "-m", "brandrelease", *words),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def kubeconfig_of(administrators: Path, token: str, to: Path) -> Path:
    """A kubeconfig for the same server with a token in place of the administrator's certificate."""
    body = yaml.safe_load(administrators.read_text())
    body["users"] = [{"name": each["name"], "user": {"token": token}} for each in body["users"]]
    to.write_text(yaml.safe_dump(body))
    return to
