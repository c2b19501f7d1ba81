"""The port `Registry` on the registry's HTTP API (OCI distribution specification): one question, about a manifest."""

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from brandrelease.adapters.notify.sender import retry_after
from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.seen import ImageAbsent, ImageFound, ImageLookup, ImageUnknown
from brandrelease.ports import Secret

ACCEPT: Final = (
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json"
)
"""All four: a registry says 404 of an image that is there, but only in a type that was not asked for."""

LIMIT_SECONDS: Final = 10.0
LONGEST_PAUSE: Final = 300.0
"""Seconds for which a registry is left alone at most, whatever it asks for."""

MANIFEST_LIMIT: Final = 4 * 1024 * 1024
TOKEN_LIMIT: Final = 256 * 1024
DOCKER_CONFIG_KEY: Final = ".dockerconfigjson"

_DOCKER_HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_REFERENCE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|sha256:[0-9a-f]{64}")
_PART: Final = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_NAME: Final = re.compile(rf"{_PART}(?:/{_PART})*")
_PARAMETER: Final = re.compile(r'(?<!\w)(\w++)="([^"]*)"')
_OK, _DENIED, _FORBIDDEN, _NOT_FOUND = 200, 401, 403, 404
_DEFAULT_TOKEN_SECONDS: Final = 60
_LONGEST_TOKEN_SECONDS: Final = 86_400
_TOKEN_SHARE: Final = 0.8
"""How much of a token's life it is used; the rest is for slow clocks."""


class _Trouble(Exception):
    """The question cannot be answered; the text is the sentence for people.

    pause: seconds for which the registry wants to be left alone.
    """

    def __init__(self, reason: Reason, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.answer, self.pause = ImageUnknown(reason, message), pause


@dataclass(frozen=True, slots=True)
class _Place:
    """A repository in a registry, and the login that the Secret has for the registry (username:password, base64)."""

    host: str
    name: str
    login: str = field(repr=False)

    @property
    def title(self) -> str:
        return f"{self.host}/{self.name}"

    @property
    def who(self) -> str:
        return "the credentials of the Secret" if self.login else "a request without credentials"


class RegistryApi:
    """Asks image registries. insecure: those, as host:port, that are spoken to in plain HTTP."""

    def __init__(self, session: aiohttp.ClientSession, insecure: frozenset[str]) -> None:
        self._session = session
        self._insecure = insecure
        self._tokens: dict[tuple[str, str, str], tuple[str, float]] = {}
        self._left_alone: dict[str, tuple[ImageUnknown, float]] = {}
        """What registries have said that want to be left alone, by their hosts, and until when."""

    async def look_up(self, repository: str, reference: str, secret: Secret | None) -> ImageLookup:
        """Whether the registry has the tag or digest, and under which digest."""
        try:
            place = _place(repository, reference, secret)
            said, until = self._left_alone.get(place.host, (None, 0.0))
            if said and asyncio.get_running_loop().time() < until:
                return said
            async with asyncio.timeout(LIMIT_SECONDS):
                return await self._manifest(place, reference)
        except _Trouble as trouble:
            if trouble.pause:
                until = asyncio.get_running_loop().time() + min(trouble.pause, LONGEST_PAUSE)
                self._left_alone[place.host] = trouble.answer, until
            return trouble.answer
        except TimeoutError:
            return _unreachable(repository, f"did not answer within {LIMIT_SECONDS:g} seconds")
        except (aiohttp.ClientError, OSError, ValueError, RecursionError) as error:
            # Only the kind of the error: its text may repeat headers.
            return _unreachable(repository, f"could not be asked ({type(error).__name__})")

    async def _manifest(self, place: _Place, reference: str) -> ImageLookup:
        scheme = "http" if place.host in self._insecure else "https"
        host = "registry-1.docker.io" if place.host in _DOCKER_HUB else place.host
        url = f"{scheme}://{host}/v2/{place.name}/manifests/{reference}"
        headers = {"Accept": ACCEPT}
        if token := self._cached_token(place):
            headers["Authorization"] = f"Bearer {token}"
        status, answered = await self._head(url, headers)
        if status == _DENIED:
            headers["Authorization"] = await self._authorization(place, answered)
            status, answered = await self._head(url, headers)
        if status == _NOT_FOUND:
            return ImageAbsent()
        if status in {_DENIED, _FORBIDDEN}:
            raise _denied(place, status)
        if status != _OK:
            pause = retry_after(answered)
            again = f"It wants to be left alone for {pause:g} s and is asked again after that." if pause else _AGAIN
            message = f"{place.host} {_answered(status)} about {place.title}. {again}"
            raise _Trouble(Reason.RegistryUnreachable, message, pause)
        digest = answered.get("Docker-Content-Digest") or await self._digest_of_body(place, url, headers)
        if not _DIGEST.fullmatch(digest) or (":" in reference and digest != reference):
            raise _Trouble(
                Reason.RegistryUnreachable,
                f"{place.host} gave something for {place.title} that is not the digest of an image. Look at what "
                f"answers under that name; nothing is deployed without a digest. {_AGAIN}",
            )
        return ImageFound(digest)

    async def _head(self, url: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str]]:
        async with self._session.head(url, headers=headers, allow_redirects=False) as response:
            return response.status, response.headers

    async def _digest_of_body(self, place: _Place, url: str, headers: Mapping[str, str]) -> str:
        """The digest of the manifest itself, for registries that do not tell it."""
        async with self._session.get(url, headers=headers, allow_redirects=False) as response:
            if response.status != _OK:
                raise _Trouble(
                    Reason.RegistryUnreachable,
                    f"{place.host} {_answered(response.status)} about {place.title}. {_AGAIN}",
                )
            return "sha256:" + hashlib.sha256(await _read(response, MANIFEST_LIMIT)).hexdigest()

    async def _authorization(self, place: _Place, answered: Mapping[str, str]) -> str:
        """What the registry wants to see, as its WWW-Authenticate says it."""
        scheme, _, rest = answered.get("WWW-Authenticate", "").partition(" ")
        if scheme.lower() == "bearer":
            return f"Bearer {await self._new_token(place, dict(_PARAMETER.findall(rest)))}"
        if scheme.lower() == "basic" and place.login:
            return f"Basic {place.login}"
        raise _denied(place, _DENIED)

    def _cached_token(self, place: _Place) -> str | None:
        token, until = self._tokens.get((place.host, place.name, place.login), ("", 0.0))
        return token if asyncio.get_running_loop().time() < until else None

    async def _new_token(self, place: _Place, challenge: Mapping[str, str]) -> str:
        """Ask the server that the registry trusts for a token to read this repository."""
        realm = challenge.get("realm", "")
        scheme = urlsplit(realm).scheme
        if scheme != "https" and not (scheme == "http" and place.host in self._insecure):
            raise _Trouble(
                Reason.RegistryAuthenticationFailed,
                f"{place.host} names a place for its tokens that is not an https:// address, and credentials are not "
                "sent there. Correct the registry's configuration (realm), or put the registry on "
                "BRANDRELEASE_INSECURE_REGISTRIES if it is one for tests.",
            )
        query = {"scope": f"repository:{place.name}:pull"}
        if service := challenge.get("service"):
            query["service"] = service
        headers = {"Authorization": f"Basic {place.login}"} if place.login else {}
        async with self._session.get(realm, params=query, headers=headers, allow_redirects=False) as response:
            if 400 <= response.status < 500:  # noqa: PLR2004 - the request is to blame
                raise _denied(place, response.status)
            if response.status != _OK:
                raise _Trouble(
                    Reason.RegistryUnreachable,
                    f"The server that gives tokens for {place.host} {_answered(response.status)}. {_AGAIN}",
                )
            return self._keep(place, json.loads(await _read(response, TOKEN_LIMIT)))

    def _keep(self, place: _Place, answer: Any) -> str:
        token = (answer.get("token") or answer.get("access_token")) if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token.isprintable():
            raise _Trouble(
                Reason.RegistryUnreachable,
                f"The server that gives tokens for {place.host} gave none. Look at that server. {_AGAIN}",
            )
        seconds = answer.get("expires_in")
        life = min(seconds, _LONGEST_TOKEN_SECONDS) if isinstance(seconds, int | float) else _DEFAULT_TOKEN_SECONDS
        now = asyncio.get_running_loop().time()
        self._tokens = {key: kept for key, kept in self._tokens.items() if kept[1] > now}
        self._tokens[place.host, place.name, place.login] = token, now + life * _TOKEN_SHARE
        return token


_AGAIN: Final = "It is asked again."


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The whole body; ValueError if it is longer than anything of its kind."""
    body = bytearray()
    async for piece in response.content.iter_chunked(65536):
        body += piece
        if len(body) > limit:
            raise ValueError("The body is too long.")
    return bytes(body)


def _place(repository: str, reference: str, secret: Secret | None) -> _Place:
    host, slash, name = repository.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, name = "docker.io", repository if slash else f"library/{repository}"
    elif host in _DOCKER_HUB and "/" not in name:
        name = f"library/{name}"
    if not _NAME.fullmatch(name) or not _REFERENCE.fullmatch(reference) or not re.fullmatch(r"[\w.:-]+", host):
        raise _Trouble(
            Reason.RegistryUnreachable,
            f"{repository!a} with {reference!a} is not the name of an image. Correct spec.image.repository "
            "of the Brand.",
        )
    return _Place(host, name, _login(host, secret))


def _login(host: str, secret: Secret | None) -> str:
    """The login for the registry in the Secret, in base64; empty if there is none for it."""
    if secret is None:
        return ""
    try:
        entries = json.loads(secret[DOCKER_CONFIG_KEY])["auths"]
        entry: dict[str, Any] = next((entries[key] for key in entries if _is_for(key, host)), {})
        if auth := entry.get("auth"):
            base64.b64decode(auth, validate=True)
            return str(auth)
        if "username" not in entry or "password" not in entry:
            return ""
        return base64.b64encode(f"{entry['username']}:{entry['password']}".encode()).decode()
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        # Without the cause: a decoder's error holds the text that it could not read.
        raise _Trouble(
            Reason.RegistryAuthenticationFailed,
            f'The Secret for the registry {host} does not hold what its key "{DOCKER_CONFIG_KEY}" should. Make it with '
            "'kubectl create secret docker-registry'.",
        ) from None


def _is_for(key: str, host: str) -> bool:
    """Whether an entry of a Docker configuration is about the registry; Docker Hub goes by three names."""
    named = re.sub(r"^https?://", "", key).partition("/")[0]
    return named == host or {named, host} <= _DOCKER_HUB


def _denied(place: _Place, status: int) -> _Trouble:
    return _Trouble(
        Reason.RegistryAuthenticationFailed,
        f"{place.host} denied {place.who} to read {place.title} (HTTP {status}). Name a Secret of the type "
        "kubernetes.io/dockerconfigjson with an account for this registry that may pull in spec.image.secretName of "
        "the Brand.",
    )


def _unreachable(repository: str, what: str) -> ImageUnknown:
    host = repository.partition("/")[0]
    return ImageUnknown(
        Reason.RegistryUnreachable,
        f"The registry {host} {what}. It is asked again; if this lasts, look whether it runs, whether its certificate "
        "is valid, and whether a NetworkPolicy or firewall is in the way. A registry without TLS must be on "
        "BRANDRELEASE_INSECURE_REGISTRIES.",
    )


def _answered(status: int) -> str:
    return f"answered with HTTP {status}"
