"""A real terminal: a window of tmux, what it shows, the keys that are pressed in it."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

SHELL: Final = ("bash", "-c", '"$@"; printf "\\nexit code %s\\n" "$?"; exec sleep 600', "bash")
"""Runs the words behind it, as a person's shell does, and stays."""

EXIT: Final = re.compile(r"^exit code (\d+)$", re.MULTILINE)
FORMATS: Final = {"cursor": "#{cursor_flag}", "alternate": "#{alternate_on}"}


class Window:
    """One program in a window of so many columns and lines, under a tmux server of its own."""

    def __init__(self, directory: Path, environment: Mapping[str, str], *words: str, size: tuple[int, int]) -> None:
        self._socket = directory / f"tmux-{time.monotonic_ns()}"
        self._environment = {**environment, "TERM": "xterm-256color"}
        self._words, self._size = words, size

    def __enter__(self) -> Self:
        columns, lines = map(str, self._size)
        variables = [part for name, value in self._environment.items() for part in ("-e", f"{name}={value}")]
        self._tmux("new-session", "-d", "-x", columns, "-y", lines, *variables, "--", *SHELL, *self._words)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tmux("kill-server")

    def shows(self, *, colours: bool = False) -> list[str]:
        """The lines as they stand there now, without empty ones at the end."""
        text = self._tmux("capture-pane", "-p", *(("-e",) if colours else ()))
        return text.rstrip("\n").split("\n")

    def until(self, what: str, condition: Callable[[list[str]], bool], limit: float = 20) -> list[str]:
        """The lines as soon as they are so."""
        end = time.monotonic() + limit
        while not condition(lines := self.shows()):
            if time.monotonic() > end:
                raise AssertionError(f"Not within {limit:g} s: that {what}.\n" + "\n".join(lines))
            time.sleep(0.1)
        return lines

    def resize(self, columns: int, lines: int) -> None:
        """As somebody who pulls at its edge."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def press(self, *keys: str) -> None:
        """Keys by tmux's names: C-c, Enter."""
        self._tmux("send-keys", *keys)

    def ends(self, limit: float = 20) -> int:
        """Wait for the end of the program; its exit code."""
        lines = self.until("it has ended", lambda seen: bool(EXIT.search("\n".join(seen))), limit)
        return int(EXIT.findall("\n".join(lines))[-1])

    @property
    def is_as_before(self) -> bool:
        """Whether the cursor is there, and the screen that was there before."""
        return self._is("cursor") == "1" and self._is("alternate") == "0"

    def _is(self, what: str) -> str:
        return self._tmux("display-message", "-p", FORMATS[what]).strip()

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ("tmux", "-f", "/dev/null", "-u", "-S", str(self._socket), *words),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/nonexistent"},
        )
        assert done.returncode == 0, f"tmux {words[0]}: {done.stderr}"
        return done.stdout
