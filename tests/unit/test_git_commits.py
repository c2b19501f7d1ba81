"""From `git log` to the changes of a release: authors and subjects are anybody's bytes."""

import pytest

from brandrelease.adapters.git.commits import UnreadableLog, clean, read_log

A = "a" * 40


def test_commits_are_read_in_gits_order() -> None:
    output = f"{A}\0Ada\0One\0{'b' * 40}\0Bob\0Two\0".encode()
    assert [(c.commit[0], c.author, c.subject) for c in read_log(output)] == [("a", "Ada", "One"), ("b", "Bob", "Two")]


def test_no_output_is_no_commit() -> None:
    assert read_log(b"") == ()


@pytest.mark.parametrize("output", [b"x", f"{A}\0Ada".encode(), f"{A}\0Ada\0".encode(), b"notacommit\0Ada\0One\0"])
def test_anything_else_is_not_guessed_at(output: bytes) -> None:
    with pytest.raises(UnreadableLog):
        read_log(output)


def test_bytes_that_are_no_text_are_replaced() -> None:
    (change,) = read_log(A.encode() + b"\0\xff\xfe\0ok\0")
    assert change.author == "��"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("a\nb\tc\u2028d", "a b c d"),
        ("a\x00b\x07c\x9b", "abc"),
        ("abc\u202edef", "abcdef"),
        ("👩\u200d💻 é 漢字", "👩\u200d💻 é 漢字"),
        ("  x  ", "x"),
    ],
)
def test_control_characters_are_removed_and_writing_is_kept(text: str, expected: str) -> None:
    assert clean(text, 200) == expected


def test_long_texts_are_cut() -> None:
    (change,) = read_log(f"{A}\0{'n' * 5000}\0{'s' * 5000}\0".encode())
    assert (len(change.author), len(change.subject)) == (128, 200)
