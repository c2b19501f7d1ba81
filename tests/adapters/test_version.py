"""The version is that of the git tag, and where there is none, there is a version all the same."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRETEND = "SETUPTOOLS_SCM_PRETEND_VERSION"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The files that decide, where no git is."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def git(source: Path, *arguments: str) -> None:
    people = {f"GIT_{role}_{key}": "ada@example.com" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    subprocess.run(("git", *arguments), cwd=source, check=True, env={**os.environ, **people}, timeout=20)


def committed(source: Path) -> Path:
    git(source, "init", "--quiet")
    git(source, "add", ".")
    git(source, "commit", "--quiet", "--message", "Begin")
    return source


def version(source: Path, pretended: str = "") -> str:
    """What hatchling would write into the wheel."""
    environment = {name: text for name, text in os.environ.items() if name != PRETEND}
    environment |= {PRETEND: pretended} if pretended else {}
    argv = (sys.executable, "-m", "hatchling", "version")
    done = subprocess.run(argv, cwd=source, capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_of_a_tag(source: Path) -> None:
    git(committed(source), "tag", "v1.4.2")
    assert version(source) == "1.4.2"


def test_after_a_tag(source: Path) -> None:
    git(committed(source), "tag", "v1.4.2")
    git(source, "commit", "--quiet", "--allow-empty", "--message", "More")
    assert re.fullmatch(r"1\.4\.3\.dev1\+g[0-9a-f]{7,}", version(source))


def test_of_a_clone_without_tags(source: Path) -> None:
    assert re.fullmatch(r"0\.0\.1\.dev1\+g[0-9a-f]{7,}", version(committed(source)))


def test_where_no_git_is(source: Path) -> None:
    assert version(source) == "0.0.0"


def test_in_the_dockerfile(source: Path) -> None:
    """There is no git, and the build says the version."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert f'{PRETEND}="${{VERSION}}"' in dockerfile
    assert dockerfile.index("ARG VERSION") < dockerfile.index(PRETEND)
    assert version(source, pretended="1.4.2") == "1.4.2"
