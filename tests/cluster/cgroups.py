"""The cgroups of one cluster: a subtree of its own in every hierarchy, so that ``down`` can remove exactly those."""

import contextlib
from pathlib import Path

MOUNTED = Path("/sys/fs/cgroup")
INHERITED = ("cpuset.cpus", "cpuset.mems")


def root_of(cluster: str) -> str:
    """Return the cgroup path of ``cluster``, as the kubelet's ``cgroupRoot``."""
    return f"/brandrelease-{cluster}"


def create(cluster: str) -> None:
    """Make the cluster's cgroup in every hierarchy (version 1) or in the only one (version 2)."""
    for hierarchy in _hierarchies():
        directory = hierarchy / root_of(cluster).lstrip("/")
        directory.mkdir(exist_ok=True)
        if hierarchy != MOUNTED:
            _copy_cpuset(hierarchy, directory)


def remove(cluster: str) -> None:
    """Remove the cluster's cgroups, deepest first. Those that still hold a process stay; that is not an error here."""
    for top in existing(cluster):
        for directory in sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True):
            with contextlib.suppress(OSError):
                directory.rmdir()
        with contextlib.suppress(OSError):
            top.rmdir()


def existing(cluster: str) -> list[Path]:
    """Return the cluster's cgroup directories that exist now."""
    tops = (hierarchy / root_of(cluster).lstrip("/") for hierarchy in _hierarchies())
    return [top for top in tops if top.is_dir()]


def _hierarchies() -> list[Path]:
    if (MOUNTED / "cgroup.controllers").exists():
        return [MOUNTED]
    return [path for path in MOUNTED.iterdir() if path.is_dir() and not path.is_symlink()]


def _copy_cpuset(parent: Path, child: Path) -> None:
    # In version 1 a new cpuset is empty, and nothing can run in it until it is given processors and memory nodes.
    for name in INHERITED:
        if (parent / name).exists():
            (child / name).write_text((parent / name).read_text())
