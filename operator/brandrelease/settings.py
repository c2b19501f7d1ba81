"""What can be set, by environment variables of the process. A wrong value is refused at start with a sentence."""

import socket
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from brandrelease.core.sharding import WHOLE, Shard, shard_of

IN_CLUSTER_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


HIGHEST_PORT = 65_535
DEFAULT_NAMESPACE = "brandrelease-system"


def _own_namespace() -> str:
    """The namespace of the pod; outside of one, the usual one."""
    try:
        return IN_CLUSTER_NAMESPACE_FILE.read_text().strip() or DEFAULT_NAMESPACE
    except OSError:
        return DEFAULT_NAMESPACE


class InvalidSettings(Exception):
    """The environment holds a value that cannot be used; the text says which, and what to write instead."""


class LogFormat(StrEnum):
    """How log lines look."""

    Json = "json"
    Console = "console"


class LogLevel(StrEnum):
    """How much is logged."""

    Debug = "debug"
    Info = "info"
    Warning = "warning"
    Error = "error"


class SecurityProfile(StrEnum):
    """Under what rights BuildKit runs in its pod.

    Root only in a user namespace of the pod's own (hostUsers: false); an ordinary user with newuidmap; or privileged on
    the node, which is for clusters that can do neither.
    """

    UserNamespace = "userns"
    Rootless = "rootless"
    Privileged = "privileged"


class BoardAccess(StrEnum):
    """Who may look at the board."""

    Off = "off"
    Open = "open"
    Token = "token"  # noqa: S105 - not one


SHORTEST_TOKEN = 16
"""Characters. Nothing slows down who guesses, so there must be too much to guess."""

CommaList = Annotated[frozenset[str], NoDecode]


class Settings(BaseSettings):
    """Each field is the environment variable BRANDRELEASE_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="BRANDRELEASE_", frozen=True, env_ignore_empty=True)

    namespace: str = Field(
        default_factory=_own_namespace,
        description="The operator's own namespace, in which the Secrets for checks and notifications live; default is "
        "the pod's, else brandrelease-system.",
    )
    build_namespace: str = Field(
        default="brandrelease-builds",
        description="Namespace in which build Jobs run and in which the Secrets for source and image live.",
    )
    watch_namespaces: CommaList = Field(
        default=frozenset(), description="Comma list of the namespaces that are watched; empty means all."
    )
    http_address: str = Field(
        default="0.0.0.0:8080",
        description="Where /healthz, /readyz, /metrics and /board are served, as address:port.",
    )
    resync_seconds: float = Field(
        default=60, ge=1, le=3600, description="How often all objects are listed to find what a lost event hid."
    )
    workers: int = Field(default=16, ge=1, le=256, description="How many objects are looked at at the same time.")
    max_concurrent_builds: int = Field(default=4, ge=1, le=100, description="How many builds run at the same time.")
    cache_dir: Path = Field(
        default=Path("/var/cache/brandrelease"), description="Where git mirrors are kept; it may be lost at any time."
    )
    allow_insecure_sources: bool = Field(
        default=False, description="Whether git repositories may be read over plain http://."
    )
    allow_insecure_endpoints: bool = Field(
        default=False, description="Whether notifications may be sent over plain http://."
    )
    insecure_registries: CommaList = Field(
        default=frozenset(), description="Comma list of registries, as host:port, that are spoken to in plain HTTP."
    )
    build_image: str = Field(
        default="moby/buildkit:v0.34.2-rootless",
        description="Image of build Jobs: BuildKit, rootlesskit, git, ssh, a shell and a user 1000; it serves all three profiles.",
    )
    build_security_profile: SecurityProfile = Field(
        default=SecurityProfile.UserNamespace, description="Rights of build Jobs: userns, rootless or privileged."
    )
    instance: str = Field(
        default_factory=socket.gethostname,
        min_length=1,
        max_length=200,
        description="Name of this replica in its log lines and, with an ending that is new for each process, in the Lease.",
    )
    board_token_file: Path | None = Field(
        default=None,
        description="File with the token of the board, as a mounted Secret has it; read once, at the start.",
    )
    board_token: SecretStr | None = Field(
        default=None, description="The token itself, where no file is named: 16 characters or more."
    )
    board: BoardAccess = Field(
        default=BoardAccess.Off,
        description="Whether /board is served: off, open to all that reach the port, or token; default is off, since it shows "
        "commits and ends of logs.",
    )
    log_format: LogFormat = Field(default=LogFormat.Json, description="json or console.")
    log_level: LogLevel = Field(default=LogLevel.Info, description="debug, info, warning or error.")
    kubeconfig: Path | None = Field(
        default=None, validation_alias="KUBECONFIG", description="A kubeconfig; absent means the pod's service account."
    )

    shard: Annotated[Shard, NoDecode] = Field(
        default=WHOLE,
        description="Which part of the fleet this replica is for, as i/n with i from 0 to n-1: brands are divided by their names; "
        "default is 0/1, the whole fleet.",
    )

    leader_election: bool = Field(
        default_factory=lambda others: others.get("kubeconfig") is None,
        description="Whether a Lease in the operator's own namespace decides which replica leads; default is true in a "
        "pod, and false with a kubeconfig.",
    )

    @field_validator("watch_namespaces", "insecure_registries", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return frozenset(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value

    @field_validator("shard", mode="before")
    @classmethod
    def _i_of_n(cls, value: object) -> object:
        return shard_of(value) if isinstance(value, str) else value

    @field_validator("board")
    @classmethod
    def _board_has_its_token(cls, value: BoardAccess, given: ValidationInfo) -> BoardAccess:
        if value is BoardAccess.Token and "board_token_file" in given.data:
            token = _token(given.data["board_token_file"], given.data.get("board_token"))
            if len(token) < SHORTEST_TOKEN:
                message = (
                    f"the token of the board has {len(token)} characters and must have {SHORTEST_TOKEN} or more, for example "
                    "the output of 'openssl rand -hex 24'"
                )
                raise ValueError(message)
        return value

    @property
    def token_of_board(self) -> str | None:
        """What the board asks for; None where it asks for nothing. Reads the file."""
        return _token(self.board_token_file, self.board_token) if self.board is BoardAccess.Token else None

    @model_validator(mode="after")
    def _address_has_a_port(self) -> Self:
        host, _, port = self.http_address.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) <= HIGHEST_PORT:
            message = "must be address:port, for example 0.0.0.0:8080"
            raise ValueError(message)
        return self

    @property
    def http_host(self) -> str:
        return self.http_address.rpartition(":")[0]

    @property
    def http_port(self) -> int:
        return int(self.http_address.rpartition(":")[2])


def _token(file: Path | None, token: SecretStr | None) -> str:
    """The token of the board; raises ValueError."""
    if (file is None) == (token is None):
        message = "with 'token', set BRANDRELEASE_BOARD_TOKEN_FILE to a file that has the token, or BRANDRELEASE_BOARD_TOKEN to the token itself, and not both"
        raise ValueError(message)
    if token is not None:
        return token.get_secret_value().strip()
    try:
        return str(file and file.read_text("utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        message = f"the file of BRANDRELEASE_BOARD_TOKEN_FILE cannot be read: {error}"
        raise ValueError(message) from error


def load_settings() -> Settings:
    """The settings from the environment; raises InvalidSettings."""
    try:
        return Settings()
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            name = "BRANDRELEASE_" + "_".join(str(part).upper() for part in problem["loc"] or ("http_address",))
            lines.append(f"{name.replace('BRANDRELEASE_KUBECONFIG', 'KUBECONFIG')}: {problem['msg']}")
        raise InvalidSettings("The environment has values that cannot be used. " + ". ".join(lines) + ".") from error
