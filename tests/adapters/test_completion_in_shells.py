"""The tabulator in real shells, each in a terminal of its own, with nothing of its own configuration."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from support.command_line import PROGRAMS
from support.tmux import Window

SHELLS: Final[Mapping[str, tuple[str, ...]]] = {
    "bash": ("bash", "--noprofile", "--norc", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config", "-i"),
}
LOAD: Final = {
    "bash": "source <(brandrelease completion bash)",
    "zsh": "source <(brandrelease completion zsh)",
    "fish": "brandrelease completion fish | source",
}
"""As `docs/command-line.md` says it."""

SIZE: Final = (160, 30)


class Shell:
    """What is typed into it, and what stands in its line then."""

    def __init__(self, window: Window) -> None:
        self._window = window

    def runs(self, line: str) -> None:
        self._window.press(line, "Enter")
        self._window.press("echo lo''aded", "Enter")
        self._window.until("it was carried out", lambda seen: "loaded" in [each.strip() for each in seen])
        self._window.press("C-l")

    def completes(self, typed: str, line: str) -> None:
        """After the tabulator the line is this, and what was typed before is gone."""
        self._window.press("C-u")
        self._window.press(typed, "Tab", "Z")  # Z shows where the cursor is, and that the shell has answered
        self._window.until(f"{typed!r} becomes {line!r}", lambda seen: any(each.endswith(line + "Z") for each in seen))
        self._window.press("BSpace")

    def offers(self, typed: str, *words: str) -> None:
        """After two of them, there is a list of these words."""
        self._window.press("C-u", "C-l")
        self._window.press(typed, "Tab", "Tab")
        self._window.until(
            f"{words} are offered",
            lambda seen: set(words) <= {word for each in seen if typed.strip() not in each for word in each.split()},
        )


def environment(directory: Path) -> dict[str, str]:
    """Without a cluster, and with a home that is empty."""
    home = directory / "home"
    home.mkdir()
    path = f"{PROGRAMS}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(home), "KUBECONFIG": str(home / "none"), "LANG": "C.UTF-8", "PS1": "> "}


def at(directory: Path, shell: str) -> tuple[str, ...]:
    """In a directory with a file that nobody wants to be offered."""
    (directory / "zzz-a-file").touch()
    return ("env", "-C", str(directory), *SHELLS[shell])


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    """With the completion loaded."""
    with Window(tmp_path, environment(tmp_path), *at(tmp_path, request.param), size=SIZE) as window:
        shell = Shell(window)
        shell.runs(LOAD[request.param])
        yield shell


def test_the_tabulator_completes_commands_options_and_values(shell: Shell) -> None:
    shell.completes("brandrelease dep", "brandrelease deploy ")
    shell.completes("kubectl-brandrelease dep", "kubectl-brandrelease deploy ")
    shell.completes("brandrelease status -o ya", "brandrelease status -o yaml ")
    shell.completes(
        "brandrelease deploy drumeo --ref ma production --wai", "brandrelease deploy drumeo --ref ma production --wait "
    )
    shell.offers("brandrelease completion ", "bash", "fish", "zsh")


def test_where_nothing_fits_nothing_is_typed_and_no_file_is_offered(shell: Shell) -> None:
    shell.completes("brandrelease nonsense zzz", "brandrelease nonsense zzz")
    shell.completes("brandrelease deploy zzz", "brandrelease deploy zzz")
    shell.completes("brandrelease deploy --ref zzz", "brandrelease deploy --ref zzz")


def test_zsh_takes_the_script_as_a_file_of_its_function_path_too(tmp_path: Path) -> None:
    with Window(tmp_path, environment(tmp_path), *at(tmp_path, "zsh"), size=SIZE) as window:
        shell = Shell(window)
        shell.runs("mkdir ~/f && brandrelease completion zsh > ~/f/_brandrelease && fpath=(~/f $fpath)")
        shell.runs("autoload -Uz compinit && compinit -u")
        shell.completes("brandrelease dep", "brandrelease deploy ")
        shell.completes("brandrelease status -o ya", "brandrelease status -o yaml ")
