"""Somebody who sees everything that happens in the simulated world, and says at once what may never happen.

It knows what is good, bad and migrated from what it has seen itself: from the simulated git, pods, Jobs and the statuses
that were written one after the other, and never by asking the core.
"""

import copy
import json
from datetime import datetime, timedelta

from brandrelease.apis.brand import Brand, Environment
from brandrelease.apis.brand_status import BrandStatus
from brandrelease.apis.brandrelease import Blame, BrandRelease, BrandReleaseStatus, CurrentRelease, Outcome, PastRelease
from brandrelease.apis.checks import OnFailure
from brandrelease.apis.conditions import ConditionType
from brandrelease.apis.healing import AfterMigration, RollbackMode
from brandrelease.apis.reasons import Reason
from brandrelease.apis.verification import CheckState
from brandrelease.controller.build_turns import BuildTurns
from brandrelease.controller.reconcile import Reconciler
from brandrelease.controller.work_queue import Again
from brandrelease.controller.world import World
from brandrelease.core.actions import POST_DEPLOY, PRE_DEPLOY, DeploymentPatch, Plan, StartBuild
from brandrelease.core.builds.images import BuildOrder
from brandrelease.core.decide import decide
from brandrelease.core.snapshot import Snapshot
from brandrelease.ports import StatusWritten
from brandrelease.telemetry import Metrics
from support.checked import BROKEN, DOWN, GOOD
from support.simulation import HOOK_SECONDS, KEY, SOAK, Simulation, digest_of

PLACES = 1
"""How many builds may run at a time in the witnessed world."""

STATUS_LIMIT = 100_000
"""Bytes of a status as JSON."""

IN_FLIGHT = {"Pending", "Building", "Migrating", "Deploying", "Verifying", "RollingBack"}
ASKED_FOR = {Reason.Aborted, Reason.RollbackRequested}
"""Reasons of a way back that a person has asked for."""


class _Decides(Reconciler):
    """Decides as the real one, and looks whether the decision is a function of the snapshot and of nothing else."""

    seen = 0

    def _decide(self, snapshot: Snapshot) -> Plan:
        self.seen += 1
        before = copy.deepcopy(snapshot) if self.seen % 16 == 0 else None
        plan, carried_out = decide(snapshot), super()._decide(snapshot)
        # A build may have to wait for its turn, and then another plan is carried out.
        again = decide(snapshot) if isinstance(plan.action, StartBuild) else carried_out
        assert again == plan, "deciding twice gives the same plan"
        assert before is None or before == snapshot, "deciding changes nothing in what was seen"
        return carried_out


class Witness(Simulation):
    """The simulated world, seen by somebody who forgets nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._forget()

    def _forget(self) -> None:
        """A new BrandRelease begins a new life."""
        self.good: dict[int, str] = {}
        """What was live once, and what was found at adoption: the image, by the number of the release."""
        self.bad: set[str] = set()
        self.let_through: set[str] = set()
        """Commits that an override has named."""
        self.releases_let_through: set[int] = set()
        self.judged: set[int] = set()
        self.migrated: int | None = None
        """The release whose migration has changed the database for no release that went live since."""
        self.migrations: set[int] = set()
        self.begun: dict[int, CurrentRelease] = {}
        self.touched: set[str] = set()
        self.complete_since: dict[tuple[str, int], datetime] = {}
        self.builds_of_this_life: set[str] = set()
        self.is_left_to_its_owner = False
        """Somebody has set the image while nothing was in flight, and nobody has asked for anything since."""

    def now(self) -> datetime:
        """The operator's clock does not stand at whole seconds, as the times in objects do."""
        return super().now() + timedelta(milliseconds=730)

    # --- what people do, and time ---------------------------------------------------------------------------------------

    def new_reconciler(self, world: World) -> Reconciler:
        return _Decides(world, self, Metrics(), lambda *_: None, lambda *_: False)

    def new_turns(self) -> BuildTurns:
        return BuildTurns(PLACES, self.woken.append)

    def delete_release(self) -> None:
        super().delete_release()
        self._forget()

    def ask(self, ref: str, *, suspend: bool = False) -> None:
        super().ask(ref, suspend=suspend)
        self.is_left_to_its_owner = False

    def say(self, verb: str, text: str | None) -> None:
        super().say(verb, text)
        self.is_left_to_its_owner = False

    def set_image_by_hand(self, image: str) -> None:
        super().set_image_by_hand(image)
        current, site = self.status.current, self.site
        at_rest = current is not None and current.outcome is not None
        # Back to what we have set ourselves, it is ours again.
        self.is_left_to_its_owner = at_rest and site is not None and site.applied is not None and image not in self.ours

    @property
    def ours(self) -> set[str]:
        """Images that may stand in the Deployment without being anybody else's."""
        current, running = self.status.current, self.status.running
        return {entry.image for entry in (current, running) if entry is not None and entry.image is not None}

    def tick(self, seconds: int = 1) -> None:
        super().tick(seconds)
        site = self.site
        if site is not None and not self.controller_is_down and self._is_complete(site.release):
            self.complete_since.setdefault((site.uid, site.release), self.time)

    def _is_complete(self, number: int) -> bool:
        """Every pod is of this release and serves, and there are as many as are wanted."""
        site = self.site
        if site is None:
            return False
        new = [pod for pod in site.pods if (pod.release, pod.image) == (number, site.image)]
        return len(new) == len(site.pods) and sum(pod.ready for pod in new) >= site.wanted

    @property
    def environment(self) -> Environment:
        assert isinstance(self.the_brand, Brand)
        return self.the_brand.spec.environments[0]

    async def log_tail(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        return "PHP Fatal error: something is wrong\n" * 50

    # --- every pass -----------------------------------------------------------------------------------------------------

    def one_pass(self) -> Again:
        done = len(self.deeds)
        try:
            return super().one_pass()
        finally:
            deeds = self.deeds[done:]
            assert deeds[:1] in ([], ["status"]) or len(deeds) == 1, f"the status is written first: {deeds}"
            assert deeds.count("status") <= 1, deeds
            assert len(deeds) - deeds.count("status") <= 1, f"one change of the world in a pass: {deeds}"

    def _deed(self, what: str) -> None:
        if what != "status":
            assert self.spec is None or not self.spec.suspend, f"{what} while suspended"
        if what.startswith(f"hook {PRE_DEPLOY}"):
            running = [
                name for name, (order, _) in self.hooks.jobs.items() if order.kind == PRE_DEPLOY and self._runs(name)
            ]
            assert not running, f"{what} while {running} runs"
        if what.startswith("invalidate"):
            self._judge_invalidation()
        super()._deed(what)

    def _judge_invalidation(self) -> None:
        """It is on record, a release has ended well or was left, and what serves is ours."""
        current, site = self.status.current, self.site
        assert current is not None
        assert current.outcome is Outcome.Succeeded or (current.rollback and current.rollback.finished_at)
        assert current.invalidation is not None
        assert current.invalidation.finished_at is None
        assert not (self.is_left_to_its_owner and site is not None and site.applied is not None)

    def _runs(self, job: str) -> bool:
        return job in self.hooks.jobs and self.time < self.hooks.jobs[job][1] + timedelta(seconds=HOOK_SECONDS)

    # --- builds ---------------------------------------------------------------------------------------------------------

    async def start(self, order: BuildOrder) -> None:
        if order.name not in self.builds:
            stopping = {(build.key, build.attempt) for build in self.status.stopping}
            running = [
                other.name
                for other, _ in self.builds.values()
                if other.name in self.builds_of_this_life
                and self._is_building(other.name)
                and (other.key, other.attempt) not in stopping
            ]
            assert len(running) < PLACES, f"{order.name} is started beside {running}"
            self.builds_of_this_life.add(order.name)
        await super().start(order)

    def builds_nobody_waits_for(self) -> list[str]:
        """Builds of this life that run although they are not those of the release in flight."""
        current = self.status.next or self.status.current
        build = current.build if current is not None and current.outcome is None and current.image is None else None
        return [
            order.name
            for order, _ in self.builds.values()
            if order.name in self.builds_of_this_life
            and self._is_building(order.name)
            and (build is None or (build.key, build.attempt) != (order.key, order.attempt))
        ]

    # --- the Deployment -------------------------------------------------------------------------------------------------

    async def apply(self, patch: DeploymentPatch) -> None:
        current = self.status.current
        assert current is not None, "nothing was released yet"
        assert current.outcome is None, "nothing is in flight"
        assert not self.is_left_to_its_owner, "somebody else has set the image, and nobody has asked since"
        assert not [job for job in self.hooks.jobs if f"-{current.number}-pre-" in job and self._runs(job)]
        if current.rollback is not None:
            assert (patch.number, patch.image) == (current.rollback.number, current.rollback.image)
            assert self.good.get(patch.number) == patch.image, f"{patch.image} was never good"
        else:
            self._judge_release(patch, current)
        assert self.site is not None
        self.touched.add(self.site.uid)
        await super().apply(patch)

    def _judge_release(self, patch: DeploymentPatch, current: CurrentRelease) -> None:
        assert (patch.number, patch.image, patch.commit) == (current.number, current.image, current.commit)
        assert current.rollout is not None, "it is written down before it is done"
        if current.image_of is not None:
            assert self.good.get(current.image_of) == patch.image, f"{patch.image} was never good"
            assert current.commit not in self.bad - self.let_through, f"{current.commit[:7]} is quarantined"
            return
        assert patch.image.endswith(digest_of(current.commit))
        carried = self.carried(current.commit)
        is_named = current.commit in self.let_through or current.number in self.releases_let_through
        assert is_named or not carried, f"{patch.commit} contains {carried}"

    def carried(self, commit: str) -> list[str]:
        """The bad commits that it contains, does not undo, and that nobody has let through: told from git alone."""
        history = self._history(commit)
        return [
            bad
            for bad in history
            if bad in self.bad and bad not in self.let_through and not self._is_undone(bad, history)
        ]

    # --- the status -----------------------------------------------------------------------------------------------------

    async def write_status(self, release: BrandRelease, status: BrandReleaseStatus) -> StatusWritten:
        before = self.status
        try:
            return await super().write_status(release, status)
        finally:  # also where the operator dies right after it
            if self.status is not before:
                assert self.status == status, "it comes back from the API server as it was written"
                self._judge_status(before, self.status)

    def _judge_status(self, before: BrandReleaseStatus, after: BrandReleaseStatus) -> None:
        assert len(json.dumps(after.to_wire())) < STATUS_LIMIT
        check_conditions(after, self.generation)
        self._note_adoption(after)
        self._note_override(before, after)
        if after.current is not None:
            self._judge_number(after.current)
            self._note_migration(after.current)
            self._note_blame(after.current)
            self._judge_way_back(before.current, after.current)
        self._note_quarantine(before, after)
        numbers = [entry.number for entry in after.history]
        assert numbers == sorted(set(numbers), reverse=True), f"newest first, each once: {numbers}"
        assert len(numbers) <= max(self.environment.revision_history_limit, len(before.history))
        known = {entry.number for entry in before.history if entry.outcome is Outcome.Succeeded}
        for entry in after.history:
            if entry.outcome is Outcome.Succeeded and entry.number not in known:
                self._judge_success(entry, after)
        self._judge_claims(after)
        self._judge_failed_checks(after)

    def _note_adoption(self, after: BrandReleaseStatus) -> None:
        if after.running is not None and after.running.number == 0 and 0 not in self.good:
            site = self.site
            assert site is not None
            assert site.image == after.running.image, "that is not what was found"
            assert any(pod.ready for pod in site.pods), "it did not run"
            assert site.uid not in self.touched, "that was not found, but released"
            self.good[0] = site.image

    def _note_override(self, before: BrandReleaseStatus, after: BrandReleaseStatus) -> None:
        last, now = before.last_handled, after.last_handled
        text = now.override if now is not None else None
        if text is None or (last is not None and last.override == text) or (now is not None and now.answer):
            return
        named = text.split()[0].lower()
        self.let_through |= {commit for commit in self.bad if commit.startswith(named)}
        if before.current is not None and before.current.commit.startswith(named) and before.current.outcome is None:
            self.releases_let_through.add(before.current.number)

    def _judge_number(self, current: CurrentRelease) -> None:
        known = self.begun.get(current.number)
        if known is None:
            assert current.number > max(self.begun, default=0), "numbers count up"
        else:
            assert known.commit == current.commit, f"release {current.number} was another commit"
            assert known.image in {None, current.image}, f"release {current.number} had another image"
            assert current.rollout or current.outcome or not known.rollout, "a rollout is not forgotten"
        if known is None or current.rollout is not None or known.rollout is None:
            self.begun[current.number] = current
        if current.rollout is not None and (known is None or known.rollout is None) and current.image_of is None:
            self._judge_migration_before(current)

    def _judge_migration_before(self, current: CurrentRelease) -> None:
        """The Deployment may be changed only after the migration, if there is one."""
        job = f"{KEY.name}-{current.number}-pre-{self.lives:08d}"
        if self.environment.hooks.pre_deploy is None and job not in self.hooks.runs:
            return
        assert job in self.hooks.jobs, "the migration has run, and nobody has stopped it"
        assert not self._runs(job)
        assert self.behaviours[current.commit] != "has a migration that fails"

    def _note_migration(self, current: CurrentRelease) -> None:
        done = current.hooks.pre_deploy if current.hooks else None
        if done is not None and done.succeeded and current.number not in self.migrations:
            self.migrations.add(current.number)
            if self.environment.rollback.after_migration is AfterMigration.Hold:
                self.migrated = current.number

    def _note_blame(self, current: CurrentRelease) -> None:
        ended = current.rollback is not None or current.outcome in {Outcome.Failed, Outcome.RolledBack}
        if current.image_of is not None:
            return  # it was good once, and everything since then is built on it
        if ended and current.rollout and current.blame is Blame.Release and current.number not in self.judged:
            self.judged.add(current.number)
            self.bad.add(current.commit)
            self.let_through.discard(current.commit)

    def _note_quarantine(self, before: BrandReleaseStatus, after: BrandReleaseStatus) -> None:
        """An entry may also come from a rollbackTo; and none of the bad ones is forgotten."""
        known = {(entry.commit, entry.release) for entry in before.quarantine}
        fresh = {entry.commit for entry in after.quarantine if (entry.commit, entry.release) not in known}
        self.bad |= fresh
        self.let_through -= fresh

    def _judge_way_back(self, before: CurrentRelease | None, now: CurrentRelease) -> None:
        begins = now.rollback is not None and (before is None or before.rollback is None or before.number != now.number)
        if begins and now.reason not in ASKED_FOR:
            policy = self.environment.rollback
            assert policy.mode is RollbackMode.Automatic
            held = self.migrated is not None and policy.after_migration is AfterMigration.Hold
            assert not held, f"release {self.migrated} has changed the database"
            assert now.image_of is None, "a rollback is not rolled back"

    def _judge_success(self, entry: PastRelease, after: BrandReleaseStatus) -> None:
        """What history calls Succeeded carries the site now, with all its pods, and was watched for the whole soak."""
        site, current = self.site, after.current
        assert site is not None
        assert current is not None
        assert current.number == entry.number
        assert (site.applied, site.image) == (entry.number, entry.image)
        assert self._is_complete(entry.number), "all pods are new and serve"
        since = self.complete_since[site.uid, entry.number]
        assert self.time - since >= timedelta(seconds=SOAK - 1), "it was watched"
        post = f"{KEY.name}-{entry.number}-post-{self.lives:08d}"
        assert not (current.hooks and current.hooks.post_deploy) or not self._runs(post), POST_DEPLOY
        self._judge_checks(current)
        assert entry.image is not None
        self.good[entry.number] = entry.image
        if current.image_of is None:
            self.migrated = None
            self.bad -= set(self._history(entry.commit))
        self.bad.discard(entry.commit)

    def _judge_checks(self, current: CurrentRelease) -> None:
        """What was good before the release, and was bad or away when it was looked at last, is let through or holds nothing."""
        assert current.rollout is not None
        for check in self.environment.checks if current.image_of is None and not current.let_through else ():
            answers = [
                seen
                for number, name, seen in self.measurements.answers
                if (number, name) == (current.number, check.name)
            ]
            before = [seen for seen in answers if seen.at < current.rollout.started_at]
            since = [seen for seen in answers if seen.at > current.rollout.started_at]
            if not before or not since or before[-1].observation != GOOD:
                continue
            last = since[-1].observation
            assert last != BROKEN or check.consequence is OnFailure.Ignore, (check.name, since)
            assert last != DOWN or not check.holds_on_error, (check.name, since)

    def _judge_failed_checks(self, after: BrandReleaseStatus) -> None:
        """A check that has failed and shall lead to a rollback has led to one, or to the end of the release."""
        current = after.current
        watched = current.verification if current is not None and after.phase == "Verifying" else None
        failed = {entry.name for entry in watched.checks if entry.state is CheckState.Failed} if watched else set()
        for check in self.environment.checks:
            assert check.name not in failed or check.consequence is not OnFailure.Rollback, check.name

    def _judge_claims(self, after: BrandReleaseStatus) -> None:
        """What the status says of good releases is so."""
        for entry in after.history:
            assert entry.outcome is not Outcome.Succeeded or self.good.get(entry.number) == entry.image
        if after.running is not None:
            assert self.good.get(after.running.number) == after.running.image
        if after.current is not None and after.current.outcome is Outcome.Succeeded:
            assert self.good.get(after.current.number) == after.current.image
        if self.migrated is not None:
            assert after.migration is not None, "the warning stands until a release goes live"


def check_conditions(status: BrandReleaseStatus | BrandStatus, generation: int) -> None:
    """The rules of kstatus (sigs.k8s.io/cli-utils) and of Flux (fluxcd/pkg runtime/conditions/check)."""
    by_type = {str(condition.type): condition for condition in status.conditions}
    assert len(by_type) == len(status.conditions), "a condition type stands only once"
    assert ConditionType.Ready in by_type
    assert not (ConditionType.Reconciling in by_type and ConditionType.Stalled in by_type)
    for kind in (ConditionType.Reconciling, ConditionType.Stalled):
        assert kind not in by_type or by_type[kind].status == "True"
    if ConditionType.Stalled in by_type:
        assert by_type[ConditionType.Ready].status == "False"
    if ConditionType.Reconciling in by_type:
        assert by_type[ConditionType.Ready].status != "True"
    assert status.observed_generation is not None
    assert status.observed_generation <= generation
    assert all(condition.observed_generation <= generation for condition in status.conditions)
    if isinstance(status, BrandReleaseStatus) and status.phase in IN_FLIGHT:
        assert ConditionType.Reconciling in by_type
