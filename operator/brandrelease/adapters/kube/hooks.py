"""The port `Hooks`: a Job in the namespace of the Deployment. Its deterministic name is what makes it run only once."""

from collections.abc import Awaitable, Callable
from typing import Any

from brandrelease.adapters.kube.api import DEPLOYMENTS, EVENTS, JOBS, PODS, ApiError, KubeApi
from brandrelease.adapters.kube.hook_states import has_ended, has_run, hook_state
from brandrelease.adapters.kube.views import pod_view
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import HookOrder
from brandrelease.core.hook_job import hook_job
from brandrelease.core.snapshot import HookAbsent, HookState, PodView, Refusal
from brandrelease.ports import Refused

Json = dict[str, Any]
LogTail = Callable[[str, str, str], Awaitable[str]]
"""Takes namespace, pod and container; gives the last lines of the log, without secrets, or "" where there are none."""

ALREADY_EXISTS = 409
REFUSALS = {400, 403, 404, 422}


class KubeHooks:
    """Hooks in the cluster."""

    def __init__(self, api: KubeApi, log_tail: LogTail) -> None:
        self._api, self._log_tail = api, log_tail

    async def state(self, order: HookOrder) -> HookState:
        job = await self._api.get(JOBS, order.namespace, order.name)
        if job is None or not _is_of(order, job):
            return HookAbsent()
        pod = await self._pod(order, job)
        warnings = [] if has_run(order, pod) else await self._warnings(order)
        tail = await self._log_tail(order.namespace, pod.name, order.container) if pod and has_ended(job) else ""
        return hook_state(order, job, pod, warnings, tail)

    async def start(self, order: HookOrder) -> None:
        deployment = await self._api.get(DEPLOYMENTS, order.namespace, order.deployment)
        if deployment is None:
            raise _not_started(
                order, f"Deployment {order.deployment}, whose environment it would run with, does not exist"
            )
        body = hook_job(order, deployment)
        if body is None:
            raise _not_started(order, f'Deployment {order.deployment} has no container "{order.container}"')
        try:
            await self._api.create(JOBS, order.namespace, body)
        except ApiError as error:
            if error.status == ALREADY_EXISTS:
                await self._must_be_ours(order, error)
                return
            if error.status in REFUSALS:
                raise _not_started(order, f"the API server refuses it: {error.message.rstrip('.')}") from error
            raise

    async def stop(self, namespace: str, job: str) -> None:
        found = await self._api.get(JOBS, namespace, job)
        if found is not None:
            await self._api.delete(JOBS, namespace, job, str(found["metadata"]["uid"]))

    async def _must_be_ours(self, order: HookOrder, error: ApiError) -> None:
        """The hook was started before, which is as good; a Job that somebody else made has not run the hook.

        409 is also a quota that changed under the request; then there is no Job, and the next pass asks again.
        """
        job = await self._api.get(JOBS, order.namespace, order.name)
        if job is None:
            raise error
        if not _is_of(order, job):
            raise _not_started(
                order, f"a Job of this name exists that BrandRelease {order.release_name} does not own; delete that Job"
            ) from error

    async def _pod(self, order: HookOrder, job: Json) -> PodView | None:
        """The newest pod of this very Job, not of an earlier one of the name."""
        labels = f"batch.kubernetes.io/controller-uid={job['metadata']['uid']}"
        pods = [pod_view(body) for body in await self._api.items(PODS, order.namespace, labels=labels)]
        return max(pods, key=lambda pod: pod.created_at, default=None)

    async def _warnings(self, order: HookOrder) -> list[str]:
        """What is said about the Job and its pods, by name: a pod that never got a node may be gone already."""
        try:
            events = await self._api.items(EVENTS, order.namespace, fields="type=Warning")
        except ApiError:  # words for people; how the hook stands is known without them
            return []
        about = [(event.get("involvedObject", {}), str(event.get("message", ""))) for event in events]
        return [
            message
            for thing, message in about
            if (thing.get("kind"), thing.get("name")) == ("Job", order.name)
            or (thing.get("kind") == "Pod" and str(thing.get("name")).startswith(f"{order.name[:57]}-"))
        ]


def _is_of(order: HookOrder, job: Json) -> bool:
    return any(owner["uid"] == order.owner_uid for owner in job["metadata"].get("ownerReferences", []))


def _not_started(order: HookOrder, why: str) -> Refused:
    message = f"Job {order.name} of the {order.kind} hook cannot be started in namespace {order.namespace}: {why}."
    return Refused(Refusal(Reason.HookNotStarted, message))
