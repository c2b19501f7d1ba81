"""How things are said to people, row by row."""

import pytest

from brandrelease.core.words import cut, how_it_ended, one_of, seconds, short, telling_line, times


@pytest.mark.parametrize(
    ("commit", "text"), [("0123456789abcdef", "0123456789ab"), (None, "unknown commit"), ("", "unknown commit")]
)
def test_a_commit_is_told_by_its_first_twelve_characters(commit: str | None, text: str) -> None:
    assert short(commit) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "never"), (1, "once"), (2, "twice"), (6, "six times"), (7, "7 times"), (100, "100 times")]
)
def test_a_number_of_times_is_told_in_words(count: int, text: str) -> None:
    assert times(count) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [((), ""), (("a",), '"a"'), (("a", "b"), '"a" and "b"'), (("a", "b", "c"), '"a", "b" and "c"')],
)
def test_a_list_is_told_as_people_say_it(names: tuple[str, ...], text: str) -> None:
    assert one_of(names) == text


@pytest.mark.parametrize(
    ("text", "limit", "result"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("", 3, ""), ("ä" * 9, 4, "äää…")]
)
def test_a_long_text_is_cut_to_its_limit_and_shows_it(text: str, limit: int, result: str) -> None:
    assert cut(text, limit) == result
    assert len(result) <= limit


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("", ""),
        (" \n\n", ""),
        ("starting\nlistening\n", "listening"),
        ("PHP Fatal error: no such table\n#0 index.php(3)\n#1 {main}\n", "PHP Fatal error: no such table"),
        ("error: first\nerror: second\nthrown in x\n", "error: second"),
        ("nginx: [emerg] host not found\nbye\n", "nginx: [emerg] host not found"),
        ("  panic: runtime\n", "panic: runtime"),
    ],
)
def test_the_line_that_tells_most_is_the_last_that_names_an_error(log: str, line: str) -> None:
    assert telling_line(log) == line


@pytest.mark.parametrize(
    ("exit_code", "signal", "text"),
    [
        (0, 0, "exited with code 0"),
        (1, 0, "exited with code 1"),
        (128, 0, "exited with code 128"),
        (137, 0, "was killed by SIGKILL"),
        (143, 0, "was killed by SIGTERM"),
        (0, 11, "was killed by SIGSEGV"),
        (255, 0, "exited with code 255"),
        (150, 0, "exited with code 150"),
    ],
)
def test_an_ending_is_told_in_words(exit_code: int, signal: int, text: str) -> None:
    assert how_it_ended(exit_code, signal) == text


def test_a_death_by_a_signal_without_a_name_is_no_ordinary_exit() -> None:
    assert how_it_ended(0, 35) == "was killed by signal 35"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 s"),
        (0.6, "1 s"),
        (119, "119 s"),
        (119.6, "2 min"),
        (125, "2 min 5 s"),
        (600, "10 min"),
        (3599, "59 min 59 s"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (86400, "24 h"),
    ],
)
def test_a_duration_is_told_as_people_say_it(amount: float, text: str) -> None:
    assert seconds(amount) == text
