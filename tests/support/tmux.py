"""A real terminal: a window of tmux, what it shows, the keys that are pressed in it."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

FORMATS: Final = {"cursor": "#{cursor_flag}", "alternate": "#{alternate_on}", "exit": "#{pane_dead_status}"}


class Window:
    """One program in a window of so many columns and lines, under a tmux server of its own."""

    def __init__(self, directory: Path, environment: Mapping[str, str], *words: str, size: tuple[int, int]) -> None:
        self._socket = directory / f"tmux-{time.monotonic_ns()}"
        self._environment = {**environment, "TERM": "xterm-256color"}
        self._words, self._size = words, size

    def __enter__(self) -> Self:
        columns, lines = map(str, self._size)
        variables = [part for name, value in self._environment.items() for part in ("-e", f"{name}={value}")]
        settings = (
            "set-option",
            "-g",
            "remain-on-exit",
            "on",
            ";",
            "set-option",
            "-g",
            "default-terminal",
            "tmux-256color",
        )
        self._tmux(*settings, ";", "new-session", "-d", "-x", columns, "-y", lines, *variables, "--", *self._words)
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
        end = time.monotonic() + limit
        while not (code := self._is("exit")):
            if time.monotonic() > end:
                raise AssertionError(f"It has not ended within {limit:g} s.\n" + "\n".join(self.shows()))
            time.sleep(0.1)
        return int(code)

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
