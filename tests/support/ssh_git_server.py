"""A real git server over ssh: Debian's sshd with keys of its own, for the repositories of a directory."""

import getpass
import os
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from cluster.ports import free_port

SSHD = Path("/usr/sbin/sshd")


class SshGitServer:
    """Serves what is below ``repositories``, with keys and configuration in ``directory``.

    secret: what a Secret for this server holds.
    """

    def __init__(self, directory: Path, repositories: Path, address: str = "127.0.0.1") -> None:
        self._directory = directory
        self._repositories = repositories
        self._address = address
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port(self._address)
        for name in ("host_key", "client_key"):
            make_key(self._directory / name)
        (self._directory / "authorized_keys").write_bytes((self._directory / "client_key.pub").read_bytes())
        configuration = self._directory / "sshd_config"
        configuration.write_text(self._configuration())
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd wants it for its unprivileged half
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(SSHD), "-D", "-e", "-f", str(configuration)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self._wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=10)

    @property
    def secret(self) -> dict[str, bytes]:
        host_key = (self._directory / "host_key.pub").read_text().split()
        return {
            "identity": (self._directory / "client_key").read_bytes(),
            "known_hosts": f"[{self._address}]:{self.port} {host_key[0]} {host_key[1]}\n".encode(),
        }

    @property
    def log(self) -> str:
        return (self._directory / "log").read_text(errors="replace")

    def url(self, name: str) -> str:
        """The address of a repository."""
        return f"ssh://{getpass.getuser()}@{self._address}:{self.port}{self._repositories.resolve()}/{name}.git"

    def _configuration(self) -> str:
        return "\n".join(
            (
                f"ListenAddress {self._address}:{self.port}",
                f"HostKey {self._directory / 'host_key'}",
                f"AuthorizedKeysFile {self._directory / 'authorized_keys'}",
                "PidFile none",
                "UsePAM no",
                "StrictModes no",  # the directory is below /tmp
                "PasswordAuthentication no",
                "KbdInteractiveAuthentication no",
                "PermitRootLogin prohibit-password",
                "AcceptEnv GIT_PROTOCOL",
                "MaxStartups 100",
                "",
            )
        )

    def _wait(self) -> None:
        assert self._process is not None
        end = time.monotonic() + 10
        while True:
            try:
                with socket.create_connection((self._address, self.port), timeout=1):
                    return
            except OSError as error:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"sshd does not answer. It said: {self.log}") from error
                time.sleep(0.02)


def make_key(path: Path) -> None:
    """Make a key pair without a passphrase."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(command, check=True, timeout=20, stdin=subprocess.DEVNULL, capture_output=True)
