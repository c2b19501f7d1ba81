"""Everything that one decision may know: plain values, gathered by `controller.observe`, judged by `core.decide`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from brandrelease.apis.brand import Brand, Environment
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.apis.progress import Change
from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.seen import BuildState, ImageLookup, Turn
from brandrelease.core.checks.measured import Measured
from brandrelease.core.telling.notice import Delivery

CLOCK_SLACK: Final = timedelta(seconds=5)
"""By so much the clocks of those who write moments down may differ."""

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


@dataclass(frozen=True, slots=True)
class Lineage:
    """Which quarantined commits a commit contains, and which of those it also undoes.

    A quarantined commit counts as reverted if a commit that is newer than it reverts it, or reverts one of the commits
    between it and what ran before it (one of them brought the fault in), and no later commit reverts that revert.
    """

    contained: tuple[str, ...] = ()
    reverted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suspect:
    """A quarantined commit. base: what ran before it, if known: the fault came in between base and commit."""

    commit: str
    base: str | None


# --- hooks ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HookAbsent:
    """There is no Job of this name: not made yet, or deleted since."""


@dataclass(frozen=True, slots=True)
class HookRunning:
    """The Job is there and has not ended. message: what it does now, as a sentence with the Job's name."""

    uid: str
    message: str


@dataclass(frozen=True, slots=True)
class HookSucceeded:
    """The command ended with 0. log_tail: last lines of its log, without secrets, at most 2 KiB."""

    uid: str
    log_tail: str


@dataclass(frozen=True, slots=True)
class HookFailed:
    """The command ended badly, or was stopped, or never started. message: which, as a sentence without its full stop."""

    uid: str
    message: str
    log_tail: str


HookState = HookAbsent | HookRunning | HookSucceeded | HookFailed


# --- the cache in front of the site ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InvalidationAbsent:
    """It was not asked for, as far as this process remembers."""


@dataclass(frozen=True, slots=True)
class InvalidationTaken:
    """CloudFront has taken it. id: its name there; None where it was there already and CloudFront does not say."""

    id: str | None


InvalidationState = InvalidationAbsent | InvalidationTaken


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
    resource_version: str
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

    failing_since: datetime | None = None
    """Since when it cannot."""

    paused: bool = False
    """Somebody has set spec.paused: the Deployment controller changes no pods."""

    recreates: bool = False
    """Its strategy is Recreate: no new pod is made before the last old one is gone."""

    marked_by: str | None = None
    """The BrandRelease that our label on it names: the one that has changed it last."""

    found_image: str | None = None
    """The last image from elsewhere that was found in it, from our annotation; see `core.provenance`."""

    def changed_at(self, meant_at: datetime, now: datetime) -> datetime:
        """When a change that was meant at one moment was really made: it may have been refused for long.

        A moment that is still to come is that of a clock which was wrong then or is now, and says nothing.
        """
        if self.applied_at is None or self.applied_at > now + CLOCK_SLACK:
            return meant_at
        return max(meant_at, self.applied_at)

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
    sandbox_ready: bool = False
    """Its volumes are mounted and its network is there; False also where the kubelet does not tell (before 1.29)."""

    ip: str | None = None
    """Where it can be asked."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Last log lines of the container that is to blame, read before its pod goes away."""

    pod: str
    container: str
    exit_code: int | None
    log_tail: str


@dataclass(frozen=True, slots=True)
class PodWarning:
    """An Event of type Warning about a pod: what the kubelet or the scheduler says of it. count: how often."""

    reason: str
    message: str
    count: int
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class Target:
    """A good release that can be gone back to. found: whether its image is in the registry; None: it could not say."""

    number: int
    commit: str | None
    image: str
    found: bool | None


@dataclass(frozen=True, slots=True)
class Fellow:
    """Another BrandRelease that failed of late for the same platform cause."""

    brand: str
    environment: str
    number: int
    failed_at: datetime


# --- all of it --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BrandInvalid:
    """A Brand is there, but it breaks rules that this operator checks; message says which."""

    message: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The cluster would not do what the last plan asked for. It is asked again; meanwhile people are told.

    action: name of the kind of action that was refused; empty where only the refusal itself is known.
    """

    reason: Reason
    message: str
    action: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """The change of a Deployment that the API server has answered with yes. number: of the release; 0: as at adoption."""

    uid: str
    number: int


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
    lineage: Lineage | Unresolved | None = None
    """What the resolved commit contains of what is quarantined; None also where nothing is quarantined."""
    track_at: datetime | None = None
    """When the ref is resolved again by itself; in the past where `resolution` is the answer to that."""
    image: ImageLookup | None = None
    build: BuildState | None = None
    built_elsewhere: bool = False
    """Another BrandRelease of the brand waits for the image that the release in flight builds."""
    stopping: Mapping[str, BuildState] = field(default_factory=dict)
    """How the builds stand that are being stopped, by the names of their orders."""
    turn: Turn | None = None
    """The answer to a build that would begin; None: not asked, since nothing begins."""
    hook: HookState | None = None
    """How the hook stands that the release in flight has come to."""
    next_hook: HookState | None = None
    """How the preDeploy hook stands of the release that is prepared beside the one in flight."""
    deployment: DeploymentView | None = None
    rival: str | None = None
    """Another BrandRelease, which is there, and whose mark the Deployment bears: of another Brand that names it too."""

    pods: tuple[PodView, ...] = ()
    warnings: Mapping[str, tuple[PodWarning, ...]] = field(default_factory=dict)
    """Events about pods that do not tell enough themselves, by pod name."""
    evidence: Evidence | None = None
    targets: tuple[Target, ...] | None = None
    """Where a rollback could go, best first, each asked for in the registry up to the first that can be used."""
    wish: Target | None = None
    """The release that rollbackTo names, asked for in the registry too."""
    fellows: tuple[Fellow, ...] = ()
    measured: Mapping[tuple[int, str], Measured | None] = field(default_factory=dict)
    """What the looks that were due have found, by number of the release and name of the check; None: under way."""
    invalidation: InvalidationState | None = None
    """How the invalidation stands that was asked for and is not known to have been taken."""
    refusal: Refusal | None = None
    taken: Taken | None = None
    """The change that was made and that no status tells of yet; a restart forgets it."""
    deliveries: Mapping[str, Delivery] = field(default_factory=dict)
    """How the notices fared that were handed over, by the name of their endpoint; a restart forgets it."""

    @property
    def environment(self) -> Environment | None:
        """The environment of the Brand that is released to, if there is such a one."""
        return self.brand.environment(self.release.spec.environment) if isinstance(self.brand, Brand) else None
