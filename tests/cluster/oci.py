"""Make an image from files or a root file system, on another one or alone, and push it over the registry's HTTP API.

An image is blobs that name each other by sha256: layers, a configuration and a manifest. Nothing but the standard
library is needed for that, and the same input gives the same digests.
"""

import gzip
import hashlib
import io
import json
import platform
import tarfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from cluster.errors import ClusterError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIGURATION = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
UPLOAD_SECONDS = 120.0
NOT_FOUND = 404


@dataclass(frozen=True)
class Image:
    """One compressed layer, and what a container runs by default (keys as in the OCI image ``config``)."""

    layer: bytes
    diff_id: str
    """The digest of the layer before it was compressed."""
    config: Mapping[str, Any] = field(default_factory=dict)
    base: "Image | None" = None
    """What the layer lies on: of it only the layers count, not its ``config``."""

    @property
    def layers(self) -> "tuple[Image, ...]":
        """Every layer, the lowest first."""
        return (*(self.base.layers if self.base else ()), self)


def image(tar: bytes, config: Mapping[str, Any]) -> Image:
    """Return an image of the root file system in ``tar``; compressed quickly and without the time of day in it."""
    return Image(gzip.compress(tar, compresslevel=1, mtime=0), digest(tar), config)


def tar_of(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    """Return a tar of ``files`` (path without a leading slash, to content), executable and owned by root.

    ``links`` are symbolic links, path to target.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mode = 0o755
            archive.addfile(entry, io.BytesIO(content))
        for path, target in sorted((links or {}).items()):
            link = tarfile.TarInfo(path)
            link.type = tarfile.SYMTYPE
            link.linkname = target
            archive.addfile(link)
    return buffer.getvalue()


def push(pushed: Image, reference: str) -> str:
    """Push ``pushed`` to ``reference`` (``host:port/repository:tag``, plain HTTP) and return its digest."""
    registry, _, path = reference.partition("/")
    repository, _, tag = path.rpartition(":")
    base = f"http://{registry}/v2/{repository}"
    configuration = json.dumps(_configuration(pushed), sort_keys=True).encode()
    for blob in (*(each.layer for each in pushed.layers), configuration):
        _upload(base, blob)
    manifest = json.dumps(_manifest(pushed, configuration), sort_keys=True).encode()
    _request("PUT", f"{base}/manifests/{tag}", manifest, MANIFEST)
    return digest(manifest)


def exists(reference: str) -> bool:
    """Tell whether the registry has ``reference`` (``host:port/repository:tag``)."""
    registry, _, path = reference.partition("/")
    repository, _, tag = path.rpartition(":")
    return _exists(f"http://{registry}/v2/{repository}/manifests/{tag}")


def digest(blob: bytes) -> str:
    """Return the registry's name for ``blob``."""
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def _configuration(pushed: Image) -> dict[str, Any]:
    return {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": dict(pushed.config),
        "rootfs": {"type": "layers", "diff_ids": [each.diff_id for each in pushed.layers]},
    }


def _manifest(pushed: Image, configuration: bytes) -> dict[str, Any]:
    blobs = [each.layer for each in pushed.layers]
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIGURATION, "digest": digest(configuration), "size": len(configuration)},
        "layers": [{"mediaType": LAYER, "digest": digest(blob), "size": len(blob)} for blob in blobs],
    }


def _upload(base: str, blob: bytes) -> None:
    if _exists(f"{base}/blobs/{digest(blob)}"):
        return
    location = _request("POST", f"{base}/blobs/uploads/", b"", "application/octet-stream")
    target = urljoin(f"{base}/", location)
    joint = "&" if "?" in target else "?"
    _request("PUT", f"{target}{joint}digest={digest(blob)}", blob, "application/octet-stream")


def _exists(url: str) -> bool:
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, method="HEAD", headers={"Accept": MANIFEST}), timeout=UPLOAD_SECONDS
        ):
            return True
    except urllib.error.HTTPError as answer:
        if answer.code == NOT_FOUND:
            return False
        raise


def _request(method: str, url: str, body: bytes, content_type: str) -> str:
    request = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": content_type})
    try:
        with urllib.request.urlopen(request, timeout=UPLOAD_SECONDS) as answer:
            return answer.headers.get("Location") or ""
    except urllib.error.HTTPError as refusal:
        message = f"The registry refused {method} {url} with status {refusal.code}: {refusal.read()[:500]!r}"
        raise ClusterError(message) from refusal
