"""What the documents say about names and places is so."""

import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from brandrelease.settings import Settings

ROOT = Path(__file__).parents[2]
MARKDOWN = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part in {"node_modules", "cli"} for part in path.relative_to(ROOT).parts)
)
"""But for the copy of docs/reasons.md in the package, of which tests/unit/test_reasons_page.py holds that it is one."""

_CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_SETTING_ROW = re.compile(r"^\| `([A-Z_]+)` \| (.*?) \|", re.MULTILINE)


def _read(name: str) -> str:
    return (ROOT / name).read_text()


def _prose(path: Path) -> str:
    return _CODE_BLOCK.sub("", path.read_text())


def _anchors(path: Path) -> set[str]:
    """The names that a heading can be linked by, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _settings() -> dict[str, str]:
    """Each variable with its default as the table shows it; empty where the default is empty or found at start."""
    shown = {}
    for name, field in Settings.model_fields.items():
        default = "" if field.default in {None, PydanticUndefined, frozenset()} else str(field.default)
        default = default.lower() if isinstance(field.default, bool) else default
        shown[str(field.validation_alias or f"BRANDRELEASE_{name.upper()}")] = default
    return shown


def _targets() -> set[str]:
    lines = re.findall(r"^([a-z][a-z0-9 -]*):(?!=)", _read("Makefile"), re.MULTILINE)
    return {target for line in lines for target in line.split()}


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_named_as_proof_are_there(path: Path) -> None:
    named = re.findall(r"`((?:tests|deploy|crds|\.github|operator/brandrelease)/[\w./-]+)`", _prose(path))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_setting_is_in_the_readme_and_the_reverse() -> None:
    rows = dict(_SETTING_ROW.findall(_read("README.md")))
    assert set(rows) == set(_settings())


def test_the_readme_tells_the_defaults_as_they_are() -> None:
    rows = dict(_SETTING_ROW.findall(_read("README.md")))
    expected = {name: f"`{default}`" for name, default in _settings().items() if default}
    assert {name: cell for name, cell in rows.items() if name in expected} == expected


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_that_is_named_exists(name: str) -> None:
    named = set(re.findall(r"(?:`|^)make ([a-z][a-z0-9-]*)", _read(name), re.MULTILINE))
    assert named
    assert named <= _targets()


@pytest.mark.parametrize("path", MARKDOWN, ids=[str(path.relative_to(ROOT)) for path in MARKDOWN])
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    broken = []
    for link in _LINK.findall(_prose(path)):
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        if re.match(r"[a-z]+:", link):
            continue
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in _anchors(target)):
            broken.append(link)
    assert not broken


def test_every_decision_is_in_the_index() -> None:
    index = set(_LINK.findall(_read("docs/adr/README.md")))
    assert index == {path.name for path in (ROOT / "docs/adr").glob("0*.md")}


def test_every_page_is_in_the_index() -> None:
    rows = dict(re.findall(r"^\| \[[^]]+\]\(([\w-]+\.md)\) \| (.+) \|$", _read("docs/README.md"), re.MULTILINE))
    assert set(rows) == {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("[!R]*.md")), ids=lambda path: path.name)
def test_every_page_says_at_its_top_for_whom_it_is(path: Path) -> None:
    text = re.sub(r"<!--.*?-->\n", "", path.read_text())
    assert re.match(r"# .+\n\nFor ", text)


def test_the_index_has_the_four_parts() -> None:
    parts = re.findall(r"^## (.+)$", _read("docs/README.md"), re.MULTILINE)
    assert parts == ["Tutorial", "How-to", "Reference", "Explanation"]
