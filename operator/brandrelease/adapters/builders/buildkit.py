"""The builder `buildKit`: a Job in the build namespace. Its deterministic name is what makes every step repeatable."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from brandrelease.adapters.builders.buildkit_job import (
    BUILD,
    EXIT_COMMIT_GONE,
    EXIT_INFRASTRUCTURE,
    FETCH,
    JobProfile,
    job_body,
)
from brandrelease.adapters.kube.api import JOBS, PODS, ApiError, KubeApi
from brandrelease.adapters.kube.logs import log_tail
from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.images import BuildOrder
from brandrelease.core.builds.seen import BuildAbsent, BuildFailed, BuildRunning, BuildState, BuildSucceeded
from brandrelease.core.health.quoting import quoted, says
from brandrelease.core.snapshot import Refusal
from brandrelease.core.words import cut, seconds, short
from brandrelease.ports import Refused

Json = dict[str, Any]

ALREADY_EXISTS = 409
REFUSALS = {400, 403, 404, 422}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class BuildKit:
    """Builds in the cluster."""

    def __init__(self, api: KubeApi, profile: JobProfile) -> None:
        self._api, self._profile = api, profile

    async def state(self, order: BuildOrder) -> BuildState:
        job = await self._api.get(JOBS, self._profile.namespace, order.name)
        if job is None or "deletionTimestamp" in job["metadata"] or not _is_of(order, job):
            return BuildAbsent()
        conditions = _conditions(job)
        pod = await self._pod(order)
        if "Complete" in conditions:
            return BuildSucceeded(_digest(pod))
        if "Failed" in conditions:
            failure = await self._failure(order, pod, str(conditions["Failed"].get("reason", "")))
            ended_at = conditions["Failed"].get("lastTransitionTime")
            return replace(failure, ended_at=datetime.fromisoformat(ended_at) if ended_at else None)
        return BuildRunning(_progress(order, pod))

    async def start(self, order: BuildOrder) -> None:
        try:
            await self._api.create(JOBS, self._profile.namespace, job_body(order, self._profile))
        except ApiError as error:
            if error.status == ALREADY_EXISTS:
                await self._must_stay(order)
                return
            if error.status in REFUSALS:
                message = f"The API server refuses the build Job {order.name} in namespace {self._profile.namespace}: {error.message}"
                raise Refused(Refusal(Reason.BuildNotStarted, message)) from error
            raise

    async def _must_stay(self, order: BuildOrder) -> None:
        """The build was started before, which is as good; but one that is being deleted will never end well."""
        job = await self._api.get(JOBS, self._profile.namespace, order.name)
        if job and not _is_of(order, job):
            message = (
                f"Job {order.name} in namespace {self._profile.namespace} is in the way of the build: Brand {order.brand} does not own it. "
                "Delete that Job."
            )
            raise Refused(Refusal(Reason.BuildNotStarted, message))
        if job and "deletionTimestamp" in job["metadata"]:
            message = f"An earlier build Job {order.name} is still being deleted; it is started anew after that."
            raise Refused(Refusal(Reason.BuildNotStarted, message))

    async def cancel(self, order: BuildOrder) -> None:
        job = await self._api.get(JOBS, self._profile.namespace, order.name)
        if job is None or not _is_of(order, job) or {"Complete", "Failed"} & _conditions(job).keys():
            return  # a Job that has ended keeps its log for a day
        try:
            await self._api.delete(JOBS, self._profile.namespace, order.name, str(job["metadata"]["uid"]))
        except ApiError as error:
            if error.status not in REFUSALS:
                raise
            message = f"The API server does not let the build Job {order.name} in namespace {self._profile.namespace} be stopped: {error.message}"
            raise Refused(Refusal(Reason.BuildNotStarted, message)) from error

    async def _pod(self, order: BuildOrder) -> Json | None:
        """The newest pod of the Job."""
        labels = f"batch.kubernetes.io/job-name={order.name}"
        pods = await self._api.items(PODS, self._profile.namespace, labels=labels)
        return max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)

    async def _failure(self, order: BuildOrder, pod: Json | None, reason: str) -> BuildFailed:
        step, ended = _failed_step(pod)
        tail = await self._log_tail(pod, step) if pod else ""
        if reason == "DeadlineExceeded" and (lost := _lost(pod)):
            message = f"Build Job {order.name} has not ended within {seconds(order.timeout_seconds)} (spec.build.timeoutSeconds), since its pod was lost: {lost}."
            return BuildFailed(Reason.BuildInfrastructureFailed, message, retriable=True, log_tail=tail)
        if reason == "DeadlineExceeded":
            message = (
                f"Build Job {order.name} took longer than {seconds(order.timeout_seconds)} (spec.build.timeoutSeconds)."
            )
            return BuildFailed(Reason.BuildTimedOut, message, retriable=False, log_tail=tail)
        if step == FETCH and ended is not None and ended.get("exitCode") == EXIT_COMMIT_GONE:
            message = (
                f"The git server does not have commit {short(order.commit)} any more: somebody has force-pushed over it, or deleted its branch, since it was resolved. "
                "Ask for the ref again, and what it points to now is released."
            )
            return BuildFailed(Reason.CommitGone, message, retriable=False, log_tail=tail)
        if excess := _excess(order, pod, ended):
            return BuildFailed(Reason.BuildFailed, excess, retriable=False, log_tail=tail)
        if pod is None or ended is None or ended.get("exitCode") == EXIT_INFRASTRUCTURE or step == FETCH:
            why = _last_words(tail) or reason or "its pod is gone"
            message = f"Build Job {order.name} failed in step {step}, for no fault of the Dockerfile: {why}."
            return BuildFailed(Reason.BuildInfrastructureFailed, message, retriable=True, log_tail=tail)
        message = f"The build of the Dockerfile failed: {_last_words(tail)}. The last lines of its log are in status.current.build.logTail."
        return BuildFailed(Reason.BuildFailed, message, retriable=False, log_tail=tail)

    async def _log_tail(self, pod: Json, container: str) -> str:
        """Without the values of the git and the registry Secret, which the pod mounts."""
        return await log_tail(self._api, self._profile.namespace, pod["metadata"]["name"], container)


def _is_of(order: BuildOrder, job: Json) -> bool:
    """Whether it is the Brand's: what somebody else has put under the name has built nothing for it."""
    return any(owner["uid"] == order.brand_uid for owner in job["metadata"].get("ownerReferences", []))


def _conditions(job: Json) -> dict[str, Json]:
    """Those that are true, by their types."""
    return {c["type"]: c for c in job.get("status", {}).get("conditions", []) if c["status"] == "True"}


def _statuses(pod: Json | None) -> dict[str, Json]:
    status = pod.get("status", {}) if pod else {}
    entries = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    return {entry["name"]: entry for entry in entries}


def _digest(pod: Json | None) -> str | None:
    """The digest comes by the termination message, never by the log: a log is whatever the Dockerfile prints."""
    ended = _statuses(pod).get(BUILD, {}).get("state", {}).get("terminated", {})
    match = _DIGEST.fullmatch(ended.get("message", "").strip())
    return match.group() if match else None


def _failed_step(pod: Json | None) -> tuple[str, Json | None]:
    for name, entry in _statuses(pod).items():
        ended: Json | None = entry.get("state", {}).get("terminated")
        if ended and ended.get("exitCode") != 0:
            return name, ended
    return BUILD, None


def _excess(order: BuildOrder, pod: Json | None, ended: Json | None) -> str | None:
    """What was used more of than there may be: another attempt would end alike."""
    status = pod.get("status", {}) if pod else {}
    if ended and ended.get("reason") == "OOMKilled":
        return (
            f"Build Job {order.name} used more memory than it may; raise spec.build.buildKit.resources.limits.memory."
        )
    if status.get("reason") == "Evicted" and says(status.get("message", ""), "storage usage exceeds", "storage limit"):
        said = quoted(status["message"])
        return f"Build Job {order.name} used more of the node's disk than it may; raise spec.build.buildKit.resources.limits.ephemeral-storage. The kubelet says {said}."
    return None


def _last_words(log: str) -> str:
    """The line that tells why: BuildKit ends with `error: failed to solve: ...`. What a registry says stands below that."""
    lines = [" ".join(line.split()) for line in log.splitlines() if line.strip()]
    errors = [place for place, line in enumerate(lines) if line.lower().startswith(("error:", "fatal:"))]
    last = lines[errors[-1] :] if errors else lines[-1:]
    told = f"{last[0]} {'; '.join(last[1:])}" if last and last[0].endswith(":") else "".join(last[:1])
    return cut(told.strip(), 300).rstrip(".")


def _lost(pod: Json | None) -> str:
    """Why the cluster takes the pod away, in its own words; empty where it does not.

    Evicted, preempted, or its node does not answer. In that last case the pod may stand for long as it is.
    """
    conditions = pod.get("status", {}).get("conditions", []) if pod else []
    told = next((c for c in conditions if (c.get("type"), c.get("status")) == ("DisruptionTarget", "True")), None)
    return " ".join(filter(None, (told.get("reason", ""), quoted(told.get("message", "")))))[:300] if told else ""


def _progress(order: BuildOrder, pod: Json | None) -> str:
    """What the Job does now, as a sentence."""
    what = f"Build Job {order.name} of commit {order.commit[:12]}"
    if pod is None:
        return f"{what} waits for its pod."
    if lost := _lost(pod):
        ended = pod.get("status", {}).get("phase") in {"Failed", "Succeeded"}
        then = "another one is made" if ended else "another one is made when its node says that this one has ended"
        return f"{what} has lost its pod ({lost}); {then}."
    status = pod.get("status", {})
    for condition in status.get("conditions", []):
        if condition.get("reason") == "Unschedulable":
            return f"{what} waits for a node: {quoted(condition.get('message', ''))}."
    for entry in _statuses(pod).values():
        waiting = entry.get("state", {}).get("waiting", {})
        if waiting.get("reason") not in {None, "PodInitializing", "ContainerCreating"}:
            return (
                f"{what} does not start: {quoted(str(waiting.get('reason')))} {quoted(waiting.get('message', ''))}".rstrip()
                + "."
            )
    return f"{what} {_step(pod)}."


def _step(pod: Json) -> str:
    """How far the two containers are, as a verb. The Job tells that it has ended some moments after its pod has."""
    states = {name: entry.get("state", {}) for name, entry in _statuses(pod).items()}
    fetch, build = states.get(FETCH, {}), states.get(BUILD, {})
    fetched = fetch.get("terminated", {}).get("exitCode")
    if "terminated" in build or fetched not in {None, 0}:
        return "has ended, and is about to say how"
    if "running" in build:
        return "builds the image"
    if fetched == 0:
        return "has the source and is about to build the image"
    return "takes the source" if "running" in fetch else "starts"
