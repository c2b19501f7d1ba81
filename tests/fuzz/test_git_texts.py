"""What people write as refs and addresses, and what git prints: nothing of it runs, escapes or fills a message."""

import re
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from brandrelease.adapters.git.addresses import address_problem, origin
from brandrelease.adapters.git.commits import AUTHOR_LIMIT, SUBJECT_LIMIT, UnreadableLog, read_log
from brandrelease.adapters.git.credentials import login
from brandrelease.adapters.git.errors import recognise, unrecognised
from brandrelease.adapters.git.lineage import REVERTS_LIMIT, read_graph, read_reverts
from brandrelease.adapters.git.refs import answer, candidates, commit_id, list_options, list_patterns, ref_problem
from brandrelease.core.snapshot import Unresolved
from support.hostile import fuzz, must_be_one_line, octets, texts

URL = "https://git.example.com/drumeo.git"
REFS = texts(4) | st.from_regex(r"[A-Za-z0-9._/@+=#%,!{}^~:?*\[\\ -]{1,40}", fullmatch=True)
ADDRESSES = texts(4) | texts(3).map(lambda text: f"https://git.example.com/{text}") | texts(3).map("ssh://".__add__)
PHRASES = (
    "Load key /x: ", "Permission denied (", ")", "requested URL returned error: 503", "Could not resolve host: ",
    "SSL certificate problem: ", "transport 'ext' not allowed", "Failed to connect to ", "Connection closed by ",
    "RPC failed; ", "gnutls_handshake() failed: ", "fatal: ", "remote: ", "repository ", "not found", "\n",
)  # fmt: skip
SAID = st.lists(st.sampled_from(PHRASES) | texts(2), max_size=8).map("".join)
OURS = {"--quiet", "--heads", "--tags", "--"}


@fuzz(60)
@given(REFS)
def test_a_ref_that_is_let_through_is_never_an_option_a_pattern_or_a_path_upwards(ref: str) -> None:
    if problem := ref_problem(ref):
        must_be_one_line(problem.message)
        assert len(problem.message) < 1024
        return
    names = candidates(ref)
    arguments = [*list_options(names), *list_patterns(names)]
    assert all(argument in OURS or not argument.startswith("-") for argument in arguments)
    for name in names:
        assert name.startswith("refs/")
        assert not re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//", name)
    if commit := commit_id(ref):
        assert re.fullmatch("[0-9a-f]{40}", commit)


@fuzz(60)
@given(ADDRESSES)
def test_an_address_that_is_let_through_is_one_that_no_program_takes_for_something_else(url: str) -> None:
    if problem := address_problem(url, allow_insecure=False):
        must_be_one_line(problem.message)
        return
    assert re.fullmatch(r"(https|ssh)://[A-Za-z0-9@._:~/%+-]+", url)
    assert origin(url)
    assert not url.startswith("-")
    assert not re.match(r"ssh://[^/]*-o", url.replace("@", "@\n")) or "@-" not in url


@fuzz()
@given(texts(3), octets())
def test_the_answer_of_ls_remote_is_a_commit_or_a_sentence(ref: str, output: bytes) -> None:
    if ref_problem(ref):
        return
    lines = output + b"\n" + ("a" * 40 + f"\trefs/heads/{ref}\n").encode(errors="ignore")
    for told in (output, lines):
        found = answer(URL, ref, told)
        if isinstance(found, Unresolved):
            must_be_one_line(found.message)
        else:
            assert re.fullmatch("[0-9a-f]{40,64}", found.commit)


@fuzz(60)
@given(SAID, st.booleans(), st.integers(-64, 255))
def test_whatever_git_prints_on_its_errors_becomes_one_line_of_bounded_length(
    errors: str, with_login: bool, code: int
) -> None:
    found = recognise(URL, errors, with_login=with_login) or unrecognised(URL, code, errors)
    must_be_one_line(found.message)
    assert len(found.message) < 1024


@fuzz()
@given(st.lists(st.tuples(octets(), octets()), max_size=4), octets())
def test_authors_and_subjects_are_one_line_each_and_what_is_no_log_is_not_read(
    commits: list[tuple[bytes, bytes]], rest: bytes
) -> None:
    log = b"".join(b"a" * 40 + b"\0" + author + b"\0" + subject + b"\0" for author, subject in commits)
    for output in (log, log + rest, rest):
        with suppress(UnreadableLog):
            for change in read_log(output):
                must_be_one_line(change.author + change.subject)
                assert len(change.author) <= AUTHOR_LIMIT
                assert len(change.subject) <= SUBJECT_LIMIT


@fuzz()
@given(octets(), octets())
def test_histories_and_reverts_are_read_or_refused(graph: bytes, message: bytes) -> None:
    with suppress(UnreadableLog):
        read_graph(graph)
    with suppress(UnreadableLog):
        claims = read_reverts(b"a" * 40 + b"\0" + message.replace(b"\0", b"") + b"\0")
        assert len(claims) <= REVERTS_LIMIT


@fuzz()
@given(
    st.dictionaries(st.sampled_from(["username", "password", "identity", "known_hosts", "caFile", "host"]), octets())
)
def test_a_login_writes_only_files_of_known_names_and_puts_nothing_secret_into_a_command(
    secret: dict[str, bytes],
) -> None:
    for url in (URL, "ssh://git@git.example.com/drumeo.git"):
        granted = login(url, secret)
        if isinstance(granted, Unresolved):
            must_be_one_line(granted.message)
            continue
        assert set(granted.files) <= {"identity", "known_hosts", "caFile"}
        for key, _ in granted.config:
            assert key == f"http.{origin(url)}.extraHeader"
        assert all("\n" not in value and "\0" not in value for _, value in granted.config)
