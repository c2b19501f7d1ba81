"""From a Secret to what git is given, and what is said about a Secret that lacks something."""

import base64
import stat
from pathlib import Path

import pytest

from brandrelease.adapters.git.credentials import Login, login, unpacked
from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import Unresolved

HTTPS, SSH = "https://git.example.com/drumeo.git", "ssh://git@git.example.com/drumeo.git"
CANARY = "canary-4711"


def granted(url: str, secret: dict[str, bytes] | None) -> Login:
    found = login(url, secret)
    assert isinstance(found, Login)
    return found


def basic(login_: Login) -> str:
    ((_, value),) = login_.config
    return base64.b64decode(value.removeprefix("Authorization: Basic ")).decode()


def test_without_a_secret_https_needs_no_login() -> None:
    assert login(HTTPS, None) == Login()


def test_the_login_is_sent_to_the_host_of_the_source_only() -> None:
    ((key, _),) = granted(HTTPS, {"username": b"ada", "password": b"x"}).config
    assert key == "http.https://git.example.com/.extraHeader"


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        ({"username": b"ada", "password": b"p:w"}, "ada:p:w"),
        ({"username": b"ada\n", "password": b"pw\r\n"}, "ada:pw"),
        ({"password": b"token"}, "x-access-token:token"),
        ({"username": "ädä".encode(), "password": "pässword".encode()}, "ädä:pässword"),
    ],
)
def test_username_and_password_become_a_basic_login(secret: dict[str, bytes], expected: str) -> None:
    assert basic(granted(HTTPS, secret)) == expected


@pytest.mark.parametrize(
    ("url", "secret", "named"),
    [
        (HTTPS, {"username": b"ada"}, ['"password"', '"username"']),
        (HTTPS, {"password": b"\n"}, ['"password"']),
        (HTTPS, {"identity": b"k", "known_hosts": b"h"}, ['"password"', '"identity" and "known_hosts"']),
        (HTTPS, {}, ['"password"']),
        (SSH, {"identity": b"k"}, ['"known_hosts"']),
        (SSH, {"known_hosts": b"h"}, ['"identity"']),
        (SSH, {"password": b"x"}, ['"identity" and "known_hosts"', '"password"']),
        (SSH, None, ['"identity" and "known_hosts"', "spec.source.secretName"]),
    ],
)
def test_a_secret_that_lacks_a_key_is_answered_with_its_name(
    url: str, secret: dict[str, bytes] | None, named: list[str]
) -> None:
    found = login(url, secret)
    assert isinstance(found, Unresolved)
    assert found.reason is Reason.SourceAuthenticationFailed
    assert not found.passing
    assert [name for name in named if name not in found.message] == []


def test_a_secret_with_nothing_but_a_certificate_is_enough_for_https(tmp_path: Path) -> None:
    with unpacked(granted(HTTPS, {"caFile": b"PEM"}), tmp_path) as variables:
        assert Path(variables["GIT_SSL_CAINFO"]).read_bytes() == b"PEM"


def test_files_of_a_login_are_ours_alone_and_gone_afterwards(tmp_path: Path) -> None:
    secret = {"identity": b"line1\r\nline2", "known_hosts": b"host key\n\n"}
    with unpacked(granted(SSH, secret), tmp_path) as variables:
        (directory,) = tmp_path.iterdir()
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert {path.name: path.read_bytes() for path in directory.iterdir()} == {
            "identity": b"line1\nline2\n",
            "known_hosts": b"host key\n",
        }
        assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
        assert str(directory / "known_hosts") in variables["GIT_SSH_COMMAND"]
    assert list(tmp_path.iterdir()) == []


def test_files_of_a_login_are_gone_after_a_failure_too(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), unpacked(granted(HTTPS, {"caFile": b"PEM"}), tmp_path):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_login_shows_nothing_of_itself_when_printed() -> None:
    text = repr(granted(HTTPS, {"username": b"ada", "password": CANARY.encode()}))
    assert CANARY not in text
    assert base64.b64encode(f"ada:{CANARY}".encode()).decode() not in text


def test_secrets_are_taken_out_of_what_a_server_says() -> None:
    found = granted(HTTPS, {"username": b"ada", "password": b"p/w canary"})
    for said in ("p/w canary", "p%2Fw%20canary", base64.b64encode(b"ada:p/w canary").decode()):
        assert found.redact(f"no access with {said}!") == "no access with ***!"
