"""uv.lock: everything comes from one index, by hash, and nothing from a place or of a kind that could change under us."""

import re
import tomllib
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
LOCK = tomllib.loads((REPOSITORY / "uv.lock").read_text())
PACKAGES = [package for package in LOCK["package"] if package["name"] != "brandrelease"]
INDEX = "https://pypi.org/simple"
FILES = "https://files.pythonhosted.org/packages/"
SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


def files(package: dict[str, Any]) -> list[dict[str, Any]]:
    return [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]


def needed_at_run_time() -> set[str]:
    """Names of the packages that the operator needs, and of what those need."""
    by_name = {package["name"]: package for package in LOCK["package"]}
    found: set[str] = set()
    open_names = ["brandrelease"]
    while open_names:
        name = open_names.pop()
        if name not in found:
            found.add(name)
            open_names += [each["name"] for each in by_name[name].get("dependencies", ())]
    return found - {"brandrelease"}


def test_every_package_comes_from_one_index() -> None:
    assert {package["name"] for package in PACKAGES if package["source"] != {"registry": INDEX}} == set()


def test_every_file_has_a_hash_and_is_where_the_index_keeps_its_files() -> None:
    loose = [
        (package["name"], file)
        for package in PACKAGES
        for file in files(package)
        if not SHA256.fullmatch(file["hash"]) or not file["url"].startswith(FILES)
    ]
    assert loose == []
    assert [package["name"] for package in PACKAGES if not files(package)] == []


def test_only_our_own_package_is_no_file_of_the_index() -> None:
    ours = [package["source"] for package in LOCK["package"] if package["name"] == "brandrelease"]
    assert ours == [{"editable": "."}]


def test_what_is_younger_than_a_week_is_not_taken() -> None:
    assert LOCK["options"]["exclude-newer-span"] == "P7D"


def test_what_the_image_needs_are_wheels() -> None:
    """A source distribution runs code of its own when it is installed."""
    needed = needed_at_run_time()
    assert len(needed) > 30, "the lock has another shape than this test thinks"
    assert {p["name"] for p in PACKAGES if p["name"] in needed and not p.get("wheels")} == set()


def test_the_image_has_nothing_that_only_development_needs() -> None:
    assert needed_at_run_time().isdisjoint({"hatchling", "hypothesis", "moto", "mypy", "pip", "pytest", "ruff", "uv"})


def test_the_tools_that_make_the_image_are_the_locked_ones() -> None:
    lines = (REPOSITORY / "deploy" / "image" / "tools.txt").read_text().replace("\\\n", "").splitlines()
    by_name = {package["name"]: package for package in PACKAGES}
    for line in lines:
        requirement, *options = line.split()
        name, _, version = requirement.partition("==")
        assert by_name[name]["version"] == version
        hashes = {option.removeprefix("--hash=") for option in options if option.startswith("--hash=")}
        assert hashes == {file["hash"] for file in files(by_name[name])}
    assert {line.partition("==")[0] for line in lines} >= {"hatchling", "uv"}
