"""Given, when, then: a brand with a site of its own on the real cluster, and an operator that looks after it."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apiserver.objects import written
from cluster.clusters import Cluster
from support import brand_site, build_namespace, images
from support.account import Account
from support.brand_site import Start
from support.git_server import GitServer, Repository
from support.kubectl import Kubectl, eventually
from support.operator_process import OperatorProcess
from support.permissions_audit import expect_denial

Object = dict[str, Any]
SETTLE_SECONDS = 90.0


@dataclass
class Story:
    """One brand, `name`, with its environment production; everything in namespaces of its own."""

    name: str
    cluster: Cluster
    git: GitServer
    directory: Path
    builder: str = "external"
    profile: str = "userns"
    beside: str = ""
    """A namespace that the operator looks after too."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What the operator's process is told beside what every story tells it."""
    rights: tuple[str, ...] = ()
    """Files of deploy/rbac that are bound in the brand namespaces beside the one that all need."""
    repository: Repository = field(init=False)
    operator: OperatorProcess = field(init=False)

    def __post_init__(self) -> None:
        self.kubectl = Kubectl.of(self.cluster)
        self.namespace, self.builds = f"{self.name}-production", f"{self.name}-builds"
        self.own = f"{self.name}-system"
        self.account = Account(self.kubectl, self.name, self.own, self.builds)
        self.image_repository = f"sites/{self.name}"
        self.repository = self.git.repository(self.name)
        builds = self.builder == "buildKit"
        self.operator = OperatorProcess(
            self.directory / "operator.log",
            {
                "KUBECONFIG": str(self.directory / "kubeconfig"),
                "BRANDRELEASE_NAMESPACE": self.own,
                "BRANDRELEASE_BUILD_NAMESPACE": self.builds,
                "BRANDRELEASE_WATCH_NAMESPACES": f"{self.namespace},{self.beside}",
                "BRANDRELEASE_CACHE_DIR": str(self.directory / "mirrors"),
                "BRANDRELEASE_ALLOW_INSECURE_SOURCES": "true",
                "BRANDRELEASE_INSECURE_REGISTRIES": self.cluster.registry,
                "BRANDRELEASE_BUILD_IMAGE": images.push(images.BUILDER, self.cluster) if builds else "",
                "BRANDRELEASE_BUILD_SECURITY_PROFILE": self.profile,
                **self.settings,
            },
        )

    # --- given ------------------------------------------------------------------------------------------------------------

    def brand(
        self, *, build: Mapping[str, Any] | None = None, source: Mapping[str, str] | None = None, **environment: Any
    ) -> None:
        """A Brand whose environment production has short times; other arguments change the environment."""
        short = {"name": "production", "progressDeadlineSeconds": 40, "soakSeconds": 4, "restartLimit": 1}
        self.kubectl.apply(
            {
                "apiVersion": "brandrelease.dev/v1alpha1",
                "kind": "Brand",
                "metadata": {"name": self.name},
                "spec": {
                    "source": source or {"url": self.repository.url},
                    "image": {"repository": self.repository_of_images},
                    "build": build or {self.builder: self.recipe},
                    "environments": [{**short, **environment}],
                },
            }
        )

    @property
    def repository_of_images(self) -> str:
        """Where the Brand says that its images are."""
        return f"{self.cluster.registry}/{self.image_repository}"

    @property
    def recipe(self) -> Object:
        """What the Brand says of its builder."""
        return {}

    def secret(self, name: str, data: Mapping[str, str]) -> None:
        """A Secret in the build namespace."""
        metadata = {"name": name, "namespace": self.builds}
        self.kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict(data)})

    @contextmanager
    def played(self) -> Iterator[None]:
        """Its namespaces while the block runs; then its operator is killed, and all of it is deleted."""
        self.namespaces()
        try:
            yield
        finally:
            self.operator.kill()
            for namespace in (self.namespace, self.builds, self.own):
                self.kubectl.delete("namespace", namespace, wait=False)
            self.account.remove()
            self.kubectl.delete("brand", self.name, wait=False)

    def namespaces(self) -> None:
        """The namespaces, and in them the rights of the operator."""
        builds = [] if self.builder == "buildKit" else [self.builds]
        names = filter(None, (self.namespace, *builds, self.own, self.beside))
        self.kubectl.apply(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names))
        if not builds:
            build_namespace.make(self.kubectl, self.builds, self.cluster.host_address)
        self.account.create(self.directory / "kubeconfig")
        brand_namespaces = [*filter(None, (self.namespace, self.beside))]
        for name in brand_namespaces:
            self.account.bind(name, ("brand-namespace.yaml", *self.rights))
        self.account.may(
            {"verb": "list", "resource": "brands", "group": "brandrelease.dev"},
            {"verb": "create", "resource": "events", "namespace": "default"},
            {"verb": "get", "resource": "secrets", "namespace": self.own},
            {"verb": "list", "resource": "jobs", "group": "batch", "namespace": self.builds},
            *({"verb": "list", "resource": "events", "namespace": name} for name in brand_namespaces),
        )

    def withholds_logs(self) -> None:
        """Its pods use a Secret that the operator was not given the right to read: that is what it is denied."""
        expect_denial(self.cluster.run_directory, self.own, "get", "secrets")

    def deployment(
        self,
        replicas: int = 2,
        *,
        sidecar: bool = False,
        memory: str = "64Mi",
        image: str = "",
        container: Mapping[str, Any] | None = None,
        **spec: Any,
    ) -> None:
        """The site's Deployment as somebody has made it by hand, with an image that works.

        container: what its container has beside that, or instead; other arguments are its pods' spec.
        """
        found = image or brand_site.push_image(self.cluster, self.image_repository, "by-hand", Start.Good, "by hand")
        probe = {"httpGet": {"path": "/", "port": brand_site.PORT}, "periodSeconds": 1, "failureThreshold": 1}
        app = {
            "name": "app",
            "image": found,
            "readinessProbe": probe,
            "env": [{"name": "COLOUR", "value": "blue"}],
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": memory}},
            "volumeMounts": [{"name": "state", "mountPath": "/state"}],
            **(container or {}),
        }
        containers = (
            [app, {"name": "helper", "image": found, "command": ["/bin/sleep", "100000"]}] if sidecar else [app]
        )
        pod = {
            "containers": containers,
            "volumes": [{"name": "state", "emptyDir": {}}],
            "terminationGracePeriodSeconds": 1,
            **spec,
        }
        labels = {"app": self.name}
        body = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": self.deployment_name, "namespace": self.namespace},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "site", "namespace": self.namespace},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": brand_site.PORT}]},
        }
        self.kubectl.apply(body, service)

    def is_rolled_out(self) -> None:
        self.kubectl.run(
            "rollout", "status", f"deployment/{self.deployment_name}", "-n", self.namespace, "--timeout=60s", limit=70
        )

    @property
    def deployment_name(self) -> str:
        return f"{self.name}-production-deployment"

    # --- when -------------------------------------------------------------------------------------------------------------

    def push(
        self,
        start: Start = Start.Good,
        text: str = "",
        *,
        branch: str = "master",
        files: Mapping[str, str] | None = None,
        reverts: str = "",
        **config: Any,
    ) -> str:
        """A commit; with the builder `external` its image is pushed too, as CI would, with this image ``config``.

        reverts: an older commit that it says it undoes, in the words of `git revert`.
        """
        text = text or f"{start.name} {time.monotonic_ns()}"
        base = images.push(images.BUSYBOX, self.cluster)
        message = f"Make it: {start.name}" + (f"\n\nThis reverts commit {reverts}." if reverts else "")
        commit = self.repository.commit(files or brand_site.files(start, text, base), message, branch)
        if self.builder == "external":
            brand_site.push_image(self.cluster, self.image_repository, commit, start, text, **config)
        return commit

    def release(self, ref: str = "master", **spec: Any) -> None:
        """kubectl apply of the BrandRelease; each call asks anew."""
        self.kubectl.apply(
            {
                "apiVersion": "brandrelease.dev/v1alpha1",
                "kind": "BrandRelease",
                "metadata": {
                    "name": self.name,
                    "namespace": self.namespace,
                    "annotations": {"brandrelease.dev/requestedAt": str(time.monotonic_ns())},
                },
                "spec": {"brand": self.name, "environment": "production", "ref": ref, **spec},
            }
        )

    def release_while_paused(self, commit: str, meanwhile: Callable[[], object]) -> None:
        """The release has changed the Deployment, and before any pod changes over, somebody does something."""
        rollout, where = ("rollout", "-n", self.namespace), f"deployment/{self.deployment_name}"
        before = self.image
        self.kubectl.run(*rollout, "pause", where)
        self.release()
        self.becomes("Deploying", commit=commit)
        eventually(lambda: self.image != before, 20, lambda: self.status)
        meanwhile()
        self.kubectl.run(*rollout, "resume", where)

    def patch_pods(self, spec: Mapping[str, Any]) -> None:
        """Somebody changes the pods that the Deployment makes; lists are merged by name."""
        change = json.dumps({"spec": {"template": {"spec": spec}}})
        where = ("deployment", self.deployment_name, "-n", self.namespace)
        self.kubectl.run("patch", *where, "--type=strategic", "--patch", change)

    def annotate(self, verb: str, text: str) -> None:
        """A person says `kubectl annotate`."""
        annotation = f"brandrelease.dev/{verb}={text}"
        self.kubectl.run("annotate", "--overwrite", "brandrelease", self.name, annotation, "-n", self.namespace)

    # --- then -------------------------------------------------------------------------------------------------------------

    @property
    def object(self) -> Object:
        return self.kubectl.get("brandrelease", self.name, self.namespace) or {}

    @property
    def status(self) -> Object:
        return dict(written(self.object))

    def condition(self, kind: str = "Ready") -> Object:
        return next((c for c in self.status.get("conditions", []) if c["type"] == kind), {})

    @property
    def message(self) -> str:
        return str(self.condition().get("message", ""))

    def becomes(
        self, phase: str, reason: str | None = None, commit: str | None = None, limit: float = SETTLE_SECONDS
    ) -> Object:
        """Wait until the BrandRelease stands there, and return its status."""

        def stands_there() -> Object | None:
            status = self.status
            ready: Object = next((c for c in status.get("conditions", []) if c["type"] == "Ready"), {})
            fits = status.get("phase") == phase and reason in {None, ready.get("reason")}
            return status if fits and commit in {None, status.get("current", {}).get("commit")} else None

        return eventually(stands_there, limit, lambda: f"{self.status}\n--- operator:\n{self.operator.last_lines()}")

    @property
    def image(self) -> str:
        """The image that the Deployment asks for."""
        body = self.kubectl.get("deployment", self.deployment_name, self.namespace) or {}
        return str(body["spec"]["template"]["spec"]["containers"][0]["image"])

    @property
    def generation(self) -> int:
        """Counts the changes of the Deployment."""
        body = self.kubectl.get("deployment", self.deployment_name, self.namespace) or {}
        return int(body["metadata"]["generation"])

    @property
    def address(self) -> str:
        """What visitors ask for."""
        service = self.kubectl.get("service", "site", self.namespace) or {}
        return f"http://{service['spec']['clusterIP']}/"

    def page(self) -> str:
        """What visitors see, through the Service."""
        with urllib.request.urlopen(self.address, timeout=5) as answer:
            return str(answer.read().decode())

    def shows(self, page: str) -> bool:
        """Whether visitors see this page; not while the Service still sends them to a pod that has just gone."""
        try:
            return self.page() == page
        except urllib.error.URLError:
            return False

    def pods(self) -> dict[str, Object]:
        """The site's pods by name."""
        return {pod["metadata"]["name"]: pod for pod in self.kubectl.list("pods", self.namespace, f"app={self.name}")}

    def replica_sets(self) -> int:
        return len(self.kubectl.list("replicasets", self.namespace))

    def pods_have_restarted(self, times: int) -> None:
        """Wait until a pod of the newest release has restarted so often."""

        def restarted() -> bool:
            pods = self.kubectl.list("pods", self.namespace, "brandrelease.dev/release")
            return any(c["restartCount"] >= times for pod in pods for c in pod["status"].get("containerStatuses", []))

        eventually(restarted, 60, "No pod has restarted")

    def lose_layer(self, commit: str) -> None:
        """Delete the layer of a commit's image from the registry, but not its manifest."""
        base = f"http://{self.cluster.registry}/v2/{self.image_repository}"
        accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
        with urllib.request.urlopen(
            urllib.request.Request(f"{base}/manifests/{commit}", headers=accept), timeout=5
        ) as answer:
            layer = json.load(answer)["layers"][0]["digest"]
        urllib.request.urlopen(urllib.request.Request(f"{base}/blobs/{layer}", method="DELETE"), timeout=5).close()

    def lose_manifest(self, image: str) -> None:
        """Delete an image, given by digest, from the registry."""
        base = f"http://{self.cluster.registry}/v2/{self.image_repository}"
        request = urllib.request.Request(f"{base}/manifests/{image.partition('@')[2]}", method="DELETE")
        urllib.request.urlopen(request, timeout=5).close()

    def job(self) -> Object:
        """The Job that built the current release's image."""
        name = self.status["current"]["build"]["id"]
        return next(job for job in self.jobs() if job["metadata"]["name"] == name)

    def failed(self, job: Object) -> bool:
        """Whether a build has failed: then there may be another attempt."""
        conditions = job.get("status", {}).get("conditions", [])
        return any(c["type"] == "Failed" and c["status"] == "True" for c in conditions)

    def jobs(self) -> list[Object]:
        return self.kubectl.list("jobs", self.builds)
