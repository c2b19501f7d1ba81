"""A Secret that names its host is used for no other, whatever a Brand says."""

import os
import subprocess
from importlib import resources
from pathlib import Path

import pytest

from brandrelease.adapters.checks.login import UnusableSecret
from brandrelease.adapters.checks.login import login as login_of_check
from brandrelease.adapters.checks.prometheus import TOKEN
from brandrelease.adapters.git.credentials import Login, login
from brandrelease.adapters.notify.sender import told
from brandrelease.core.secret_hosts import not_for
from brandrelease.core.snapshot import Unresolved
from brandrelease.ports import NotTaken

URL = "https://git.example.com/drumeo.git"
CASES = [
    (b"git.example.com", URL, True),
    (b"git.example.com\n", URL, True),
    (b"GIT.example.com other.example.com", URL, True),
    (b"git.example.com", "https://git.example.com:8443/x", True),
    (b"git.example.com:8443", "https://git.example.com:8443/x", True),
    (b"git.example.com:8443", URL, False),
    (b"git.example.com", "ssh://git@git.example.com/x", True),
    (b"git.example.com", "https://git.example.com.evil.example/x", False),
    (b"git.example.com", "https://evil.example/git.example.com", False),
    (b"git.example.com", "ssh://git.example.com@evil.example/x", False),
    (b"example.com", URL, False),
    (b"*", URL, False),
    (b"", URL, False),
    (b"\xff", URL, False),
]


@pytest.mark.parametrize(("hosts", "url", "may"), CASES)
def test_the_host_must_be_one_of_those_that_the_secret_names(hosts: bytes, url: str, may: bool) -> None:
    assert (not_for({"host": hosts}, url) is None) is may


@pytest.mark.parametrize(("hosts", "url", "may"), CASES)
def test_the_build_job_says_the_same(hosts: bytes, url: str, may: bool, tmp_path: Path) -> None:
    script = resources.files("brandrelease.adapters.builders").joinpath("fetch.sh").read_text()
    begin = script.index("secret=/secrets/git")
    part = script[begin : script.index("fi\n", begin) + 3].replace("/secrets/git", str(tmp_path))
    (tmp_path / "host").write_bytes(hosts)
    done = subprocess.run(
        ["/bin/sh", "-euc", part], env={"PATH": os.environ["PATH"], "SOURCE_URL": url}, capture_output=True, check=False
    )
    assert done.returncode == (0 if may else 70), (done.stdout, done.stderr)


def test_a_secret_that_names_no_host_is_used_where_the_brand_says() -> None:
    assert not_for({"password": b"x"}, URL) is None
    assert not_for(None, URL) is None


def test_what_is_no_address_is_for_no_host() -> None:
    assert not_for({"host": b"x"}, "https://[oops/") == 'is only for "x" (its key host)'
    assert not_for({"host": b""}, URL) == "is only for no host at all (its key host)"


def test_git_gets_no_login_for_another_host() -> None:
    secret = {"password": b"canary", "host": b"git.example.com"}
    assert isinstance(login(URL, secret), Login)
    refused = login("https://evil.example/drumeo.git", secret)
    assert isinstance(refused, Unresolved)
    assert refused.message == (
        'The Secret of spec.source.secretName is only for "git.example.com" (its key host), and not for '
        "https://evil.example/drumeo.git. Correct spec.source.url, or name another Secret."
    )


def test_a_check_gets_no_login_for_another_host() -> None:
    with pytest.raises(UnusableSecret, match="is only for"):
        login_of_check("monitoring", {"token": b"x", "host": b"a.example"}, TOKEN, "https://b.example/")


async def test_an_endpoint_is_not_spoken_to_with_a_secret_for_another_host() -> None:
    async def send() -> str:
        raise AssertionError

    answer = await told("evil.example", {"token": b"canary", "host": b"slack.com"}, send)
    assert isinstance(answer, NotTaken)
    assert answer.problem.startswith('The Secret is only for "slack.com"')
