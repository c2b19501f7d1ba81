"""One BuildKit daemon, in namespaces of its own: when it is killed, its mounts and the processes of builds go with it.

Its images are in memory: nobody wants them afterwards, and it would wait for the disk often.
"""

import itertools
import json
import os
import shutil
import socket
import threading
from pathlib import Path

from cluster import cgroups, toolchain
from cluster.processes import Program
from support.codebuild.kept import Kept
from support.registry import User

NAMESPACES = ("/usr/bin/unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
IN_MEMORY = ("/bin/sh", "-c", 'mount -t tmpfs tmpfs "$0" && exec "$@"')
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
START_SECONDS = 30.0
CGROUP = "codebuild"
PROGRAMS = tuple(module for module in toolchain.NODE if module.name in {"runc", "buildkit"})
_numbers = itertools.count(1)


class BuildKit:
    """Starts at the first build. ``directory`` is removed in the end."""

    def __init__(self, directory: Path, registry: str, user: User | None) -> None:
        self._directory, self._registry, self._user = directory, registry, user
        self._cgroup = f"{CGROUP}-{os.getpid()}-{next(_numbers)}"
        self._lock = threading.Lock()
        self._daemon: Kept | None = None
        self._programs = Path()

    def buildctl(self, *arguments: str) -> tuple[str, ...]:
        """The command line for buildctl; starts the daemon if it does not run yet."""
        with self._lock:
            if self._daemon is None:
                self._daemon = self._prepare()
        self._daemon.need()
        return (str(self._programs / "buildctl"), "--addr", f"unix://{self._socket}", *arguments)

    @property
    def environment(self) -> dict[str, str]:
        """For buildctl: it takes the login of the registry from the configuration of Docker."""
        return {"PATH": PATH, "HOME": "/nonexistent", "DOCKER_CONFIG": str(self._directory)}

    @property
    def pid(self) -> int | None:
        return self._daemon.pid if self._daemon is not None else None

    def close(self) -> None:
        with self._lock:
            if self._daemon is None:
                return
            self._daemon.end()
            cgroups.remove(self._cgroup)
            shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def _root(self) -> Path:
        return self._directory / "root"

    @property
    def _socket(self) -> Path:
        return self._directory / "buildkitd.sock"

    def _prepare(self) -> Kept:
        self._programs = toolchain.programs(PROGRAMS, print)
        self._root.mkdir(parents=True)
        _remove_orphans()
        cgroups.create(self._cgroup)
        configuration = self._directory / "buildkitd.toml"
        configuration.write_text(self._configuration())
        logins = {self._registry: {"auth": self._user.login}} if self._user else {}
        (self._directory / "config.json").write_text(json.dumps({"auths": logins}))
        daemon = (str(self._programs / "buildkitd"), "--config", str(configuration))
        argv = (*NAMESPACES, *IN_MEMORY, str(self._root), *daemon)
        program = Program("BuildKit's daemon", argv, self._directory.parent / "buildkitd.log", PATH)
        return Kept(program, self._listens, START_SECONDS)

    def _configuration(self) -> str:
        text = json.dumps  # a string of JSON is one of TOML
        return f"""\
root = {text(str(self._root))}
[grpc]
address = [{text(f"unix://{self._socket}")}]
[worker.oci]
enabled = true
binary = {text(str((self._programs / "runc").resolve()))}
networkMode = "host"
defaultCgroupParent = {text(cgroups.root_of(self._cgroup))}
max-parallelism = 4
[worker.containerd]
enabled = false
[registry.{text(self._registry)}]
http = true
"""

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self._socket))
            except OSError:
                return False
            return True


def _remove_orphans() -> None:
    """Remove the cgroups of servers whose process was killed: the one thing that outlives it."""
    prefix = cgroups.root_of(CGROUP).lstrip("/")
    found = (path.name for pattern in ("", "*/") for path in cgroups.MOUNTED.glob(f"{pattern}{prefix}-*"))
    for name in set(found):
        pid, _, number = name.removeprefix(f"{prefix}-").partition("-")
        if not Path("/proc", pid).exists():
            cgroups.remove(f"{CGROUP}-{pid}-{number}")
