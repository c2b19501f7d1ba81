"""The local provider: a node in namespaces of its own on this machine (Linux, root; no container engine needed)."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cluster import cgroups, debian, plan, toolchain
from cluster.clusters import Cluster
from cluster.errors import ClusterError
from cluster.places import HIDDEN_IN_THE_NODE, PYTHON_ROOT, run_directory
from cluster.processes import POLL_SECONDS, Program, wait_until

Say = Callable[[str], None]

UP_SECONDS = 240.0
DOWN_SECONDS = 30.0
LOG = Path("logs", "cluster.log")


def up(name: str, hours: float, say: Say) -> Cluster:
    """Start the cluster ``name``, or return it if it is up; it ends by itself after ``hours``."""
    directory = run_directory(name)
    _check(directory)
    if is_up(name):
        return _cluster(name)
    debian.require(debian.FOR_THE_NODE, say)
    programs = toolchain.programs(toolchain.NODE, say)
    with _alone():
        if not is_up(name):  # another run may have started it while this one waited
            _end(name)
            _start(name, programs, hours, say)
    return _cluster(name)


def down(name: str) -> None:
    """End the cluster ``name`` and remove all it left; does nothing if there is nothing."""
    with _alone():
        _end(name)


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock of all clusters, so that two runs do not start or end the same one."""
    parent = run_directory("any").parent
    parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(parent, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _start(name: str, programs: Path, hours: float, say: Say) -> None:
    directory = run_directory(name)
    (directory / "logs").mkdir(parents=True)
    supervisor = _start_supervisor(directory, name, programs, hours)
    try:
        _wait(supervisor, directory, say)
    except BaseException:
        supervisor.kill()
        supervisor.wait()
        raise


def _end(name: str) -> None:
    directory = run_directory(name)
    with suppress(ProcessLookupError):
        for pid in _processes_of(directory):
            # The kernel ends all the rest, so that one way of ending is enough, and a crash is not another one.
            os.kill(pid, signal.SIGKILL)
    wait_until(f"That the processes of the cluster {name} are gone", lambda: not _processes_of(directory), DOWN_SECONDS)
    link = _link(directory)
    if link is not None:
        wait_until(f"That the link {link.name} is gone", lambda: not link.exists(), DOWN_SECONDS)
    _remove_cgroups(name)
    shutil.rmtree(directory, ignore_errors=True)
    if directory.exists():
        message = f"The directory {directory} could not be removed; look for mounts below it with `findmnt`."
        raise ClusterError(message)


def is_up(name: str) -> bool:
    """Tell whether the cluster ``name`` runs and has finished starting."""
    directory = run_directory(name)
    return (directory / "ready").exists() and bool(_processes_of(directory))


def names() -> list[str]:
    """Return the names of the clusters that have a run directory, up or not."""
    parent = run_directory("any").parent
    return sorted(path.name for path in parent.iterdir() if path.is_dir()) if parent.exists() else []


def _check(directory: Path) -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        message = "The local provider makes namespaces and needs root on Linux. Run it as root, or use `--provider kind` or `existing`."
        raise ClusterError(message)
    for hidden in HIDDEN_IN_THE_NODE:
        if directory.is_relative_to(hidden):
            message = f"The cache directory may not be below {hidden}, which the node hides. Set XDG_CACHE_HOME to another directory."
            raise ClusterError(message)


def _start_supervisor(directory: Path, name: str, programs: Path, hours: float) -> subprocess.Popen[bytes]:
    argv = (sys.executable, "-m", "cluster.supervisor", str(directory), name, str(programs), str(hours))
    environment = {**os.environ, "PYTHONPATH": str(PYTHON_ROOT), "PYTHONUNBUFFERED": "1"}
    with (directory / LOG).open("ab") as log:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True, cwd="/"
        )


def _wait(supervisor: subprocess.Popen[bytes], directory: Path, say: Say) -> None:
    began = time.monotonic()
    program = Program("the supervisor", (), directory / LOG)
    say("Starting the node.")
    wait_until("That the cluster is ready", (directory / "ready").exists, UP_SECONDS, program, supervisor)
    say(f"The node is ready after {time.monotonic() - began:.1f} s.")


def _cluster(name: str) -> Cluster:
    directory = run_directory(name)
    the_plan = plan.read(directory)
    return Cluster(
        name=name,
        kubeconfig=directory / "kubeconfig",
        host_address=the_plan.addresses.host,
        registry=the_plan.addresses.registry,
        kubectl=the_plan.programs / "kubectl",
        programs=the_plan.programs,
        run_directory=directory,
    )


def _processes_of(directory: Path) -> list[int]:
    """Return the host's ids of the supervisor, the registry and everything that runs in the node's namespaces."""
    supervisors = [pid for pid, words in _command_lines() if words[1:4] == ["-m", "cluster.supervisor", str(directory)]]
    nodes = [pid for pid, words in _command_lines() if words[1:4] == ["-m", "cluster.node", str(directory)]]
    return supervisors + nodes


def _command_lines() -> list[tuple[int, list[str]]]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
                found.append((int(entry.name), words))
    return found


def _link(directory: Path) -> Path | None:
    with suppress(OSError):
        return Path("/sys/class/net", plan.read(directory).addresses.link)
    return None


def _remove_cgroups(name: str) -> None:
    """Remove the cluster's cgroups; a process that has just been killed may hold one for a moment."""
    end = time.monotonic() + DOWN_SECONDS
    while cgroups.existing(name):
        cgroups.remove(name)
        if time.monotonic() > end:
            left = ", ".join(str(path) for path in cgroups.existing(name))
            message = f"These control groups could not be removed because a process is still in them: {left}."
            raise ClusterError(message)
        time.sleep(POLL_SECONDS)
