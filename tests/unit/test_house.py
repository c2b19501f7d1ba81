"""The house that the brief asks for: code under operator/, which is also the name of a module of Python's own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def python(program: str) -> str:
    """What a fresh interpreter prints, with the repository's root first on its path, as `python -m` has it."""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_operator_is_a_folder_and_no_package() -> None:
    assert (ROOT / "operator").is_dir()
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_nothing_but_the_package_lies_beside_the_package() -> None:
    assert [entry.name for entry in (ROOT / "operator").iterdir() if entry.name != "__pycache__"] == ["brandrelease"]


def test_the_operator_module_is_pythons_own_even_with_the_repository_on_the_path() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import operator; print(operator.__file__, operator.add(1, 2))"
    )
    where, three = python(program).split()
    assert not Path(where).is_relative_to(ROOT / "operator")
    assert three == "3"


def test_the_run_time_dependencies_import_together_and_with_warnings_as_errors() -> None:
    modules = "aiohttp, kopf, kubernetes.aio.client, prometheus_client, pydantic, pydantic_settings, structlog"
    assert python(f"import {modules}, operator; print(operator.itemgetter(0)('ok')[0])") == "o"


def test_the_package_imports_from_anywhere() -> None:
    assert python("import os; os.chdir('/'); import brandrelease.cli, brandrelease.bootstrap; print('well')") == "well"


def test_the_core_needs_nothing_of_the_world() -> None:
    program = (
        "import sys, brandrelease.core.decide; "
        "print([m for m in ('kopf', 'kubernetes', 'aiohttp', 'structlog', 'asyncio') if m in sys.modules])"
    )
    assert python(program) == "[]"
