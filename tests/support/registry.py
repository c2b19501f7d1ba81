"""A real image registry: Debian's docker-registry on an address of this machine, with images as small as can be."""

import base64
import hashlib
import json
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from cluster.ports import free_port

REGISTRY = Path("/usr/bin/docker-registry")
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True, slots=True)
class User:
    """Who may use the registry."""

    name: str
    password: str

    @property
    def login(self) -> str:
        return base64.b64encode(f"{self.name}:{self.password}".encode()).decode()

    def secret(self, host: str) -> dict[str, bytes]:
        """The data of a Secret of type kubernetes.io/dockerconfigjson."""
        return {".dockerconfigjson": json.dumps({"auths": {host: {"auth": self.login}}}).encode()}


class Registry:
    """A registry that runs somewhere, spoken to in plain HTTP."""

    def __init__(self, host: str, user: User | None = None) -> None:
        self._host = host
        self._user = user

    @property
    def host(self) -> str:
        """address:port."""
        return self._host

    def push_image(self, name: str, tag: str, content: str = "an image") -> str:
        """Push an OCI image without layers; its digest."""
        configuration = json.dumps(
            {"architecture": "amd64", "os": "linux", "config": {"Labels": {"is": content}}}
        ).encode()
        digest = self.push_blob(name, configuration)
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest,
                "size": len(configuration),
            },
            "layers": [],
        }
        return self.push_manifest(name, tag, json.dumps(manifest).encode(), OCI_MANIFEST)

    def push_index(self, name: str, tag: str, digest: str, size: int) -> str:
        """Push an OCI index of one image that is there; its digest."""
        entry = {
            "mediaType": OCI_MANIFEST,
            "digest": digest,
            "size": size,
            "platform": {"architecture": "amd64", "os": "linux"},
        }
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
        return self.push_manifest(name, tag, json.dumps(index).encode(), OCI_INDEX)

    def push_blob(self, name: str, content: bytes) -> str:
        """Push a blob; its digest."""
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        location = self._ask("POST", f"/v2/{name}/blobs/uploads/")["Location"]
        place = location.removeprefix(f"http://{self.host}")
        self._ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", content, "application/octet-stream")
        return digest

    def push_manifest(self, name: str, reference: str, content: bytes, kind: str) -> str:
        """Push a manifest as it is; its digest."""
        self._ask("PUT", f"/v2/{name}/manifests/{reference}", content, kind)
        return "sha256:" + hashlib.sha256(content).hexdigest()

    def delete(self, name: str, digest: str) -> None:
        """Delete a manifest."""
        self._ask("DELETE", f"/v2/{name}/manifests/{digest}")

    def _ask(self, method: str, path: str, content: bytes | None = None, kind: str = "") -> dict[str, str]:
        request = urllib.request.Request(f"http://{self.host}{path}", data=content, method=method)
        if kind:
            request.add_header("Content-Type", kind)
        if self._user:
            request.add_header("Authorization", f"Basic {self._user.login}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return dict(answer.headers.items())


class RegistryServer(Registry):
    """Runs the registry, with its data in ``directory``. With ``user`` it asks for basic authentication."""

    def __init__(self, directory: Path, address: str = "127.0.0.1", port: int = 0, user: User | None = None) -> None:
        super().__init__("", user)
        self._directory = directory
        self._address = address
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, each time at the same address, and wait until it answers."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._port = self._port or free_port(self._address)
        configuration = self._directory / "config.yml"
        configuration.write_text(json.dumps(self._configuration(), indent=2))  # JSON is YAML
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(REGISTRY), "serve", str(configuration)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self._wait()

    def stop(self) -> None:
        """End it, unless it has ended already."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)
            self._process = None

    @property
    def host(self) -> str:
        """address:port."""
        return f"{self._address}:{self._port}"

    @property
    def _log(self) -> Path:
        return self._directory / "registry.log"

    def _configuration(self) -> dict[str, object]:
        content: dict[str, object] = {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {
                "filesystem": {"rootdirectory": str(self._directory / "data")},
                "delete": {"enabled": True},
                "cache": {"blobdescriptor": "inmemory"},  # as in cluster.registry_server
            },
            "http": {"addr": self.host},
        }
        if self._user:
            users = self._directory / "htpasswd"
            users.write_text(f"{self._user.name}:{bcrypt(self._user.password)}\n")
            content["auth"] = {"htpasswd": {"realm": "registry", "path": str(users)}}
        return content

    def _wait(self) -> None:
        assert self._process is not None
        end = time.monotonic() + 20
        while True:
            try:
                self._ask("GET", "/v2/")
            except urllib.error.URLError as error:
                if self._process.poll() is not None or time.monotonic() > end:
                    said = self._log.read_text(errors="replace")
                    raise RuntimeError(f"The registry does not answer. It said: {said}") from error
                time.sleep(0.05)
            else:
                return


def bcrypt(password: str) -> str:
    """The password as the registry's htpasswd file wants it, by way of Perl, which has the system's crypt(3)."""
    program = "my $p = <STDIN>; print crypt($p, q($2y$05$) . q(abcdefghijklmnopqrstuu));"
    command = ["perl", "-e", program]
    done = subprocess.run(command, input=password, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout
