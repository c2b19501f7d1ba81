"""docs/verdicts.md says what the rules do, and nothing else."""

from pathlib import Path

import pytest

from brandrelease.codegen.__main__ import main
from brandrelease.codegen.verdicts import verdicts_page
from brandrelease.core.blame import BLAME
from brandrelease.core.health.chain import CHAIN

PAGE = Path(__file__).resolve().parents[2] / "docs/verdicts.md"


def test_the_page_is_what_is_generated() -> None:
    assert PAGE.read_text("utf-8") == verdicts_page()


def test_the_page_has_every_rule_in_the_order_in_which_they_are_asked() -> None:
    about_pods, _, _ = verdicts_page().partition("## Not about pods")
    rows = [line for line in about_pods.splitlines() if line.startswith("| ") and "reasons.md#" in line]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == [rule.name for rule in CHAIN]


@pytest.mark.parametrize("reason", BLAME)
def test_the_page_has_every_reason_with_its_blame_and_why(reason: str) -> None:
    line = next(line for known, line in BLAME.items() if known == reason)
    assert f"[`{reason}`](reasons.md#{reason.lower()}) | {line.blame} | {line.why} |" in verdicts_page()


def test_a_page_that_differs_is_named_and_written_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crds, page = tmp_path / "crds", tmp_path / "docs" / "verdicts.md"
    page.parent.mkdir()
    assert main(["--directory", str(crds)]) == 0
    assert main(["--directory", str(crds), "--check"]) == 0
    page.write_text("edited by hand", "utf-8")
    assert main(["--directory", str(crds), "--check"]) == 1
    assert f"{page} differs from the rules" in capsys.readouterr().err
    assert main(["--directory", str(crds)]) == 0
    assert page.read_text("utf-8") == verdicts_page()
