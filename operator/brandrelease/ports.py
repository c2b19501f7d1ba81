"""What the operator needs from the world, as the controller sees it. `adapters` are the world's side of each."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from brandrelease.apis.brand import Brand
from brandrelease.apis.brand_status import BrandStatus
from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseStatus
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import Announcement, DeploymentPatch, HookOrder, InvalidationOrder
from brandrelease.core.brands.seen import SeenBrand, Unreached
from brandrelease.core.builds.images import BuildOrder
from brandrelease.core.builds.seen import BuildState, ImageLookup, Turn
from brandrelease.core.checks.measured import CheckOrder, Measured, Observation
from brandrelease.core.kubernetes_trouble import Trouble
from brandrelease.core.leadership import Lease
from brandrelease.core.snapshot import (
    BrandInvalid,
    Changes,
    DeploymentView,
    Fellow,
    HookState,
    InvalidationState,
    Lineage,
    PodView,
    PodWarning,
    Refusal,
    Resolution,
    Suspect,
    Unresolved,
)
from brandrelease.core.telling.notice import Delivery, Notice

Secret = Mapping[str, bytes]
"""The data of a Kubernetes Secret."""


@dataclass(frozen=True, slots=True)
class StatusWritten:
    """Both are resourceVersions of the object. over: which one the new one has replaced; None where that is not known."""

    version: str
    over: str | None


class StatusConflict(Exception):
    """The object changed since it was read; the plan made from it is void."""


class KubernetesFails(Exception):
    """The Kubernetes API answered with an error, or not at all. Asking again later may help.

    retry_after: seconds for which it does not want to be asked again, 0 where it has not said.
    """

    def __init__(self, trouble: Trouble, retry_after: float = 0.0) -> None:
        super().__init__(trouble.said)
        self.trouble, self.retry_after = trouble, retry_after


class Refused(Exception):
    """The API server would not do what was asked, and asking again at once would not help."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class DeploymentChanged(Exception):
    """The Deployment is not as it was when it was read; the plan made from it is void."""


class NotLeading(Exception):
    """Nothing was changed, because this replica does not lead."""


class LeaseChanged(Exception):
    """The Lease is not as it was when it was read: nothing was written."""


class LeaseTrouble(Exception):
    """The Lease could not be read, or it is not known whether it was written. The text is a sentence for people."""

    def __init__(self, message: str, *, answered: bool) -> None:
        """answered: by the API server, so that the way to it is good."""
        super().__init__(message)
        self.answered = answered


class Fence(Protocol):
    """Says whether this replica may change anything outside."""

    def write(self) -> AbstractContextManager[None]:
        """To be entered right before a change is sent, and left with its answer. Raises NotLeading."""
        ...

    def ask(self) -> None:
        """The same for each further try of a change that is under way. Raises NotLeading."""
        ...


@dataclass(frozen=True, slots=True)
class StoredLease:
    """A Lease as the API server has it. body: what it is replaced by, but for its spec."""

    lease: Lease
    body: Mapping[str, Any] = field(compare=False, repr=False)


class Leases(Protocol):
    """The one Lease that the replicas of a shard share. Raises LeaseTrouble; writes also raise LeaseChanged."""

    async def read(self) -> StoredLease | None: ...

    async def create(self, lease: Lease) -> StoredLease: ...

    async def replace(self, stored: StoredLease, lease: Lease) -> StoredLease: ...

    async def others(self) -> Mapping[str, Lease]:
        """The Leases of shards of other divisions of the fleet, by name."""
        ...


class Clock(Protocol):
    """The time of day, in UTC."""

    def now(self) -> datetime: ...


class GitRemote(Protocol):
    """A git server, asked over the network. Nothing here raises: what goes wrong is part of the answer."""

    async def resolve(self, url: str, secret: Secret | None, ref: str, *, list_containing: bool) -> Resolution:
        """What the ref points to now. list_containing: for a commit id, also name the refs that contain it."""
        ...

    async def changes(self, url: str, secret: Secret | None, old: str, new: str) -> Changes | None:
        """The commits that are in `new` and not in `old`; None if it could not be found out in time."""
        ...

    async def lineage(
        self, url: str, secret: Secret | None, commit: str, suspects: Sequence[Suspect]
    ) -> Lineage | Unresolved:
        """Which of the suspects the commit contains, and which of those it reverts."""
        ...


class Registry(Protocol):
    """An image registry. Nothing here raises: what goes wrong is part of the answer."""

    async def look_up(self, repository: str, reference: str, secret: Secret | None) -> ImageLookup:
        """Whether the registry has the tag or digest, and under which digest."""
        ...


class Builder(Protocol):
    """Something that turns a commit into an image. An order is the same build however often it is given."""

    async def state(self, order: BuildOrder) -> BuildState:
        """How the build of this order stands."""
        ...

    async def start(self, order: BuildOrder) -> None:
        """Start the build, or do nothing if it was started before; raises Refused."""
        ...

    async def cancel(self, order: BuildOrder) -> None:
        """Stop the build; one that is done or was never started is left as it is."""
        ...


class Hooks(Protocol):
    """Runs hooks as Jobs. An order is the same Job however often it is given."""

    async def state(self, order: HookOrder) -> HookState:
        """How the hook stands."""
        ...

    async def start(self, order: HookOrder) -> None:
        """Start it, or do nothing if it was started before; raises Refused."""
        ...

    async def stop(self, namespace: str, job: str) -> None:
        """Delete the Job with its pod; one that is not there is as good as stopped."""
        ...


class Caches(Protocol):
    """What stands in front of sites and keeps copies. An order is the same invalidation however often it is given."""

    async def state(self, order: InvalidationOrder) -> InvalidationState:
        """What is remembered of it; the world is not asked, and a restart forgets."""
        ...

    async def invalidate(self, order: InvalidationOrder) -> None:
        """Ask for it, or do nothing if it was asked for before; raises Refused."""
        ...


class Check(Protocol):
    """A source of signals besides the pods. Nothing here raises: what goes wrong is part of the answer."""

    async def measure(self, order: CheckOrder, secret: Secret | None) -> Observation:
        """Look once. secret: what the check's secretName holds."""
        ...


class Measurements(Protocol):
    """Looks in the background, so that no pass waits for a slow source; a BrandRelease is looked at again after each."""

    def last(self, release: BrandRelease, number: int, order: CheckOrder, since: datetime) -> Measured | None:
        """What the last look for this release found, if it ended then or later; else a new look begins, unless one is under way."""
        ...

    def forget(self, namespace: str, name: str) -> None:
        """The BrandRelease is gone, or nothing of it is looked at any more."""
        ...


class Announcer(Protocol):
    """Tells people by Events. Nothing here raises: an Event that cannot be written is only logged."""

    async def announce(self, release: BrandRelease, announcement: Announcement) -> None: ...


class Brands(Protocol):
    """The Brands in the Kubernetes API, read live."""

    async def brand(self, name: str) -> SeenBrand | None: ...

    async def holders(self, brand: Brand) -> Mapping[str, str]:
        """Name of the oldest BrandRelease of each environment in the environment's namespace, by the environment."""
        ...

    async def write_status(self, seen: SeenBrand, status: BrandStatus) -> str:
        """Write the whole status and return the object's new resourceVersion.

        Raises StatusConflict if the object changed since it was read.
        """
        ...


class BrandAnnouncer(Protocol):
    """Tells people by Events about Brands. Nothing here raises: an Event that cannot be written is only logged."""

    async def announce_brand(self, seen: SeenBrand, announcement: Announcement) -> None: ...


class Sources(Protocol):
    """Git servers, asked whether they answer. Nothing here raises: what goes wrong is part of the answer."""

    async def trouble(self, url: str, secret: Secret | None) -> Unresolved | None:
        """Why the repository cannot be read; None where it can."""
        ...


class Usable(Protocol):
    """A builder, asked whether it takes builds. Nothing here raises: what goes wrong is part of the answer."""

    async def trouble(self, brand: Brand) -> Unreached | None:
        """Why it would not build for the Brand; None where it would."""
        ...


class Endpoints(Protocol):
    """Those who are told of releases, asked whether they can be. Nothing here raises."""

    async def troubles(self, brand: Brand) -> Sequence[str] | None:
        """A sentence about each that cannot be told, its environment and name in it; None where the Brand names none."""
        ...


class Turns(Protocol):
    """Decides which builds may run at the same time."""

    def ask(self, release: BrandRelease, order: BuildOrder) -> Turn:
        """Whether the build may start now. One that may not is remembered, and looked at again when its turn comes."""
        ...

    def tell(self, release: BrandRelease, order: BuildOrder | None) -> None:
        """Which build the BrandRelease has in flight now; None: it has none and waits for none."""
        ...

    def forget(self, namespace: str, name: str) -> None:
        """The BrandRelease is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Taken:
    """An endpoint has taken a notice. known_as: what it has made of it and can update later."""

    known_as: str | None = None


@dataclass(frozen=True, slots=True)
class NotTaken:
    """It has not. problem: a sentence without secrets. pause: seconds that the endpoint wants to be left alone for."""

    problem: str
    pause: float | None = None


class Notifier(Protocol):
    """Tells one kind of endpoint, once. Nothing here raises: what goes wrong is part of the answer."""

    async def tell(self, notice: Notice, secret: Secret) -> Taken | NotTaken: ...


class Deliveries(Protocol):
    """Hands notices over to endpoints, in the background. What it remembers, a restart forgets."""

    def results(self, namespace: str, name: str) -> Mapping[str, Delivery]:
        """How the BrandRelease's notices fared that were wanted last, by the name of their endpoint."""
        ...

    def want(self, namespace: str, name: str, notices: Sequence[Notice]) -> None:
        """These are to be told now, and no others. One that is wanted already, or was delivered, is not begun again."""
        ...

    def forget(self, namespace: str, name: str) -> None:
        """The BrandRelease is gone."""
        ...


class Cluster(Protocol):
    """The Kubernetes API, read live but for one answer that says so."""

    async def brand_release(self, namespace: str, name: str) -> BrandRelease | None: ...

    async def brand(self, name: str, *, may_be_old: bool = False) -> Brand | BrandInvalid | None:
        """may_be_old: an earlier answer will do, as long as the watch has not told of anything newer."""
        ...

    async def holder(self, release: BrandRelease) -> str:
        """Name of the oldest BrandRelease for the same brand and environment in the namespace."""
        ...

    async def commits_being_built(self, brand: str, *, but: str) -> frozenset[str]:
        """Commits of the brand's releases in flight, in every watched namespace, that still wait for an image.

        but: uid of the BrandRelease that does not count.
        """
        ...

    async def deployment(self, namespace: str, name: str) -> DeploymentView | None: ...

    async def pods(self, namespace: str, release_name: str, release_number: int) -> tuple[PodView, ...]: ...

    async def log_tail(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        """Last 20 lines of a container's log, at most 2 KiB, without secrets.

        Empty where there is none or it cannot be had within 2 seconds.
        """
        ...

    async def warnings(self, namespace: str, pods: Sequence[str]) -> Mapping[str, tuple[PodWarning, ...]]:
        """Events of type Warning about these pods, newest last, by pod name."""
        ...

    async def platform_failures(self, reason: Reason, since: datetime, *, but: str) -> tuple[Fellow, ...]:
        """BrandReleases in the watched namespaces whose last release failed for the same cause as this since then.

        but: uid of the BrandRelease that does not count.
        """
        ...

    async def secret(self, namespace: str, name: str) -> Secret | None: ...

    async def write_status(self, release: BrandRelease, status: BrandReleaseStatus) -> StatusWritten:
        """Write the whole status.

        Raises StatusConflict if the object changed since it was read, in what a release depends on.
        """
        ...

    async def apply(self, patch: DeploymentPatch) -> None:
        """Apply our fields of the Deployment; raises DeploymentChanged, Refused."""
        ...
