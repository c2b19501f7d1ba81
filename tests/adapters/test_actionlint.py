"""The workflows as GitHub reads them: actionlint knows their syntax, and shellcheck that of the scripts in them."""

from pathlib import Path

from cluster import toolchain
from cluster.commands import run

REPOSITORY = Path(__file__).parents[2]


def test_actionlint_finds_nothing_in_our_workflows() -> None:
    workflows = sorted(map(str, (REPOSITORY / ".github" / "workflows").iterdir()))
    programs = toolchain.programs((toolchain.ACTIONLINT,), print)
    run(programs / "actionlint", "-shellcheck", "/usr/bin/shellcheck", *workflows)
