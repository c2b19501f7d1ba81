"""What can be set: sensible without anything set, and a wrong value is refused with its name."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from brandrelease import settings as settings_module
from brandrelease.settings import BoardAccess, InvalidSettings, LogFormat, LogLevel, SecurityProfile, load_settings


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("BRANDRELEASE_") or name == "KUBECONFIG":
            monkeypatch.delenv(name)


def test_the_defaults_are_those_of_an_operator_in_a_cluster() -> None:
    settings = load_settings()
    assert (settings.namespace, settings.build_namespace) == ("brandrelease-system", "brandrelease-builds")
    assert settings.watch_namespaces == settings.insecure_registries == frozenset()
    assert (settings.http_host, settings.http_port) == ("0.0.0.0", 8080)
    assert (settings.resync_seconds, settings.workers, settings.max_concurrent_builds) == (60, 16, 4)
    assert settings.allow_insecure_sources is settings.allow_insecure_endpoints is False
    assert settings.build_security_profile is SecurityProfile.UserNamespace
    assert (settings.log_format, settings.log_level) == (LogFormat.Json, LogLevel.Info)
    assert settings.kubeconfig is None
    assert settings.leader_election
    assert settings.instance
    assert settings.board is BoardAccess.Off
    assert settings.token_of_board is None
    assert settings.shard.is_all


def test_from_a_kubeconfig_nobody_is_elected_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/tmp/kubeconfig")
    assert not load_settings().leader_election
    monkeypatch.setenv("BRANDRELEASE_LEADER_ELECTION", "true")
    assert load_settings().leader_election
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("BRANDRELEASE_LEADER_ELECTION", "false")
    assert not load_settings().leader_election


def test_each_variable_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "BRANDRELEASE_NAMESPACE": "operators",
        "BRANDRELEASE_BUILD_NAMESPACE": "builds",
        "BRANDRELEASE_WATCH_NAMESPACES": " a, b,,a ",
        "BRANDRELEASE_HTTP_ADDRESS": "127.0.0.1:9000",
        "BRANDRELEASE_RESYNC_SECONDS": "1.5",
        "BRANDRELEASE_WORKERS": "2",
        "BRANDRELEASE_MAX_CONCURRENT_BUILDS": "7",
        "BRANDRELEASE_CACHE_DIR": "/tmp/cache",
        "BRANDRELEASE_ALLOW_INSECURE_SOURCES": "true",
        "BRANDRELEASE_ALLOW_INSECURE_ENDPOINTS": "true",
        "BRANDRELEASE_INSECURE_REGISTRIES": "localhost:5000",
        "BRANDRELEASE_BUILD_IMAGE": "buildkit:1",
        "BRANDRELEASE_BUILD_SECURITY_PROFILE": "rootless",
        "BRANDRELEASE_INSTANCE": "pod-1",
        "BRANDRELEASE_LEADER_ELECTION": "true",
        "BRANDRELEASE_SHARD": "1/3",
        "BRANDRELEASE_BOARD": "token",
        "BRANDRELEASE_BOARD_TOKEN": "a token that nobody guesses",
        "BRANDRELEASE_LOG_FORMAT": "console",
        "BRANDRELEASE_LOG_LEVEL": "debug",
        "KUBECONFIG": "/tmp/kubeconfig",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.model_dump() == {
        "namespace": "operators",
        "build_namespace": "builds",
        "watch_namespaces": frozenset({"a", "b"}),
        "http_address": "127.0.0.1:9000",
        "resync_seconds": 1.5,
        "workers": 2,
        "max_concurrent_builds": 7,
        "cache_dir": Path("/tmp/cache"),
        "allow_insecure_sources": True,
        "allow_insecure_endpoints": True,
        "insecure_registries": frozenset({"localhost:5000"}),
        "build_image": "buildkit:1",
        "build_security_profile": SecurityProfile.Rootless,
        "instance": "pod-1",
        "leader_election": True,
        "shard": {"index": 1, "count": 3},
        "board": BoardAccess.Token,
        "board_token": SecretStr("a token that nobody guesses"),
        "board_token_file": None,
        "log_format": LogFormat.Console,
        "log_level": LogLevel.Debug,
        "kubeconfig": Path("/tmp/kubeconfig"),
    }


def test_in_a_pod_the_own_namespace_is_the_pods(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mounted = tmp_path / "namespace"
    mounted.write_text("platform\n")
    monkeypatch.setattr(settings_module, "IN_CLUSTER_NAMESPACE_FILE", mounted)
    assert load_settings().namespace == "platform"


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRANDRELEASE_WORKERS", "")
    monkeypatch.setenv("KUBECONFIG", "")
    assert load_settings().workers == 16
    assert load_settings().kubeconfig is None


BAD = [
    ("BRANDRELEASE_HTTP_ADDRESS", "8080x"),
    ("BRANDRELEASE_HTTP_ADDRESS", "0.0.0.0:http"),
    ("BRANDRELEASE_HTTP_ADDRESS", "8080"),
    ("BRANDRELEASE_HTTP_ADDRESS", "0.0.0.0:65536"),
    ("BRANDRELEASE_RESYNC_SECONDS", "0"),
    ("BRANDRELEASE_RESYNC_SECONDS", "3601"),
    ("BRANDRELEASE_RESYNC_SECONDS", "often"),
    ("BRANDRELEASE_WORKERS", "0"),
    ("BRANDRELEASE_WORKERS", "257"),
    ("BRANDRELEASE_WORKERS", "many"),
    ("BRANDRELEASE_MAX_CONCURRENT_BUILDS", "0"),
    ("BRANDRELEASE_MAX_CONCURRENT_BUILDS", "101"),
    ("BRANDRELEASE_MAX_CONCURRENT_BUILDS", "all"),
    ("BRANDRELEASE_ALLOW_INSECURE_SOURCES", "perhaps"),
    ("BRANDRELEASE_BUILD_SECURITY_PROFILE", "root"),
    ("BRANDRELEASE_LEADER_ELECTION", "sometimes"),
    ("BRANDRELEASE_INSTANCE", "x" * 201),
    ("BRANDRELEASE_SHARD", "2/2"),
    ("BRANDRELEASE_SHARD", "half"),
    ("BRANDRELEASE_BOARD", "public"),
    ("BRANDRELEASE_BOARD", "token"),
    ("BRANDRELEASE_LOG_FORMAT", "xml"),
    ("BRANDRELEASE_LOG_LEVEL", "loud"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_value_that_cannot_be_used_is_refused_with_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings) as refused:
        load_settings()
    sentence = str(refused.value)
    assert sentence.startswith("The environment has values that cannot be used.")
    assert re.search(rf"\b{name}: \S", sentence)
    assert sentence.endswith(".")


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRANDRELEASE_WORKERS", "0")
    monkeypatch.setenv("BRANDRELEASE_LOG_LEVEL", "loud")
    with pytest.raises(InvalidSettings, match=r"BRANDRELEASE_WORKERS: .*BRANDRELEASE_LOG_LEVEL: "):
        load_settings()


def test_the_token_of_the_board_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mounted = tmp_path / "token"
    mounted.write_text("a token that nobody guesses\n")
    monkeypatch.setenv("BRANDRELEASE_BOARD_TOKEN_FILE", str(mounted))
    assert load_settings().token_of_board is None, "it is for the setting 'token' only"
    monkeypatch.setenv("BRANDRELEASE_BOARD", "token")
    assert load_settings().token_of_board == "a token that nobody guesses"
    assert "guesses" not in repr(load_settings())


TOKENS = [
    ({}, "set BRANDRELEASE_BOARD_TOKEN_FILE to a file"),
    ({"TOKEN": "x" * 16, "TOKEN_FILE": "/etc/hostname"}, "and not both"),
    (
        {"TOKEN": "swordfish"},
        "has 9 characters and must have 16 or more, for example the output of 'openssl rand -hex 24'",
    ),
    ({"TOKEN_FILE": "/nowhere/token"}, "cannot be read: .*No such file"),
    ({"TOKEN_FILE": "/"}, "cannot be read: .*Is a directory"),
]


@pytest.mark.parametrize(("given", "said"), TOKENS)
def test_a_board_without_a_good_token_is_refused(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str
) -> None:
    for name, value in {"": "token", **{f"_{name}": value for name, value in given.items()}}.items():
        monkeypatch.setenv(f"BRANDRELEASE_BOARD{name}", value)
    with pytest.raises(InvalidSettings, match=f"BRANDRELEASE_BOARD: .*{said}") as refused:
        load_settings()
    assert "swordfish" not in str(refused.value)
