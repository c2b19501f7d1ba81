"""A story whose operator is what we ship: our image, installed by our charts or our manifest as they are."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from e2e.story import Story
from support import account, our_image
from support.helm import CHART, CRDS, Helm
from support.install_manifest import BUILDS, FILE, NAMESPACE, NOBODYS_IMAGE
from support.kubectl import eventually
from support.permissions_audit import rights_are_taken
from support.registry import OCI_INDEX, OCI_MANIFEST

REPOSITORY = our_image.REPOSITORY
SYSTEM = NAMESPACE
BINDING = REPOSITORY / "deploy" / "rbac" / "brand-namespace.yaml"
READY_SECONDS = 90
TOKEN = "a-token-that-is-long-enough"
MANIFESTS = {"Accept": f"{OCI_MANIFEST}, {OCI_INDEX}"}
OURS = "app.kubernetes.io/part-of=brandrelease"
KINDS_OF_OURS = (
    "deployments,replicasets,pods,services,endpointslices,serviceaccounts,configmaps,secrets,networkpolicies,"
    "poddisruptionbudgets,limitranges,resourcequotas,leases,roles,rolebindings,clusterroles,clusterrolebindings,"
    "validatingadmissionpolicies,validatingadmissionpolicybindings,mutatingwebhookconfigurations,"
    "validatingwebhookconfigurations,priorityclasses,namespaces"
)

Object = dict[str, Any]


@dataclass
class ShippedStory(Story):
    """The operator runs in namespaces of fixed names, and its roles have fixed names too: no other story may be there."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.builds = BUILDS
        self.helm = Helm.compiled(self.cluster.kubeconfig)

    def namespaces(self) -> None:
        """As docs/installing.md has it. The roles that the other stories share make room for those of the chart."""
        for name in (self.namespace, SYSTEM):
            self.kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.kubectl.run("label", "namespace", SYSTEM, "pod-security.kubernetes.io/enforce=restricted")
        for each in account.shared():
            where = each["metadata"].get("namespace", "default")
            self.kubectl.delete(each["kind"].lower(), each["metadata"]["name"], where)

    def clear_away(self) -> None:
        """Whatever came of it, the stories after this one find what they expect."""
        with self.removed():
            gone = ("--cascade=foreground", "--ignore-not-found", "--timeout=50s", f"--namespace={SYSTEM}")
            self.kubectl.run("delete", "deployment", "brandrelease", *gone)
        for namespace in (self.namespace, BUILDS, SYSTEM):
            self.kubectl.delete("namespace", namespace, wait=False)
        self.kubectl.delete("brand", self.name, wait=False)
        for kind in ("clusterrolebindings", "validatingadmissionpolicybindings", "validatingadmissionpolicies"):
            self.kubectl.run("delete", kind, f"--selector={OURS}", "--ignore-not-found")
        self.kubectl.run("delete", "rolebindings", "--namespace=default", f"--selector={OURS}", "--ignore-not-found")
        self.kubectl.apply(*account.shared(), server_side=True)

    # --- when -------------------------------------------------------------------------------------------------------------

    def helm_installs(self, image: str) -> None:
        """Both charts. The CRDs are there, by kubectl: the chart takes them over."""
        self.helm.run("install", "brandrelease-crds", CRDS, f"--namespace={SYSTEM}", "--take-ownership")
        self.kubectl.run(
            "create", "secret", "generic", "board", f"--namespace={SYSTEM}", f"--from-literal=token={TOKEN}"
        )
        values = self.directory / "values.yaml"
        values.write_text(json.dumps(self.values))
        self._waited("install", f"--values={values}", *self.of_image(image))

    @property
    def values(self) -> Object:
        """What a user writes, and what is odd about this cluster."""
        return {
            "rbac": {"mode": "Namespaces"},
            "brandNamespaces": [{"name": self.namespace}],
            "board": {"enabled": True, "tokenSecretName": "board"},
            "sources": {"allowInsecure": True},
            "registries": {"insecure": [self.cluster.registry]},
            "builds": {"networkPolicy": {"reachable": [f"{self.cluster.host_address}/32"]}},
        }

    def helm_upgrades(self, image: str) -> None:
        self._waited("upgrade", "--reuse-values", *self.of_image(image))

    def helm_uninstalls(self) -> None:
        """Both charts, until nothing of their pods is there."""
        with self.removed():
            for name in ("brandrelease", "brandrelease-crds"):
                self.helm.run("uninstall", name, f"--namespace={SYSTEM}", "--wait", "--cascade=foreground")
            eventually(lambda: not self.operator_pods(), 40, self.operator_says)

    @contextmanager
    def removed(self) -> Iterator[None]:
        """While the operator goes, it may be denied what it asks for."""
        with rights_are_taken(self.cluster.run_directory, SYSTEM):
            yield

    @staticmethod
    def of_image(image: str) -> tuple[str, ...]:
        name, _, digest = image.partition("@")
        return f"--set=image.repository={name}", f"--set=image.digest={digest}"

    def _waited(self, verb: str, *options: str) -> None:
        where = (f"--namespace={SYSTEM}", "--wait", f"--timeout={READY_SECONDS}s")
        try:
            self.helm.run(verb, "brandrelease", CHART, *where, *options, limit=READY_SECONDS + 10)
        except Exception as error:
            raise AssertionError(f"{error}\n{self.operator_says()}") from error

    def kubectl_installs(self, image: str) -> None:
        """deploy/install.yaml, and the right to release in the brand's namespace."""
        self.kubectl.run("apply", f"--namespace={self.namespace}", "-f", str(BINDING))
        text = FILE.read_text("utf-8")
        assert text.count(NOBODYS_IMAGE) == 1
        self.kubectl.run("apply", "-f", "-", stdin=text.replace(NOBODYS_IMAGE, image))
        options = (f"--namespace={SYSTEM}", f"--timeout={READY_SECONDS}s")
        self.kubectl.run("rollout", "status", "deployment/brandrelease", *options, limit=READY_SECONDS + 10)

    # --- then -------------------------------------------------------------------------------------------------------------

    def leader(self) -> str:
        """Name of the pod that leads; nothing if none does."""
        where = ("lease", "brandrelease", f"--namespace={SYSTEM}", "--ignore-not-found")
        return self.kubectl.run("get", *where, "--output=jsonpath={.spec.holderIdentity}").rpartition("_")[0]

    def of_ours(self) -> set[str]:
        """What is in the cluster of what we ship: what bears our label, and what bears our name."""
        shown = "--output=custom-columns=K:.kind,S:.metadata.namespace,N:.metadata.name"
        everywhere = ("get", KINDS_OF_OURS, "--all-namespaces", "--no-headers", "--ignore-not-found", shown)
        listed = self.kubectl.run(*everywhere, f"--selector={OURS}").splitlines()
        named = [line for line in self.kubectl.run(*everywhere).splitlines() if "brandrelease" in line.split()[2]]
        return {" ".join(line.split()) for line in (*listed, *named)}

    def site_pods(self) -> set[tuple[str, int]]:
        """Each pod of the site by its uid, with how often its containers were started again."""
        pods = self.pods().values()
        return {
            (pod["metadata"]["uid"], sum(each["restartCount"] for each in pod["status"].get("containerStatuses", ())))
            for pod in pods
        }

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
