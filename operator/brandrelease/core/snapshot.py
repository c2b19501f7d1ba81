"""Everything that one decision may know: plain values, gathered by `controller.observe`, judged by `core.decide`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from brandrelease.apis.brand import Brand, Environment
from brandrelease.apis.brandrelease import BrandRelease, Change
from brandrelease.apis.reasons import Reason

# --- the source -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a ref points to.

    ref: full ref name (refs/heads/master), or the commit id itself if a commit was asked for.
    contained_in: full names of the refs from which the commit can be reached; only filled in where a commit was
    asked for and the environment allows only some refs.
    """

    ref: str
    commit: str
    contained_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Why a ref could not be resolved; `passing` where asking again later may help without anybody's doing."""

    reason: Reason
    message: str
    passing: bool


Resolution = Resolved | Unresolved


@dataclass(frozen=True, slots=True)
class Changes:
    """The commits that are new against the running release: how many, and the newest of them."""

    total: int
    newest: tuple[Change, ...]


# --- the image --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ImageFound:
    """The registry has the tag. digest: sha256:<hex> of the manifest or index."""

    digest: str


@dataclass(frozen=True, slots=True)
class ImageAbsent:
    """The registry answered, and it does not have the tag."""


@dataclass(frozen=True, slots=True)
class ImageUnknown:
    """The registry could not be asked; that is no evidence about the image."""

    reason: Reason
    message: str


ImageLookup = ImageFound | ImageAbsent | ImageUnknown


@dataclass(frozen=True, slots=True)
class BuildAbsent:
    """No build with this name exists: not started yet, or cleaned up since."""


@dataclass(frozen=True, slots=True)
class BuildRunning:
    """The build is queued or runs. message: what it does now, as a sentence."""

    message: str


@dataclass(frozen=True, slots=True)
class BuildSucceeded:
    """The build says that it pushed the image. digest: as the builder reports it, None if it reports none."""

    digest: str | None


@dataclass(frozen=True, slots=True)
class BuildFailed:
    """The build ended without an image.

    retriable: no fault of the commit (evicted, node lost, push refused); another attempt may succeed.
    log_tail: last lines of the build log, at most 2,048 characters. ended_at: when it failed, if that is known.
    """

    reason: Reason
    message: str
    retriable: bool
    log_tail: str
    ended_at: datetime | None = None


BuildState = BuildAbsent | BuildRunning | BuildSucceeded | BuildFailed


# --- the Deployment and its pods --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeploymentView:
    """What matters of a Deployment.

    images: container name -> image, of the pod template, in the order of the template.
    image_owners: container name -> names of the field managers that own its image.
    applied_release: number of the release that we applied last, from our label on the object; None if never.
    available etc.: numbers of pods, as the Deployment controller last counted them.
    """

    uid: str
    name: str
    generation: int
    observed_generation: int
    images: Mapping[str, str]
    image_owners: Mapping[str, tuple[str, ...]]
    applied_release: int | None
    wanted: int
    total: int
    updated: int
    available: int
    applied_at: datetime | None = None
    """When our last change of it was taken: from then on the Deployment controller can act."""

    failure: str | None = None
    """Message of the condition ReplicaFailure, if the ReplicaSet cannot create pods."""

    def changed_at(self, meant_at: datetime) -> datetime:
        """When a change that was meant at one moment was really made: it may have been refused for long."""
        return max(meant_at, self.applied_at or meant_at)

    @property
    def complete(self) -> bool:
        """All pods are new and available, and no old one is left: the rule of `kubectl rollout status`."""
        return (
            self.observed_generation >= self.generation
            and self.updated >= self.wanted
            and self.total <= self.updated
            and self.available >= self.wanted
        )


class ContainerKind(StrEnum):
    """Init containers run to their end one after the other; sidecars start among them and stay."""

    Init = "init container"
    Sidecar = "sidecar container"
    Main = "container"


@dataclass(frozen=True, slots=True)
class Waiting:
    """The container does not run. reason and message are the kubelet's."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Running:
    """The container runs."""

    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class Terminated:
    """The container ended. signal is 0 where it ended by itself."""

    exit_code: int
    signal: int
    reason: str
    message: str
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class ContainerView:
    """One container of a pod, as the kubelet reports it. last: how its previous run ended, if there was one."""

    name: str
    kind: ContainerKind
    ready: bool
    restarts: int
    state: Waiting | Running | Terminated
    last: Terminated | None = None


@dataclass(frozen=True, slots=True)
class PodView:
    """One pod of a release.

    reason: the pod's own reason, for example Evicted. unschedulable: the scheduler's words, if it found no node.
    ready_changed_at: when the Ready condition last changed. deleting: somebody or something takes it away.
    """

    name: str
    release: str
    phase: str
    reason: str
    created_at: datetime
    started_at: datetime | None
    ready: bool
    ready_changed_at: datetime | None
    deleting: bool
    unschedulable: str | None
    containers: tuple[ContainerView, ...]
    memory_limits: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Last log lines of the container that is to blame, read before its pod goes away."""

    pod: str
    container: str
    log_tail: str


# --- all of it --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BrandInvalid:
    """A Brand is there, but it breaks rules that this operator checks; message says which."""

    message: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The cluster would not do what the last plan asked for. It is asked again; meanwhile people are told."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The world as one pass saw it. None means: was not asked, because the decision does not need it."""

    now: datetime
    release: BrandRelease
    brand: Brand | BrandInvalid | None
    holder: str
    """Name of the oldest BrandRelease for this brand and environment in the namespace: the one that counts."""
    resolution: Resolution | None = None
    changes: Changes | None = None
    image: ImageLookup | None = None
    build: BuildState | None = None
    built_elsewhere: bool = False
    """Another BrandRelease of the brand waits for the image that the release in flight builds."""
    deployment: DeploymentView | None = None
    pods: tuple[PodView, ...] = ()
    evidence: Evidence | None = None
    refusal: Refusal | None = None

    @property
    def environment(self) -> Environment | None:
        """The environment of the Brand that is released to, if there is such a one."""
        return self.brand.environment(self.release.spec.environment) if isinstance(self.brand, Brand) else None
