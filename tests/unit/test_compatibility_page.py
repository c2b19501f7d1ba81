"""The table of docs/compatibility.md has what ran, and the versions that there are."""

import re

from cluster.toolchain import KUBERNETES, OLDER_KUBERNETES
from support.compatibility import BEGIN, END, PAGE, Ran, counted, with_line

REPORT = """<?xml version="1.0"?><testsuites><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="20"
timestamp="2026-11-27T22:00:00+00:00"></testsuite></testsuites>"""


def test_pytests_counts_are_taken_as_they_are() -> None:
    assert counted("1.34.4", "everything", REPORT) == Ran(
        "1.34.4", "2026-11-27", "everything", passed=14, failed=3, skipped=3
    )


def test_a_version_has_one_line_and_the_newest_is_first() -> None:
    page = f"before\n{BEGIN}{END}\nafter\n"
    for version, failed in (("1.9.0", 1), ("1.34.4", 0), ("1.9.0", 0)):
        page = with_line(page, Ran(version, "2026-11-27", "everything", 5, failed, 0))
    assert page.startswith("before\n")
    assert page.endswith("\nafter\n")
    assert re.findall(r"^\| ([\d.]+) \| \S+ \| everything \| 5 \| (\d)", page, re.MULTILINE) == [
        ("1.34.4", "0"),
        ("1.9.0", "0"),
    ]


def test_the_page_tells_of_no_other_versions_than_there_are() -> None:
    told = re.findall(r"^\| (\d+\.\d+\.\d+) \|", PAGE.read_text(), re.MULTILINE)
    assert told
    assert set(told) <= {*OLDER_KUBERNETES, KUBERNETES}
