"""The Debian packages that a node needs beside the compiled programs."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from cluster.commands import run
from cluster.errors import ClusterError

# Each package with one file that shows it is there: looking at files is quicker than asking dpkg, and right elsewhere too.
FOR_COMPILING = {
    "gcc": "/usr/bin/gcc",
    "libc6-dev": "/usr/include/stdlib.h",
    "libseccomp-dev": "/usr/include/seccomp.h",
    "pkg-config": "/usr/bin/pkg-config",
    "git": "/usr/bin/git",
}
FOR_THE_CONTROL_PLANE = {
    "openssl": "/usr/bin/openssl",
    "util-linux": "/usr/bin/setpriv",
}
FOR_THE_NODE = {
    **FOR_THE_CONTROL_PLANE,
    "busybox-static": "/usr/bin/busybox",  # the pause image
    "conntrack": "/usr/sbin/conntrack",
    "containernetworking-plugins": "/usr/lib/cni/ptp",
    "docker-registry": "/usr/bin/docker-registry",
    "ethtool": "/usr/sbin/ethtool",
    "iproute2": "/usr/sbin/ip",
    "iptables": "/usr/sbin/iptables",  # the portmap plugin
    "nftables": "/usr/sbin/nft",  # kube-proxy
    "socat": "/usr/bin/socat",  # kubectl port-forward
}
FOR_THE_TESTS = {
    "faketime": "/usr/bin/faketime",  # clocks that are set while the operator runs
    "fish": "/usr/bin/fish",  # completion, as in zsh
    "git": "/usr/bin/git",
    "jq": "/usr/bin/jq",  # in commands that the pages show
    "mmdebstrap": "/usr/bin/mmdebstrap",  # test images
    "nginx": "/usr/sbin/nginx",  # the edge in front of pods
    "openssh-client": "/usr/bin/ssh",
    "openssh-server": "/usr/sbin/sshd",  # git over ssh
    "prometheus": "/usr/bin/promtool",  # the alert rules
    "shellcheck": "/usr/bin/shellcheck",  # the scripts in our workflows
    "tmux": "/usr/bin/tmux",  # the command line in a terminal
    "zsh": "/usr/bin/zsh",
}
FOR_THE_DATABASE = {
    "mariadb-client": "/usr/bin/mariadb",
    "mariadb-server": "/usr/sbin/mariadbd",  # what a brand's migrations change; each test run starts its own
}
FOR_THE_BOARD = {
    "chromium": "/usr/bin/chromium",  # looks at it as people do
    "fonts-dejavu-core": "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
}
FOR_THE_CHECKS = {
    "default-jre-headless": "/usr/bin/java",  # OpenSearch
    "maven": "/usr/bin/mvn",  # gets OpenSearch's jars
    "prometheus": "/usr/bin/prometheus",
}
INSTALL_SECONDS = 600.0


def require(packages: dict[str, str], say: Callable[[str], None]) -> None:
    """Install those ``packages`` (name to one of its files) that are missing; raise ClusterError if that is impossible."""
    missing = sorted(package for package, path in packages.items() if not Path(path).exists())
    if not missing:
        return
    if shutil.which("apt-get") is None:
        message = f"These packages are missing and there is no apt-get to install them: {', '.join(missing)}."
        raise ClusterError(message)
    install(missing, say)


def install(packages: Iterable[str], say: Callable[[str], None]) -> None:
    """Install Debian ``packages`` with apt-get, without the services that they would start."""
    names = sorted(packages)
    say(f"Installing the Debian packages {', '.join(names)}.")
    environment = {"DEBIAN_FRONTEND": "noninteractive", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "RUNLEVEL": "1"}
    run("apt-get", "-qq", "update", limit=INSTALL_SECONDS, env=environment)
    run(
        "apt-get",
        "-qq",
        "install",
        "--yes",
        "--no-install-recommends",
        *names,
        limit=INSTALL_SECONDS,
        env=environment,
    )
