"""What git's standard error means. tests/adapters/test_git_remote.py makes real programs say most of these."""

import pytest

from brandrelease.adapters.git.errors import cannot_run, overrun, recognise, unrecognised
from brandrelease.apis.reasons import Reason

URL = "https://git.example.com/drumeo.git"
ACCESS = "fatal: unable to access 'https://git.example.com/drumeo.git/': "

TABLE = [
    ("fatal: could not read Username for 'https://x': terminal prompts disabled", "SourceAuthenticationFailed", False),
    ("fatal: Authentication failed for 'https://x'", "SourceAuthenticationFailed", False),
    (ACCESS + "The requested URL returned error: 403", "SourceAuthenticationFailed", False),
    (
        "Host key verification failed.\nfatal: Could not read from remote repository.",
        "SourceAuthenticationFailed",
        False,
    ),
    ("git@x: Permission denied (publickey).", "SourceAuthenticationFailed", False),
    (
        'Load key "/x/identity": invalid format\r\ngit@x: Permission denied (publickey).',
        "SourceAuthenticationFailed",
        False,
    ),
    ("remote: Repository not found.\nfatal: repository 'https://x/' not found", "SourceNotFound", False),
    ("ERROR: Repository not found.\nfatal: Could not read from remote repository.", "SourceNotFound", False),
    ("remote: ERROR: The project you were looking for could not be found", "SourceNotFound", False),
    ("fatal: '/x.git' does not appear to be a git repository", "SourceNotFound", False),
    (f"fatal: {URL}/info/refs not valid: is this a git repository?", "SourceNotFound", False),
    (ACCESS + "The requested URL returned error: 301", "SourceNotFound", False),
    ("fatal: remote error: upload-pack: not our ref 1111", "RefNotFound", False),
    ("error: Server does not allow request for unadvertised object 1111", "RefNotFound", False),
    (ACCESS + "The requested URL returned error: 503", "SourceUnreachable", True),
    (ACCESS + "The requested URL returned error: 429", "SourceUnreachable", True),
    (ACCESS + "Could not resolve host: git.example.com", "SourceUnreachable", True),
    ("ssh: Could not resolve hostname x: Name or service not known", "SourceUnreachable", True),
    (ACCESS + "Failed to connect to x port 443 after 0 ms: Couldn't connect to server", "SourceUnreachable", True),
    ("ssh: connect to host x port 22: Connection refused", "SourceUnreachable", True),
    ("ssh: connect to host x port 22: Connection timed out", "SourceUnreachable", True),
    (ACCESS + "Operation too slow. Less than 1000 bytes/sec", "SourceUnreachable", True),
    (ACCESS + "server certificate verification failed. CAfile: none CRLfile: none", "SourceUnreachable", False),
    (ACCESS + "SSL certificate problem: unable to get local issuer certificate", "SourceUnreachable", False),
    ("fatal: transport 'ext' not allowed", "SourceNotAllowed", False),
    ("error: RPC failed; curl 56 Recv failure\nfatal: early EOF", "SourceUnreachable", True),
    ("fatal: write error: No space left on device", "SourceUnreachable", True),
]


@pytest.mark.parametrize(("errors", "reason", "passing"), TABLE)
def test_what_git_says_has_a_reason_and_a_sentence(errors: str, reason: str, passing: bool) -> None:
    found = recognise(URL, errors, with_login=True)
    assert found is not None
    assert (found.reason, found.passing) == (Reason(reason), passing)
    assert found.message.endswith(".")
    assert "{" not in found.message


def test_a_refused_login_is_told_from_a_missing_one() -> None:
    errors = "fatal: could not read Username for 'https://x': terminal prompts disabled"
    without, with_one = (recognise(URL, errors, with_login=known) for known in (False, True))
    assert without is not None
    assert with_one is not None
    assert "Put username and password into a Secret" in without.message
    assert "does not accept the login" in with_one.message


def test_a_servers_banner_does_not_hide_what_git_says() -> None:
    errors = "remote: Host key verification failed, timed out\nfatal: repository 'https://x/' not found"
    found = recognise(URL, errors, with_login=False)
    assert found is not None
    assert found.reason is Reason.SourceNotFound


@pytest.mark.parametrize(
    "errors",
    [
        "",
        "fatal: not a git repository: '/x'",
        "error: bad object refs/heads/main",
        "fatal: bad config line 1 in file x",
    ],
)
def test_what_a_broken_mirror_says_is_no_doing_of_the_server(errors: str) -> None:
    assert recognise(URL, errors, with_login=False) is None


def test_an_unforeseen_failure_shows_gits_last_words_in_one_printable_line() -> None:
    found = unrecognised(URL, 128, "hint: x\nfatal: odd \x1b[31mthing" + "y" * 5000)
    assert found.passing
    assert "odd" in found.message
    assert found.message.isprintable()
    assert len(found.message) < 600


def test_the_other_failures_are_sentences_too() -> None:
    assert "did not finish within 30 s" in overrun(URL, "did not finish within 30 s").message
    assert (
        "No such file or directory (git)"
        in cannot_run(URL, FileNotFoundError(2, "No such file or directory", "git")).message
    )
