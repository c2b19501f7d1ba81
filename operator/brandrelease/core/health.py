"""The verdict over the new pods: whether the release goes well, is through, or has failed, and whose doing that is.

Every rule looks at one container (or pod) of the *new* pods and names a problem. It also says from when on the problem
counts: a decisive one at once, a patient one after a grace, and one without a time only when the progress deadline has
passed. Pods that go away, and pods that their node lost or evicted, are no evidence about a release.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from brandrelease.apis.brand import Environment
from brandrelease.apis.brandrelease import Blame
from brandrelease.apis.reasons import Reason
from brandrelease.core.snapshot import (
    ContainerKind,
    ContainerView,
    DeploymentView,
    PodView,
    Running,
    Terminated,
    Waiting,
)
from brandrelease.core.words import how_it_ended, seconds, times

IMAGE_MISSING_GRACE: Final = timedelta(seconds=10)
"""A registry may need a moment until every one of its servers shows an image that was just pushed."""

CONFIG_MISSING_GRACE: Final = timedelta(seconds=30)
"""A Secret or ConfigMap is often applied a moment after the Deployment that names it."""

CREATE_GRACE: Final = timedelta(seconds=60)
"""The container runtime refused the container; a busy node does that in passing."""

UNREADY_GRACE: Final = timedelta(seconds=15)
"""During the soak, a pod may drop out of service for this long: one missed probe is no failure.

One that was started again, which restartLimit forgives, has as long as it had for its first start."""

NOT_THE_RELEASE: Final = frozenset({"Evicted", "Preempting", "NodeLost", "NodeShutdown", "Terminated"})
"""Pod reasons that say something about a node and nothing about the image (kubelet's eviction and shutdown)."""

AT_ONCE: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a release fails. container is None where no container is to blame; previous tells which log has the cause."""

    reason: Reason
    message: str
    blame: Blame
    pod: str | None = None
    container: str | None = None
    previous: bool = False


@dataclass(frozen=True, slots=True)
class Symptom:
    """A problem and the moment from which it counts; None: only the deadline makes it count."""

    problem: Problem
    counts_from: datetime | None


@dataclass(frozen=True, slots=True)
class Progressing:
    """Neither through nor failed. look_again: when time alone may change that."""

    message: str
    look_again: datetime


@dataclass(frozen=True, slots=True)
class Passed:
    """Everything that was waited for is there."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The release is bad."""

    problem: Problem


Verdict = Progressing | Passed | Failed


@dataclass(frozen=True, slots=True)
class Case:
    """One container of one pod, as a rule looks at it."""

    pod: PodView
    container: ContainerView
    restart_limit: int

    @property
    def name(self) -> str:
        return f'{self.container.kind} "{self.container.name}" of pod {self.pod.name}'

    @property
    def title(self) -> str:
        return self.name[0].upper() + self.name[1:]

    def waits_for(self, *reasons: str) -> Waiting | None:
        state = self.container.state
        return state if isinstance(state, Waiting) and state.reason in reasons else None

    def problem(self, reason: Reason, message: str, blame: Blame) -> Problem:
        return Problem(reason, message, blame, self.pod.name, self.container.name)

    def waiting_since(self) -> datetime:
        """When this container could first have started: the pod's start, or the end of the last init container.

        The kubelet gives a waiting state no time of its own.
        """
        ends = [
            other.state.finished_at
            for other in self.pod.containers
            if other.kind is ContainerKind.Init and isinstance(other.state, Terminated) and other.state.finished_at
        ]
        return max([self.pod.started_at or self.pod.created_at, *ends])


# --- the rules, in the order in which they are asked ------------------------------------------------------------------


def image_name_is_invalid(case: Case) -> Symptom | None:
    """No later try can make a malformed image name right."""
    if not (state := case.waits_for("InvalidImageName")):
        return None
    message = f"The image name of {case.name} is not valid: {state.message}"
    return Symptom(case.problem(Reason.InvalidImageName, message, Blame.Unknown), AT_ONCE)


def image_does_not_exist(case: Case) -> Symptom | None:
    """The registry answered, and it does not have the image; the kubelet has tried at least twice (BackOff)."""
    state = case.waits_for("ErrImagePull", "ImagePullBackOff")
    if not state or not _says_not_found(state.message):
        return None
    message = (
        f"The image of {case.name} is not in the registry: {state.message}. "
        "If it was deleted there, ask for the release again, so that it is built anew."
    )
    return Symptom(
        case.problem(Reason(state.reason), message, Blame.Unknown), case.waiting_since() + IMAGE_MISSING_GRACE
    )


def image_cannot_be_pulled(case: Case) -> Symptom | None:
    """The registry is down, slow, limits the rate or wants credentials: it may answer before the deadline."""
    if not (state := case.waits_for("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable")):
        return None
    message = f"The node cannot pull the image of {case.name}: {state.message}"
    return Symptom(case.problem(Reason.ImagePullBackOff, message, Blame.Platform), None)


def configuration_is_missing(case: Case) -> Symptom | None:
    """A Secret, a ConfigMap or one of its keys does not exist, or the container would have to run as root."""
    state = case.waits_for("CreateContainerConfigError")
    if not state or ("failed to sync" in state.message and "cache" in state.message):  # the kubelet lags, no more
        return None
    message = f"{case.title} cannot be configured: {state.message}. Mend the Deployment or create what is missing, then release again."
    # What is named in the Deployment and does not exist is not the commit's doing; an image that wants to be root is.
    blame = Blame.Unknown if "not found" in state.message else Blame.Release
    counts_from = case.waiting_since() + CONFIG_MISSING_GRACE
    return Symptom(case.problem(Reason.CreateContainerConfigError, message, blame), counts_from)


def container_cannot_be_created(case: Case) -> Symptom | None:
    """The container runtime refuses the container, for example because of a mount or a command that is not there."""
    if not (state := case.waits_for("CreateContainerError", "RunContainerError")):
        return None
    message = f"{case.title} cannot be created: {state.message}"
    return Symptom(
        case.problem(Reason.CreateContainerError, message, Blame.Release), case.waiting_since() + CREATE_GRACE
    )


def ends_too_often(case: Case) -> Symptom | None:
    """The container ended more often than the environment's restartLimit forgives."""
    ending = _last_ending(case.container)
    count = _endings(case.container)
    if ending is None or count <= case.restart_limit:
        return None
    if ending.reason == "OOMKilled":
        limit = case.pod.memory_limits.get(case.container.name)
        beyond = f"its memory limit of {limit}" if limit else "the memory of its node"
        reason, what = Reason.OOMKilled, f"was killed {times(count)} because it used more than {beyond}"
    else:
        reason, what = Reason.CrashLoopBackOff, f"{how_it_ended(ending.exit_code, ending.signal)} {times(count)}"
        if ending.reason in {"StartError", "ContainerCannotRun"}:
            what = f"could not be started {times(count)}: {ending.message}"
    problem = case.problem(reason, f"{case.title} {what}", Blame.Release)
    return Symptom(replace(problem, previous=not isinstance(case.container.state, Terminated)), AT_ONCE)


RULES: Final[tuple[Callable[[Case], Symptom | None], ...]] = (
    image_name_is_invalid,
    image_does_not_exist,
    image_cannot_be_pulled,
    configuration_is_missing,
    ends_too_often,
    container_cannot_be_created,
)


def no_node_has_room(pod: PodView) -> Symptom | None:
    """A new node may come, or another pod go, before the deadline."""
    if pod.unschedulable is None:
        return None
    message = f"Pod {pod.name} finds no node: {pod.unschedulable}"
    return Symptom(Problem(Reason.Unschedulable, message, Blame.Platform, pod.name), None)


def _says_not_found(message: str) -> bool:
    text = message.lower()
    return any(words in text for words in ("not found", "manifest unknown", "does not exist", "name unknown"))


def _endings(container: ContainerView) -> int:
    """How often the container ended: each restart stands for one, and one more if it does not run now."""
    down = isinstance(container.state, Terminated) or (
        isinstance(container.state, Waiting) and container.last is not None
    )
    return container.restarts + (1 if down else 0)


def _last_ending(container: ContainerView) -> Terminated | None:
    """How it ended last, if that counts: an init container that ends with 0 has done its work."""
    ending = container.state if isinstance(container.state, Terminated) else container.last
    if ending is not None and container.kind is ContainerKind.Init and ending.exit_code == 0:
        return None
    return ending


# --- the verdict ------------------------------------------------------------------------------------------------------


def judge_rollout(
    deployment: DeploymentView, pods: Iterable[PodView], rules: Environment, started_at: datetime, now: datetime
) -> Verdict:
    """How the change-over of the pods stands, `started_at` being the moment of the patch.

    The deadline is ours and absolute. The Deployment's own is set anew by any pod that becomes ready, so a pod that
    flaps can keep it from ever passing (kubernetes pkg/controller/deployment/progress.go).
    """
    pods = _evidence(pods)
    symptoms = list(_symptoms(pods, rules.restart_limit))
    if due := _first_due(symptoms, now):
        return Failed(due)
    if deployment.complete:
        return Passed()
    deadline = deployment.changed_at(started_at) + timedelta(seconds=rules.progress_deadline_seconds)
    unseen = deployment.observed_generation < deployment.generation
    replaced = deployment.updated >= deployment.wanted and sum(pod.ready for pod in pods) >= deployment.wanted
    if now >= deadline and not unseen and not replaced:
        return Failed(_why_not_in_time(deployment, pods, symptoms, rules.progress_deadline_seconds))
    message = _rollout_in_words(deployment, pods, symptoms, unseen=unseen)
    return Progressing(message, _next_moment(symptoms, now, deadline))


def judge_soak(
    deployment: DeploymentView,
    pods: Iterable[PodView],
    rules: Environment,
    started_at: datetime,
    ends_at: datetime,
    now: datetime,
) -> Verdict:
    """How the watch over a complete rollout stands."""
    pods = _evidence(pods)
    grace = timedelta(seconds=rules.progress_deadline_seconds)
    known = list(_symptoms(pods, rules.restart_limit))
    excused = {symptom.problem.pod for symptom in known if symptom.problem.blame is Blame.Platform}
    symptoms = [*known, *_dropped_out((pod for pod in pods if pod.name not in excused), started_at, grace)]
    if due := _first_due(symptoms, now):
        return Failed(due)
    if now < ends_at:
        what = symptoms[0].problem.message if symptoms else f"All {deployment.wanted} new pods are ready"
        # The end as a time of day, not as a time left: a message that changed by itself would be written again and again.
        message = f"{what}; watched until {ends_at:%H:%M:%S} UTC."
        return Progressing(message, _next_moment(symptoms, now, ends_at))
    if deployment.available >= deployment.wanted and all(pod.ready for pod in pods):
        return Passed()
    if now >= ends_at + grace:
        return Failed(_why_not_in_time(deployment, pods, symptoms, rules.progress_deadline_seconds))
    message = f"The watch is over, but only {deployment.available} of {deployment.wanted} pods are available; waiting for them."
    return Progressing(message, _next_moment(symptoms, now, ends_at + grace))


def _evidence(pods: Iterable[PodView]) -> tuple[PodView, ...]:
    # A Deployment's pods start their containers again, so a pod that Failed was ended by its node or never taken by it.
    return tuple(
        pod for pod in pods if not pod.deleting and pod.phase != "Failed" and pod.reason not in NOT_THE_RELEASE
    )


def _symptoms(pods: Iterable[PodView], restart_limit: int) -> Iterator[Symptom]:
    pods = tuple(pods)
    for rule in RULES:
        for pod in pods:
            for container in pod.containers:
                if symptom := rule(Case(pod, container, restart_limit)):
                    yield symptom
    for pod in pods:
        if symptom := no_node_has_room(pod):
            yield symptom


def _dropped_out(pods: Iterable[PodView], started_at: datetime, grace: timedelta) -> Iterator[Symptom]:
    """Pods that were ready when the watch began and are not now, and later ones that take too long to become ready.

    A pod that is not ready although all its containers are was lost by its node (the node controller changes only the
    pod's condition): no probe of the release has failed.
    """
    for pod in pods:
        culprit = next((c for c in pod.containers if not c.ready and c.kind is not ContainerKind.Init), None)
        if pod.ready or (pod.containers and culprit is None):
            continue
        since, name = pod.ready_changed_at or pod.created_at, culprit.name if culprit else None
        blame = Blame.Release if pod.started_at else Blame.Unknown
        if pod.created_at <= started_at and since >= started_at - timedelta(seconds=1):
            restarted = any(container.restarts for container in pod.containers)
            message = f"Pod {pod.name} was ready and has dropped out of service again: its readiness probe fails"
            counts_from = since + (grace if restarted else UNREADY_GRACE)
        else:
            message = f"Pod {pod.name}, created during the watch, does not become ready"
            counts_from = pod.created_at + grace
        yield Symptom(Problem(Reason.PodNotReady, message, blame, pod.name, name), counts_from)


def _first_due(symptoms: Iterable[Symptom], now: datetime) -> Problem | None:
    return next((s.problem for s in symptoms if s.counts_from is not None and now >= s.counts_from), None)


def _next_moment(symptoms: Iterable[Symptom], now: datetime, otherwise: datetime) -> datetime:
    moments = [s.counts_from for s in symptoms if s.counts_from is not None and s.counts_from > now]
    return min([*moments, otherwise]) if otherwise > now else min(moments, default=now + timedelta(seconds=5))


def _why_not_in_time(
    deployment: DeploymentView, pods: tuple[PodView, ...], symptoms: list[Symptom], limit: int
) -> Problem:
    """What kept the rollout from being through when its time was over."""
    late = f"after {seconds(limit)} (progressDeadlineSeconds)"
    if symptoms:
        problem = symptoms[0].problem
        return replace(problem, message=f"{problem.message}; given up {late}")
    if deployment.failure:
        message = f"The pods of Deployment {deployment.name} cannot be created: {deployment.failure}; given up {late}"
        return Problem(Reason.FailedCreate, message, Blame.Platform)
    unready = next((pod for pod in pods if not pod.ready), None)
    ready = sum(pod.ready for pod in pods)
    message = f"Only {ready} of {deployment.wanted} new pods were ready {late}"
    if unready is None:
        return Problem(Reason.ProgressDeadlineExceeded, message, Blame.Unknown)
    culprit = next((c for c in unready.containers if not c.ready and c.kind is not ContainerKind.Init), None)
    runs = culprit is not None and isinstance(culprit.state, Running)
    why = "runs, but its readiness probe does not pass" if runs else "has not started"
    if culprit is None:
        return Problem(
            Reason.ProgressDeadlineExceeded, f"{message}: pod {unready.name} is not", Blame.Unknown, unready.name
        )
    text = f'{message}: {culprit.kind} "{culprit.name}" of pod {unready.name} {why}'
    blame = Blame.Release if runs else Blame.Unknown
    return Problem(Reason.ProgressDeadlineExceeded, text, blame, unready.name, culprit.name)


def _rollout_in_words(
    deployment: DeploymentView, pods: tuple[PodView, ...], symptoms: list[Symptom], *, unseen: bool
) -> str:
    if unseen:
        return f"Deployment {deployment.name} is changed; waiting for the Deployment controller to act on it."
    if symptoms:
        return f"{symptoms[0].problem.message}."
    if deployment.failure:
        return f"The pods of Deployment {deployment.name} cannot be created: {deployment.failure}"
    ready = sum(pod.ready for pod in pods)
    old = max(deployment.total - deployment.updated, 0)
    return f"{ready} of {deployment.wanted} new pods are ready, {old} old {'pod is' if old == 1 else 'pods are'} still there."
