"""The operator as a process on one site, behind a proxy that keeps a journal. The Deployment controller is played."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import urllib3

from apiserver.json_api import Api
from apiserver.objects import BRANDS, RELEASES, brand, brand_release, written
from cluster.api import ApiServer
from support.fault_proxy import FaultProxy, Request
from support.git_server import GitServer
from support.operator_process import OperatorProcess
from support.registry import RegistryServer

Object = dict[str, Any]
Result = TypeVar("Result")

RESYNC: Final = 2.0
SETTLE: Final = 20.0

KINDS: Final = ("brandreleases", "brands", "deployments", "pods", "jobs")
DEPLOYMENTS: Final = "/apis/apps/v1/namespaces/{}/deployments"


def is_status_write(request: Request) -> bool:
    return request.is_for("PUT", "/status") and "/brandreleases/" in request.path


def is_apply(request: Request) -> bool:
    return request.method == "PATCH" and "/deployments/" in request.path


def is_change(request: Request) -> bool:
    """An apply that was not refused because the Deployment's status was written in that moment; such a one is sent again."""
    return is_apply(request) and request.status != 409


class DeploymentController:
    """Every Deployment of the namespace is complete a moment after its spec changes, as long as the play runs."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api, self._path = api, DEPLOYMENTS.format(namespace)
        self.plays, self.sees_no_new_pods, self._ended = threading.Event(), threading.Event(), threading.Event()
        self.plays.set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._ended.wait(0.1):
            if self.plays.is_set():
                self._play()

    def _play(self) -> None:
        """Once over all Deployments; an API server that does not answer is asked again next time."""
        try:
            bodies = self._api.get(self._path).body.get("items") or []
        except urllib3.exceptions.HTTPError:
            return
        for body in bodies:
            seen = self._seen(body)
            if not seen.items() <= body.get("status", {}).items():
                path = f"{self._path}/{body['metadata']['name']}/status"
                with suppress(urllib3.exceptions.HTTPError):
                    self._api.merge(path, {"status": seen})

    def _seen(self, body: Object) -> Object:
        """The status that it writes. Pods that do not become new stay the old ones, which are there all the time."""
        generation, wanted = body["metadata"]["generation"], body["spec"]["replicas"]
        counts = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"), wanted)
        new = {"updatedReplicas": 0} if self.sees_no_new_pods.is_set() else {}
        return {"observedGeneration": generation, **counts, **new}


class Site:
    """A brand in a namespace of its own, a git server and a registry with its images, and the operator at work."""

    def __init__(
        self, server: ApiServer, api: Api, namespace: str, git: GitServer, registry: RegistryServer, directory: Path
    ) -> None:
        self.server, self.api, self.name, self.registry = server, api, namespace, registry
        self.repository = git.repository(namespace)
        self.proxy = FaultProxy(server.kubeconfig, directory)
        self.controller = DeploymentController(Api(server.kubeconfig), namespace)  # a connection of its own
        self._settings = {
            "BRANDRELEASE_NAMESPACE": namespace,
            "BRANDRELEASE_ALLOW_INSECURE_ENDPOINTS": "true",
            "BRANDRELEASE_BUILD_NAMESPACE": "builds",
            "BRANDRELEASE_WATCH_NAMESPACES": namespace,
            "BRANDRELEASE_CACHE_DIR": str(directory / "mirrors"),
            "BRANDRELEASE_ALLOW_INSECURE_SOURCES": "true",
            "BRANDRELEASE_INSECURE_REGISTRIES": registry.host,
        }
        self._log = directory / "operator.log"

    def start(self, resync: float = RESYNC, more: Mapping[str, str] | None = None) -> None:
        """The operator, until its watches are open. more: of its environment."""
        ours = {"KUBECONFIG": str(self.proxy.kubeconfig), "BRANDRELEASE_RESYNC_SECONDS": str(resync)}
        self.operator = OperatorProcess(self._log, self._settings | ours | dict(more or {}))
        self.operator.start()
        self.watches()

    def watches(self, limit: float = SETTLE) -> None:
        """Wait until every kind is watched."""
        self.until("every kind is watched", lambda: all(self.proxy.open_watches(kind) for kind in KINDS), limit)

    # --- given --------------------------------------------------------------------------------------------------------

    def brand(self, environments: int = 1, deadline: int = 60, soak: int = 0) -> None:
        """A Brand whose environments e0, e1, ... each have a Deployment that runs."""
        self.environment: Object = {"namespace": self.name, "progressDeadlineSeconds": deadline, "soakSeconds": soak}
        changes = {
            "metadata.name": self.name,
            "spec.source.url": self.repository.url,
            "spec.image.repository": self.image_repository,
            "spec.build": {"external": {}},
            "spec.environments": [{"name": f"e{number}", **self.environment} for number in range(environments)],
        }
        self.api.post(BRANDS, brand(changes)).expect(201)
        for number in range(environments):
            self.api.post(DEPLOYMENTS.format(self.name), self.plain_deployment(number)).expect(201)
        path = DEPLOYMENTS.format(self.name)
        self.until(
            "the Deployments run",
            lambda: all(body.get("status") for body in self.api.get(path).expect(200)["items"]),
            SETTLE,
        )

    def change_environment(self, **fields: object) -> None:
        """Other fields for e0, the only environment, from now on."""
        self.environment |= fields
        environments = [{"name": "e0", **self.environment}]
        self.api.merge(f"{BRANDS}/{self.name}", {"spec": {"environments": environments}}).expect(200)

    @property
    def image_repository(self) -> str:
        return f"{self.registry.host}/sites/{self.name}"

    def plain_deployment(self, number: int = 0) -> Object:
        """A Deployment as its owner wrote it."""
        labels = {"app": f"e{number}"}
        pod = {"containers": [{"name": "app", "image": "registry.example.com/by-hand:1"}]}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": f"{self.name}-e{number}-deployment"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }

    # --- when ---------------------------------------------------------------------------------------------------------

    def push(self, branch: str) -> str:
        """A commit on the branch, and its image as CI would push it; the commit."""
        commit = self.repository.commit({"page": f"{branch} {time.monotonic_ns()}"}, branch=branch)
        self.registry.push_image(f"sites/{self.name}", commit, commit)
        return commit

    def release(self, ref: str, number: int = 0) -> None:
        """A BrandRelease e0, e1, ... made, or its ref changed."""
        path, name = RELEASES.format(self.name), f"e{number}"
        if self.api.get(f"{path}/{name}").code == 200:
            self.api.merge(f"{path}/{name}", {"spec": {"ref": ref}}).expect(200)
            return
        spec = {"brand": self.name, "environment": name, "ref": ref}
        self.api.post(path, brand_release({"metadata.name": name, "spec": spec})).expect(201)

    def say(self, verb: str, text: str) -> None:
        """An annotation on the BrandRelease e0."""
        change = {"metadata": {"annotations": {f"brandrelease.dev/{verb}": text}}}
        self.api.merge(f"{RELEASES.format(self.name)}/e0", change).expect(200)

    def is_live(self, branch: str = "master", number: int = 0) -> str:
        """A release of a new commit of the branch, through to the end; the commit."""
        commit = self.push(branch)
        self.release(branch, number)
        self.becomes_live(commit, number)
        return commit

    # --- then ---------------------------------------------------------------------------------------------------------

    def until(self, what: str, condition: Callable[[], Result | None], limit: float) -> Result:
        end = time.monotonic() + limit
        while not (result := condition()):
            if time.monotonic() > end:
                last = "\n".join(map(str, self.proxy.requests[-10:]))
                log = self.operator.last_lines(15) if hasattr(self, "operator") else ""
                raise AssertionError(f"Not within {limit:g} s: that {what}.\n{self.status()}\n{last}\n{log}")
            time.sleep(0.05)
        return result

    def object(self, number: int = 0) -> Object:
        return self.api.get(f"{RELEASES.format(self.name)}/e{number}").body

    def status(self, number: int = 0) -> Object:
        body = self.object(number)
        return dict(written(body)) if isinstance(body.get("status"), dict) else {}

    def becomes_live(self, commit: str, number: int = 0, limit: float = SETTLE) -> Object:
        def live() -> Object | None:
            status = self.status(number)
            fits = status.get("phase") == "Live" and status["current"]["commit"] == commit
            return status if fits and status["current"].get("outcome") == "Succeeded" else None

        return self.until(f"release e{number} of {commit[:7]} is live", live, limit)

    def deployment_path(self, number: int = 0) -> str:
        return f"{DEPLOYMENTS.format(self.name)}/{self.name}-e{number}-deployment"

    def deployment(self, number: int = 0) -> Object:
        return self.api.get(self.deployment_path(number)).expect(200)

    def generation(self) -> int:
        return int(self.deployment()["metadata"]["generation"])

    def runs(self) -> bool:
        """Whether the process is there, by the operating system."""
        return self.operator.runs

    def asked_for(self, name: str, since: float) -> list[Request]:
        """The live reads of one BrandRelease."""
        return [each for each in self.proxy.since(since) if each.is_for("GET", f"/brandreleases/{name}")]
