"""What a hostile Dockerfile tries, and what it is to be told: each probe prints one line into the log of its build."""

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from brandrelease.adapters.builders.buildkit_job import MOST_PROCESSES
from support.git_server import Link


@dataclass(frozen=True)
class Probe:
    """A shell command, and a pattern of what it prints if it gets nothing."""

    name: str
    command: str
    refused: str


@dataclass(frozen=True)
class Canaries:
    """Words that are in one place each, and are looked for wherever a build can look."""

    git: str
    registry: str
    another: str
    control: str
    """This one is in a file of the commit, so that the search can be seen to find what is there."""

    @classmethod
    def new(cls) -> Self:
        return cls(*(f"canary{secrets.token_hex(12)}" for _ in range(4)))

    @property
    def secret(self) -> set[str]:
        """As they stand, and as they stand in a login."""
        login = (
            base64.b64encode(f"{user}:{word}".encode()).decode()
            for user, word in (("deploy", self.git), ("ci", self.registry))
        )
        return {self.git, self.registry, self.another, *login}


NO_SUCH_FILE: Final = r"^(\w+: .*?No such file or directory ?)+$"
NOT_PERMITTED: Final = r"(?i)not permitted|permission denied"
NOTHING: Final = r"^$"
HARMLESS: Final = (
    "console|core|fd|full|mqueue|null|otel-grpc.sock|ptmx|pts|random|shm|stderr|stdin|stdout|tty|urandom|zero"
)
DOCKERS_OWN_CAPABILITIES: Final = "00000000a80425fb"
"""Without SYS_ADMIN, SYS_MODULE, SYS_PTRACE, SYS_RAWIO, NET_ADMIN."""

PROBES: Final = (
    # Who it is.
    Probe("root-folder", "stat -c %A,%u,%g /", "^drwxr-xr-x,0,0 $"),
    Probe("uid-map", "cat /proc/self/uid_map | tr -s ' '", r"^ 0 \d+ 65536 $"),
    Probe("rights", "grep -e CapEff -e CapBnd /proc/self/status", rf"^(Cap\w+:\s{DOCKERS_OWN_CAPABILITIES} ?){{2}}$"),
    Probe("seccomp", "grep Seccomp: /proc/self/status", r":\s2 $"),
    Probe("most-processes", "ulimit -u", rf"^{MOST_PROCESSES} $"),
    Probe("more-processes", "ulimit -Hu unlimited", NOT_PERMITTED),
    # What is not its own.
    Probe("token", "ls -d /run/secrets /var/run/secrets /secrets", NO_SUCH_FILE),
    Probe("secret-mounts", 'ls /run/secrets "$SSH_AUTH_SOCK"', NO_SUCH_FILE),
    Probe("login", "find / -xdev -name config.json -o -xdev -name .dockercfg -o -xdev -name .netrc", NOTHING),
    Probe("processes", "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -e [b]uildkitd -e [b]uildctl -e [r]ootlesskit", NOTHING),
    Probe("the-build's-files", "ls -d /state /source /proc/1/root/state /proc/1/root/source /proc/1/cwd/state", NO_SUCH_FILE),
    Probe("buildkit's-socket", "find / -name 'buildkitd*' 2>/dev/null", NOTHING),
    Probe("links-out", "cat /context/links/login /context/links/up /context/links/log", NO_SUCH_FILE),
    Probe("git-config", "grep -i -e http -e @ -e header -e credential /context/.git/config", NOTHING),
    Probe("cache-of-another", "cat /cache/theirs", NO_SUCH_FILE),
    # The node.
    Probe("kernel-settings", "echo 1 > /proc/sys/kernel/panic", "Read-only file system"),
    Probe("kernel-requests", "echo h > /proc/sysrq-trigger", "Read-only file system|nonexistent|not permitted|denied"),
    Probe("kernel-memory", "head -c 1 /dev/mem; head -c 1 /proc/kcore", NO_SUCH_FILE),
    Probe("kernel-module", "insmod /context/probes.sh", NOT_PERMITTED),
    Probe("devices", "ls /dev", rf"^(({HARMLESS}) )+$"),
    Probe("disk", "mknod /disk b 8 0", NOT_PERMITTED),
    Probe("mount", "mkdir /here && mount -t proc proc /here", NOT_PERMITTED),
    Probe("mount-of-the-root", "mount --bind / /here", NOT_PERMITTED),
    Probe("mount-of-cgroups", "mount -t cgroup -o memory cgroup /here", NOT_PERMITTED),
    Probe("cgroups", "ls /sys/fs/cgroup", NO_SUCH_FILE),
    Probe("namespaces-of-another", "nsenter -t 1 -m ls", NOT_PERMITTED),
    Probe("namespaces-of-its-own", "unshare -U id; unshare -m id", NOT_PERMITTED),
    Probe("chroot", "chroot /proc/1/root ls /state", NO_SUCH_FILE),
    Probe("host-name", "hostname owned", NOT_PERMITTED),
    Probe("clock", "date -s 2030-01-01", NOT_PERMITTED),
)  # fmt: skip

DOCKERFILE: Final = """\
# syntax=registry.invalid/a-frontend-of-my-own:1
FROM @BASE@
COPY . /context
RUN --mount=type=secret,id=registry --mount=type=secret,id=git --mount=type=ssh \
    --mount=type=cache,id=shared,target=/cache sh /context/probes.sh
"""

SHELL: Final = """\
probe() { echo "[$1] $(sh 2>&1 | tr '\\n' ' ' | cut -c 1-300)"; }
"""

SEARCH: Final = """\
find / -xdev -type f > /tmp-list
ls /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/[0-9]*/mountinfo >> /tmp-list
while read -r file; do
    if printf '%s\\n' WORDS | rev | grep -q -F -f /dev/stdin "$file"; then echo "$file"; fi
done < /tmp-list
"""
"""The words are written backwards, so that the search does not find itself."""


def search(canaries: Canaries) -> Probe:
    """Finds every file and every process that has one of the words, which is the one file that is to have one."""
    words = " ".join(word[::-1] for word in (*sorted(canaries.secret), canaries.control))
    return Probe("search", SEARCH.replace("WORDS", words), r"^/context/control\.txt $")


def files(probes: Iterable[Probe], canaries: Canaries) -> dict[str, str]:
    """The commit."""
    script = SHELL + "".join(f"probe \"{probe.name}\" <<'END'\n{probe.command.strip()}\nEND\n" for probe in probes)
    return {
        "Dockerfile": DOCKERFILE,
        "probes.sh": script,
        "control.txt": canaries.control,
        "links/login": Link("/secrets/registry/config.json"),
        "links/up": Link("../../../../../secrets/registry/config.json"),
        "links/log": Link("/state/build.log"),
    }
