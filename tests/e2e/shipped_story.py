"""A story whose operator is what we ship: our image, run by the manifests of deploy/ as they are."""

import json
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.story import Story
from support import our_image
from support.kubectl import eventually
from support.registry import OCI_INDEX, OCI_MANIFEST

REPOSITORY = our_image.REPOSITORY
SYSTEM = "brandrelease-system"
BUILDS = "brandrelease-builds"
RBAC = REPOSITORY / "deploy" / "rbac"
OPERATOR = REPOSITORY / "deploy" / "operator"
READY_SECONDS = 90
MANIFESTS = {"Accept": f"{OCI_MANIFEST}, {OCI_INDEX}"}

Object = dict[str, Any]


@dataclass
class ShippedStory(Story):
    """The operator looks after every brand namespace that its account was given, and runs in namespaces of fixed names."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.builds = BUILDS

    def namespaces(self) -> None:
        """No more than what the manifests want to find."""
        for name in (self.namespace, self.builds):
            self.kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def uninstall(self) -> None:
        """First the pods: with its namespaces the operator would lose its rights there, and ask for what it is denied."""
        gone = ("--cascade=foreground", "--ignore-not-found", "--timeout=50s", f"--namespace={SYSTEM}")
        self.kubectl.run("delete", "deployment", "brandrelease", *gone)
        for namespace in (self.namespace, BUILDS, SYSTEM):
            self.kubectl.delete("namespace", namespace, wait=False)
        self.kubectl.delete("brand", self.name, wait=False)

    def install(self, *manifests: Path) -> None:
        """Apply what we ship; a warning of the API server is an error."""
        for path in manifests:
            option = "-k" if path.is_dir() else "-f"
            self.kubectl.run("apply", "--server-side", "--warnings-as-errors", option, str(path))

    def overlay(self, image: str) -> Path:
        """What a user writes beside what we ship: which image, and settings."""
        name, _, digest = image.partition("@")
        settings = {
            "BRANDRELEASE_WATCH_NAMESPACES": self.namespace,
            "BRANDRELEASE_ALLOW_INSECURE_SOURCES": "true",
            "BRANDRELEASE_INSECURE_REGISTRIES": self.cluster.registry,
        }
        directory = self.directory / "overlay"
        directory.mkdir()
        kustomization = {
            "resources": [os.path.relpath(OPERATOR, directory)],
            "images": [{"name": "registry.invalid/brandrelease", "newName": name, "digest": digest}],
            "configMapGenerator": [
                {
                    "name": "brandrelease-settings",
                    "namespace": SYSTEM,
                    "behavior": "merge",
                    "literals": [f"{name}={value}" for name, value in settings.items()],
                }
            ],
        }
        (directory / "kustomization.yaml").write_text(json.dumps(kustomization))
        return directory

    def operator_is_rolled_out(self) -> None:
        try:
            options = (f"--namespace={SYSTEM}", f"--timeout={READY_SECONDS}s")
            self.kubectl.run("rollout", "status", "deployment/brandrelease", *options, limit=READY_SECONDS + 10)
        except Exception as error:
            raise AssertionError(f"{error}\n{self.operator_says()}") from error

    def operator_says(self) -> str:
        """The end of the logs of its pods, and what the kubelet says of them."""
        where = (f"--namespace={SYSTEM}", "--selector=app.kubernetes.io/name=brandrelease")
        return self.kubectl.run("logs", "--tail=20", "--prefix", *where) + self.kubectl.run("describe", "pods", *where)

    def operator_pods(self) -> list[Object]:
        return self.kubectl.list("pods", SYSTEM, "app.kubernetes.io/name=brandrelease")

    def python(self, pod: Object, script: str) -> str:
        """What a Python script prints inside of a pod of the operator."""
        where = (pod["metadata"]["name"], f"--namespace={SYSTEM}")
        return self.kubectl.run("exec", *where, "--", "/opt/brandrelease/bin/python", "-c", script)

    def is_gone(self, pod: Object) -> None:
        eventually(
            lambda: self.kubectl.get("pod", pod["metadata"]["name"], SYSTEM) is None, 30, "The pod is still there"
        )


@dataclass(frozen=True)
class Published:
    """What the registry has of an image: its manifest, its configuration, and how it says that it was built."""

    manifest: Object
    configuration: Object
    provenance: Object

    @classmethod
    def of(cls, image: str) -> "Published":
        """image: the digest of an index that names the image and its attestation."""
        name, _, digest = image.partition("@")
        registry, _, repository = name.partition("/")
        base = f"http://{registry}/v2/{repository}"
        index = _json(f"{base}/manifests/{digest}")
        manifest, attestation = (_json(f"{base}/manifests/{each['digest']}") for each in index["manifests"])
        statement = _json(f"{base}/blobs/{attestation['layers'][0]['digest']}")
        return cls(manifest, _json(f"{base}/blobs/{manifest['config']['digest']}"), statement["predicate"])

    @property
    def base(self) -> str:
        """The digest of what it was built on, by its provenance."""
        (only,) = self.provenance["buildDefinition"]["resolvedDependencies"]
        return f"sha256:{only['digest']['sha256']}"


def digest_of(reference: str) -> str:
    """The digest that the registry has for a reference with a tag."""
    registry, _, path = reference.partition("/")
    repository, _, tag = path.rpartition(":")
    request = urllib.request.Request(f"http://{registry}/v2/{repository}/manifests/{tag}", headers=MANIFESTS)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.headers["Docker-Content-Digest"])


def _json(url: str) -> Object:
    with urllib.request.urlopen(urllib.request.Request(url, headers=MANIFESTS), timeout=10) as answer:
        return dict(json.load(answer))
