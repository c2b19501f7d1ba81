"""What the controllers and the kubelets of a cluster do, played on an API server where none of them runs.

A build's Job gets a pod, its image is really pushed, and the digest comes by the termination message. A hook's Job runs
its command once. The pods of a Deployment change over, and those of a bad commit crash. Each step comes a little later
than what it follows, as in a cluster, so that the operator always sees what lies between.
"""

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from apiserver.json_api import Api
from brandrelease.apis.wellknown import BUILD_KEY_LABEL, COMMIT_ANNOTATION, HOOK_LABEL, NAME_LABEL, RELEASE_LABEL
from support.registry import Registry

Object = dict[str, Any]

POLL: Final = 0.1
PACE: Final = 0.5
"""Seconds between what is asked for and what comes of it: time for a pass in between, so that what is told then is always told."""

OWN_HASH: Final = "pod-template-hash"
EXIT: Final = 255


class PlayedCluster:
    """Plays in one namespace for Deployments and hooks and in one for builds, in a thread of its own."""

    def __init__(self, api: Api, namespace: str, build_namespace: str, registry: Registry) -> None:
        """api: a connection that nobody else uses."""
        self._api, self._registry = api, registry
        self._deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        self._jobs = tuple(f"/apis/batch/v1/namespaces/{each}/jobs" for each in (namespace, build_namespace))
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self.bad_commits: set[str] = set()
        self.commands: Counter[str] = Counter()
        """How often the command of each hook has run, by the name of its Job."""
        self.leaves_old_pods = threading.Event()
        """Set: for a test that wants to have seen them before they go."""
        self.plays, self._ended = threading.Event(), threading.Event()
        self.plays.set()
        self.trouble: Exception | None = None
        self._seen: dict[str, float] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._ended.wait(POLL):
            if self.plays.is_set():
                try:
                    self._play()
                except Exception as error:  # shown by whoever waits in vain for what is played
                    self.trouble = error
                    raise

    def _play(self) -> None:
        for path in self._jobs:
            for job in self._items(path):
                if not job.get("status", {}).get("conditions") and self._is_due(job["metadata"]["uid"]):
                    self._run_job(path, job)
        for deployment in self._items(self._deployments):
            generation = deployment["metadata"]["generation"]
            seen = deployment.get("status", {}).get("observedGeneration")
            if seen != generation and self._is_due(f"{deployment['metadata']['uid']} {generation}"):
                self._roll_out(deployment)

    def _items(self, path: str) -> list[Object]:
        return list(self._api.get(path).expect(200)["items"])

    def _is_due(self, what: str) -> bool:
        return time.monotonic() - self._seen.setdefault(what, time.monotonic()) >= PACE

    # --- Jobs ---------------------------------------------------------------------------------------------------------

    def _run_job(self, path: str, job: Object) -> None:
        metadata, labels = job["metadata"], job["metadata"].get("labels", {})
        if HOOK_LABEL not in labels and BUILD_KEY_LABEL not in labels:
            return
        name, template = metadata["name"], job["spec"]["template"]
        told = self._build(template["spec"]) if BUILD_KEY_LABEL in labels else self._run_command(name)
        started, pods = metadata["creationTimestamp"], path.replace("/apis/batch/v1", "/api/v1").replace("jobs", "pods")
        of_the_job = {"batch.kubernetes.io/job-name": name, "batch.kubernetes.io/controller-uid": metadata["uid"]}
        container = template["spec"]["containers"][0]["name"]
        body = pod_of(f"{name}-0", template, {**template["metadata"]["labels"], **of_the_job})
        end = {"exitCode": 0, "reason": "Completed", "message": told, "startedAt": started, "finishedAt": _now()}
        entry = {"name": container, "ready": False, "state": {"terminated": end}}
        self._make_pod(pods, body, {"phase": "Succeeded", "startTime": started, "containerStatuses": [_whole(entry)]})
        done = [
            {"type": kind, "status": "True", "lastProbeTime": _now(), "lastTransitionTime": _now()}
            for kind in ("SuccessCriteriaMet", "Complete")
        ]
        status = {"conditions": done, "startTime": started, "completionTime": _now(), "succeeded": 1}
        self._api.merge(f"{path}/{name}/status", {"status": status}).expect(200)

    def _build(self, spec: Object) -> str:
        """The image, pushed; its digest, as `build.sh` writes it for the kubelet."""
        build = {entry["name"]: entry.get("value", "") for entry in spec["containers"][0]["env"]}
        commit = next(entry["value"] for entry in spec["initContainers"][0]["env"] if entry["name"] == "COMMIT")
        repository, _, tag = build["IMAGE"].rpartition(":")
        return self._registry.push_image(repository.removeprefix(f"{self._registry.host}/"), tag, commit)

    def _run_command(self, name: str) -> str:
        self.commands[name] += 1
        return ""

    # --- Deployments --------------------------------------------------------------------------------------------------

    def _roll_out(self, deployment: Object) -> None:
        """The pods of the template as it is now; the others go, unless the new ones crash."""
        spec, metadata = deployment["spec"], deployment["metadata"]
        template, wanted = spec["template"], spec["replicas"]
        commit = template["metadata"].get("annotations", {}).get(COMMIT_ANNOTATION, "")
        good = commit not in self.bad_commits
        mark = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]
        ours = [each for each in self._items(self._pods) if self._is_of(each, spec["selector"]["matchLabels"])]
        there = [each for each in ours if each["metadata"]["labels"].get(OWN_HASH) == mark]
        labels = {**template["metadata"]["labels"], OWN_HASH: mark}
        for number in range(len(there), wanted if good else 1):
            body = pod_of(f"{metadata['name']}-{mark}-{number}", template, labels)
            self._make_pod(self._pods, body, serving(template) if good else crashing(template))
        for pod in ours if good and not self.leaves_old_pods.is_set() else ():
            if pod not in there:
                self._api.delete(f"{self._pods}/{pod['metadata']['name']}").expect(200)
        new = wanted if good else 1
        counts = {"replicas": wanted if good else wanted + 1, "readyReplicas": wanted, "availableReplicas": wanted}
        status = {"observedGeneration": metadata["generation"], **counts, "updatedReplicas": new}
        self._api.merge(f"{self._deployments}/{metadata['name']}/status", {"status": status}).expect(200)

    def _is_of(self, pod: Object, selector: dict[str, str]) -> bool:
        return bool(selector.items() <= pod["metadata"].get("labels", {}).items())

    def _make_pod(self, path: str, body: Object, status: Object) -> None:
        self._api.post(path, body).expect(201)
        self._api.merge(f"{path}/{body['metadata']['name']}/status", {"status": status}).expect(200)


def images_by_release(pods: Iterator[Object]) -> dict[tuple[str, str], set[str]]:
    """The images of the pods of each release of each BrandRelease."""
    found: dict[tuple[str, str], set[str]] = {}
    for pod in pods:
        labels = pod["metadata"].get("labels", {})
        if RELEASE_LABEL in labels:
            which = labels[NAME_LABEL], labels[RELEASE_LABEL]
            found.setdefault(which, set()).add(pod["spec"]["containers"][0]["image"])
    return found


def pod_of(name: str, template: Object, labels: dict[str, str]) -> Object:
    metadata = {"name": name, "labels": labels, "annotations": template["metadata"].get("annotations", {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def serving(template: Object) -> Object:
    started = _now()
    entry = {"name": _container(template), "ready": True, "state": {"running": {"startedAt": started}}}
    return {"phase": "Running", "startTime": started, **_ready("True"), "containerStatuses": [_whole(entry)]}


def crashing(template: Object) -> Object:
    """As the kubelet tells of a container that has ended by itself again and again."""
    started = _now()
    end = {"exitCode": EXIT, "reason": "Error", "startedAt": started, "finishedAt": started}
    held = {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}
    entry = {
        "name": _container(template),
        "ready": False,
        "restartCount": 3,
        "state": {"waiting": held},
        "lastState": {"terminated": end},
    }
    return {"phase": "Running", "startTime": started, **_ready("False"), "containerStatuses": [_whole(entry)]}


def _ready(status: str) -> Object:
    at = {"lastTransitionTime": _now()}
    return {"conditions": [{"type": "PodScheduled", "status": "True", **at}, {"type": "Ready", "status": status, **at}]}


def _container(template: Object) -> str:
    return str(template["spec"]["containers"][0]["name"])


def _whole(entry: Object) -> Object:
    """With the fields that the API wants of every container."""
    return {"image": "an image", "imageID": "an image", "restartCount": 0, **entry}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
