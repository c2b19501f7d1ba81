"""Which addresses a source may have."""

import pytest

from brandrelease.adapters.git.addresses import address_problem, origin, protocols
from brandrelease.apis.reasons import Reason

CANARY = "canary-4711"


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/drumeo.git",
        "https://git.example.com:8443/a/b.git",
        "ssh://git@git.example.com/drumeo.git",
        "ssh://git@git.example.com:2222/~x/drumeo.git",
        "ssh://git.example.com/drumeo.git",
    ],
)
def test_https_and_ssh_addresses_are_used(url: str) -> None:
    assert address_problem(url, allow_insecure=False) is None


def test_plain_http_is_used_only_where_the_operator_is_told_so() -> None:
    problem = address_problem("http://git.example.com/a.git", allow_insecure=False)
    assert problem is not None
    assert problem.reason is Reason.SourceNotAllowed
    assert "BRANDRELEASE_ALLOW_INSECURE_SOURCES" in problem.message
    assert address_problem("http://git.example.com/a.git", allow_insecure=True) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c 'touch /tmp/x'",
        "ext://x",
        "file:///etc",
        "git://git.example.com/a",
        "/work",
        "git@git.example.com:a.git",
        "https://-oProxyCommand=x/a",
        "ssh://-oProxyCommand=touch/a",
        "ssh://-x@git.example.com/a",
        "https://git.example.com",
        "https://git.example.com/",
        "https://git.example.com/a b",
        "https://git.example.com/a\n",
        "https://git.example.com/a\0",
        "https://git.example.com/a?x=1",
        "https://[::1]/a",
        "HTTPS://git.example.com/a",
        f"https://{CANARY}@git.example.com/a",
        f"https://u:{CANARY}@git.example.com/a",
        f"ssh://u:{CANARY}@git.example.com/a",
    ],
)
def test_other_addresses_are_refused_without_repeating_them(url: str) -> None:
    problem = address_problem(url, allow_insecure=True)
    assert problem is not None
    assert problem.reason is Reason.SourceNotAllowed
    assert CANARY not in problem.message


def test_the_origin_is_where_a_login_may_be_sent() -> None:
    assert origin("https://git.example.com:8443/a/b.git") == "https://git.example.com:8443/"


def test_git_may_speak_plain_http_only_where_the_operator_is_told_so() -> None:
    assert protocols(allow_insecure=False) == "https:ssh"
    assert protocols(allow_insecure=True) == "https:ssh:http"
