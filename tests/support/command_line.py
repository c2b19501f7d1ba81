"""`brandrelease` as a script calls it: a process, its output and its exit code."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
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

    def __call__(self, *words: str, limit: float = 60) -> Said:
        started = self.begin(*words)
        out, err = started.communicate(timeout=limit)
        return Said(started.returncode, out, err)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """The same without waiting for its end."""
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
