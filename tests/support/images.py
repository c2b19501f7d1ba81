"""The images that tests run, made on this machine without any hub and pushed to the cluster's registry.

A Debian image takes mmdebstrap some 20 to 40 seconds; the result is kept in the cache under a name that changes with its
recipe. ``push(BUSYBOX, cluster)`` returns the reference to put into a pod.
"""

import fcntl
import hashlib
import json
import shlex
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster import debian, oci, toolchain
from cluster.clusters import Cluster
from cluster.commands import run
from cluster.places import cache

SUITE = "bookworm"
DEBIAN_SECONDS = 900.0
BUSYBOX_PROGRAM = Path("/usr/bin/busybox")
EXCLUDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/lintian/*")

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Recipe:
    """How to make one image. Recipes with the same ``files`` share the cached layer; only ``config`` differs."""

    name: str
    files: "Files"
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Files:
    """A root file system: ``make`` returns its tar, ``key`` names everything that decides its content."""

    name: str
    key: Callable[[], str]
    make: Callable[[], bytes]


def push(recipe: Recipe, cluster: Cluster) -> str:
    """Push the image to the cluster's registry, making it first if the cache has none; return its reference."""
    return push_to(recipe, cluster.registry)


def push_to(recipe: Recipe, registry: str) -> str:
    """Push the image to ``registry`` (``host:port``) and return its reference; at once if the registry has it."""
    content = hashlib.sha256(json.dumps([recipe.files.key(), dict(recipe.config)]).encode()).hexdigest()
    reference = f"{registry}/{recipe.name}:{content[:12]}"
    if not oci.exists(reference):
        image = made(recipe)
        with _alone("push"):  # Debian's registry does not take equal blobs from two workers at once
            if not oci.exists(reference):  # another worker has pushed it meanwhile, and somebody may be reading it
                oci.push(image, reference)
    return reference


def made(recipe: Recipe) -> oci.Image:
    """The image itself, to push or to lay files on; made now if the cache has none."""
    layer, diff_id = _layer(recipe.files)
    return oci.Image(layer, diff_id, recipe.config)


def push_tar(tar: bytes, reference: str, config: Mapping[str, Any] | None = None) -> str:
    """Push a one-layer image of the root file system in ``tar`` to ``reference``; return its digest."""
    return oci.push(oci.image(tar, config or {}), reference)


def _layer(files: Files) -> tuple[bytes, str]:
    """Return the compressed layer and its diff id, from the cache if they are there."""
    key = hashlib.sha256(files.key().encode()).hexdigest()[:16]
    blob = _directory() / f"{files.name}-{key}.tar.gz"
    diff_id = _directory() / f"{files.name}-{key}.diff-id"
    with _alone("make"):
        if not diff_id.exists():
            image = oci.image(files.make(), {})
            blob.write_bytes(image.layer)
            diff_id.write_text(image.diff_id)  # written last: while it is missing the layer does not count
    return blob.read_bytes(), diff_id.read_text()


def _directory() -> Path:
    directory = cache() / "images"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@contextmanager
def _alone(what: str) -> Iterator[None]:
    """Do it in one process of this machine at a time."""
    with (_directory() / f".{what}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _busybox() -> bytes:
    applets = run(BUSYBOX_PROGRAM, "--list").split()
    links = {f"bin/{applet}": "busybox" for applet in applets if applet != "busybox"}
    files = {
        "bin/busybox": BUSYBOX_PROGRAM.read_bytes(),
        "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nsite:x:1000:1000::/site:/bin/sh\n",
        "etc/group": b"root:x:0:\nsite:x:1000:\n",
    }
    return oci.tar_of(files, {**links, "usr/bin": "../bin"})


def _busybox_key() -> str:
    return hashlib.sha256(BUSYBOX_PROGRAM.read_bytes()).hexdigest()


@dataclass(frozen=True)
class DebianRecipe:
    """A minimal Debian with ``packages``; ``hooks`` are shell lines that mmdebstrap runs with the root as ``$1``."""

    packages: tuple[str, ...]
    hooks: tuple[str, ...] = ()
    copied: tuple[tuple[str, str], ...] = ()
    """Files of this machine to copy: source, and path in the image."""

    def key(self) -> str:
        """Return a text that changes when the image would: all but the packages' versions, which Debian chooses."""
        sources = [hashlib.sha256(Path(source).read_bytes()).hexdigest() for source, _ in self.copied]
        targets = [target for _, target in self.copied]
        return json.dumps([SUITE, self.packages, self.hooks, sources, targets, EXCLUDED])

    def make(self) -> bytes:
        """Run mmdebstrap and return the tar of the root file system."""
        debian.require({"mmdebstrap": "/usr/bin/mmdebstrap"}, print)
        copies = [f'install -D -m 755 {shlex.quote(source)} "$1{target}"' for source, target in self.copied]
        with tempfile.TemporaryDirectory() as scratch:
            tar = Path(scratch) / "root.tar"
            run(
                "mmdebstrap",
                "--quiet",
                "--variant=minbase",
                '--aptopt=APT::Install-Recommends "false"',
                *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED),
                f"--include={','.join(self.packages)}",
                *(f"--customize-hook={line}" for line in (*copies, *self.hooks)),
                SUITE,
                tar,
                limit=DEBIAN_SECONDS,
            )
            return tar.read_bytes()


def _builder() -> DebianRecipe:
    """The programs have the names and places that they have in moby/buildkit's own image."""
    programs = toolchain.programs(toolchain.NODE, print)
    return DebianRecipe(
        packages=("ca-certificates", "git", "libcap2-bin", "openssh-client", "rootlesskit", "uidmap"),
        copied=(
            (str((programs / "buildkitd").resolve()), "/usr/bin/buildkitd"),
            (str((programs / "buildctl").resolve()), "/usr/bin/buildctl"),
            (str((programs / "runc").resolve()), "/usr/bin/buildkit-runc"),
        ),
        hooks=(
            'chroot "$1" useradd --create-home --uid 1000 --shell /bin/sh user',
            'printf "user:100000:65536\\n" | tee "$1/etc/subuid" > "$1/etc/subgid"',
            # Debian's are setuid root. As root without CAP_SYS_ADMIN, which is what a container has, they may not write the
            # map of a namespace that uid 1000 made; with one capability each they stay uid 1000 and may.
            'chroot "$1" sh -c "chmod u-s /usr/bin/newuidmap /usr/bin/newgidmap"',
            'chroot "$1" setcap cap_setuid+ep /usr/bin/newuidmap',
            'chroot "$1" setcap cap_setgid+ep /usr/bin/newgidmap',
            'mkdir -p "$1/run/user/1000" "$1/home/user/.local/tmp" "$1/home/user/.local/share/buildkit"',
            'chown -R 1000:1000 "$1/run/user/1000" "$1/home/user"',
        ),
    )


APACHE_SITE = """\
Listen 8080
ServerName localhost
ErrorLog /proc/self/fd/2
<VirtualHost *:8080>
  DocumentRoot /var/www/html
  CustomLog /proc/self/fd/1 combined
</VirtualHost>
"""


def _php() -> DebianRecipe:
    return DebianRecipe(
        packages=("apache2", "libapache2-mod-php", "php-mysql"),
        hooks=(
            'rm -f "$1"/etc/apache2/sites-enabled/* "$1/var/www/html/index.html"',
            f'printf %s {shlex.quote(APACHE_SITE)} > "$1/etc/apache2/sites-enabled/site.conf"',
            'printf "# see sites-enabled/site.conf\\n" > "$1/etc/apache2/ports.conf"',
            'printf "<?php echo \\"ok\\\\n\\";\\n" > "$1/var/www/html/index.php"',
        ),
    )


def _python() -> DebianRecipe:
    return DebianRecipe(packages=("ca-certificates", "python3", "python3-venv"))


BUSYBOX = Recipe("busybox", Files("busybox", _busybox_key, _busybox), {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]})
"""Busybox with all its applets in /bin, and a user ``site`` (1000)."""

BUILDER = Recipe(
    "builder",
    Files("builder", lambda: _builder().key(), lambda: _builder().make()),
    {"Entrypoint": ["buildkitd"], "Env": [PATH]},
)
"""BuildKit, git, ssh and rootlesskit, for uid 0 (privileged, with or without a user namespace) and for uid 1000 (rootless)."""

PHP = Recipe(
    "php",
    Files("php", lambda: _php().key(), lambda: _php().make()),
    {"Cmd": ["apache2ctl", "-D", "FOREGROUND"], "Env": [PATH], "ExposedPorts": {"8080/tcp": {}}},
)
"""Apache with PHP and its MySQL driver on port 8080, serving /var/www/html; logs go to the container's output."""

PYTHON = Recipe(
    "python",
    Files("python", lambda: _python().key(), lambda: _python().make()),
    {"Cmd": ["python3"], "Env": [PATH]},
)
"""Debian with Python: the base of the operator's own image, where there is no hub to get `python:3.13-slim` from."""
