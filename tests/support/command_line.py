"""`brandrelease` as a script calls it: a process, its output and its exit code."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Said:
    """How a call went."""

    code: int
    out: str
    err: str

    def ends(self, code: int) -> "Said":
        assert self.code == code, f"exit code {self.code}\n{self.out}\n{self.err}"
        return self


class CommandLine:
    """Calls with a kubeconfig, by somebody who is logged in as ada."""

    def __init__(self, kubeconfig: Path, home: Path) -> None:
        self.environment = {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(kubeconfig),
            "HOME": str(home),
            "USER": "ada",
            "LOGNAME": "ada",
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
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
