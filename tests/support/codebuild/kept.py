"""A program that is started when somebody needs it and runs until it is ended."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from cluster.errors import ClusterError
from cluster.processes import Program, start, wait_until

END_SECONDS = 10.0


class Kept:
    """Runs ``program``; ``is_ready`` tells whether it serves.

    The kernel kills it when the thread that started it ends, so it has one of its own: requests come in threads that
    end.
    """

    def __init__(self, program: Program, is_ready: Callable[[], bool], seconds: float) -> None:
        self.program = program
        self._is_ready = is_ready
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._ended = False

    def need(self) -> None:
        """Return when it serves; starts it at the first time."""
        with self._lock:
            if self._process is not None:
                return
            if self._ended:
                raise ClusterError(f"{self.program.name} was ended.")
            started = threading.Event()
            self._thread = threading.Thread(target=self._keep, args=(started,), daemon=True)
            self._thread.start()
            started.wait(self._seconds)
            what = f"That {self.program.name} serves"
            wait_until(what, self._is_ready, self._seconds, self.program, self._process)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def end(self) -> None:
        """Kill it, if it runs, and wait until it is gone."""
        with self._lock:
            self._ended = True
            if self._process is None or self._thread is None:
                return
            if children := _children(self._process.pid):  # as unshare's: it ends when its child has ended
                for child in children:
                    os.kill(child, signal.SIGKILL)
                self._thread.join(END_SECONDS)
            self._process.kill()
            self._thread.join(END_SECONDS)

    def _keep(self, started: threading.Event) -> None:
        try:
            self._process = start(self.program)
        finally:
            started.set()
        self._process.wait()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
