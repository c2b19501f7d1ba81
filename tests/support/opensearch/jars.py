"""OpenSearch's jars from Maven Central, once, into the cache; each must be what `jars.sha256` says."""

import hashlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cluster import debian
from cluster.errors import ClusterError
from cluster.places import cache
from cluster.processes import Program
from cluster.toolchain import alone

Say = Callable[[str], None]

VERSION = "2.19.6"
POM = Path(__file__).with_name("pom.xml")
EXPECTED = Path(__file__).with_name("jars.sha256")
DOWNLOAD_SECONDS = 900.0
PROGRESS_SECONDS = 10.0

TRANSPORT = "transport-netty4"
"""The plugin that speaks HTTP; its classes must not be where the server's own are."""

DESCRIPTOR = f"""\
description=Speaks HTTP
version={VERSION}
name={TRANSPORT}
classname=org.opensearch.transport.Netty4Plugin
java.version=11
opensearch.version={VERSION}
has.native.controller=false
"""

PERMISSIONS = """\
grant {
  permission java.io.FilePermission "/proc/sys/net/core/somaxconn", "read";
  permission java.lang.RuntimePermission "*", "setContextClassLoader";
  permission java.lang.RuntimePermission "getClassLoader";
  permission java.net.SocketPermission "*", "accept,connect";
  permission java.util.PropertyPermission "sun.nio.ch.bugLevel", "write";
};
"""
"""What Netty does under Java's security manager, which OpenSearch always sets."""


def installed(say: Say) -> Path:
    """Return the directory with OpenSearch's `lib` and `modules`; it is made now if it is not in the cache."""
    target = _directory()
    if not target.exists():
        with alone():
            if not target.exists():  # another run made it while this one waited for the lock
                _install(target, say)
    return target


def _directory() -> Path:
    """Return where it belongs; the name changes with everything that decides the content."""
    recipe = hashlib.sha256(b"".join((POM.read_bytes(), EXPECTED.read_bytes(), Path(__file__).read_bytes())))
    return cache() / "toolchain" / f"opensearch-{recipe.hexdigest()[:16]}"


def _install(target: Path, say: Say) -> None:
    debian.require(debian.FOR_THE_CHECKS, say)
    scratch = Path(tempfile.mkdtemp(prefix=".opensearch.", dir=target.parent))
    try:
        home = scratch / "home"
        _download(home / "lib", scratch, say)
        _verify(home / "lib")
        _move_the_transport(home)
        home.rename(target)  # complete or absent: a run that is interrupted leaves nothing that looks finished
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _download(jars: Path, scratch: Path, say: Say) -> None:
    repository = scratch / "repository"
    argv = (
        "mvn",
        "--quiet",
        "--batch-mode",
        "--strict-checksums",
        f"--file={POM}",
        f"-Dmaven.repo.local={repository}",
        f"-DoutputDirectory={jars}",
        "-DincludeScope=runtime",
        "dependency:copy-dependencies",
    )
    log = Program("Maven", argv, scratch / "maven.log")
    say(f"Downloading OpenSearch {VERSION} from Maven Central (about 45 MB).")
    began = time.monotonic()
    with log.log.open("wb") as sink:
        process = subprocess.Popen(argv, cwd=scratch, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL)
    try:
        while not _ended(process):
            _still_in_time(time.monotonic() - began, repository, say)
    finally:
        process.kill()
        process.wait()
    if process.returncode != 0:
        message = f"Downloading OpenSearch {VERSION} from Maven Central failed:\n{log.last_lines()}"
        raise ClusterError(message)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(PROGRESS_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _still_in_time(elapsed: float, repository: Path, say: Say) -> None:
    count = sum(1 for _ in repository.rglob("*.jar"))
    if elapsed > DOWNLOAD_SECONDS:
        message = f"Downloading OpenSearch was stopped after {DOWNLOAD_SECONDS:g} seconds; {count} jars were there."
        raise ClusterError(message)
    say(f"Downloading OpenSearch: {count} jars after {elapsed:.0f} s.")


def _verify(jars: Path) -> None:
    """Raise ClusterError unless there are exactly the expected jars, each with its SHA-256."""
    expected = {name: digest for digest, name in (line.split() for line in EXPECTED.read_text().splitlines())}
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars.iterdir()}
    if wrong := sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)):
        message = f"Maven gave jars that are not those of {EXPECTED}, or not all of them: {', '.join(wrong)}."
        raise ClusterError(message)


def _move_the_transport(home: Path) -> None:
    module = home / "modules" / TRANSPORT
    module.mkdir(parents=True)
    for pattern in ("netty-*.jar", f"{TRANSPORT}-client-*.jar"):
        for jar in (home / "lib").glob(pattern):
            jar.rename(module / jar.name)
    (module / "plugin-descriptor.properties").write_text(DESCRIPTOR)
    (module / "plugin-security.policy").write_text(PERMISSIONS)
