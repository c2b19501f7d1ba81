"""What people ask for by annotations: rollbackTo, abort and override. Each is carried out once, or answered why not."""

from dataclasses import replace

from brandrelease.apis.brandrelease import (
    BrandRelease,
    BrandReleaseStatus,
    CurrentRelease,
    HandledRequest,
    Outcome,
    Phase,
)
from brandrelease.apis.reasons import Reason
from brandrelease.apis.wellknown import ABORT_ANNOTATION, OVERRIDE_ANNOTATION, ROLLBACK_TO_ANNOTATION
from brandrelease.core import advice
from brandrelease.core.actions import Plan, StopHook
from brandrelease.core.blame import blame_of
from brandrelease.core.carried import carried
from brandrelease.core.obstacles import Obstacle, container_of, deployment_obstacle
from brandrelease.core.plain import line
from brandrelease.core.plans import deployment_of, environment_of, wait
from brandrelease.core.provenance import may_deploy, not_allowed
from brandrelease.core.quarantine import is_quarantined, put_in, quarantine
from brandrelease.core.questions import in_flight, is_asked, is_busy, migrating, rolling_back
from brandrelease.core.receiving import carries_running, handled, number_of_next
from brandrelease.core.retrying import called_off
from brandrelease.core.rollback import cause_in, go_back
from brandrelease.core.snapshot import Snapshot, Target
from brandrelease.core.status import finish, with_current
from brandrelease.core.succession import begin, without_build, without_next
from brandrelease.core.targets import Candidate, asked_back, candidates, good_ones, name_of, usable
from brandrelease.core.verb import Obeyed, Verb, done, event_of, heard, refused
from brandrelease.core.waiting.override import names_what_is_known, override
from brandrelease.core.words import capital, cut, short


def unheard(release: BrandRelease) -> Verb | None:
    """The next verb to obey. An override of what nobody knows yet is heard after the request that it may come with."""
    wishes = [(ABORT_ANNOTATION, "abort", release.abort)]
    if not is_busy(release):
        wishes.append((ROLLBACK_TO_ANNOTATION, "rollback_to", release.rollback_to))
        if not is_asked(release) or names_what_is_known(release):
            wishes.append((OVERRIDE_ANNOTATION, "override", release.override))
    last = release.status.last_handled or HandledRequest()
    for annotation, field, text in wishes:
        if text is not None and text[:255] != getattr(last, field):
            who = release.managers.get(annotation, "somebody")
            return Verb(annotation, field, text[:255], line(who)[:128])
    return None


def taken_away(release: BrandRelease) -> BrandReleaseStatus:
    """The status without wishes whose annotations are gone: set again, they are new."""
    last = release.status.last_handled
    if last is None:
        return release.status
    gone = {
        field: None
        for field in ("requested_at", "rollback_to", "abort", "override")
        if getattr(release, field) is None and getattr(last, field) is not None
    }
    if not gone:
        return release.status
    return release.status.model_copy(update={"last_handled": last.model_copy(update=gone)})


def obey(world: Snapshot, verb: Verb) -> Obeyed | Plan:
    """Carry the verb out, or say why not. A Plan where the way back begins with it."""
    match verb.field:
        case "abort":
            return _abort(world, verb)
        case "rollback_to":
            return _roll_back_to(world, verb)
        case _:
            return override(world, verb)


def where_to(release: BrandRelease, *, failed: bool) -> tuple[Candidate, ...]:
    """Where this pass may have to go back to, best first: for a release that fails or is aborted."""
    current, verb = in_flight(release), unheard(release)
    aborted = verb is not None and verb.field == "abort"
    if current is None or current.rollout is None or not (failed or aborted):
        return ()
    return candidates(release.status, current)


def wish(release: BrandRelease) -> Candidate | None:
    """The release that rollbackTo names, if it was good."""
    verb = unheard(release)
    if verb is None or verb.field != "rollback_to" or verb.number is None:
        return None
    return asked_back(release.status, verb.number)


# --- abort ------------------------------------------------------------------------------------------------------------


def _abort(world: Snapshot, verb: Verb) -> Obeyed | Plan:
    """The release in flight is given up: its build or hook is stopped, its rollout taken back."""
    current, status = in_flight(world.release), world.release.status
    if status.next is not None and verb.number == status.next.number:
        return _abort_next(world, verb, status.next)
    if current is None or verb.number != current.number:
        what = f"Release {current.number} is in flight." if current else "No release is in flight."
        return refused(world, verb, f"it must be the number of the release in flight. {what}")
    if rolling_back(world.release):
        return refused(world, verb, f"release {current.number} is being rolled back already.")
    why = f"release {current.number} ({short(current.commit)}) was given up, as {verb.who} has asked"
    status = heard(verb, status)
    current = current.model_copy(update={"reason": Reason.Aborted, "message": capital(why), "blame": None})
    if current.rollout is not None:
        plan = _take_back(world, with_current(status, current), current)
        return replace(plan, announcements=(event_of(verb, f"{why}."),))
    text = f"{capital(why)}. The Deployment was not touched."
    if migrating(world.release):
        text += " Its preDeploy hook was stopped in the middle: look at the database."
    limit = environment_of(world).revision_history_limit
    status = without_build(world, with_current(status, current))
    status = finish(status, Outcome.Aborted, Reason.Aborted, text, world.now, limit)
    hook = current.hooks.pre_deploy if current.hooks and migrating(world.release) else None
    return done(status, verb, text, StopHook(world.release.namespace, hook.job) if hook else None)


def _abort_next(world: Snapshot, verb: Verb, given_up: CurrentRelease) -> Obeyed:
    """The release that is prepared is given up; the one that is judged goes on."""
    hook = given_up.hooks.pre_deploy if given_up.hooks else None
    runs = hook is not None and hook.finished_at is None
    why = f"was given up, as {verb.who} has asked"
    if runs:
        why += "; its preDeploy hook was stopped in the middle: look at the database"
    status = without_next(world, heard(verb, world.release.status), why, Outcome.Aborted)
    stop = StopHook(world.release.namespace, hook.job) if hook and runs else None
    return done(status, verb, f"release {given_up.number} ({short(given_up.commit)}) {why}.", stop)


def _take_back(world: Snapshot, status: BrandReleaseStatus, current: CurrentRelease) -> Plan:
    obstacle, target = deployment_obstacle(world, current), usable(world)
    if obstacle is None and target is not None:
        return go_back(world, status, current, target)
    if obstacle is not None:
        text = f"{current.message}. {obstacle.message}"
        limit = environment_of(world).revision_history_limit
        status = finish(status, Outcome.Aborted, obstacle.reason, text, world.now, limit)
        return wait(world, status, Phase.Failed, obstacle.reason, text)
    text = f"{current.message}, but there is no good image to go back to: the Deployment stays as it is. Release a fixed ref."
    limit = environment_of(world).revision_history_limit
    status = finish(status, Outcome.Aborted, Reason.MissingRollbackTarget, text, world.now, limit)
    return wait(world, status, Phase.Failed, Reason.MissingRollbackTarget, text)


# --- rollbackTo -------------------------------------------------------------------------------------------------------


def _roll_back_to(world: Snapshot, verb: Verb) -> Obeyed | Plan:
    """An earlier release's image runs again, without a build; what is left for it is quarantined."""
    status, target, found = world.release.status, wish(world.release), world.wish
    if target is not None and not may_deploy(world, target.image):
        return refused(world, verb, not_allowed(world, target.image))
    if target is None or found is None:
        known = ", ".join(str(number) for number in _known(status)) or "none"
        return refused(
            world, verb, f"it must be the number of a release that was live and is still in the history: {known}."
        )
    if obstacle := _in_the_way(world):
        return refused(world, verb, obstacle.message)
    if target.commit and is_quarantined(status, target.commit):
        first, then = advice.override(status, target.commit), _said_anew(world, verb, target.number)
        return refused(
            world, verb, f"the commit of {name_of(target)} is quarantined. First set {first}, and then {then}."
        )
    if carries_running(world) and status.running is not None and status.running.number == target.number:
        return _stay(world, verb, target)
    if found.found is False:
        return refused(
            world,
            verb,
            f"the registry has lost the image of {name_of(target)} ({target.image}). Once it is pushed again, set {_said_anew(world, verb, target.number)}.",
        )
    left = carried(world)
    is_live_target = status.running is not None and status.running.number == target.number
    if left is not None and is_live_target and left.number != target.number:
        return _restore(world, verb, left, found)
    if target.commit is None:
        return refused(world, verb, _only_by_hand(world, target))
    return _release_again(world, verb, left, target, target.commit)


def _said_anew(world: Snapshot, verb: Verb, number: int) -> str:
    """The annotation that asks for the same again: this text will have been looked at."""
    return advice.rollback_to(world.release, heard(verb, world.release.status), number)


def _only_by_hand(world: Snapshot, target: Candidate) -> str:
    """What was found at adoption has no commit, so it cannot be a release: it can only be what another one leaves for."""
    deployment = deployment_of(world)
    container = container_of(deployment, environment_of(world))
    how = f"kubectl set image -n {world.release.namespace} deployment/{deployment.name} {container}={target.image}"
    return (
        "what was found at adoption can be gone back to only from a release that the Deployment carries and the history knows, "
        f"and there is none. Do it by hand: {how}"
    )


def _in_the_way(world: Snapshot) -> Obstacle | None:
    """What keeps the Deployment from being changed; somebody else's image does not, since it was asked for."""
    current = world.release.status.current
    obstacle = deployment_obstacle(world, current) if current else None
    return None if obstacle is None or obstacle.reason is Reason.ImageOverridden else obstacle


def _known(status: BrandReleaseStatus) -> tuple[int, ...]:
    running = [status.running.number] if status.running else []
    return tuple(dict.fromkeys([*running, *(known.number for known in good_ones(status))]))


def _what_runs(world: Snapshot, left: CurrentRelease | None) -> tuple[str, int] | None:
    """Commit and number of what the Deployment carries: the current release, or still the one that ran before it."""
    running = world.release.status.running
    if left is not None:
        return left.commit, left.number
    if running is not None and running.commit is not None and carries_running(world):
        return running.commit, running.number
    return None


def _first_number(status: BrandReleaseStatus, commit: str, number: int) -> int:
    """Under which number the commit was live first. What is newer is built on it, and it cannot be bad for that."""
    return min([number, *(known.number for known in good_ones(status) if known.commit == commit)])


def _stay(world: Snapshot, verb: Verb, target: Candidate) -> Obeyed:
    """It runs already. A release in flight that has not touched the Deployment yet is given up."""
    current, status = in_flight(world.release), _answered(world, verb)
    if current is None:
        text = f"{capital(name_of(target))} runs already, so nothing was changed. It was asked for by {verb.who}."
        return done(called_off(status, f"since {verb.who} wants {name_of(target)}"), verb, text)
    text = f"Release {current.number} ({short(current.commit)}) was given up, since {verb.who} wants {name_of(target)}, which still runs."
    return done(_given_up(world, status, text), verb, text)


def _given_up(world: Snapshot, status: BrandReleaseStatus, text: str) -> BrandReleaseStatus:
    """The release in flight, which has not touched the Deployment yet, is not wanted any more."""
    limit = environment_of(world).revision_history_limit
    return finish(without_build(world, status), Outcome.Aborted, Reason.Aborted, text, world.now, limit)


def _restore(world: Snapshot, verb: Verb, left: CurrentRelease, target: Target) -> Plan:
    """The release that the Deployment carries did not go live: back to the pods that ran before it."""
    status = without_next(world, _answered(world, verb), f"was given up, since {verb.who} wants {name_of(target)}")
    current = in_flight(world.release)
    if current is not None and current.number != left.number:
        text = f"Release {current.number} ({short(current.commit)}) was given up, since {verb.who} wants {name_of(target)}."
        status = _given_up(world, status, text)
    blame, why = blame_of(Reason.RollbackRequested), _why_left(left, verb)
    left = left.model_copy(update={"reason": Reason.RollbackRequested, "message": why, "blame": blame})
    status = with_current(status, left)
    status = quarantine(status, Reason.RollbackRequested, blame_of(Reason.RollbackRequested), world.now)
    plan = go_back(world, status, left, target)
    return replace(
        plan, announcements=(event_of(verb, f"rolling back to {name_of(target)}, as {verb.who} has asked."),)
    )


def _why_left(left: CurrentRelease, verb: Verb) -> str:
    """In the history it replaces what was said when the release had failed, so that comes first."""
    name = f"Release {left.number} ({short(left.commit)})"
    if left.outcome is None or left.message is None:
        return f"{name} was left, as {verb.who} has asked"
    return f"{name} had ended {left.outcome} ({left.reason}): {cut(cause_in(left.message), 500)}. It was left, as {verb.who} has asked"


def _release_again(world: Snapshot, verb: Verb, left: CurrentRelease | None, target: Candidate, commit: str) -> Obeyed:
    """A release of its own, with the image of the earlier one: judged and watched like any other."""
    status = _answered(world, verb)
    leaves = _what_runs(world, left)
    if leaves is not None and target.number < _first_number(status, *leaves):
        status = put_in(status, *leaves, Reason.RollbackRequested, world.now)
    again = CurrentRelease(
        number=number_of_next(world),
        ref=f"rollbackTo {target.number}",
        commit=commit,
        image=target.image,
        image_of=target.number,
        requested_by=verb.who,
        started_at=world.now,
    )
    text = f"Release {again.number} takes the image of {name_of(target)} again, as {verb.who} has asked."
    return done(begin(world, status, again), verb, text)


def _answered(world: Snapshot, verb: Verb) -> BrandReleaseStatus:
    """The record for a verb that says what shall run: a request that still waits is answered by it too, and that is told."""
    release = world.release.model_copy(update={"status": heard(verb, world.release.status)})
    last, answer = handled(replace(world, release=release)), None
    if is_asked(world.release):
        answer = f'The request for "{cut(world.release.spec.ref, 60)}" that still waited is answered by that; ask again if it is wanted.'
    return release.status.model_copy(update={"last_handled": last.model_copy(update={"answer": answer})})
