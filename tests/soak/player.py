"""Plays what makes pods and Jobs go on: the Deployment controller, the Job controller, kubelets and builders.

It acts on what watches tell, and never looks at an object that has not changed. The pods are objects of the real API.
"""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from brandrelease.apis.wellknown import BUILD_KEY_LABEL, HOOK_LABEL, RELEASE_LABEL
from soak.kube import Answer, Kube, Object
from soak.truth import Behaviour, Truth
from support.registry import RegistryServer

BUILDS: Final = "builds"
"""The build namespace."""

PODS: Final = "/api/v1/namespaces/{}/pods"
DAY: Final = 90.0
"""Seconds for which Jobs that have ended are kept, in place of a day: else there would be more and more, and memory for each."""

JOBS: Final = "/apis/batch/v1/namespaces/{}/jobs"
DEPLOYMENTS: Final = "/apis/apps/v1/namespaces/{}/deployments"

START_SECONDS: Final = (0.1, 0.8)
"""From a pod's creation until it is ready."""

BUILD_SECONDS: Final = (0.3, 1.5)
HOOK_SECONDS: Final = (0.1, 0.6)
BACK_OFF_SECONDS: Final = 0.3
"""Between two ends of a container that crashes. The kubelet takes longer."""

LATER_SECONDS: Final = 0.5
"""How long a pod serves that crashes while it is watched. Shorter than the watch."""

LATE_SECONDS: Final = 6.0
"""A pod that needs longer to serve, without being told to, may meet the deadline of its release."""

Template = tuple[str, str]
"""What tells pods apart: the label of the release and the image."""


@dataclass
class Played:
    """A Deployment as its controller knows it."""

    generation: int = 0
    since: float = 0.0
    """When that was seen, on the monotonic clock."""
    image: str = ""
    serves: bool = False
    pods: dict[str, Template] = field(default_factory=dict)
    """Pods that are there, by name."""
    ready: set[str] = field(default_factory=set)
    task: "asyncio.Task[None] | None" = None
    making: "asyncio.Task[str] | None" = None
    """A pod that is being made: whatever happens to the play meanwhile, it will be known."""


class Player:
    """Follows all Deployments and Jobs."""

    def __init__(self, kube: Kube, truth: Truth, registry: RegistryServer, seed: int) -> None:
        self._kube, self._truth, self._registry = kube, truth, registry
        self._dice = Random(seed)
        self._deployments: dict[str, Played] = {}
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pulls: dict[tuple[str, str], int] = {}
        self._lost_builds: set[str] = set()
        self.problems: list[str] = []
        """What went wrong with the play itself; not a fault of the operator's."""

    async def run(self) -> None:
        """Play until cancelled."""
        await asyncio.gather(
            self._kube.follow("/apis/apps/v1/deployments", self._on_deployment),
            self._kube.follow("/apis/batch/v1/jobs", self._on_job),
        )

    def _go(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        async def guarded() -> None:
            try:
                await work
            except Answer as no:
                if no.code != 404:  # what is gone needs no play
                    self.problems.append(str(no))
            except (OSError, TimeoutError) as error:
                self.problems.append(repr(error))

        task = asyncio.create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.problems.append(repr(error))

    # --- Deployments --------------------------------------------------------------------------------------------------

    def _on_deployment(self, event: str, body: Object) -> None:
        uid = body["metadata"]["uid"]
        played = self._deployments.setdefault(uid, Played())
        if event == "DELETED":
            del self._deployments[uid]
        changes = event != "DELETED" and body["metadata"]["generation"] != played.generation
        if changes and not played.serves and time.monotonic() - played.since > LATE_SECONDS:
            self._truth.was_late(played.image)
        if played.task is not None and (event == "DELETED" or body["metadata"]["generation"] != played.generation):
            played.task.cancel()
        if changes:
            played.generation, played.since = body["metadata"]["generation"], time.monotonic()
            played.image, played.serves = body["spec"]["template"]["spec"]["containers"][0]["image"], False
            played.task = self._go(self._roll(played, body))

    async def _roll(self, played: Played, body: Object) -> None:
        """One new pod beside the old one; the old one goes when the new one is ready."""
        metadata = body["spec"]["template"]["metadata"]
        container = body["spec"]["template"]["spec"]["containers"][0]
        template = (metadata["labels"].get(RELEASE_LABEL, ""), container["image"])
        place = PODS.format(body["metadata"]["namespace"])
        if played.making is not None:
            await asyncio.wait({played.making})
        for pod in played.pods.keys() - played.ready:
            await self._remove(played, place, pod)
        await self._tell(played, body, template)
        if template in played.pods.values():
            played.serves = True
            await self._leave_only(played, body, template)
        else:
            pod = await self._new_pod(played, place, body, template)
            await self._tell(played, body, template)
            await self._start(played, body, template, f"{place}/{pod}/status", pod)

    async def _new_pod(self, played: Played, place: str, body: Object, template: Template) -> str:
        wanted = body["spec"]["template"]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"generateName": f"{body['metadata']['name']}-", "labels": wanted["metadata"]["labels"]},
            "spec": {
                "containers": [{"name": each["name"], "image": each["image"]} for each in wanted["spec"]["containers"]]
            },
        }
        played.making = asyncio.create_task(self._make(played, place, pod, template))
        return await asyncio.shield(played.making)

    async def _make(self, played: Played, place: str, pod: Object, template: Template) -> str:
        name = str((await self._kube.post(place, pod))["metadata"]["name"])
        played.pods[name] = template
        return name

    async def _start(self, played: Played, body: Object, template: Template, path: str, pod: str) -> None:
        behaviour = self._truth.behaviour(template[1])
        if behaviour is Behaviour.NotPulled and self._pull_fails(body["metadata"]["uid"], template):
            message = "failed to pull and unpack image: unexpected status: 429 Too Many Requests"
            await self._look(path, _waiting("ErrImagePull", message))
            return
        await asyncio.sleep(self._dice.uniform(*START_SECONDS))
        match behaviour:
            case Behaviour.Crashes:
                await self._crash(path)
            case Behaviour.NeverReady:
                await self._look(path, _running(), ready=False)
            case _:
                await self._serve(played, body, template, path, pod)
                if behaviour is Behaviour.CrashesLater:
                    await asyncio.sleep(LATER_SECONDS)
                    played.ready.discard(pod)
                    await self._crash(path)
                    await self._tell(played, body, template)

    def _pull_fails(self, uid: str, template: Template) -> bool:
        """The registry has too much to do for the first pod of an image, at each Deployment."""
        key = (uid, template[1])
        self._pulls[key] = self._pulls.get(key, 0) + 1
        return self._pulls[key] == 1

    async def _serve(self, played: Played, body: Object, template: Template, path: str, pod: str) -> None:
        await self._look(path, _running(), ready=True)
        played.ready.add(pod)
        played.serves = True
        if time.monotonic() - played.since > LATE_SECONDS:
            self._truth.was_late(template[1])
        await self._leave_only(played, body, template)

    async def _leave_only(self, played: Played, body: Object, template: Template) -> None:
        """The pods of any other template go."""
        place = PODS.format(body["metadata"]["namespace"])
        for old in [name for name, of in played.pods.items() if of != template]:
            await self._remove(played, place, old)
        await self._tell(played, body, template)

    async def _crash(self, path: str) -> None:
        for restarts in range(1, 4):
            await self._look(path, _crashed(restarts), ready=False)
            await asyncio.sleep(BACK_OFF_SECONDS)

    async def _remove(self, played: Played, place: str, pod: str) -> None:
        await self._kube.delete(f"{place}/{pod}")
        played.pods.pop(pod, None)
        played.ready.discard(pod)

    async def _look(self, path: str, container: Object, *, ready: bool = False) -> None:
        """The pod as its kubelet tells of it."""
        now = _now()
        condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": now}
        container = {"name": "app", "image": "app", "imageID": "", "ready": ready, "restartCount": 0, **container}
        status = {"phase": "Running", "startTime": now, "conditions": [condition], "containerStatuses": [container]}
        await self._kube.merge(path, {"status": status})

    async def _tell(self, played: Played, body: Object, template: Template) -> None:
        """The status of the Deployment."""
        new = [pod for pod, of in played.pods.items() if of == template]
        status = {
            "observedGeneration": body["metadata"]["generation"],
            "replicas": len(played.pods),
            "updatedReplicas": len(new),
            "readyReplicas": len(played.ready & played.pods.keys()),
            "availableReplicas": len(played.ready & played.pods.keys()),
        }
        path = f"{DEPLOYMENTS.format(body['metadata']['namespace'])}/{body['metadata']['name']}/status"
        await self._kube.merge(path, {"status": status})

    # --- Jobs ---------------------------------------------------------------------------------------------------------

    def _on_job(self, event: str, body: Object) -> None:
        uid = body["metadata"]["uid"]
        if event == "DELETED":
            if task := self._jobs.pop(uid, None):
                task.cancel()
        elif uid not in self._jobs and not body.get("status", {}).get("conditions"):
            labels = body["metadata"].get("labels", {})
            if BUILD_KEY_LABEL in labels:
                self._jobs[uid] = self._go(self._build(body))
            elif HOOK_LABEL in labels:
                self._jobs[uid] = self._go(self._hook(body))

    async def _build(self, body: Object) -> None:
        """The image is made and pushed; its digest goes into the pod's termination message."""
        await asyncio.sleep(self._dice.uniform(*BUILD_SECONDS))
        notes, environment = body["metadata"]["annotations"], _environment(body)
        commit = notes["brandrelease.dev/commit"]
        behaviour = self._truth.commits[commit].behaviour
        if behaviour is Behaviour.BuildIsLost and commit not in self._lost_builds:
            self._lost_builds.add(commit)
            await self._end(body, 70, "")
        elif behaviour is Behaviour.DoesNotBuild:
            await self._end(body, 1, "")
        else:
            name = environment["IMAGE"].partition("/")[2].rpartition(":")[0]
            digest = await asyncio.to_thread(self._registry.push_image, name, notes["brandrelease.dev/tag"], commit)
            self._truth.pushed(commit, digest)
            await self._end(body, 0, digest)

    async def _hook(self, body: Object) -> None:
        await asyncio.sleep(self._dice.uniform(*HOOK_SECONDS))
        image = body["spec"]["template"]["spec"]["containers"][0]["image"]
        fails = (
            body["metadata"]["labels"][HOOK_LABEL] == "preDeploy"
            and self._truth.behaviour(image) is Behaviour.MigrationFails
        )
        await self._end(body, 1 if fails else 0, "")

    async def _end(self, body: Object, code: int, message: str) -> None:
        """The pod of the Job ends with this code and message, and the Job with it."""
        job, container = body["metadata"], body["spec"]["template"]["spec"]["containers"][0]
        place, now = PODS.format(job["namespace"]), _now()
        labels = {**body["spec"]["template"]["metadata"]["labels"], "batch.kubernetes.io/job-name": job["name"]}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"generateName": f"{job['name']}-", "labels": labels},
            "spec": {"restartPolicy": "Never", "containers": [{"name": container["name"], "image": "job"}]},
        }
        name = (await self._kube.post(place, pod))["metadata"]["name"]
        ended = {"exitCode": code, "reason": "Error" if code else "Completed", "message": message, "finishedAt": now}
        seen = {"name": container["name"], "image": "job", "imageID": "", "ready": False, "restartCount": 0}
        phase = "Failed" if code else "Succeeded"
        status: Object = {"phase": phase, "containerStatuses": [{**seen, "state": {"terminated": ended}}]}
        await self._kube.merge(f"{place}/{name}/status", {"status": status})
        path = f"{JOBS.format(job['namespace'])}/{job['name']}"
        await self._kube.merge(f"{path}/status", {"status": _job_status(code, now)})
        self._go(self._expire(path, f"{place}/{name}"))

    async def _expire(self, job: str, pod: str) -> None:
        """As ttlSecondsAfterFinished has it."""
        await asyncio.sleep(DAY)
        for path in (job, pod):
            await self._kube.delete(path)


def _job_status(code: int, now: str) -> Object:
    """As the Job controller writes it in the end."""
    begin, end = ("FailureTarget", "Failed") if code else ("SuccessCriteriaMet", "Complete")
    conditions = [{"type": each, "status": "True", "lastTransitionTime": now} for each in (begin, end)]
    told: Object = (
        {"startTime": now, "conditions": conditions, "failed": 1}
        if code
        else {"startTime": now, "conditions": conditions, "succeeded": 1, "completionTime": now}
    )
    return told


def _environment(job: Object) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in job["spec"]["template"]["spec"]["containers"][0]["env"]}


def _running() -> Object:
    return {"state": {"running": {"startedAt": _now()}}}


def _waiting(reason: str, message: str) -> Object:
    return {"state": {"waiting": {"reason": reason, "message": message}}}


def _crashed(restarts: int) -> Object:
    """Held back before its next start, after so many."""
    ended = {"terminated": {"exitCode": 255, "reason": "Error", "finishedAt": _now()}}
    return {
        **_waiting("CrashLoopBackOff", "back-off restarting failed container"),
        "lastState": ended,
        "restartCount": restarts,
    }


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
