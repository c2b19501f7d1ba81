"""Compile the cluster's programs from their pinned Go modules, once, into the cache."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster import debian, go_compiler
from cluster.errors import ClusterError
from cluster.places import GO_MODULES, cache
from cluster.processes import Program

Say = Callable[[str], None]

COMPILE_SECONDS = 3600.0
PROGRESS_SECONDS = 15.0


@dataclass(frozen=True)
class Progress:
    """Says which program of how many is being compiled; ``before`` were compiled from earlier modules."""

    say: Say
    before: int
    total: int

    def of(self, index: int) -> Say:
        """Return what reports on the program ``index`` of the current module."""
        return lambda text: self.say(f"[{self.before + index + 1} of {self.total}] {text}")


@dataclass(frozen=True)
class Module:
    """One Go module of ``tests/cluster/go`` and the programs to build from it: file name to package."""

    name: str
    programs: tuple[tuple[str, str], ...]
    flags: tuple[str, ...] = ("-trimpath", "-ldflags", "-s -w")
    cgo: bool = True

    def directory(self) -> Path:
        """Return where the compiled programs belong; the name changes with everything that decides their content."""
        recipe = hashlib.sha256(repr(self).encode())
        for file in sorted((GO_MODULES / self.name).iterdir()):  # go.mod, go.sum and, if it has one, main.go
            recipe.update(hashlib.sha256(file.read_bytes()).digest())
        return cache() / "toolchain" / f"{self.name}-{recipe.hexdigest()[:16]}"


def _kubernetes(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, f"k8s.io/kubernetes/cmd/{name}") for name in names)


def _kubernetes_flags(module: str) -> tuple[str, ...]:
    """Return the flags that let the programs know their version, which clients and Helm charts ask for."""
    major, minor, patch = _kubernetes_version(module).split(".")
    values = {"gitVersion": f"v{major}.{minor}.{patch}", "gitMajor": major, "gitMinor": minor}
    stamps = (f"-X k8s.io/component-base/version.{name}={value}" for name, value in values.items())
    return ("-trimpath", "-ldflags", " ".join(("-s -w", *stamps)))


def _kubernetes_version(module: str) -> str:
    """Return which Kubernetes a module of ``tests/cluster/go`` is made of, without the v."""
    go_mod = GO_MODULES / module / "go.mod"
    found = re.search(r"k8s\.io/kubernetes v(\d+\.\d+\.\d+)", go_mod.read_text())
    if found is None:
        message = f"{go_mod} does not say which k8s.io/kubernetes it requires."
        raise ClusterError(message)
    return found[1]


def _containerd(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, f"github.com/containerd/containerd/v2/cmd/{name}") for name in names)


CONTROL_PLANE = (
    Module("etcd", (("etcd", "go.etcd.io/etcd/server/v3"),)),
    Module(
        "kubernetes",
        _kubernetes("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"),
        flags=_kubernetes_flags("kubernetes"),
    ),
)
KUBERNETES = _kubernetes_version("kubernetes")
"""The version of the cluster."""
_OLDER = "apiserver-"
OLDER_KUBERNETES = tuple(sorted(each.name.removeprefix(_OLDER) for each in GO_MODULES.glob(f"{_OLDER}*")))
"""The versions of which there is an API server too."""


def control_plane(kubernetes: str) -> tuple[Module, ...]:
    """Return etcd and the API server of a version of Kubernetes."""
    if kubernetes == KUBERNETES:
        return CONTROL_PLANE
    if kubernetes not in OLDER_KUBERNETES:
        known = ", ".join((*OLDER_KUBERNETES, KUBERNETES))
        raise ClusterError(f"There is no Kubernetes {kubernetes} in {GO_MODULES}, only {known}.")
    name = f"{_OLDER}{kubernetes}"
    return (CONTROL_PLANE[0], Module(name, _kubernetes("kube-apiserver"), flags=_kubernetes_flags(name)))


NODE = (
    *CONTROL_PLANE,
    Module("containerd", _containerd("containerd", "containerd-shim-runc-v2", "ctr")),
    Module("coredns", (("coredns", "."),)),
    # Static, because the builder image carries the same runc into a container that has other libraries.
    Module(
        "runc",
        (("runc", "github.com/opencontainers/runc"),),
        flags=("-trimpath", "-tags", "seccomp netgo osusergo", "-ldflags", "-s -w -extldflags -static"),
    ),
    Module(
        "buildkit",
        (
            ("buildkitd", "github.com/moby/buildkit/cmd/buildkitd"),
            ("buildctl", "github.com/moby/buildkit/cmd/buildctl"),
        ),
        cgo=False,
    ),
)
# What GitOps tools do and say, with their own libraries.
GITOPS = Module("gitops", (("gitops", "."),), cgo=False)
HELM = Module("helm", (("helm", "helm.sh/helm/v4/cmd/helm"),), cgo=False)
# Nodes and pods without machines and containers, for a fleet that no machine could run.
KWOK = Module("kwok", (("kwok", "sigs.k8s.io/kwok/cmd/kwok"),), cgo=False)
ACTIONLINT = Module("actionlint", (("actionlint", "github.com/rhysd/actionlint/cmd/actionlint"),), cgo=False)


def programs(modules: tuple[Module, ...], say: Say) -> Path:
    """Return one directory with all programs of ``modules``, compiled now if they are not in the cache."""
    missing = [module for module in modules if not module.directory().exists()]
    if missing:
        with alone():
            _compile_missing(missing, say)
    return _together(modules)


def _compile_missing(modules: list[Module], say: Say) -> None:
    still_missing = [module for module in modules if not module.directory().exists()]
    if not still_missing:  # another run compiled them while this one waited for the lock
        return
    debian.require(debian.FOR_COMPILING, say)
    compiler = go_compiler.find(say)
    total = sum(len(module.programs) for module in still_missing)
    done = 0
    for module in still_missing:
        _compile_module(module, compiler, Progress(say, done, total))
        done += len(module.programs)
    say(f"Compiled {total} programs into {cache() / 'toolchain'}.")


def _compile_module(module: Module, compiler: Path, progress: Progress) -> None:
    target = module.directory()
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        for index, (file_name, package) in enumerate(module.programs):
            _compile(module, compiler, package, scratch / file_name, progress.of(index))
        scratch.chmod(0o755)
        scratch.rename(target)  # complete or absent: a run that is interrupted leaves nothing that looks finished
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _compile(module: Module, compiler: Path, package: str, output: Path, say: Say) -> None:
    environment = {
        **os.environ,
        "CGO_ENABLED": "1" if module.cgo else "0",
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    log = Program(f"the compilation of {output.name}", (), output.with_suffix(".log"))
    argv = (str(compiler), "build", *module.flags, "-o", str(output), package)
    began = time.monotonic()
    say(f"Compiling {output.name}.")
    with log.log.open("wb") as sink:
        process = subprocess.Popen(argv, cwd=GO_MODULES / module.name, env=environment, stdout=sink, stderr=sink)
    try:
        while not _ended(process):
            elapsed = time.monotonic() - began
            if elapsed > COMPILE_SECONDS:
                message = f"Compiling {output.name} was stopped after {COMPILE_SECONDS:g} seconds."
                raise ClusterError(message)
            say(f"Compiling {output.name}: {elapsed:.0f} s so far.")
    finally:
        process.kill()
        process.wait()
    if process.returncode != 0:
        message = f"Compiling {output.name} from {GO_MODULES / module.name} failed:\n{log.last_lines()}"
        raise ClusterError(message)
    log.log.unlink()


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(PROGRESS_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _together(modules: tuple[Module, ...]) -> Path:
    """Return a directory of links to all programs: one PATH entry, one place for ``Cluster.programs``."""
    names = "\n".join(module.directory().name for module in modules)
    target = cache() / "toolchain" / f"programs-{hashlib.sha256(names.encode()).hexdigest()[:16]}"
    if target.exists():
        return target
    scratch = Path(tempfile.mkdtemp(prefix=".programs.", dir=target.parent))
    scratch.chmod(0o755)
    for module in modules:
        for file_name, _ in module.programs:
            (scratch / file_name).symlink_to(Path("..") / module.directory().name / file_name)
    try:
        scratch.rename(target)
    except OSError:  # another run was first; its links are the same
        shutil.rmtree(scratch)
    return target


@contextmanager
def alone() -> Iterator[None]:
    """Hold the toolchain's lock: two runs at the same time compile one after the other, not twice."""
    directory = cache() / "toolchain"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
