"""ECR in front of a real registry: what is there is told from the registry itself."""

import base64
import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from support.codebuild.wire import ACCOUNT, AwsError
from support.registry import OCI_INDEX, OCI_MANIFEST, Registry, User

KINDS = (
    OCI_INDEX,
    OCI_MANIFEST,
    *(f"application/vnd.docker.distribution.manifest.{it}+json" for it in ("list.v2", "v2")),
)
ACTIVE, ANY = "ACTIVE", "ANY"
TOKEN_SECONDS = 12 * 3600
ANSWER_SECONDS = 20.0
NOT_FOUND = 404
MOST_IMAGES = 100
HOST = re.compile(rf"{ACCOUNT}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com")


def ecr_host(region: str) -> str:
    """The host that the account's images have in their names; here each stands for the one registry that runs."""
    return f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com"


class PushRefused(Exception):
    """ECR does not take an image."""


@dataclass(frozen=True)
class Manifest:
    digest: str
    kind: str
    content: bytes


@dataclass
class Ecr:
    """``repositories``: path to whether its tags are immutable. What was not created is not there."""

    host: str
    user: User | None
    clock: Callable[[], float]
    repositories: dict[str, bool] = field(default_factory=dict)
    statuses: dict[tuple[str, str], str] = field(default_factory=dict)
    """Repository and digest to the imageStatus; the others are ACTIVE."""
    _seen: dict[tuple[str, str], float] = field(default_factory=dict)
    _pushing: threading.Lock = field(default_factory=threading.Lock)
    _tiny: dict[tuple[str, str], str] = field(default_factory=dict)

    def path(self, repository: str) -> str:
        """The name in ECR of ``host:port/path``, where the host is the registry's or ECR's own."""
        host, _, path = repository.partition("/")
        return path if host == self.host or HOST.fullmatch(host) else repository

    @contextmanager
    def place_for(self, repository: str, tag: str) -> Iterator[str]:
        """Push while the block runs, to the place in the registry that it is given; one at a time.

        ECR takes equal blobs that come at once. The registry behind this one does not: it writes the file that says that
        a repository has a blob in place, and who reads the file before it is written is told that there is no such blob.

        Raises PushRefused, with what a client prints, if ECR would not take it.
        """
        path = self.path(repository)
        place = f"{self.host}/{path}:{tag}"
        if path == repository or path not in self.repositories:
            raise PushRefused(
                f"name unknown: The repository with name '{path}' does not exist in the registry with id '{ACCOUNT}'"
            )
        with self._pushing:  # from the question whether the tag is free until it is taken, too
            if self.repositories[path] and self.manifest(path, tag) is not None:
                raise PushRefused(
                    f"tag invalid: The image tag '{tag}' already exists in the '{path}' repository and cannot be "
                    "overwritten because the tag is immutable."
                )
            yield place

    def push_tiny(self, repository: str, tag: str, content: str) -> str:
        """Push an image without layers; its digest."""
        registry, path = Registry(self.host, self.user), self.path(repository)
        with self.place_for(repository, tag):
            known = self.manifest(path, self._tiny[path, content]) if (path, content) in self._tiny else None
            if known is not None:
                return registry.push_manifest(path, tag, known.content, known.kind)
            digest = registry.push_image(path, tag, content)
            self._tiny[path, content] = digest
            return digest

    def manifest(self, path: str, reference: str) -> Manifest | None:
        """What a tag or a digest stands for in the registry."""
        found = self._get(f"/v2/{path}/manifests/{reference}")
        if found is None:
            return None
        headers, content = found
        return Manifest(headers["Docker-Content-Digest"], headers["Content-Type"], content)

    # --- the operations ---------------------------------------------------------------------------------------------

    def describe_images(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """DescribeImages, in one page."""
        path = self._known(parameters)
        wanted = parameters.get("imageIds") or [{"imageTag": tag} for tag in self._tags(path)]
        status = parameters.get("filter", {}).get("imageStatus", ACTIVE)
        details: dict[str, dict[str, Any]] = {}
        for each in wanted:
            manifest = self._named(path, each)
            detail = details.setdefault(manifest.digest, self._detail(path, manifest))
            # Whoever asks for tags is told of those only: to find all tags of one image takes a request for each tag.
            detail["imageTags"] += [each["imageTag"]] if "imageTag" in each else self._tags_of(path, manifest.digest)
        return {"imageDetails": [each for each in details.values() if status in {ANY, each["imageStatus"]}]}

    def batch_get_image(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """BatchGetImage: what is not there is a failure in the answer."""
        path = self._known(parameters)
        images: list[dict[str, Any]] = []
        failures: list[dict[str, Any]] = []
        for wanted in parameters["imageIds"]:
            manifest = self._find(path, wanted)
            if manifest is None:
                reason = {"failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
                failures.append({"imageId": wanted, **reason})
                continue
            image = {
                "registryId": ACCOUNT,
                "repositoryName": path,
                "imageId": wanted | {"imageDigest": manifest.digest},
                "imageManifest": manifest.content.decode(),
                "imageManifestMediaType": manifest.kind,
            }
            images.append(image)
        return {"images": images, "failures": failures}

    def authorization_token(self, _: dict[str, Any]) -> dict[str, Any]:
        """GetAuthorizationToken: the login of the registry, if it wants one."""
        login = self.user.login if self.user else base64.b64encode(b"AWS:not-asked-for").decode()
        expires = self.clock() + TOKEN_SECONDS
        data = {"authorizationToken": login, "expiresAt": expires, "proxyEndpoint": f"http://{self.host}"}
        return {"authorizationData": [data]}

    def _known(self, parameters: Mapping[str, Any]) -> str:
        path = str(parameters.get("repositoryName", ""))
        if path not in self.repositories:
            message = f"The repository with name '{path}' does not exist in the registry with id '{ACCOUNT}'"
            raise AwsError("RepositoryNotFoundException", message)
        if len(parameters.get("imageIds") or ()) > MOST_IMAGES:
            raise AwsError("InvalidParameterException", "There may be 100 imageIds at the most.")
        return path

    def _find(self, path: str, wanted: Mapping[str, str]) -> Manifest | None:
        return self.manifest(path, wanted.get("imageDigest") or wanted.get("imageTag", ""))

    def _named(self, path: str, wanted: Mapping[str, str]) -> Manifest:
        found = self._find(path, wanted)
        if found is None:
            digest, tag = wanted.get("imageDigest", "null"), wanted.get("imageTag", "null")
            raise AwsError(
                "ImageNotFoundException",
                f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the "
                f"repository with name '{path}' in the registry with id '{ACCOUNT}'",
            )
        return found

    def _detail(self, path: str, manifest: Manifest) -> dict[str, Any]:
        content = json.loads(manifest.content)
        parts = [content.get("config", {}), *content.get("layers", ()), *content.get("manifests", ())]
        return {
            "registryId": ACCOUNT,
            "repositoryName": path,
            "imageDigest": manifest.digest,
            "imageTags": [],
            "imageSizeInBytes": sum(part.get("size", 0) for part in parts),
            "imagePushedAt": self._seen.setdefault((path, manifest.digest), self.clock()),
            "imageManifestMediaType": manifest.kind,
            "imageStatus": self.statuses.get((path, manifest.digest), ACTIVE),
        }

    def _tags_of(self, path: str, digest: str) -> list[str]:
        return [tag for tag in self._tags(path) if (found := self.manifest(path, tag)) and found.digest == digest]

    def _tags(self, path: str) -> list[str]:
        found = self._get(f"/v2/{path}/tags/list")
        return sorted(json.loads(found[1])["tags"] or ()) if found else []

    def _get(self, path: str) -> tuple[Mapping[str, str], bytes] | None:
        request = urllib.request.Request(f"http://{self.host}{path}", headers={"Accept": ", ".join(KINDS)})
        if self.user:
            request.add_header("Authorization", f"Basic {self.user.login}")
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                return answer.headers, answer.read()
        except urllib.error.HTTPError as refusal:
            if refusal.code == NOT_FOUND:
                return None
            raise
