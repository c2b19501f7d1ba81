"""A real git server over HTTP: `git http-backend` behind a small server, with the troubles that servers make."""

import base64
import os
import subprocess
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

COMMIT_TIME = 1_700_000_000
_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "LC_ALL": "C",
}
_ADA = {"NAME": "Ada", "EMAIL": "ada@example.com"}


class Link(str):
    """In place of a file's content: a symbolic link to there."""

    __slots__ = ()


class Repository:
    """A bare repository on a server. Commits are made with git's plumbing, without a working tree."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory = directory
        self.url = url
        self._commits = 0
        self._git("init", "--quiet", "--bare", "--initial-branch=master", "--template=", str(directory))
        for setting in ("allowAnySHA1InWant", "allowFilter"):
            self._git("config", f"uploadpack.{setting}", "true")

    def takes_pushes(self) -> None:
        """Let everybody push, as nobody has to log in."""
        self._git("config", "http.receivepack", "true")

    def commit(
        self,
        files: Mapping[str, str],
        message: str | bytes = "A change",
        branch: str = "master",
        parent: str | None = None,
        author: str = "Ada <ada@example.com>",
    ) -> str:
        """Commit these files on top of the branch (or of ``parent``), keeping its other files; the full commit id."""
        base = parent or self.head(branch)
        tree = self._tree(base, files)
        self._commits += 1
        seconds = COMMIT_TIME + self._commits
        # Written by hand: `git commit-tree` cleans names and messages, and the tests want hostile ones.
        header = [f"tree {tree}", *([f"parent {base}"] if base else [])]
        header += [f"author {author} {seconds} +0000", f"committer Ada <ada@example.com> {seconds} +0000"]
        text = message if isinstance(message, bytes) else message.encode()
        body = "\n".join(header).encode() + b"\n\n" + text + b"\n"
        commit = self._git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=body)
        self.force_push(branch, commit)
        return commit

    def merge(self, other: str, branch: str = "master", *, unrelated: bool = False) -> str:
        """Let git merge a commit into the branch; the id of the merge. unrelated: the two have nothing in common."""
        options = ["--allow-unrelated-histories"] if unrelated else []
        return self._in_a_checkout(branch, "merge", "--quiet", "--no-ff", "--no-edit", *options, other)

    def revert(self, commit: str, branch: str = "master", *, mainline: int | None = None) -> str:
        """Let git revert a commit on top of the branch, with its own message; the id of the revert.

        mainline: for a merge, the number of the parent whose side is kept.
        """
        options = [] if mainline is None else ["--mainline", str(mainline)]
        return self._in_a_checkout(branch, "revert", "--no-edit", *options, commit)

    def _in_a_checkout(self, branch: str, *command: str) -> str:
        """Run a command that needs a working tree, on the branch; the commit that it made."""
        tree = str(self.directory / "checkout")
        self._git("worktree", "add", "--quiet", "--detach", tree, branch)
        try:
            self._commits += 1
            when = f"{COMMIT_TIME + self._commits} +0000"
            people = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _ADA.items()}
            times = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
            self._git("-C", tree, *command, variables=people | times | {"GIT_DIR": f"{tree}/.git"})
            commit = self._git("-C", tree, "rev-parse", "HEAD", variables={"GIT_DIR": f"{tree}/.git"})
        finally:
            self._git("worktree", "remove", "--force", tree)
        self.force_push(branch, commit)
        return commit

    def head(self, branch: str = "master") -> str | None:
        """The commit that a branch points to; None if there is no such branch."""
        found = self._run("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}^{{commit}}")
        return found.stdout.decode().strip() or None

    def branch(self, name: str, commit: str) -> None:
        """Make a branch, or move it."""
        self._git("update-ref", f"refs/heads/{name}", commit)

    def force_push(self, branch: str, commit: str) -> None:
        """Let the branch point to the commit, whatever it pointed to."""
        self.branch(branch, commit)

    def tag(self, name: str, target: str) -> None:
        """Make a lightweight tag."""
        self._git("update-ref", f"refs/tags/{name}", target)

    def annotated_tag(self, name: str, target: str, message: str = "A release") -> str:
        """Make an annotated tag, of a commit or of another tag object; the id of the tag object."""
        kind = self._git("cat-file", "-t", target)
        body = (
            f"object {target}\ntype {kind}\ntag {name}\ntagger Ada <ada@example.com> {COMMIT_TIME} +0000\n\n{message}\n"
        )
        tag = self._git("hash-object", "-t", "tag", "-w", "--stdin", stdin=body.encode())
        self.tag(name, tag)
        return tag

    def delete(self, ref: str) -> None:
        """Delete a ref: a branch by its name, anything else by its full name."""
        self._git("update-ref", "-d", ref if ref.startswith("refs/") else f"refs/heads/{ref}")

    def _tree(self, base: str | None, files: Mapping[str, str]) -> str:
        index = self.directory / f"index-{threading.get_ident()}"
        variables = {"GIT_INDEX_FILE": str(index)}
        try:
            self._git("read-tree", base or "--empty", variables=variables)
            lines = []
            for path, content in files.items():
                blob = self._git("hash-object", "-w", "--stdin", stdin=content.encode())
                lines.append(f"{120000 if isinstance(content, Link) else 100644} {blob}\t{path}\0")
            self._git("update-index", "-z", "--index-info", stdin="".join(lines).encode(), variables=variables)
            return self._git("write-tree", variables=variables)
        finally:
            index.unlink(missing_ok=True)

    def _git(self, *arguments: str, stdin: bytes = b"", variables: Mapping[str, str] | None = None) -> str:
        done = self._run(*arguments, stdin=stdin, variables=variables)
        if done.returncode:
            raise RuntimeError(f"git {arguments[0]} failed: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode().strip()

    def _run(
        self, *arguments: str, stdin: bytes = b"", variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        environment = _ENVIRONMENT | {"GIT_DIR": str(self.directory)} | dict(variables or {})
        if arguments[0] == "init":
            del environment["GIT_DIR"]
        return subprocess.run(
            ["git", *arguments], input=stdin, env=environment, capture_output=True, timeout=30, check=False
        )


class GitServer:
    """Serves bare repositories under a directory by HTTP, on an ephemeral port of an address.

    user, password: if given, requests without them get a 401. delay: seconds before each answer; may be changed at
    any time. A path below /moved/ redirects to the same path without it. requests: what was asked for, in order.
    status: if not 0, the answer to everything. speaks_version_2: False for a server that knows git's old protocol only.
    """

    def __init__(
        self, directory: Path, address: str = "127.0.0.1", *, user: str | None = None, password: str | None = None
    ) -> None:
        self.directory = Path(directory)
        self.delay = 0.0
        self.status = 0
        self.echo = ""
        self.speaks_version_2 = True
        self.requests: list[str] = []
        self.login = base64.b64encode(f"{user}:{password}".encode()).decode() if user else None
        self._address = address
        self._stopping = threading.Event()
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._server = _Server((self._address, 0), self)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    @property
    def host(self) -> str:
        """address:port."""
        assert self._server is not None, "The server runs inside of `with` only."
        return f"{self._address}:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def repository(self, name: str) -> Repository:
        """Make a bare repository, served as <url>/<name>.git."""
        return Repository(self.directory / f"{name}.git", f"{self.url}/{name}.git")

    def wait(self) -> None:
        """Wait for as long as answers are to be delayed, but not after the server's end."""
        if self.delay:
            self._stopping.wait(self.delay)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], owner: GitServer) -> None:
        self.owner = owner
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        owner = self.server.owner
        owner.requests.append(f"{self.command} {self.path}")
        body = self._body()
        owner.wait()
        if owner.status:
            self._reply(owner.status, owner.echo.format(authorization=self.headers.get("Authorization", "")).encode())
        elif self.path.startswith("/moved/"):
            self._reply(301, location=f"{owner.url}{self.path.removeprefix('/moved')}")
        elif owner.login and self.headers.get("Authorization") != f"Basic {owner.login}":
            self._reply(401)
        else:
            self._git(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _git(self, body: bytes) -> None:
        """Run git's own CGI program, and pass its answer on."""
        target = urlsplit(self.path)
        variables = _ENVIRONMENT | {
            "GIT_PROJECT_ROOT": str(self.server.owner.directory),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",  # repositories may belong to another user than the one who runs the tests
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", "") if self.server.owner.speaks_version_2 else "",
            "PATH_INFO": unquote(target.path),
            "QUERY_STRING": target.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_ADDR": self.client_address[0],
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=variables, capture_output=True, timeout=60, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        self._reply(status, content, headers=headers)

    def _reply(
        self,
        status: int,
        content: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        location: str | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {"Content-Type": "text/plain"}).items():
            self.send_header(name, value)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name is the library's
        """Requests are in GitServer.requests."""


def wait_for(question: Any, seconds: float = 5.0) -> bool:
    """Ask until the answer is true or time is up."""
    end = time.monotonic() + seconds
    while not question():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
