"""`python -m support.compatibility 1.34.4`: tests/apiserver on the API server of that Kubernetes, and its line in the docs.

The line in docs/compatibility.md is written from what ran: the version that the server calls itself, the day, and pytest's
own counts. Nothing else writes there.
"""

import argparse
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cluster import toolchain
from cluster.control_plane import KUBERNETES
from cluster.errors import ClusterError

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "compatibility.md"
BEGIN, END = "<!-- what ran -->\n", "<!-- /what ran -->"
HEAD: Final = "| Kubernetes | Day | What ran | Passed | Failed | Skipped |\n|---|---|---|---|---|---|\n"
WORKERS: Final = "3"
EVERYTHING: Final = "everything"
PARTS: Final = {
    EVERYTHING: ("",),
    "what the API server decides": (
        "test_a_change_is_made_to_what_was_read.py",
        "test_a_namespace_goes.py",
        "test_bad_objects_are_refused.py",
        "test_brand_status.py",
        "test_build_namespace.py",
        "test_crds_are_accepted.py",
        "test_gitops_tools.py",
        "test_good_objects_are_accepted.py",
        "test_hook_jobs.py",
        "test_leases.py",
        "test_permissions.py",
        "test_server_side_apply_owns_only_our_fields.py",
        "test_the_operator_survives.py",
        "test_version_of_the_server.py",
    ),
}
"""Files of tests/apiserver: all of them, or those that a version could change, for a machine that is busy."""


@dataclass(frozen=True)
class Ran:
    """What came of it."""

    version: str
    day: str
    what: str
    passed: int
    failed: int
    skipped: int

    def __str__(self) -> str:
        return f"| {self.version} | {self.day} | {self.what} | {self.passed} | {self.failed} | {self.skipped} |"


def run(version: str, what: str) -> Ran:
    """Compile the API server, if need be, and run the tests on it."""
    toolchain.programs(toolchain.control_plane(version), print)
    report = ROOT / ".pytest_cache" / f"kubernetes-{version}.xml"
    tests = [f"tests/apiserver/{name}" for name in PARTS[what]]
    argv = (sys.executable, "-m", "pytest", "-q", "-n", WORKERS, f"--junitxml={report}", *tests)
    subprocess.run(argv, cwd=ROOT, env={**os.environ, KUBERNETES: version}, check=False)
    return counted(version, what, report.read_text())


def counted(version: str, what: str, report: str) -> Ran:
    """Pytest's counts, by its report in the format of JUnit."""
    suites = list(ET.fromstring(report).iter("testsuite"))
    total, skipped = (sum(int(suite.get(what, "0")) for suite in suites) for what in ("tests", "skipped"))
    failed = sum(int(suite.get(what, "0")) for suite in suites for what in ("failures", "errors"))
    day = (suites[0].get("timestamp") or "")[:10]
    return Ran(version, day, what, total - failed - skipped, failed, skipped)


def with_line(page: str, ran: Ran) -> str:
    """The page with this line in the place of an older one of the same version, newest Kubernetes first."""
    before, _, rest = page.partition(BEGIN)
    table, _, after = rest.partition(END)
    lines = {found[1]: line for line in table.splitlines() if (found := re.match(r"\| (\d+\.\d+\.\d+) \|", line))}
    lines[ran.version] = str(ran)
    newest_first = sorted(lines, key=lambda version: tuple(map(int, version.split("."))), reverse=True)
    return before + BEGIN + HEAD + "".join(f"{lines[version]}\n" for version in newest_first) + END + after


def main() -> int:
    """Run, write, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m support.compatibility", description=__doc__)
    parser.add_argument("version", help=", ".join((*toolchain.OLDER_KUBERNETES, toolchain.KUBERNETES)))
    parser.add_argument("--what", choices=PARTS, default=EVERYTHING, help="default: everything")
    arguments = parser.parse_args()
    try:
        ran = run(arguments.version, arguments.what)
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Kubernetes {ran.version}: {ran.passed} passed, {ran.failed} failed, {ran.skipped} skipped.")
    PAGE.write_text(with_line(PAGE.read_text(), ran))
    return 1 if ran.failed else 0


if __name__ == "__main__":
    sys.exit(main())
