"""A real MariaDB server, with a database and a user of its own for each story."""

import re
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from cluster import debian
from cluster.commands import run
from cluster.ports import free_port
from cluster.processes import Program, start, wait_until

USER = "mysql"
READY_SECONDS = 30.0
QUERY_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Database:
    """One database; its user may do everything in it and nothing anywhere else."""

    server: "MariaDb"
    name: str
    user: str
    password: str = field(repr=False)

    def query(self, sql: str) -> list[list[str]]:
        """The rows of the answer, as the client prints them (NULL is the text ``NULL``). Raises ClusterError."""
        return self.server.query(sql, self.name)

    def value(self, sql: str) -> str:
        """The only column of the only row."""
        [[found]] = self.query(sql)
        return found


class MariaDb:
    """Runs mariadbd on ``address`` while the block runs. Its data is in a directory of its own, which goes with it.

    It never waits for the disk: nothing here has to survive a power cut.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.address, self.port = address, 0
        self._directory = Path()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        debian.require(debian.FOR_THE_DATABASE, print)
        # Not below pytest's directory: that one is root's alone, and the server is another user.
        self._directory = Path(tempfile.mkdtemp(prefix="brandrelease-mariadb-"))
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def database(self, name: str) -> Database:
        """Make a database, and a user with a random password."""
        plain = re.sub(r"[^a-z0-9]", "_", name)
        made = Database(self, plain, plain, secrets.token_urlsafe(18))
        self.query(
            f"CREATE DATABASE {plain} CHARACTER SET utf8mb4;"
            f"CREATE USER '{plain}'@'%' IDENTIFIED BY '{made.password}';"
            f"GRANT ALL ON {plain}.* TO '{plain}'@'%';"
        )
        return made

    def query(self, sql: str, database: str = "mysql") -> list[list[str]]:
        """Let root run these statements by way of the client; the rows of their answers. Raises ClusterError."""
        options = ("--no-defaults", f"--socket={self._socket}", "--batch", "--skip-column-names")
        text = run("mariadb", *options, f"--database={database}", f"--execute={sql}", limit=QUERY_SECONDS)
        return [line.split("\t") for line in text.splitlines()]

    @property
    def _socket(self) -> Path:
        return self._directory / "socket"

    def _start(self) -> None:
        shutil.chown(self._directory, USER, USER)
        data = self._directory / "data"
        # root comes in by the socket, and only as this machine's own root: no password for anybody to know.
        login = ("--auth-root-authentication-method=socket", "--auth-root-socket-user=root")
        run("mariadb-install-db", "--no-defaults", *login, f"--user={USER}", f"--datadir={data}", "--skip-test-db")
        self.port = free_port(self.address)
        program = Program("mariadbd", self._command(data), self._directory / "server.log")
        self._process = start(program)
        wait_until("That MariaDB answers", self._answers, READY_SECONDS, program, self._process)

    def _command(self, data: Path) -> tuple[str, ...]:
        return (
            debian.FOR_THE_DATABASE["mariadb-server"],
            "--no-defaults",
            f"--user={USER}",
            f"--datadir={data}",
            f"--socket={self._socket}",
            f"--pid-file={self._directory / 'pid'}",
            f"--bind-address={self.address}",
            f"--port={self.port}",
            "--skip-name-resolve",
            "--skip-log-bin",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=32M",
        )

    def _answers(self) -> bool:
        asked = ("mariadb-admin", "--no-defaults", f"--socket={self._socket}", "ping")
        return subprocess.run(asked, capture_output=True, timeout=QUERY_SECONDS, check=False).returncode == 0

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        shutil.rmtree(self._directory, ignore_errors=True)
