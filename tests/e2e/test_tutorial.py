"""docs/tutorial.md, typed from top to bottom: every command ends well and prints what the page shows."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.clusters import Cluster
from playground.__main__ import DIRECTORY
from playground.ground import Playground
from support.documents import TUTORIAL, Command, commands
from support.shell_session import difference, play

LIMIT = 420
TABLES_OF_THE_CLUSTER = {"kubectl get brandreleases -A", "kubectl brandrelease status"}


@pytest.mark.timeout(LIMIT + 60)  # three builds
def test_the_tutorial_goes_as_it_says(cluster: Cluster, tmp_path: Path) -> None:
    with Playground(cluster, tmp_path / "ground") as ground:
        typed = [_here(command, ground) for command in commands(TUTORIAL) if not command.text.startswith("make ")]
        done = play(typed, {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "USER": "ada"}, tmp_path, LIMIT)
        shutil.rmtree(tmp_path / "drumeo", ignore_errors=True)
        for each in done:
            assert each.code == 0, f"{each.told}\n{ground.log()}"
            shown = each.command.output
            differs = difference(shown, _of_this_site(each.command, each.output)) if shown is not None else ""
            assert not differs, f"{each.command.place}: {each.command.text}\n{differs}\n{each.output}"
        assert len(done) == len(typed), f"it hung at {typed[len(done)].place}\n{ground.log()}"


def _of_this_site(command: Command, output: str) -> str:
    """Tables of the whole cluster without the rows of the sites that other stories have there at the same time."""
    if command.text not in TABLES_OF_THE_CLUSTER:
        return output
    head, *rows = output.splitlines(keepends=True)
    return "".join([head, *(row for row in rows if "drumeo" in row)])


def _here(command: Command, ground: Playground) -> Command:
    """The playground of the test is where others are not."""
    return replace(command, text=command.text.replace(str(DIRECTORY), str(ground.directory)))
