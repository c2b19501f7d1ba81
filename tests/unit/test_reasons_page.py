"""docs/reasons.md has an entry for every reason, with what the code knows of it, and the package has the same."""

import json
import re
from pathlib import Path

import pytest

from brandrelease.apis.reasons import Reason
from brandrelease.codegen.__main__ import main as generate
from brandrelease.codegen.reasons_page import EntryError, completed
from brandrelease.codegen.runbook import runbook_of
from brandrelease.core.blame import BLAME
from brandrelease.runbook import runbook
from support.documents import ROOT

PAGE = (ROOT / "docs/reasons.md").read_text("utf-8")


def without(name: str) -> str:
    return re.sub(rf"(?ms)^### {name}\n.*?(?=^##)", "", PAGE)


def entry(name: str, page: str = PAGE) -> str:
    found = re.search(rf"(?ms)^### {name}\n(.*?)(?=^##|\Z)", page)
    assert found
    return found[1]


def test_the_page_is_complete_and_the_package_has_the_same() -> None:
    assert completed(PAGE) == PAGE
    assert (ROOT / "operator/brandrelease/runbook.json").read_text("utf-8") == runbook_of(PAGE)


def test_what_the_package_has_is_generated_and_its_drift_is_found(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "operator" / "brandrelease").mkdir(parents=True)
    (tmp_path / "docs" / "reasons.md").write_text(PAGE, "utf-8")
    copy, where = tmp_path / "operator" / "brandrelease" / "runbook.json", ["--directory", str(tmp_path / "crds")]
    assert generate(where) == 0
    assert copy.read_text("utf-8") == runbook_of(PAGE)
    assert generate([*where, "--check"]) == 0
    copy.write_text("by hand", "utf-8")
    assert generate([*where, "--check"]) == 1


def test_links_become_their_words() -> None:
    page = "### Succeeded\n\nSee [there](there.md#x), as [it](<a b>) says.\n"
    assert json.loads(runbook_of(page)) == {"Succeeded": ["See there, as it says."]}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_says_who_is_to_blame_what_it_means_what_to_look_at_and_what_to_do(reason: Reason) -> None:
    labels = [paragraph.partition(":")[0] for paragraph in entry(reason).strip().split("\n\n")]
    assert labels == ["Blame", "Means", "Look at", "Do"]
    blame = BLAME[reason].blame if reason in BLAME else "nobody"
    assert entry(reason).strip().startswith(f"Blame: {blame}")


@pytest.mark.parametrize("reason", Reason)
def test_the_package_explains_every_reason(reason: Reason) -> None:
    told = runbook()[reason]
    assert [told[0].partition(":")[0], told[-1].partition(":")[0]] == ["Means", "Blame"]
    assert not [each for each in told if "](" in each or each.startswith("#")]


def test_every_reason_is_in_the_list_of_all() -> None:
    listed = re.findall(r"\[(\w+)\]\(#\w+\)", PAGE.partition("## All reasons")[2].partition("\n## ")[0])
    assert sorted(listed) == sorted(Reason)


def test_what_people_wrote_stays_and_what_was_generated_is_written_anew() -> None:
    stale = PAGE.replace("Blame: Platform", "Blame: Release").replace("[Succeeded](#succeeded), ", "")
    assert completed(stale) == PAGE
    bare = re.sub(r"(?m)^Blame: .*\n\n", "", PAGE)
    assert completed(bare) == PAGE


@pytest.mark.parametrize(
    ("page", "told"),
    [
        (without("OOMKilled"), "no entry for OOMKilled"),
        (PAGE + "\n### NoSuchReason\n\nMeans: a\n\nLook at: b\n\nDo: c\n", "NoSuchReason"),
        (PAGE + f"\n### OOMKilled\n{entry('OOMKilled')}", "twice"),
        (
            PAGE.replace("### OOMKilled\n", "### OOMKilled\n\nIt was killed.\n").replace(
                entry("OOMKilled"), "\nMeans: a\n\n"
            ),
            "the entry OOMKilled",
        ),
    ],
)
def test_a_page_that_lacks_something_is_refused_with_what_to_write(page: str, told: str) -> None:
    with pytest.raises(EntryError, match=told):
        completed(page)


def test_what_follows_for_the_commit_is_told() -> None:
    assert "The commit is quarantined.\n" in entry("CrashLoopBackOff")
    assert "quarantined if its pods ran" in entry("BuildFailed")
    assert "tried again by itself" in entry("ErrImagePull")
    assert "nothing is tried by itself" in entry("ImageNotFound")
    assert "follows from that" in entry("RollbackFailed")
    assert "No release fails for it" in entry("Building")
