"""What leaves a log before it is kept: secrets, known and recognised, control characters, and all but the last lines."""

import base64
import gc
import json
import re
import time
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brandrelease.core.plain import plain
from brandrelease.core.scrubbing.scrub import last_lines, scrub
from brandrelease.core.words import cut_middle

PEM = """-----BEGIN RSA PRIVATE KEY-----
MIIEowIBAAKCAQEAx9k2hJ0Zk3aFqW1yTz7nQe5dYb8RrCkVuS2mPgXo4LtHiNwE
c0VjQ6sKpB1fDgZrUyTnWmXeLhOaI8C5q3J7x2v9Y4tM6b0RkFdSwGuPzElHiNoA
Qq==
-----END RSA PRIVATE KEY-----"""
DOTENV = "# the site\nAPP_NAME=drumeo\nexport DB_PASS='s3cr3t value'\nMAIL=correct-horse # of the shop\nPORT=80"
LOGIN = base64.b64encode(b"robot:battery-staple").decode()
DOCKER = json.dumps({"auths": {"registry.example.com": {"auth": LOGIN}}})

GIVEN = {
    "a value in the middle of a line": ("hunter22", "with hunter22, or so", "with ***, or so"),
    "a value that ends in a line break, which programs strip": ("hunter22\n", "with hunter22.", "with ***."),
    "every place where it is": ("hunter22", "hunter22 hunter22hunter22", "*** ***"),
    "the longer of two that begin alike": ("hunter2\nhunter22-long", "x hunter22-long", "x ***"),
    "a line of a value of several": ("first line\nsecond line", "a second line.", "a ***."),
    "a value of a dotenv file": (DOTENV, "no s3cr3t value here, nor correct-horse", "no *** here, nor ***"),
    "the password of a docker login": (DOCKER, "docker login -p battery-staple", "docker login -p ***"),
    "a value of a list in JSON": ('["hunter22", 8080]', "with hunter22", "with ***"),
    "a value that is base64 of no text": ("AQIDBAUG", "with AQIDBAUG", "with ***"),
    "the password of an address": ("mysql://app:p%40ssword1@db/x", "for p@ssword1 and p%40ssword1", "for *** and ***"),
    "a value that colours part": ("hunter22", "with hun\x1b[31mter22", "with ***"),
    "a value that a NUL parts": ("hunter22", "with hunter\x0022", "with ***"),
    "a value in JSON": ('say "friend"/1', json.dumps({"m": 'say "friend"/1'}), '{"m": "***"}'),
    "a value as PHP's json_encode writes it": ("key/with/slashes", r'{"m":"key\/with\/slashes"}', '{"m":"***"}'),
    "a short value, which would be everywhere": ("8080", "listens on 8080", "listens on 8080"),
    "a blank value": ("        ", "a        b", "a        b"),
    "a piece of text that is no secret": ("hunter22", "hunter2 and hunter 22", "hunter2 and hunter 22"),
}
"""A value, a log, and what is left of it."""


@pytest.mark.parametrize(("value", "log", "left"), GIVEN.values(), ids=GIVEN)
def test_values_that_are_given_are_taken_out(value: str, log: str, left: str) -> None:
    assert scrub(log, [value]) == left


def test_two_secrets_that_overlap_are_both_taken_out_whole() -> None:
    assert scrub("a abcdef1234 b", ["abcdef12", "def1234"]) == "a *** b"


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"
RECOGNISED = {
    "user and password in an address": ("mysql://app:hunter2@db:3306/x", "mysql://db:3306/x"),
    "a password with an @ in an address": ("to mysql://app:hun@ter2@db failed", "to mysql://db failed"),
    "a bearer header": ("Authorization: Bearer abcdef", "Authorization: Bearer ***"),
    "a basic header in JSON": ('{"authorization":"Basic YTpi","x":1}', '{"authorization":"Basic ***","x":1}'),
    "a header without a scheme": ("authorization: 9f8e7d6c5b", "authorization: ***"),
    "a signed request to AWS": (
        "Authorization: AWS4-HMAC-SHA256 Credential=A/b, Signature=c",
        "Authorization: AWS4-HMAC-SHA256 ***",
    ),
    "a bearer token without its header": ("sent Bearer abc123def456", "sent Bearer ***"),
    "a JWT": (f"jwt={JWT};", "jwt=***;"),
    "an AWS access key id": ("by AKIAIOSFODNN7EXAMPLE.", "by ***."),
    "an AWS secret key where labelled": (
        "aws_secret_access_key = wJalrXUtn/K7MDENG+bPx",
        "aws_secret_access_key = ***",
    ),
    "an AWS secret key in JSON": ('{"SecretAccessKey" : "wJalr/XUtn"}', '{"SecretAccessKey" : "***"}'),
    "a GitHub token": ("clone with ghp_" + "a1" * 18, "clone with ***"),
    "a fine-grained GitHub token": ("github_pat_" + "a1_" * 12, "***"),
    "a GitLab token": ("use glpat-abcdefghij0123456789 now", "use *** now"),
    "a Slack token": ("xoxb-123456789012-abcdefGHIJ failed", "*** failed"),
    "a private key": (f"key:\n{PEM}\nbye", "key:\n***\nbye"),
    "a private key on one line": ('"' + PEM.replace("\n", "\\n") + '"', '"***"'),
    "a private key whose end is missing": (PEM[:150] + "\n* ok", "-----BEGIN RSA PRIVATE KEY-----***\n* ok"),
    "a query string": ("GET /?password=abc&page=2 200", "GET /?password=***&page=2 200"),
    "the environment": ("DB_PASSWORD=abc def", "DB_PASSWORD=*** def"),
    "the environment, quoted": ("DB_PASSWORD='a b c' x", "DB_PASSWORD='***' x"),
    "a quoted value that breaks off": ('DB_PASSWORD="a b c', 'DB_PASSWORD="***'),
    "Laravel's key": ("APP_KEY=base64:abc=", "APP_KEY=***"),
    "JSON": ('{"password":"a\\"b c","n":1}', '{"password":"***","n":1}'),
    "JSON in JSON": (r'{"body":"{\"api_key\":\"abc\",\"n\":1}"}', r'{"body":"{\"api_key\":\"***\",\"n\":1}"}'),
    "a number in JSON": ('{"token": 12345, "n": 1}', '{"token": ***, "n": 1}'),
    "a PHP array": ("['password' => 'a b', 'n' => 1]", "['password' => '***', 'n' => 1]"),
    "print_r": ("    [db_password] => a b c\n    [n] => 1", "    [db_password] => ***\n    [n] => 1"),
    "var_dump": ('["passwd"]=>\n  string(3) "abc"\n', '["passwd"]=>\n  string(3) "***"\n'),
    "YAML": ("token: abc123def", "token: ***"),
    "YAML, quoted": ('secret: "a b"', 'secret: "***"'),
}
"""A log and what is left of it, with no secret known."""


@pytest.mark.parametrize(("log", "left"), RECOGNISED.values(), ids=RECOGNISED)
def test_what_looks_like_a_secret_is_taken_out(log: str, left: str) -> None:
    assert scrub(log, []) == left


@pytest.mark.parametrize(("log", "left"), RECOGNISED.values(), ids=RECOGNISED)
def test_what_was_scrubbed_stays_as_it_is(log: str, left: str) -> None:
    assert scrub(left, []) == left


READABLE = [
    "password authentication failed for user",
    "SQLSTATE[HY000] [1045] Access denied for user 'app'@'10.0.0.7' (using password: YES)",
    "SQLSTATE[HY000] [2002] Connection refused (Connection: mysql, SQL: select * from `password_resets`)",
    'FATAL: password authentication failed for user "app"',
    "Invalid password: must be at least twelve characters.",
    "CSRF token mismatch.",
    'PHP Parse error: syntax error, unexpected token "=>", expecting "," in /app/a.php on line 3',
    'Undefined array key "password" in /app/login.php on line 12',
    'MountVolume.SetUp failed for volume "env" : secret "drumeo-env" not found',
    "secretName: drumeo-env-v2",
    "basic authentication is not enabled, bearer credentials are",
    "password_hash(): Argument #1 ($password) must be of type string, null given",
    "if ($token === null) throw",
    '{"token":null,"secret":false}',
    "see https://example.com/docs?page=2#top and mail to ada@example.com",
    "npm error code E404 https://registry.npmjs.org/@musora/player",
    "expected -----BEGIN PRIVATE KEY----- and found nothing",
    "sha256:4f1c0b2d9a8e7f6c5b4a39281706f5e4d3c2b1a0998877665544332211ffeedd",
    "tabs\tand émigré 漢字 👩\u200d💻 stay",
]


@pytest.mark.parametrize("log", READABLE)
def test_what_only_speaks_of_secrets_stays_readable(log: str) -> None:
    assert scrub(log, []) == log


secrets = st.text(
    st.characters(codec="utf-8", exclude_characters="*", exclude_categories=["C", "Z"]), min_size=5, max_size=40
)
surroundings = st.text(st.characters(codec="utf-8"), max_size=60)


@given(surroundings, secrets, surroundings)
def test_a_secret_never_survives_wherever_it_stands(before: str, secret: str, after: str) -> None:
    assert secret not in scrub(before + secret + after, [secret])


@given(st.lists(secrets, min_size=1, max_size=5), st.data())
def test_of_many_secrets_none_survives(known: list[str], data: st.DataObject) -> None:
    log = "".join(data.draw(st.lists(st.sampled_from([*known, " ", "\n", "ab"]), max_size=12)))
    left = scrub(log, known)
    assert not [secret for secret in known if secret in left]


@given(st.binary(max_size=8), secrets, st.binary(max_size=8))
def test_no_encoded_secret_survives(before: bytes, secret: str, after: bytes) -> None:
    inside = before + secret.encode() + after
    for encoded in (base64.b64encode(inside), base64.urlsafe_b64encode(inside)):
        own = base64.b64encode(secret.encode()).decode()
        left = scrub(f"key {encoded.decode()} end", [secret])
        assert left != f"key {encoded.decode()} end"
        assert own.rstrip("=") not in left
    for in_url in (quote(secret), quote(secret, ""), quote_plus(secret), quote(secret, "").lower()):
        if len(in_url) == len(secret) or "%" in in_url:
            assert in_url not in scrub(f"/?q={in_url}&n=1", [secret, in_url.lower() if in_url.islower() else secret])


@given(st.text(st.characters(codec="utf-8"), max_size=200), st.lists(secrets, max_size=3))
def test_the_result_is_at_most_three_times_as_long(log: str, known: list[str]) -> None:
    assert len(scrub(log, known)) <= 3 * len(log)


@given(st.lists(secrets.filter(lambda line: not line.startswith("-")), min_size=2, max_size=6))
def test_no_line_of_a_secret_of_several_survives(lines: list[str]) -> None:
    left = scrub("\n".join(["start", *lines[1:], "end"]), ["\n".join(lines)])
    assert not [line for line in lines[1:] if line in left.removeprefix("start").removesuffix("end")]


ADVERSARIAL = [
    "password", "password=", "password= ", 'password="', 'password=\\"', "password['", "token: ", "secret" + " " * 8, "secret-",
    "Bearer ", "Bearer a", "authorization: ", "authorization: digest", "eyJ", "eyJ-", "-eyJaaaaaaaa", "://", "://a:", "a://", "@", "AKIA",
    "xoxb-", "ghp_", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "-----", "-----END ", "----", "-----BEGIN PRIVATE KEY-----" + "a" * 19 + " ",
    "\\", '"', "\x1b[", "\x1b]", "\x1b[0", "\r", "\u202e", "a", "a\n", "[password] =>", '["password"]=>\n   ', "aA1+/=",
]  # fmt: skip


@pytest.fixture
def uncollected() -> Iterator[None]:
    """A collection of all that other tests have left behind would count as time of this one."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("piece", ADVERSARIAL)
def test_a_quarter_of_a_megabyte_that_was_made_to_be_slow_takes_less_than_half_a_second(
    uncollected: None, piece: str
) -> None:
    """It takes a sixth of that; what takes time by the square of the length would take seconds."""
    log = (piece * (250_000 // len(piece) + 1))[:250_000]
    start = time.process_time()
    scrub(log, ["hunter22"])
    assert time.process_time() - start < 0.5


def test_a_large_secret_takes_less_than_two_seconds() -> None:
    lines = [f"{number:08x}" * 8 for number in range(4000)]
    start = time.process_time()
    assert scrub("a line\n" * 2000 + lines[17], ["\n".join(lines)]).endswith("\n***")
    assert time.process_time() - start < 2.0


# --- the last lines ---------------------------------------------------------------------------------------------------


def test_the_last_twenty_lines_are_kept() -> None:
    assert last_lines("\n".join(map(str, range(100))) + "\n\n") == "\n".join(map(str, range(80, 100)))


def test_as_many_whole_lines_are_kept_as_there_is_room_for() -> None:
    kept = last_lines("\n".join(str(number) * 300 for number in range(10)))
    assert kept.split("\n")[1:] == [str(number) * 300 for number in range(4, 10)]
    assert re.fullmatch("3+ … 3+", kept.split("\n")[0])
    assert len(kept.encode()) == 2048


def test_a_line_that_is_too_long_keeps_its_beginning_and_its_end() -> None:
    kept = last_lines("ok\nPHP Fatal error: no such table " + "x" * 5000 + " thrown in index.php\n")
    assert kept.startswith("PHP Fatal error: no such table xx")
    assert kept.endswith("xx thrown in index.php")


def test_less_than_a_few_words_of_a_line_are_not_worth_keeping() -> None:
    assert last_lines("a long line that does not fit\nlast", size=20) == "last"


LINES = {
    "colours": ("\x1b[1;31merror\x1b[0m: no", "error: no"),
    "a title": ("\x1b]0;title\x07text", "text"),
    "a progress bar": ("10 %\r20 %\r\ndone", "10 %\n20 %\ndone"),
    "tabs": ("a\tb", "a\tb"),
    "what turns the reading direction": ("a\u202eb\x00\x9b", "ab"),
    "other line breaks and spaces": ("a\u2028b\u00a0c\x0bd", "a b c d"),
    "half a pair of surrogates": ("a\ud800b", "ab"),
    "nothing": ("", ""),
    "blank lines": (" \n\n", ""),
}


@pytest.mark.parametrize(("log", "kept"), LINES.values(), ids=LINES)
def test_control_characters_are_removed(log: str, kept: str) -> None:
    assert last_lines(log) == kept


@given(st.text(max_size=5000), st.integers(1, 30))
def test_never_more_than_the_size_or_the_lines(log: str, lines: int) -> None:
    kept = last_lines(log * 3, lines)
    assert len(kept.encode()) <= 2048
    assert kept.count("\n") < lines


@given(st.text(st.characters(), max_size=300))
def test_plain_text_is_plain(text: str) -> None:
    assert plain(plain(text)) == plain(text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", plain(text))


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.integers(5, 400))
def test_a_text_that_is_cut_in_the_middle_has_the_size(text: str, size: int) -> None:
    result = cut_middle(text, size)
    assert len(result.encode()) <= size
    assert result == text or len(text.encode()) > size
