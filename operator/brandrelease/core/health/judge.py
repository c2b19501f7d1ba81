"""The verdict: the rules are asked in their order, and the first problem that counts decides."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from brandrelease.apis.brand import Environment
from brandrelease.apis.progress import Rollback
from brandrelease.apis.reasons import Reason
from brandrelease.apis.verification import Verification
from brandrelease.core.health.chain import CAUSES, LATENESS, REPLICAS, WATCH
from brandrelease.core.health.placing import has_not_begun
from brandrelease.core.health.rule import Finding, Rule
from brandrelease.core.health.scene import Scene, evidence, lost_to_their_nodes
from brandrelease.core.health.verdict import Failed, Passed, Problem, Progressing, Verdict
from brandrelease.core.snapshot import CLOCK_SLACK, DeploymentView, PodView, PodWarning
from brandrelease.core.words import seconds, stands_paused

SOON: Final = timedelta(seconds=5)
"""When to look again where no moment is known at which something counts, beside what events tell."""


def judge_rollout(
    deployment: DeploymentView,
    pods: Iterable[PodView],
    warnings: Mapping[str, tuple[PodWarning, ...]],
    rules: Environment,
    started_at: datetime,
    now: datetime,
) -> Verdict:
    """How the change-over of the pods stands, `started_at` being the moment of the patch.

    The deadline is ours and absolute. The Deployment's own is set anew by any pod that becomes ready, so a pod that
    flaps can keep it from ever passing (kubernetes pkg/controller/deployment/progress.go). It does not count while the
    Deployment is paused, while its controller has not seen the change, or when only old pods have still to go, or what
    was done to be counted; where no new pod is made before the last old one is gone (Recreate), it counts from the first new pod.
    """
    pods = tuple(pods)
    changed_at = _could_begin_at(deployment, pods, started_at, now)
    scene = Scene(deployment, evidence(pods), lost_to_their_nodes(pods), warnings, rules, changed_at)
    findings = _ask((*CAUSES, *REPLICAS), scene)
    if due := _first_due(findings, now):
        return Failed(due)
    if deployment.complete:
        return Passed()
    deadline = changed_at + timedelta(seconds=rules.progress_deadline_seconds)
    unseen = deployment.observed_generation < deployment.generation
    if now >= deadline and not (
        deployment.paused or unseen or _all_serve(scene) or _waits_for_old_pods(deployment, pods)
    ):
        return Failed(_why_not_in_time(scene, findings))
    look_again = min(_next_moment(findings, now, deadline), _when_events_may_tell(scene, findings, now))
    return Progressing(_rollout_in_words(scene, findings, now, unseen=unseen), look_again)


def judge_soak(
    deployment: DeploymentView,
    pods: Iterable[PodView],
    warnings: Mapping[str, tuple[PodWarning, ...]],
    rules: Environment,
    verification: Verification,
    now: datetime,
) -> Verdict:
    """How the watch over a complete rollout stands; `verification` knows what was noted until now (see `noted`)."""
    pods, ends_at = tuple(pods), verification.ends_at
    lost = lost_to_their_nodes(pods)
    scene = Scene(deployment, evidence(pods), lost, warnings, rules, verification.started_at, verification)
    findings = _findings_of_the_watch(scene)
    if due := _first_due(findings, now):
        return Failed(due)
    if now < ends_at:
        what = _told(findings, now) or _all_ready(deployment.wanted)
        # The end as a time of day, not as a time left: a message that changed by itself would be written again and again.
        message = f"{what}; watched until {ends_at:%H:%M:%S} UTC."
        return Progressing(message, _next_moment(findings, now, ends_at))
    if deployment.available >= deployment.wanted and all(pod.ready for pod in scene.pods):
        return Passed()
    deadline = ends_at + timedelta(seconds=rules.progress_deadline_seconds)
    if now >= deadline:
        return Failed(_why_not_in_time(scene, findings))
    message = f"The watch is over, but only {deployment.available} of {deployment.wanted} pods are available; waiting for them."
    return Progressing(message, _next_moment(findings, now, deadline))


def judge_return(
    deployment: DeploymentView,
    pods: Iterable[PodView],
    warnings: Mapping[str, tuple[PodWarning, ...]],
    rules: Environment,
    rollback: Rollback,
    now: datetime,
) -> Verdict:
    """How the way back stands; `pods` are those of the release that was gone back to.

    Nothing counts before the deadline: there is nowhere else to go. What the rules find says why pods do not come. Once
    it is over, it is enough that as many pods serve as were wanted at first: that the Deployment was scaled up meanwhile
    and finds no room for more has nothing to do with the way back.
    """
    pods = tuple(pods)
    changed_at = _could_begin_at(deployment, pods, rollback.started_at, now)
    scene = Scene(deployment, evidence(pods), lost_to_their_nodes(pods), warnings, rules, changed_at, whose="old")
    findings = _findings_of_the_way_back(scene)
    deadline = changed_at + timedelta(seconds=rules.progress_deadline_seconds)
    unseen = deployment.observed_generation < deployment.generation
    late = now >= deadline and not (deployment.paused or unseen or _waits_for_old_pods(deployment, pods))
    if deployment.complete or (late and _serves_as_before(scene, rollback)):
        return Passed()
    if late and not (findings or pods):
        limit = seconds(rules.progress_deadline_seconds)
        return Failed(Problem(Reason.ProgressDeadlineExceeded, f"given up after {limit} (progressDeadlineSeconds)"))
    if late:
        return Failed(_why_not_in_time(scene, findings))
    told = _told(findings, now)
    what = _hold_up(scene, unseen=unseen) or (f"{told}." if told else "")
    return Progressing(what, min(_next_moment(findings, now, deadline), _when_events_may_tell(scene, findings, now)))


def _could_begin_at(
    deployment: DeploymentView, pods: tuple[PodView, ...], meant_at: datetime, now: datetime
) -> datetime:
    """From when new pods have had a chance: from the change, or from the first of them where the old ones had to go first."""
    changed_at = deployment.changed_at(meant_at, now)
    first = min((pod.created_at for pod in pods), default=changed_at) if deployment.recreates else changed_at
    return max(changed_at, first) if first <= now + CLOCK_SLACK else changed_at


def _all_serve(scene: Scene) -> bool:
    """Enough new pods are ready, and none is missed: the controller has counted them, or may only be late with that.

    Some that are ready and some that are not may also be of two templates, where somebody has changed another thing.
    """
    ready, deployment = sum(pod.ready for pod in scene.pods), scene.deployment
    counted = deployment.updated >= deployment.wanted
    return ready >= deployment.wanted and (counted or ready == len(scene.pods))


def _waits_for_old_pods(deployment: DeploymentView, pods: tuple[PodView, ...]) -> bool:
    """No new pod may be made yet, and nothing else is known to be in the way."""
    return deployment.recreates and not pods and deployment.failure is None and deployment.wanted > 0


def _findings_of_the_way_back(scene: Scene) -> list[Finding]:
    """Pods that are ready explain nothing: they may have been restarted long ago."""
    ready = {pod.name for pod in scene.pods if pod.ready}
    return [finding for finding in _ask((*CAUSES, *REPLICAS), scene) if finding.problem.pod not in ready]


def _serves_as_before(scene: Scene, rollback: Rollback) -> bool:
    """At least as many old pods serve as were wanted when the way back began, or as are wanted now if that is less."""
    deployment = scene.deployment
    others = max(deployment.total - deployment.updated, 0)
    serving = max(deployment.available - others, sum(pod.ready for pod in scene.pods))
    return serving >= max(min(rollback.wanted, deployment.wanted), 1)


def _findings_of_the_watch(scene: Scene) -> list[Finding]:
    """A pod about which a cause is known already is not also blamed for not being ready."""
    causes = _ask(CAUSES, scene)
    explained = {finding.problem.pod for finding in causes}
    dropouts = [finding for finding in _ask(WATCH, scene) if finding.problem.pod not in explained]
    return [*causes, *dropouts, *(replace(finding, counts_from=None) for finding in _ask(REPLICAS, scene))]


def _ask(rules: Iterable[Rule], scene: Scene) -> list[Finding]:
    return [finding for rule in rules for finding in rule.findings(scene)]


def _first_due(findings: Iterable[Finding], now: datetime) -> Problem | None:
    return next((f.problem for f in findings if f.counts_from is not None and now >= f.counts_from), None)


def _told(findings: Iterable[Finding], now: datetime) -> str | None:
    """What people are told of meanwhile: the first that there is to tell of."""
    return next((f.meanwhile for f in findings if f.told_from is not None and now >= f.told_from), None)


def _next_moment(findings: Iterable[Finding], now: datetime, otherwise: datetime) -> datetime:
    moments = (otherwise, *(moment for f in findings for moment in (f.counts_from, f.told_from)))
    return min((moment for moment in moments if moment is not None and moment > now), default=now + SOON)


def _when_events_may_tell(scene: Scene, findings: list[Finding], now: datetime) -> datetime:
    """Events are not watched: while a pod does not begin and nobody has said why, they are asked for again soon."""
    explained = {finding.problem.pod for finding in findings}
    silent = any(has_not_begun(pod) and pod.name not in explained for pod in scene.pods)
    return now + SOON if silent else datetime.max.replace(tzinfo=UTC)


def _why_not_in_time(scene: Scene, findings: list[Finding]) -> Problem:
    """What kept the rollout from being through when its time was over."""
    if findings:
        problem = findings[0].problem
        late = f"given up after {seconds(scene.rules.progress_deadline_seconds)} (progressDeadlineSeconds)"
        return replace(problem, message=f"{problem.message}; {late}")
    return _ask(LATENESS, scene)[0].problem


def _hold_up(scene: Scene, *, unseen: bool) -> str | None:
    """What keeps the Deployment controller from changing any pod, whatever the pods are like."""
    name = scene.deployment.name
    if scene.deployment.paused:
        return stands_paused(name)
    if unseen:
        return f"Deployment {name} is changed; waiting for the Deployment controller to act on it."
    waits = _waits_for_old_pods(scene.deployment, scene.pods) and not scene.lost
    return f"Waiting for the old pods of Deployment {name} to end, as its strategy is Recreate." if waits else None


def _rollout_in_words(scene: Scene, findings: list[Finding], now: datetime, *, unseen: bool) -> str:
    deployment = scene.deployment
    if held := _hold_up(scene, unseen=unseen):
        return held
    if told := _told(findings, now):
        return f"{told}."
    ready = sum(pod.ready for pod in scene.pods)
    old = max(deployment.total - deployment.updated, 0)
    lost = "".join(
        f" Pod {pod.name} was lost to its node ({pod.reason or pod.phase}) and does not count."
        for pod in scene.lost[:1]
    )
    return f"{_how_many_ready(ready, deployment.wanted)}, {_how_many_old(old)}.{lost}"


def _how_many_ready(ready: int, wanted: int) -> str:
    if wanted == 1:
        return "The new pod is ready" if ready else "The new pod is not ready yet"
    return f"{ready} of {wanted} new pods are ready"


def _how_many_old(old: int) -> str:
    match old:
        case 0:
            return "no old pod is left"
        case 1:
            return "1 old pod is still there"
        case _:
            return f"{old} old pods are still there"


def _all_ready(wanted: int) -> str:
    return _how_many_ready(1, 1) if wanted == 1 else f"All {wanted} new pods are ready"
