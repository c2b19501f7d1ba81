"""A world small enough to think about: git, registry, builds, a Deployment controller and a kubelet, all in one process.

The real reconciler runs against it. It is not a stand-in for the real parts (those are tested in tests/adapters and
tests/e2e); it is where thousands of histories can be played in seconds, with the operator dying between any two steps.
"""

import asyncio
import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseSpec, BrandReleaseStatus
from brandrelease.apis.progress import Change
from brandrelease.apis.reasons import Reason
from brandrelease.controller.observe import World
from brandrelease.controller.reconcile import Reconciler
from brandrelease.controller.work_queue import Again, Key
from brandrelease.core.actions import DeploymentPatch
from brandrelease.core.images import BuildOrder, build_order
from brandrelease.core.snapshot import (
    BrandInvalid,
    BuildAbsent,
    BuildFailed,
    BuildRunning,
    BuildState,
    BuildSucceeded,
    Changes,
    ContainerKind,
    ContainerView,
    DeploymentView,
    ImageAbsent,
    ImageFound,
    ImageLookup,
    PodView,
    Resolution,
    Resolved,
    Running,
    Terminated,
    Unresolved,
    Waiting,
)
from brandrelease.ports import Secret, StatusConflict
from brandrelease.telemetry import Metrics

KEY = Key("drumeo-production", "drumeo")
REPOSITORY = "registry.example.com/drumeo"
FOUND_IMAGE = "registry.example.com/drumeo:by-hand"
BUILD_SECONDS, START_SECONDS, DEADLINE, SOAK = 20, 3, 60, 30


class Behaviour(StrEnum):
    """What the image of a commit does when it runs."""

    Good = "good"
    Crashes = "crashes at start"
    CrashesLater = "crashes after ten seconds"
    OutOfMemory = "uses too much memory"
    NeverReady = "never becomes ready"
    DoesNotBuild = "does not build"


class Killed(Exception):
    """The operator dies here."""


@dataclass
class Pod:
    name: str
    release: int
    image: str
    born: datetime
    restarts: int = 0
    ready: bool = False
    ready_changed_at: datetime | None = None
    exited: bool = False


@dataclass
class Deployment:
    uid: str = "uid-1"
    image: str = FOUND_IMAGE
    owner: str = "kubectl"
    applied: int | None = None
    applied_at: datetime | None = None
    release: int = 0
    generation: int = 1
    observed: int = 1
    wanted: int = 2
    pods: list[Pod] = field(default_factory=list)


def brand(**environment: object) -> Brand:
    """A Brand with one environment; arguments are fields of the environment."""
    return Brand.model_validate(
        {
            "name": "drumeo",
            "uid": "brand-uid",
            "spec": {
                "source": {"url": "https://git.example.com/drumeo.git"},
                "image": {"repository": REPOSITORY},
                "build": {"buildKit": {}},
                "environments": [
                    {"name": "production", "progressDeadlineSeconds": DEADLINE, "soakSeconds": SOAK, "restartLimit": 1}
                    | environment
                ],
            },
        }
    )


def commit_id(name: str) -> str:
    return hashlib.sha1(name.encode()).hexdigest()


class Simulation:
    """The world, and the operator's passes over it. Everything that changes the world is counted in `deeds`."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.the_brand: Brand | BrandInvalid | None = brand()
        self.branches: dict[str, str] = {}
        self.behaviours: dict[str, Behaviour] = {}
        self.images: dict[str, str] = {}
        self.builds: dict[str, tuple[BuildOrder, datetime]] = {}
        self.builds_started: list[str] = []
        self.site: Deployment | None = Deployment()
        self.site.pods = [self._pod(0, FOUND_IMAGE, ready=True) for _ in range(2)]
        self.spec: BrandReleaseSpec | None = None
        self.generation = 0
        self.requested_at: str | None = None
        self.status = BrandReleaseStatus()
        self.version = 1
        self.deeds: list[str] = []
        self.kill_in: int | None = None
        self.kill_after_deed = False
        self.applied_images: list[tuple[int, str]] = []
        self.git_is_down = self.registry_is_down = False
        self.due: datetime | None = None
        self._seen: object = None
        self.statuses: list[BrandReleaseStatus] = []
        self._loop = asyncio.new_event_loop()
        self.restart()

    # --- what people do -----------------------------------------------------------------------------------------------

    def push(self, branch: str, name: str, behaviour: Behaviour = Behaviour.Good) -> str:
        commit = commit_id(name)
        self.branches[f"refs/heads/{branch}"] = commit
        self.behaviours[commit] = behaviour
        return commit

    def ask(self, ref: str, *, suspend: bool = False) -> None:
        if self.spec is None or self.spec.ref != ref or self.spec.suspend != suspend:
            self.spec = BrandReleaseSpec(brand="drumeo", environment="production", ref=ref, suspend=suspend)
            self.generation += 1
        self.requested_at = str(len(self.deeds)) + str(self.time)
        self.version += 1

    def suspend(self, *, on: bool) -> None:
        assert self.spec is not None
        self.spec = self.spec.model_copy(update={"suspend": on})
        self.generation += 1
        self.version += 1

    def set_image_by_hand(self, image: str) -> None:
        assert self.site is not None
        self.site.image, self.site.owner = image, "kubectl-edit"
        self.site.generation += 1

    # --- the operator -------------------------------------------------------------------------------------------------

    def restart(self) -> None:
        """A new operator process: nothing is remembered."""
        world = World(
            cluster=self, git=self, registry=self, builders={"buildKit": self}, clock=self, build_namespace="builds"
        )
        self.reconciler = Reconciler(world, Metrics(), lambda _uid, _version: None)

    def one_pass(self) -> Again:
        return self._loop.run_until_complete(self.reconciler(KEY))

    def settle(self, limit: int = 40) -> int:
        """Passes until one changes nothing and asks for none at once; returns how many it took."""
        for count in range(1, limit):
            before = (len(self.deeds), self.version)
            again = self.one_pass()
            if (len(self.deeds), self.version) == before and again.after != timedelta():
                pauses = [p for p in (again.after, again.retry) if p is not None]
                self.due = self.time + min(pauses) if pauses else None
                return count
        raise AssertionError(f"no rest after {limit} passes: {self.status.phase} {self.status.conditions[:1]}")

    def play(self, seconds: int, step: int = 1) -> None:
        """Let time pass: the world moves, and the operator looks whenever something has moved or is due."""
        for _ in range(0, seconds, step):
            self.tick(step)
            if self.calls_for_a_look():
                self.settle()

    def calls_for_a_look(self) -> bool:
        """Whether an event would wake the operator now, or the time has come that it named itself."""
        site = self.site
        seen = (
            self.version,
            tuple(
                (name, self.time >= started + timedelta(seconds=BUILD_SECONDS))
                for name, (_, started) in self.builds.items()
            ),
            site and (site.generation, site.observed, *((p.name, p.ready, p.restarts, p.exited) for p in site.pods)),
        )
        moved, self._seen = seen != self._seen, seen
        return moved or (self.due is not None and self.time >= self.due)

    def headline(self) -> tuple[str, str]:
        ready = next(c for c in self.status.conditions if c.type == "Ready")
        return str(self.status.phase), str(ready.reason)

    @property
    def message(self) -> str:
        return next(c.message for c in self.status.conditions if c.type == "Ready")

    def _deed(self, what: str) -> None:
        """Every change of the world passes here; the operator may die just before or just after it."""
        self.deeds.append(what)
        if self.kill_in is not None:
            self.kill_in -= 1
            if self.kill_in <= 0 and not self.kill_after_deed:
                self.kill_in = None
                self.deeds.pop()
                raise Killed

    def _after_deed(self) -> None:
        if self.kill_in is not None and self.kill_in <= 0:
            self.kill_in = None
            raise Killed

    # --- ports: clock, git, registry, builder ---------------------------------------------------------------------------

    def now(self) -> datetime:
        return self.time

    async def resolve(self, url: str, secret: Secret | None, ref: str, *, list_containing: bool) -> Resolution:
        if self.git_is_down:
            return Unresolved(Reason.SourceUnreachable, "The git server does not answer.", passing=True)
        if len(ref) == 40 and ref in self.behaviours:
            return Resolved(ref, ref, tuple(self.branches) if list_containing else ())
        full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
        if full not in self.branches:
            return Unresolved(Reason.RefNotFound, f'There is no ref "{ref}".', passing=False)
        return Resolved(full, self.branches[full])

    async def changes(self, url: str, secret: Secret | None, old: str, new: str) -> Changes | None:
        return Changes(1, (Change(commit=new, author="Ada", subject="a change"),))

    async def look_up(self, repository: str, reference: str, secret: Secret | None) -> ImageLookup:
        return ImageFound(self.images[reference]) if reference in self.images else ImageAbsent()

    async def state(self, order: BuildOrder) -> BuildState:
        if order.name not in self.builds:
            return BuildAbsent()
        _, started = self.builds[order.name]
        if self.time < started + timedelta(seconds=BUILD_SECONDS):
            return BuildRunning("It builds.")
        if self.behaviours[order.commit] is Behaviour.DoesNotBuild:
            return BuildFailed(
                Reason.BuildFailed,
                "The build failed.",
                retriable=False,
                log_tail="error: no such file",
                ended_at=started + timedelta(seconds=BUILD_SECONDS),
            )
        return BuildSucceeded(self.images.get(order.tag))

    async def start(self, order: BuildOrder) -> None:
        if order.name in self.builds:
            return
        self._deed(f"build {order.commit[:7]}")
        assert not [
            o
            for o, begun in self.builds.values()
            if o.key == order.key and self.time < begun + timedelta(seconds=BUILD_SECONDS)
        ]
        self.builds[order.name] = (order, self.time)
        self.builds_started.append(order.name)
        self._after_deed()

    async def cancel(self, order: BuildOrder) -> None:
        if order.name in self.builds:
            self._deed(f"cancel {order.commit[:7]}")
            self.builds.pop(order.name)
            self._after_deed()

    # --- port: cluster --------------------------------------------------------------------------------------------------

    async def brand_release(self, namespace: str, name: str) -> BrandRelease | None:
        if self.spec is None:
            return None
        return BrandRelease(
            name=name,
            namespace=namespace,
            uid="br-uid",
            generation=self.generation,
            resource_version=str(self.version),
            created_at=self.time,
            requested_at=self.requested_at,
            spec=self.spec,
            status=self.status,
        )

    async def brand(self, name: str) -> Brand | BrandInvalid | None:
        return self.the_brand

    async def holder(self, release: BrandRelease) -> str:
        return release.name

    async def commits_being_built(self, brand: str, *, but: str) -> frozenset[str]:
        return frozenset()

    async def deployment(self, namespace: str, name: str) -> DeploymentView | None:
        d = self.site
        if d is None:
            return None
        new = [p for p in d.pods if (p.image, p.release) == (d.image, d.release)]
        return DeploymentView(
            uid=d.uid,
            name=name,
            generation=d.generation,
            observed_generation=d.observed,
            images={"app": d.image},
            image_owners={"app": (d.owner,)},
            applied_release=d.applied,
            wanted=d.wanted,
            total=len(d.pods),
            updated=len(new),
            available=sum(p.ready for p in d.pods),
            applied_at=d.applied_at,
        )

    async def pods(self, namespace: str, release_name: str, release_number: int) -> tuple[PodView, ...]:
        assert self.site is not None
        return tuple(self._pod_view(p) for p in self.site.pods if p.release == release_number)

    async def log_tail(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        return "starting\nPHP Fatal error: something is wrong\n"

    async def secret(self, namespace: str, name: str) -> Secret | None:
        return None

    async def write_status(self, release: BrandRelease, status: BrandReleaseStatus) -> str:
        if release.resource_version != str(self.version):
            raise StatusConflict
        # As JSON and back, as through the API server: what does not survive that is not remembered.
        stored = BrandReleaseStatus.model_validate(status.to_wire())
        self._deed("status")
        self.status, self.version = stored, self.version + 1
        self.statuses.append(stored)
        self._after_deed()
        return str(self.version)

    async def apply(self, patch: DeploymentPatch) -> None:
        d = self.site
        assert d is not None
        assert d.uid == patch.uid
        self._deed(f"apply {patch.number}")
        before = (d.image, d.release)
        d.image, d.owner, d.applied, d.release = patch.image, "brandrelease", patch.number, patch.number
        if (d.image, d.release) != before:
            d.generation += 1
            d.applied_at = self.time
            self.applied_images.append((patch.number, patch.image))
        self._after_deed()

    # --- the cluster's own controllers ----------------------------------------------------------------------------------

    def tick(self, seconds: int = 1) -> None:
        self.time += timedelta(seconds=seconds)
        for order, started in self.builds.values():
            done = self.time >= started + timedelta(seconds=BUILD_SECONDS)
            if done and self.behaviours[order.commit] is not Behaviour.DoesNotBuild:
                self.images.setdefault(order.tag, "sha256:" + hashlib.sha256(order.commit.encode()).hexdigest())
        if self.site is not None:
            self._deployment_controller(self.site)
            for pod in self.site.pods:
                self._kubelet(pod)

    def _deployment_controller(self, d: Deployment) -> None:
        """One new pod at a time; an old one goes when a new one is ready."""
        d.observed = d.generation
        new = [p for p in d.pods if (p.image, p.release) == (d.image, d.release)]
        old = [p for p in d.pods if p not in new]
        ready_new = sum(p.ready for p in new)
        keep = max(d.wanted - ready_new, 0)
        unready_old = [p for p in old if not p.ready]
        for pod in [*unready_old, *[p for p in old if p.ready][keep:]]:
            d.pods.remove(pod)
        while len(new) < d.wanted and len(d.pods) < d.wanted + 1:
            new.append(self._pod(d.release, d.image))
            d.pods.append(new[-1])
        for pod in new[d.wanted :]:
            d.pods.remove(pod)

    def _kubelet(self, pod: Pod) -> None:
        behaviour, age = self._behaviour(pod.image), (self.time - pod.born).total_seconds()
        crashes_from = {Behaviour.Crashes: 1, Behaviour.OutOfMemory: 1, Behaviour.CrashesLater: START_SECONDS + 10}
        if behaviour in crashes_from and age >= crashes_from[behaviour]:
            if pod.exited:
                pod.restarts += 1
            pod.exited = True
            self._set_ready(pod, ready=False)
        elif behaviour is not Behaviour.NeverReady and age >= START_SECONDS:
            self._set_ready(pod, ready=True)

    def _set_ready(self, pod: Pod, *, ready: bool) -> None:
        if pod.ready != ready:
            pod.ready, pod.ready_changed_at = ready, self.time

    def _behaviour(self, image: str) -> Behaviour:
        for commit, behaviour in self.behaviours.items():
            if image.endswith(hashlib.sha256(commit.encode()).hexdigest()):
                return behaviour
        return Behaviour.Good

    def _pod(self, release: int, image: str, *, ready: bool = False) -> Pod:
        self._pods_made = getattr(self, "_pods_made", 0) + 1
        return Pod(f"pod-{self._pods_made}", release, image, self.time, ready=ready, ready_changed_at=self.time)

    def _pod_view(self, pod: Pod) -> PodView:
        reason = "OOMKilled" if self._behaviour(pod.image) is Behaviour.OutOfMemory else "Error"
        ending = Terminated(137 if reason == "OOMKilled" else 255, 0, reason, "", self.time)
        state = Waiting("CrashLoopBackOff", "back-off") if pod.exited else Running(pod.born)
        container = ContainerView(
            "app", ContainerKind.Main, pod.ready, pod.restarts, state, ending if pod.exited else None
        )
        return PodView(
            name=pod.name,
            release=str(pod.release),
            phase="Running",
            reason="",
            created_at=pod.born,
            started_at=pod.born,
            ready=pod.ready,
            ready_changed_at=pod.ready_changed_at,
            deleting=False,
            unschedulable=None,
            containers=(container,),
            memory_limits={"app": "64Mi"},
        )


def order_of(simulation: Simulation, commit: str) -> BuildOrder:
    """The build order of a commit, to know its tag."""
    assert isinstance(simulation.the_brand, Brand)
    return replace(build_order(simulation.the_brand, commit, 1))
