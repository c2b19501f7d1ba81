"""One pass over one BrandRelease: observe -> decide -> write the status -> act. Nothing waits inside a pass."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import structlog

from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseStatus
from brandrelease.apis.conditions import Condition, ConditionType
from brandrelease.controller.act import act
from brandrelease.controller.counting import count
from brandrelease.controller.observe import observe
from brandrelease.controller.troubles import Troubles
from brandrelease.controller.work_queue import Again, Key
from brandrelease.controller.world import World
from brandrelease.core.actions import Announcement, ApplyRelease, Plan, RollBack, StartBuild
from brandrelease.core.builds.images import BuildOrder
from brandrelease.core.decide import decide
from brandrelease.core.freshness import Seen, is_outdated
from brandrelease.core.kubernetes_trouble import Trouble, headline_of, is_told, with_trouble
from brandrelease.core.questions import order_in_flight, prepared, watches_pods
from brandrelease.core.rest import rests
from brandrelease.core.sharding import WHOLE, Shard
from brandrelease.core.snapshot import Refusal, Snapshot, Taken
from brandrelease.elapsed import elapsed
from brandrelease.ports import Announcer, DeploymentChanged, KubernetesFails, Refused, StatusConflict
from brandrelease.telemetry import Metrics

log = structlog.get_logger(__name__)

AT_ONCE = Again(after=timedelta())

CONFLICT_LIMIT = timedelta(minutes=1)
"""Longest pause after conflicts in a row. What has changed the object asks for a pass by its event, as a rule before that."""


class Reconciler:
    """Passes over BrandReleases. What it remembers a restart may forget: it is found out again, or tried once more."""

    def __init__(
        self,
        world: World,
        announcer: Announcer,
        metrics: Metrics,
        own_write: Callable[[str, str, str], None],
        noticed: Callable[[Key, str | None], bool],
        shard: Shard = WHOLE,
    ) -> None:
        """own_write is told uid, old and new resourceVersion of each status written, so that its event is no news.

        It is not where somebody else may have changed something in between. noticed is told of which Brand a BrandRelease
        is, each time that it is read, and says whether that is new; None where there is none of the name.
        """
        self._world, self._announcer, self._metrics, self._own_write = world, announcer, metrics, own_write
        self._noticed, self._shard = noticed, shard
        self._refusals: dict[Key, Refusal] = {}
        self._taken: dict[Key, Taken] = {}
        """Changes of Deployments that no status tells of yet."""
        self._written: dict[Key, tuple[str, Seen]] = {}
        """Uid and version of the last status that this process has written."""
        self._troubles = Troubles()

    async def __call__(self, key: Key) -> Again:
        """One pass; says when to look again. Raises KubernetesFails, once people are told of it where it is time."""
        release = await self._world.cluster.brand_release(key.namespace, key.name)
        news = self._noticed(key, release.spec.brand if release else None)
        if release is None:
            self.forget(key)
            # No event has told of its end, and the answer may be an old one: no list would find what its events have told.
            return Again(retry=CONFLICT_LIMIT) if news else Again()
        if not self._shard.has(release.spec.brand):  # found by a list, which does not tell of which brand it is
            return Again()
        try:
            return await self._pass(key, release)
        except KubernetesFails as failing:
            await self._tell_trouble(key, failing.trouble, self._troubles.met(key))
            raise

    def forget(self, key: Key) -> None:
        """The object is gone."""
        self._refusals.pop(key, None)
        self._taken.pop(key, None)
        self._written.pop(key, None)
        self._troubles.over(key)
        self._world.tracking.forget(key)
        self._world.turns.forget(key.namespace, key.name)
        self._world.measurements.forget(key.namespace, key.name)
        self._metrics.fleet.forget(key.namespace, key.name)
        self._world.deliveries.forget(key.namespace, key.name)

    async def _pass(self, key: Key, release: BrandRelease) -> Again:
        if self._is_outdated(key, release):
            log.info("The API server gave an older object than this process has written; looking again.")
            return Again(retry=CONFLICT_LIMIT, under_way=watches_pods(release))
        self._metrics.fleet.see(release, release.status)
        snapshot, plan = await self._look(key, release)
        plan = self._still_in_trouble(key, snapshot, plan)
        if not await self._record(release, plan):
            return Again(retry=CONFLICT_LIMIT, under_way=watches_pods(release))
        self._taken.pop(key, None)
        self._world.deliveries.want(key.namespace, key.name, plan.notices)
        # At the same time: a rollback does not wait until people are told of it.
        again, _ = await asyncio.gather(self._act(key, plan), self._announce(release, plan))
        self._troubles.over(key)
        return replace(again, under_way=watches_pods(release.model_copy(update={"status": plan.status})))

    async def _look(self, key: Key, release: BrandRelease) -> tuple[Snapshot, Plan]:
        """What is the case, and what to do.

        Over what rests, most passes find nothing to do: nearly all of those after a start, and a Brand would be read in
        each. So they look with an earlier answer first, of which nothing may come: what there is to do, or to tell, is
        decided with a live one.
        """
        refusal, taken = self._refusals.get(key), self._taken.get(key)
        if rests(release):
            glance = await observe(self._world, release, refusal, taken, old_brand=True)
            plan = decide(glance)
            if plan.action is None and plan.status == release.status and not plan.notices:
                self._world.turns.tell(release, None)
                return glance, plan
        snapshot = await observe(self._world, release, refusal, taken)
        return snapshot, self._decide(snapshot)

    def _is_outdated(self, key: Key, release: BrandRelease) -> bool:
        """Where nothing is to be written, no conflict would tell: an old status would be carried out once more."""
        uid, seen = self._written.get(key, (release.uid, None))
        return release.uid == uid and is_outdated(int(release.resource_version), seen, elapsed())

    async def _write(self, release: BrandRelease, status: BrandReleaseStatus) -> None:
        """Write the status, and remember that it was us. Raises StatusConflict."""
        written = await self._world.cluster.write_status(release, status)
        if written.over is not None:
            self._own_write(release.uid, written.over, written.version)
        self._written[Key(release.namespace, release.name)] = (release.uid, Seen(int(written.version), elapsed()))
        self._metrics.fleet.see(release, status)

    def _decide(self, snapshot: Snapshot) -> Plan:
        """The plan; a build that would begin asks for its turn first, and without it the plan is another."""
        plan, turns, release = decide(snapshot), self._world.turns, snapshot.release
        under_way = _build_under_way(snapshot, plan.status)
        if isinstance(plan.action, StartBuild) and _build_under_way(snapshot, release.status) is None:
            turn = turns.ask(release, plan.action.order)
            return plan if turn.granted else decide(replace(snapshot, turn=turn))
        turns.tell(release, under_way)
        return plan

    async def _record(self, release: BrandRelease, plan: Plan) -> bool:
        """Write the status, and with it the intent, before anything is done; False if the object has changed meanwhile."""
        if plan.status == release.status:
            return True
        try:
            await self._write(release, plan.status)
        except StatusConflict:
            log.info("The object changed during the pass; looking again.")
            return False
        count(self._metrics.releases, release.status, plan.status)
        _log(release, plan)
        return True

    def _still_in_trouble(self, key: Key, snapshot: Snapshot, plan: Plan) -> Plan:
        """What was told of an action that fails stays until it is carried out: reading has worked all the time."""
        told = self._troubles.told(key)
        if told is None or plan.action is None:
            return plan
        return replace(plan, status=with_trouble(snapshot.release, plan.status, told, snapshot.now))

    async def _tell_trouble(self, key: Key, trouble: Trouble, failures: int) -> None:
        """Say in the conditions what the Kubernetes API fails at. If it fails at that too, the next pass says it."""
        with contextlib.suppress(KubernetesFails, StatusConflict):
            release = await self._world.cluster.brand_release(key.namespace, key.name)
            if release is None or not is_told(release, trouble, failures):
                return
            if trouble.is_like(self._troubles.told(key)):
                return
            status = with_trouble(release, release.status, trouble, self._world.clock.now())
            await self._write(release, status)
            self._troubles.tell(key, trouble)
            _log(release, Plan(status))
            await self._announcer.announce(release, Announcement(*headline_of(trouble)))

    async def _announce(self, release: BrandRelease, plan: Plan) -> None:
        if plan.status != release.status:
            for announcement in plan.announcements:
                await self._announcer.announce(release, announcement)

    async def _act(self, key: Key, plan: Plan) -> Again:
        if plan.action is None:
            self._refusals.pop(key, None)
            return Again(after=plan.look_again, retry=plan.retry)
        kind = type(plan.action).__name__
        try:
            await act(self._world, plan.action)
        except DeploymentChanged:
            log.info("The Deployment changed during the pass; looking again.", action=kind)
            return Again(retry=CONFLICT_LIMIT)
        except Refused as refused:
            log.warning(
                "The cluster refuses.", action=kind, reason=refused.refusal.reason, message=refused.refusal.message
            )
            refusal = replace(refused.refusal, action=kind)
            fresh = self._refusals.get(key) != refusal
            self._refusals[key] = refusal
            if fresh and plan.retry is None:
                return AT_ONCE
            return Again(after=plan.look_again, retry=plan.retry or timedelta(minutes=1))
        self._refusals.pop(key, None)
        if isinstance(plan.action, ApplyRelease | RollBack):
            self._taken[key] = Taken(plan.action.patch.uid, plan.action.patch.number)
        self._metrics.outside.actions.labels(kind).inc()
        log.info("Done.", action=kind)
        return AT_ONCE


def _log(release: BrandRelease, plan: Plan) -> None:
    """A line for each change of phase or reason."""
    before, after = _ready(release.status), _ready(plan.status)
    was, now = release.status.phase, plan.status.phase
    if after and (was != now or before is None or before.reason != after.reason):
        log.info(after.message, phase=now, was=was, reason=after.reason)


def _build_under_way(snapshot: Snapshot, status: BrandReleaseStatus) -> BuildOrder | None:
    """The build that is waited for, by this status."""
    awaited = prepared(snapshot.release.model_copy(update={"status": status}))
    return order_in_flight(snapshot.brand, awaited) if awaited and isinstance(snapshot.brand, Brand) else None


def _ready(status: BrandReleaseStatus) -> Condition | None:
    return next((condition for condition in status.conditions if condition.type is ConditionType.Ready), None)
