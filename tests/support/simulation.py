"""A world small enough to think about: git, registry, builds, a Deployment controller and a kubelet, all in one process.

The real reconciler runs against it. It is not a stand-in for the real parts (those are tested in tests/adapters and
tests/e2e); it is where thousands of histories can be played in seconds, with the operator dying between any two steps.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache

from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseSpec, BrandReleaseStatus
from brandrelease.apis.progress import Change
from brandrelease.apis.reasons import Reason
from brandrelease.controller.build_turns import BuildTurns
from brandrelease.controller.reconcile import Reconciler
from brandrelease.controller.work_queue import Again, Key
from brandrelease.controller.world import World
from brandrelease.core.actions import Announcement, DeploymentPatch, HookOrder, InvalidationOrder
from brandrelease.core.builds.images import BuildOrder, build_order
from brandrelease.core.builds.seen import (
    BuildAbsent,
    BuildFailed,
    BuildRunning,
    BuildState,
    BuildSucceeded,
    ImageAbsent,
    ImageFound,
    ImageLookup,
    ImageUnknown,
)
from brandrelease.core.checks.measured import CheckOrder, Measured, Observation
from brandrelease.core.snapshot import (
    BrandInvalid,
    Changes,
    ContainerKind,
    ContainerView,
    DeploymentView,
    Fellow,
    HookAbsent,
    HookFailed,
    HookRunning,
    HookState,
    HookSucceeded,
    InvalidationAbsent,
    InvalidationState,
    InvalidationTaken,
    Lineage,
    PodView,
    PodWarning,
    Refusal,
    Resolution,
    Resolved,
    Running,
    Suspect,
    Terminated,
    Unresolved,
    Waiting,
)
from brandrelease.core.telling.notice import Delivered, Delivery, Notice, Undelivered
from brandrelease.ports import Builder, DeploymentChanged, Refused, Secret, StatusConflict, StatusWritten
from brandrelease.telemetry import Metrics

KEY = Key("drumeo-production", "drumeo")
REPOSITORY = "registry.example.com/drumeo"
FOUND_IMAGE = "registry.example.com/drumeo:by-hand"
BUILD_SECONDS, START_SECONDS, DEADLINE, SOAK, HOOK_SECONDS = 20, 3, 60, 30, 5
SLOW_BUILD_SECONDS = 90
AT_ONCE = timedelta()
CACHE_IS_DOWN = Refusal(Reason.InvalidationFailed, "CloudFront does not answer.")


class Behaviour(StrEnum):
    """What the image of a commit does when it runs."""

    Good = "good"
    Crashes = "crashes at start"
    CrashesLater = "crashes after ten seconds"
    OutOfMemory = "uses too much memory"
    NeverReady = "never becomes ready"
    DoesNotBuild = "does not build"
    Flaps = "is ready and unready in turn"
    FindsNoNode = "finds no node"
    MigrationFails = "has a migration that fails"


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
    placed: bool = False


@dataclass
class Deployment:
    uid: str = "uid-1"
    image: str = FOUND_IMAGE
    owner: str = "kubectl"
    applied: int | None = None
    applied_at: datetime | None = None
    found: str | None = None
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


@cache
def digest_of(commit: str) -> str:
    """The digest of the image that is built from the commit."""
    return "sha256:" + hashlib.sha256(commit.encode()).hexdigest()


class SimulatedHooks:
    """The Jobs of hooks: each runs for some seconds and ends as the image of its commit makes it end."""

    def __init__(self, world: "Simulation") -> None:
        self._world = world
        self.jobs: dict[str, tuple[HookOrder, datetime]] = {}
        self.runs: list[str] = []

    async def state(self, order: HookOrder) -> HookState:
        if order.name not in self.jobs:
            return HookAbsent()
        started, begun = self.jobs[order.name]
        if self._world.time < begun + timedelta(seconds=HOOK_SECONDS):
            return HookRunning("hook-uid", f"Job {order.name} runs.")
        if self._world.behaviours[started.commit] is Behaviour.MigrationFails:
            return HookFailed("hook-uid", f"Job {order.name} exited with code 1", "SQLSTATE[42S22]: Column not found")
        return HookSucceeded("hook-uid", "migrated: 1 migration")

    async def start(self, order: HookOrder) -> None:
        if order.name in self.jobs:
            return
        self._world._deed(f"hook {order.kind} {order.number}")
        self.jobs[order.name] = (order, self._world.time)
        self.runs.append(order.name)
        self._world._after_deed()

    async def stop(self, namespace: str, job: str) -> None:
        if job in self.jobs:
            self._world._deed(f"stop {job}")
            self.jobs.pop(job)
            self._world._after_deed()

    def seen(self) -> tuple[object, ...]:
        """What events tell of: that a Job is there, and that it has ended."""
        end = timedelta(seconds=HOOK_SECONDS)
        return tuple((name, self._world.time >= begun + end) for name, (_, begun) in self.jobs.items())


class SimulatedCaches:
    """CloudFront, and what the operator remembers of its answers until it dies. `made`: each once, by its reference."""

    def __init__(self, world: "Simulation") -> None:
        self._world = world
        self.made: dict[str, InvalidationOrder] = {}
        self.remembered: set[str] = set()
        self.calls: list[datetime] = []
        self.refusal: Refusal | None = None

    async def state(self, order: InvalidationOrder) -> InvalidationState:
        return InvalidationTaken("I1") if order.reference in self.remembered else InvalidationAbsent()

    async def invalidate(self, order: InvalidationOrder) -> None:
        self.calls.append(self._world.time)
        if self.refusal is not None or self._world.cache_is_down:
            raise Refused(self.refusal or CACHE_IS_DOWN)
        self._world._deed(f"invalidate {order.number}")
        self.made.setdefault(order.reference, order)
        self.remembered.add(order.reference)
        self._world._after_deed()


class SimulatedMeasurements:
    """The sources of checks: each look takes a second, or for ever, and finds what `says` has for the check then."""

    def __init__(self, world: "Simulation") -> None:
        self._world = world
        self.says: dict[str, Observation] = {}
        self.hang: set[str] = set()
        self.looks: list[tuple[int, str, datetime]] = []
        self.answers: list[tuple[int, str, Measured]] = []
        self.asked_pods: dict[str, tuple[str, ...]] = {}
        self._under_way: dict[tuple[int, str], datetime] = {}
        self._found: dict[tuple[int, str], Measured] = {}

    def last(self, release: BrandRelease, number: int, order: CheckOrder, since: datetime) -> Measured | None:
        what = (number, order.check.name)
        found = self._found.get(what)
        if found is not None and found.at >= since:
            return found
        if what not in self._under_way:
            self._under_way[what] = self._world.time
            self.asked_pods[order.check.name] = tuple(pod.name for pod in order.pods)
        return None

    def tick(self) -> None:
        """Looks that were begun at least a second ago come to their end, and each wakes the operator."""
        for what, begun in list(self._under_way.items()):
            if self._world.time > begun and what[1] not in self.hang:
                del self._under_way[what]
                self._found[what] = Measured(self.says[what[1]], self._world.time)
                self.looks.append((*what, self._world.time))
                self.answers.append((*what, self._found[what]))

    def seen(self) -> int:
        return len(self.looks)

    def forget(self, namespace: str, name: str) -> None:
        self._under_way.clear()
        self._found.clear()

    def die(self) -> None:
        """The operator is gone, and with it what it has seen and not written down."""
        self._under_way.clear()
        self._found.clear()
        self.answers.clear()


class SimulatedDeliveries:
    """Endpoints, and the operator's errands to them until it dies.

    `taken`: what each endpoint has got, in order. `messages`: what it shows, by what it is known as. The endpoints in
    `down` take nothing.
    """

    def __init__(self, world: "Simulation") -> None:
        self._world = world
        self.wanted: dict[str, Notice] = {}
        self.known: dict[str, Delivery] = {}
        self.taken: list[Notice] = []
        self.messages: dict[str, list[Notice]] = {}
        self.down: set[str] = set()
        self.gives_up = False

    def results(self, namespace: str, name: str) -> Mapping[str, Delivery]:
        return dict(self.known)

    def want(self, namespace: str, name: str, notices: Sequence[Notice]) -> None:
        self.wanted = {notice.to.name: notice for notice in notices}

    def forget(self, namespace: str, name: str) -> None:
        self.die()

    def die(self) -> None:
        """What is remembered is gone; what was taken is not."""
        self.wanted, self.known = {}, {}

    def send(self) -> None:
        """They are on their way in the background: who dies on it is started again, and looks at everything."""
        try:
            self._send()
        except Killed:
            self._world.restart()
            self._world.woken.append(KEY)

    def _send(self) -> None:
        for name, notice in [*self.wanted.items()]:
            before = self.known.get(name)
            if name in self.down or self._world.endpoints_are_down:
                self.known[name] = Undelivered(notice, f"{name} does not answer.", given_up=self.gives_up)
            else:
                del self.wanted[name]
                self._world._deed(f"tell {name} {notice.number} {notice.stage}")
                known_as = notice.known_as or f"{name}/{len(self.messages) + 1}"
                self.taken.append(notice)
                self.messages.setdefault(known_as, []).append(notice)
                self._world._after_deed()
                self.known[name] = Delivered(notice, known_as)
            if self.known[name] != before:
                self._world.woken.append(KEY)


class Simulation:
    """The world, and the operator's passes over it. Everything that changes the world is counted in `deeds`."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.the_brand: Brand | BrandInvalid | None = brand()
        self.branches: dict[str, str] = {}
        self.behaviours: dict[str, Behaviour] = {}
        self.images: dict[str, str] = {"by-hand": "sha256:" + hashlib.sha256(b"by hand").hexdigest()}
        self.builds: dict[str, tuple[BuildOrder, datetime]] = {}
        self.builds_started: list[str] = []
        self.build_ends_at: dict[str, datetime] = {}
        self.ill_builds: set[str] = set()
        self.builder_is_ill = self.builder_is_slow = False
        self.pushed: set[str] = set()
        self.registry_lag = 0
        self.site: Deployment | None = Deployment()
        self.site.pods = [self._pod(0, FOUND_IMAGE, ready=True) for _ in range(2)]
        self.spec: BrandReleaseSpec | None = None
        self.generation = 0
        self.lives = 1
        self.requested_at: str | None = None
        self.status = BrandReleaseStatus()
        self.version = 1
        self.deeds: list[str] = []
        self.kill_in: int | None = None
        self.kill_after_deed = False
        self.applied_images: list[tuple[int, str]] = []
        self.git_is_down = self.registry_is_down = self.cache_is_down = self.endpoints_are_down = False
        self.due: datetime | None = None
        self.parents: dict[str, str | None] = {}
        self.undoes: dict[str, frozenset[str]] = {}
        self.verbs: dict[str, str | None] = {"rollback_to": None, "abort": None, "override": None}
        self.told: list[Announcement] = []
        self.room_on_nodes = True
        self.nodes_are_full = False
        self.controller_is_down = False
        self.hooks = SimulatedHooks(self)
        self.caches = SimulatedCaches(self)
        self.measurements = SimulatedMeasurements(self)
        self.deliveries = SimulatedDeliveries(self)
        self._seen: object = None
        self._deployments_made = 1
        self.statuses: list[BrandReleaseStatus] = []
        self._loop = asyncio.new_event_loop()
        self.restart()

    # --- what people do -----------------------------------------------------------------------------------------------

    def push(self, branch: str, name: str, behaviour: Behaviour = Behaviour.Good, *, mends: bool = False) -> str:
        """A commit on the branch. mends: it reverts every bad or quarantined commit that it is built on."""
        commit = commit_id(name)
        tip = self.branches.get(f"refs/heads/{branch}")
        self.parents.setdefault(commit, tip if tip != commit else None)
        self.branches[f"refs/heads/{branch}"] = commit
        self.behaviours[commit] = behaviour
        if mends:
            stopped = {entry.commit for entry in self.status.quarantine}
            history = self._history(commit)
            for old in history[1:]:  # newest first: to undo a revert brings back what it had undone
                is_bad = self.behaviours[old] is not Behaviour.Good or old in stopped
                if is_bad and not self._is_undone(old, history):
                    self.undoes[commit] = self.undoes.get(commit, frozenset()) | {old}
        return commit

    def revert(self, branch: str, commit: str, behaviour: Behaviour = Behaviour.Good) -> str:
        """A commit on the branch whose message says, as git writes it, that it reverts another."""
        made = self.push(branch, f"revert {commit} {len(self.behaviours)}", behaviour)
        self.undoes[made] = frozenset({commit})
        return made

    def force_push(self, branch: str, commit: str) -> None:
        """The branch points to an older commit again; what came after it is still there, for who knows its id."""
        self.branches[f"refs/heads/{branch}"] = commit

    def delete_image(self, tag: str) -> None:
        """Somebody cleans the registry up: the image is gone, and its digest with it."""
        digest = self.images.pop(tag)
        for other in [name for name, known in self.images.items() if known == digest]:
            del self.images[other]

    def say(self, verb: str, text: str | None) -> None:
        """Set or take away an annotation: rollback_to, abort or override."""
        self.verbs[verb] = text
        self.version += 1

    def track(self, seconds: int | None) -> None:
        assert self.spec is not None
        self.spec = self.spec.model_copy(update={"track_interval_seconds": seconds})
        self.generation += 1
        self.version += 1

    def ask(self, ref: str, *, suspend: bool = False) -> None:
        every = self.spec.track_interval_seconds if self.spec else None
        if self.spec is None or self.spec.ref != ref or self.spec.suspend != suspend:
            self.spec = BrandReleaseSpec(
                brand="drumeo", environment="production", ref=ref, suspend=suspend, track_interval_seconds=every
            )
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

    def replace_by_hand(self, image: str) -> None:
        """As by `kubectl replace`: the same object, as somebody has it in a file, without any mark of ours."""
        self.set_image_by_hand(image)
        assert self.site is not None
        self.site.applied, self.site.applied_at, self.site.release = None, None, 0

    def scale(self, wanted: int) -> None:
        assert self.site is not None
        self.site.wanted = wanted
        self.site.generation += 1

    def make_deployment_anew(self, wanted: int = 2) -> None:
        """As by `kubectl replace --force`: another object of the same name, without any mark of ours."""
        self._deployments_made += 1
        self.site = Deployment(uid=f"uid-{self._deployments_made}", wanted=wanted)

    def change_brand(self, **environment: object) -> None:
        """The platform team edits the Brand; arguments are fields of its environment."""
        self.the_brand = brand(**environment)

    def delete_release(self) -> None:
        """The BrandRelease is gone, and with it, as its owner references say, the Jobs of its hooks."""
        self.spec, self.requested_at = None, None
        self.status = BrandReleaseStatus()
        self.verbs = dict.fromkeys(self.verbs)
        self.hooks.jobs.clear()
        self.lives += 1
        self.version += 1

    # --- the operator -------------------------------------------------------------------------------------------------

    def restart(self) -> None:
        """A new operator process: nothing is remembered."""
        self.woken: list[Key] = []
        self.caches.remembered.clear()
        self.measurements.die()
        self.deliveries.die()
        world = World(
            cluster=self,
            git=self,
            registry=self,
            builders=self.builders(),
            hooks=self.hooks,
            caches=self.caches,
            measurements=self.measurements,
            turns=self.new_turns(),
            deliveries=self.deliveries,
            clock=self,
            build_namespace="builds",
        )
        self.reconciler = self.new_reconciler(world)

    def new_reconciler(self, world: World) -> Reconciler:
        return Reconciler(world, self, Metrics(), lambda *_: None, lambda *_: False)

    def builders(self) -> dict[str, Builder]:
        return {"buildKit": self}

    def new_turns(self) -> BuildTurns:
        return BuildTurns(4, self.woken.append)

    def one_pass(self) -> Again:
        return self._loop.run_until_complete(self.reconciler(KEY))

    def settle(self, limit: int = 40) -> int:
        """Passes for as long as one asks for another at once: the operator's own writes are no news to it."""
        for count in range(1, limit):
            again = self.one_pass()
            if again.after != AT_ONCE:
                pauses = [pause for pause in (again.after, again.retry) if pause is not None]
                self.due = self.time + min(pauses) if pauses else None
                return count
        raise AssertionError(f"no rest after {limit} passes: {self.headline()} {self.message}")

    def play(self, seconds: int, step: int = 1) -> None:
        """Let time pass: the world moves, and the operator looks whenever something has moved or is due."""
        for _ in range(0, seconds, step):
            self.tick(step)
            if self.calls_for_a_look():
                self.settle()

    def calls_for_a_look(self) -> bool:
        """Whether an event would wake the operator now, or the time has come that it named itself."""
        site, woken = self.site, len(self.woken)
        seen = (
            (self.generation, self.requested_at, tuple(self.verbs.values()), id(self.the_brand)),
            tuple((name, not self._is_building(name)) for name in self.builds),
            self.hooks.seen(),
            self.measurements.seen(),
            site
            and (
                site.uid,
                site.generation,
                site.observed,
                *((p.name, p.ready, p.restarts, p.exited) for p in site.pods),
            ),
        )
        moved, self._seen = seen != self._seen or woken > 0, seen
        self.woken.clear()
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

    async def lineage(
        self, url: str, secret: Secret | None, commit: str, suspects: Sequence[Suspect]
    ) -> Lineage | Unresolved:
        if self.git_is_down:
            return Unresolved(Reason.SourceUnreachable, "The git server does not answer.", passing=True)
        history = self._history(commit)
        contained = tuple(s.commit for s in suspects if s.commit in history)
        return Lineage(contained, tuple(c for c in contained if self._is_undone(c, history)))

    def _history(self, commit: str) -> list[str]:
        """The commit and all before it, newest first. The simulated histories are lines."""
        found: list[str] = []
        step: str | None = commit
        while step is not None and step not in found:
            found.append(step)
            step = self.parents.get(step)
        return found

    def _is_undone(self, commit: str, history: list[str]) -> bool:
        return any(
            commit in self.undoes.get(later, ()) and not self._is_undone(later, history)
            for later in history[: history.index(commit)]
        )

    async def announce(self, release: BrandRelease, announcement: Announcement) -> None:
        self.told.append(announcement)

    async def look_up(self, repository: str, reference: str, secret: Secret | None) -> ImageLookup:
        if self.registry_is_down:
            return ImageUnknown(Reason.RegistryUnreachable, "The registry does not answer.")
        if reference in self.images.values():
            return ImageFound(reference)
        return ImageFound(self.images[reference]) if reference in self.images else ImageAbsent()

    async def state(self, order: BuildOrder) -> BuildState:
        if order.name not in self.builds:
            return BuildAbsent()
        if self._is_building(order.name):
            return BuildRunning("It builds.")
        ended_at = self.build_ends_at[order.name]
        if order.name in self.ill_builds:
            message = "The builder's disk was full."
            return BuildFailed(
                Reason.BuildInfrastructureFailed, message, retriable=True, log_tail="", ended_at=ended_at
            )
        if self.behaviours[order.commit] is Behaviour.DoesNotBuild:
            return BuildFailed(
                Reason.BuildFailed,
                "The build failed.",
                retriable=False,
                log_tail="error: no such file",
                ended_at=ended_at,
            )
        return BuildSucceeded(self.images.get(order.tag))

    def _is_building(self, name: str) -> bool:
        return self.time < self.build_ends_at[name]

    async def start(self, order: BuildOrder) -> None:
        if order.name in self.builds:
            return
        self._deed(f"build {order.commit[:7]}")
        assert not [o for o, _ in self.builds.values() if o.key == order.key and self._is_building(o.name)]
        lasts = SLOW_BUILD_SECONDS if self.builder_is_slow else BUILD_SECONDS
        self.builds[order.name] = (order, self.time)
        self.build_ends_at[order.name] = self.time + timedelta(seconds=lasts)
        if self.builder_is_ill:
            self.ill_builds.add(order.name)
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
            uid=f"{self.lives:08d}-uid",
            generation=self.generation,
            resource_version=str(self.version),
            created_at=self.time,
            requested_at=self.requested_at,
            rollback_to=self.verbs["rollback_to"],
            abort=self.verbs["abort"],
            override=self.verbs["override"],
            managers={
                "spec.ref": "kubectl",
                "spec.suspend": "ada",
                "brandrelease.dev/rollbackTo": "ada",
                "brandrelease.dev/abort": "ada",
            },
            spec=self.spec,
            status=self.status,
        )

    async def brand(self, name: str, *, may_be_old: bool = False) -> Brand | BrandInvalid | None:
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
            resource_version=str(d.generation),
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
            found_image=d.found,
        )

    async def pods(self, namespace: str, release_name: str, release_number: int) -> tuple[PodView, ...]:
        pods = self.site.pods if self.site else []
        return tuple(self._pod_view(p) for p in pods if p.release == release_number)

    async def log_tail(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        return "starting\nPHP Fatal error: something is wrong\n"

    async def warnings(self, namespace: str, pods: Sequence[str]) -> Mapping[str, tuple[PodWarning, ...]]:
        return {}

    async def platform_failures(self, reason: Reason, since: datetime, *, but: str) -> tuple[Fellow, ...]:
        return ()

    async def secret(self, namespace: str, name: str) -> Secret | None:
        return None

    async def write_status(self, release: BrandRelease, status: BrandReleaseStatus) -> StatusWritten:
        if release.resource_version != str(self.version):
            raise StatusConflict
        # As JSON and back, as through the API server: what does not survive that is not remembered.
        stored = BrandReleaseStatus.model_validate(status.to_wire())
        self._deed("status")
        self.status, self.version = stored, self.version + 1
        self.statuses.append(stored)
        self._after_deed()
        return StatusWritten(str(self.version), over=release.resource_version)

    async def apply(self, patch: DeploymentPatch) -> None:
        d = self.site
        assert d is not None
        assert d.uid == patch.uid
        if d.generation != patch.generation:
            raise DeploymentChanged
        self._deed(f"apply {patch.number}")
        before = (d.image, d.release)
        d.image, d.owner, d.applied, d.release = patch.image, "brandrelease", patch.number, patch.number
        d.found = patch.found_image
        if (d.image, d.release) != before:
            d.generation += 1
            d.applied_at = self.time
            self.applied_images.append((patch.number, patch.image))
        self._after_deed()

    # --- the cluster's own controllers ----------------------------------------------------------------------------------

    def tick(self, seconds: int = 1) -> None:
        self.time += timedelta(seconds=seconds)
        self.measurements.tick()
        for name, (order, _) in self.builds.items():
            if name not in self.pushed:
                self._push_image(name, order)
        if self.site is not None:
            self._deployment_controller(self.site)
            for pod in self.site.pods:
                self._kubelet(pod)
        self.deliveries.send()

    def _push_image(self, name: str, order: BuildOrder) -> None:
        """A build that has ended well pushes its image, once; the registry may show it some seconds later."""
        shown_at = self.build_ends_at[name] + timedelta(seconds=self.registry_lag)
        good = self.behaviours[order.commit] is not Behaviour.DoesNotBuild and name not in self.ill_builds
        if good and self.time >= shown_at:
            self.pushed.add(name)
            self.images.setdefault(order.tag, digest_of(order.commit))

    def _deployment_controller(self, d: Deployment) -> None:
        """One new pod at a time; an old one goes when a new one is ready."""
        if self.controller_is_down:
            return
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

    def _finds_no_node(self, pod: Pod) -> bool:
        """The nodes are full for every pod that has no place yet, or for those of one image."""
        has_no_room = not self.room_on_nodes and self._behaviour(pod.image) is Behaviour.FindsNoNode
        return not pod.placed and not pod.ready and (self.nodes_are_full or has_no_room)

    def _kubelet(self, pod: Pod) -> None:
        if self._finds_no_node(pod):
            return
        pod.placed = True
        behaviour, age = self._behaviour(pod.image), (self.time - pod.born).total_seconds()
        crashes_from = {Behaviour.Crashes: 1, Behaviour.OutOfMemory: 1, Behaviour.CrashesLater: START_SECONDS + 10}
        if behaviour in crashes_from and age >= crashes_from[behaviour]:
            if pod.exited:
                pod.restarts += 1
            pod.exited = True
            self._set_ready(pod, ready=False)
        elif behaviour is Behaviour.Flaps and age >= START_SECONDS + 5:
            self._set_ready(pod, ready=int(age) // 5 % 2 == 0)
        elif behaviour is not Behaviour.NeverReady and age >= START_SECONDS:
            self._set_ready(pod, ready=True)

    def _set_ready(self, pod: Pod, *, ready: bool) -> None:
        if pod.ready != ready:
            pod.ready, pod.ready_changed_at = ready, self.time

    def _behaviour(self, image: str) -> Behaviour:
        for commit, behaviour in self.behaviours.items():
            if image.endswith(digest_of(commit)):
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
        nowhere = self._finds_no_node(pod)
        if nowhere:
            container = ContainerView("app", ContainerKind.Main, ready=False, restarts=0, state=Waiting("", ""))
        return PodView(
            name=pod.name,
            release=str(pod.release),
            phase="Running",
            reason="",
            created_at=pod.born,
            started_at=None if nowhere else pod.born,
            ready=pod.ready,
            ready_changed_at=pod.ready_changed_at,
            deleting=False,
            unschedulable="0/3 nodes are available" if nowhere else None,
            containers=(container,),
            memory_limits={"app": "64Mi"},
            ip=None if nowhere else f"10.0.0.{pod.name.removeprefix('pod-')}",
        )


def order_of(simulation: Simulation, commit: str) -> BuildOrder:
    """The build order of a commit, to know its tag."""
    assert isinstance(simulation.the_brand, Brand)
    return replace(build_order(simulation.the_brand, commit, 1))
