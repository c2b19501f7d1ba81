"""The specification: every rule, in the order in which they are asked. The first that counts decides.

A cause stands before what follows from it, a sure cause before a likely one, and what heals by itself comes last.
docs/verdicts.md is made from this.
"""

from collections.abc import Callable, Iterator
from typing import Final

from brandrelease.apis.reasons import Reason
from brandrelease.core.health import creating, dropouts, endings, lateness, placing, pulling, replicas
from brandrelease.core.health.case import Case
from brandrelease.core.health.rule import AtDeadline, Decisive, InTime, Look, Patient, Rule, Sighting
from brandrelease.core.health.scene import Scene
from brandrelease.core.snapshot import PodView


def _containers(look: Callable[[Case], Sighting | None]) -> Look:
    """The rule looks at each container of each pod; init containers come first, as they run first."""

    def each(scene: Scene) -> Iterator[Sighting]:
        for pod in scene.pods:
            for container in pod.containers:
                if seen := look(Case(scene, pod, container)):
                    yield seen

    return each


def _pods(look: Callable[[Scene, PodView], Sighting | None]) -> Look:
    """The rule looks at each pod."""

    def each(scene: Scene) -> Iterator[Sighting]:
        for pod in scene.pods:
            if seen := look(scene, pod):
                yield seen

    return each


_refused = replicas.pods_are_refused

# fmt: off
CAUSES: Final = (
    # What no waiting mends.
    Rule("the image name cannot be parsed",
         _containers(pulling.name_is_invalid), Decisive(), Reason.InvalidImageName),
    Rule("the image is not on the node, and `imagePullPolicy` is `Never`",
         _containers(pulling.is_never_pulled), Decisive(), Reason.ErrImageNeverPull),
    Rule("the node does not accept the image's signature",
         _containers(pulling.signature_is_refused), Decisive(), Reason.SignatureValidationFailed),
    Rule("the image wants to be root, or has no numeric user, and the Deployment forbids root",
         _containers(creating.wants_to_be_root), Decisive(), Reason.RunAsNonRoot),
    # More endings than restartLimit forgives: the telling ones before the plain ones.
    Rule("a container was killed more often than `restartLimit` forgives because it used more memory than its limit",
         _containers(endings.memory_runs_out), Decisive(), Reason.OOMKilled),
    Rule("a container without a memory limit was killed more often than `restartLimit` forgives because its node had no more",
         _containers(endings.node_runs_out_of_memory), Decisive(), Reason.NodeOutOfMemory),
    Rule("the container runtime could not start a container's command more often than `restartLimit` forgives",
         _containers(endings.command_cannot_be_started), Decisive(), Reason.StartError),
    Rule("a container was stopped more often than `restartLimit` forgives because its `postStart` hook failed",
         _containers(endings.hook_has_it_killed), Decisive(), Reason.PostStartHookError),
    Rule("a container was stopped more often than `restartLimit` forgives because its liveness or startup probe failed",
         _containers(endings.probe_has_it_killed), Decisive(), Reason.LivenessProbeFailed),
    Rule("a container ended more often than `restartLimit` forgives, with whatever exit code",
         _containers(endings.ends_by_itself), Decisive(), Reason.CrashLoopBackOff),
    # What may be a moment late.
    Rule("the registry says that it does not have the image",
         _containers(pulling.does_not_exist), Patient(pulling.IMAGE_MISSING_GRACE), Reason.ImageNotFound),
    Rule("a Secret, ConfigMap or key that a container reads is missing, or the Deployment contradicts itself",
         _containers(creating.configuration_is_missing), Patient(creating.CONFIG_MISSING_GRACE),
         Reason.CreateContainerConfigError),
    Rule("a Secret, ConfigMap, key or claim that a pod mounts is missing",
         _pods(placing.volume_has_no_source), Patient(placing.VOLUME_MISSING_GRACE), Reason.VolumeSourceNotFound),
    Rule("the container runtime refuses to make a container",
         _containers(creating.is_refused), Patient(creating.CREATE_GRACE), Reason.CreateContainerError),
    Rule("the container runtime refuses to start a container",
         _containers(creating.does_not_start), Patient(creating.CREATE_GRACE), Reason.RunContainerError),
    Rule("a container's `postStart` hook fails",
         _containers(creating.hook_fails), Patient(creating.CREATE_GRACE), Reason.PostStartHookError),
    # What the platform may mend until the deadline.
    Rule("the node cannot pull the image: first tries",
         _containers(pulling.cannot_be_pulled("ErrImagePull")), AtDeadline(), Reason.ErrImagePull),
    Rule("the node cannot pull the image: later tries",
         _containers(pulling.cannot_be_pulled("ImagePullBackOff")), AtDeadline(), Reason.ImagePullBackOff),
    Rule("the node cannot reach the registry",
         _containers(pulling.cannot_be_pulled("RegistryUnavailable")), AtDeadline(), Reason.RegistryUnavailable),
    Rule("the node's container runtime does not answer, or cannot do what any container needs",
         _containers(creating.runtime_is_in_trouble), AtDeadline(), Reason.ContainerRuntimeError),
    Rule("the node's container runtime could not start a container for a cause of its own",
         _containers(endings.runtime_cannot_start_it), AtDeadline(), Reason.ContainerRuntimeError),
    Rule("no node has room for a pod, or none suits it",
         _pods(placing.finds_no_node), AtDeadline(placing.TOLD_AFTER), Reason.Unschedulable),
    Rule("a volume cannot be attached to the node",
         _pods(placing.volume_does_not_come("FailedAttachVolume")), AtDeadline(), Reason.FailedAttachVolume),
    Rule("a volume cannot be mounted, for another cause than a missing object",
         _pods(placing.volume_does_not_come("FailedMount")), AtDeadline(), Reason.FailedMount),
    Rule("the node cannot make a pod's sandbox (network, runtime, addresses)",
         _pods(placing.sandbox_does_not_come), AtDeadline(), Reason.FailedCreatePodSandBox),
)
"""Asked while pods change over, and during the watch."""

REPLICAS: Final = (
    Rule("pods are refused by Pod Security, a policy, a webhook or a limit range, or are invalid",
         _refused(replicas.Refusal.Admission), Patient(replicas.ADMISSION_GRACE), Reason.AdmissionDenied),
    Rule("the pods' ServiceAccount does not exist",
         _refused(replicas.Refusal.ServiceAccount), Patient(replicas.SERVICE_ACCOUNT_GRACE),
         Reason.ServiceAccountNotFound),
    Rule("pods would exceed a quota",
         _refused(replicas.Refusal.Quota), AtDeadline(), Reason.ExceededQuota),
    Rule("pods cannot be made for another cause, for example a webhook that does not answer",
         _refused(replicas.Refusal.Other), AtDeadline(), Reason.FailedCreate),
)
"""Asked of the ReplicaSet. During the watch they only count at its end: that pods are made anew is not the release's."""

LATENESS: Final = (
    Rule("a container runs, and its readiness probe does not pass",
         lateness.runs_and_is_never_ready, AtDeadline(None), Reason.PodNotReady),
    Rule("a pod has not started, and nobody knows why",
         lateness.has_not_started, AtDeadline(None), Reason.ProgressDeadlineExceeded),
    Rule("there are fewer pods than are wanted, and nobody knows why",
         lateness.pods_are_missing, AtDeadline(None), Reason.ProgressDeadlineExceeded),
)
"""What is left to say when the time is over."""

WATCH: Final = (
    Rule(f"during the watch: a pod left service {dropouts.FLAP_LIMIT} times",
         dropouts.leaves_service_again_and_again, Decisive(), Reason.PodNotReady),
    Rule("during the watch: a pod that was ready is not any more",
         dropouts.has_left_service, Patient(dropouts.UNREADY_GRACE), Reason.PodNotReady),
    Rule("during the watch: a pod is not ready again after a restart that `restartLimit` forgives",
         dropouts.is_not_ready_after_a_restart, InTime(), Reason.PodNotReady),
    Rule("during the watch: a later pod runs and does not become ready",
         dropouts.later_pod_is_not_ready, InTime(), Reason.PodNotReady),
    Rule("during the watch: a later pod has not started, and nobody knows why",
         dropouts.later_pod_has_not_started, InTime(), Reason.ProgressDeadlineExceeded),
)
"""Asked during the watch, of pods about which no other rule has something to say."""
# fmt: on

CHAIN: Final = (*CAUSES, *REPLICAS, *WATCH, *LATENESS)
"""All of it, as it is asked."""
