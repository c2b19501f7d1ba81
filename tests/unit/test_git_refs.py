"""From the ref that a person writes to git's names, and from git's answer to a commit."""

import pytest

from brandrelease.adapters.git.refs import answer, candidates, commit_id, list_options, list_patterns, ref_problem
from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import Resolved, Unresolved

URL = "https://git.example.com/drumeo.git"
A, B, TAG = "a" * 40, "b" * 40, "c" * 40


def listing(*lines: tuple[str, str]) -> bytes:
    return "".join(f"{commit}\t{name}\n" for commit, name in lines).encode()


@pytest.mark.parametrize(
    "ref", ["master", "feature/main", "v1.2", "refs/heads/x", "a@b", "release+1", "deadbeefx", "abc123", "café", A]
)
def test_what_git_allows_as_a_ref_is_allowed(ref: str) -> None:
    assert ref_problem(ref) is None


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "@",
        "-x",
        "--upload-pack=touch /tmp/x",
        "a b",
        "a..b",
        "a~1",
        "a^",
        "a:b",
        "a?",
        "a*",
        "a[b",
        "a\\b",
        "a@{1}",
        "a//b",
        "/a",
        "a/",
        "a.",
        ".a",
        "a/.b",
        "a.lock",
        "a.lock/b",
        "a\nb",
        "a\0b",
        "a\x1b[31m",
        "a\ud800",
        "a\u202eb",
    ],
)
def test_what_git_forbids_in_a_ref_is_refused_in_printable_words(ref: str) -> None:
    problem = ref_problem(ref)
    assert problem is not None
    assert problem.reason is Reason.InvalidRef
    assert problem.message.isprintable()


@pytest.mark.parametrize("ref", ["a" * 7, "DEADBEEF", "1234567", "f" * 39])
def test_a_shortened_commit_id_is_refused_and_the_full_one_asked_for(ref: str) -> None:
    problem = ref_problem(ref)
    assert problem is not None
    assert problem.reason is Reason.InvalidRef
    assert "full id of 40 characters" in problem.message


def test_forty_hexadecimal_characters_are_a_commit_id_and_nothing_else_is() -> None:
    assert commit_id("AB" * 20) == "ab" * 20
    assert commit_id("a" * 41) is None
    assert commit_id("master") is None
    assert commit_id(f"refs/heads/{A}") is None


def test_a_short_name_is_asked_for_as_branch_and_tag_and_a_full_name_as_it_is() -> None:
    assert candidates("main") == ("refs/heads/main", "refs/tags/main")
    assert candidates("refs/pull/1/head") == ("refs/pull/1/head",)


def test_the_commit_behind_a_tag_is_asked_for_by_name() -> None:
    assert list_patterns(candidates("v1")) == ["refs/heads/v1", "refs/tags/v1", "refs/tags/v1^{}"]


@pytest.mark.parametrize(
    ("ref", "options"),
    [
        ("main", ["--heads", "--tags"]),
        ("refs/heads/main", ["--heads"]),
        ("refs/tags/v1", ["--tags"]),
        ("refs/pull/1/head", []),
    ],
)
def test_the_server_lists_only_the_kinds_of_refs_that_can_match(ref: str, options: list[str]) -> None:
    assert list_options(candidates(ref)) == options


def test_an_annotated_tag_is_peeled_to_its_commit() -> None:
    output = listing((TAG, "refs/tags/v1"), (A, "refs/tags/v1^{}"))
    assert answer(URL, "v1", output) == Resolved("refs/tags/v1", A)


def test_a_name_that_only_ends_with_what_was_asked_for_does_not_match() -> None:
    output = listing((A, "refs/heads/refs/heads/main"), (B, "refs/heads/feature/main"))
    found = answer(URL, "main", output)
    assert isinstance(found, Unresolved)
    assert found.reason is Reason.RefNotFound


def test_a_branch_and_a_tag_of_one_name_with_different_commits_are_ambiguous() -> None:
    found = answer(URL, "v1", listing((A, "refs/heads/v1"), (TAG, "refs/tags/v1"), (B, "refs/tags/v1^{}")))
    assert isinstance(found, Unresolved)
    assert found.reason is Reason.AmbiguousRef
    assert "refs/heads/v1" in found.message
    assert "refs/tags/v1" in found.message


def test_a_branch_and_a_tag_of_one_name_with_the_same_commit_are_the_branch() -> None:
    output = listing((A, "refs/heads/v1"), (TAG, "refs/tags/v1"), (A, "refs/tags/v1^{}"))
    assert answer(URL, "v1", output) == Resolved("refs/heads/v1", A)


def test_origin_before_a_branch_is_explained() -> None:
    found = answer(URL, "origin/main", b"")
    assert isinstance(found, Unresolved)
    assert 'Write "main"' in found.message


def test_lines_that_are_no_refs_are_passed_over() -> None:
    output = b"warning: redirecting\n\xff\xfe\n" + listing((A, "refs/heads/main"))
    assert answer(URL, "main", output) == Resolved("refs/heads/main", A)
