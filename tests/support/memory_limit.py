"""A memory cgroup around one process, in which the kernel kills it as it kills a container that uses too much."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOUNTED = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class MemoryLimit:
    """The cgroup, of version 1 or 2."""

    directory: Path

    @property
    def _is_version_2(self) -> bool:
        return (self.directory / "memory.max").exists()

    def put(self, pid: int, more: int) -> None:
        """From now on the process may use so many bytes beside what it has."""
        (self.directory / ("memory.max" if self._is_version_2 else "memory.limit_in_bytes")).write_text(str(more))
        (self.directory / "cgroup.procs").write_text(str(pid))

    def killed(self) -> int:
        """How many processes the kernel has killed for it."""
        events = self.directory / ("memory.events" if self._is_version_2 else "memory.oom_control")
        return next(int(line.split()[1]) for line in events.read_text().splitlines() if line.startswith("oom_kill "))


@contextlib.contextmanager
def memory_limit(name: str) -> Iterator[MemoryLimit]:
    """Make it while the block runs. Raises OSError where this is not root or cgroups are somebody else's."""
    parent = MOUNTED if (MOUNTED / "cgroup.controllers").exists() else MOUNTED / "memory"
    directory = parent / f"{name}-{os.getpid()}"
    directory.mkdir()
    try:
        yield MemoryLimit(directory)
    finally:
        for pid in (directory / "cgroup.procs").read_text().split():  # where the kernel has not killed it
            (parent / "cgroup.procs").write_text(pid)
        directory.rmdir()
