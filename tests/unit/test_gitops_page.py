"""docs/gitops.md shows the files of deploy/gitops as they are, and all of them."""

import re
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path.relative_to(ROOT) for path in (ROOT / "deploy" / "gitops").rglob("*.yaml"))
_SHOWN = re.compile(r"^( *)<!-- (\S+) -->\n\1```yaml\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def shown() -> dict[str, str]:
    """The text under each name."""
    page = (ROOT / "docs" / "gitops.md").read_text()
    return {name: dedent(text) for _, name, text in _SHOWN.findall(page)}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_the_page_shows_the_file_as_it_is(path: Path) -> None:
    assert shown().get(str(path)) == (ROOT / path).read_text(), f"copy {path} into docs/gitops.md"


def test_the_page_shows_nothing_else() -> None:
    assert set(shown()) == {str(path) for path in FILES}
