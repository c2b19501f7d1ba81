"""Everything that a person reads in a notification, whatever it is sent by."""

from typing import Final

from brandrelease.apis.brandrelease import CurrentRelease, PastRelease
from brandrelease.apis.notifications import Notification, Stage, Told
from brandrelease.apis.progress import Change
from brandrelease.core.snapshot import Snapshot
from brandrelease.core.telling.notice import BAD_NEWS, Notice
from brandrelease.core.telling.stages import News
from brandrelease.core.words import cut, seconds, short

BRIEF: Final = 140
"""Characters that GitHub has for the description of a status."""

_STATES: Final = {
    Stage.Started: "has begun",
    Stage.Migrating: "runs its preDeploy hook",
    Stage.Deploying: "is being deployed",
    Stage.Verifying: "runs in all pods and is watched",
    Stage.RollingBack: "is being rolled back",
    Stage.NeedsSomebody: "needs somebody",
    Stage.Live: "is live",
    Stage.RolledBack: "was rolled back",
    Stage.Failed: "has failed",
    Stage.Superseded: "was replaced by a newer one",
    Stage.Aborted: "was aborted",
}

_EXPLAINED: Final = BAD_NEWS | {Stage.Superseded, Stage.Aborted}
"""Stages that need a reason."""

_WITH_LOG: Final = frozenset({Stage.RollingBack, Stage.RolledBack, Stage.Failed})


def compose(world: Snapshot, endpoint: Notification, told: Told, about: News) -> Notice:
    """What the endpoint is told of this stage."""
    release, spec = world.release, world.release.spec
    subject = about.release
    current = subject if isinstance(subject, CurrentRelease) and not about.apart else None
    why = _sentence(about.message) if about.stage in _EXPLAINED else ""
    what = _what(about)
    return Notice(
        to=endpoint,
        told_at=told.told_at,
        known_as=_known_as(told, about),
        uid=release.uid,
        namespace=release.namespace,
        name=release.name,
        brand=spec.brand,
        environment=spec.environment,
        number=about.number,
        stage=about.stage,
        happened_at=about.happened_at,
        title=f"{spec.brand} {spec.environment}{what if about.apart else ': ' + what}",
        brief=_brief(why, about),
        why=why,
        facts=() if about.apart else _facts(subject),
        log=_log(subject) if about.stage in _WITH_LOG else "",
        look=f"kubectl describe brandrelease {release.name} -n {release.namespace}" if about.stage in BAD_NEWS else "",
        apart=about.apart,
        commit=subject.commit if subject and not about.apart else None,
        ref=current.ref if current else None,
        image=subject.image if subject and not about.apart else None,
        reason=about.reason,
        blame=subject.blame if subject and not about.apart else None,
        requested_by=subject.requested_by if subject and not about.apart else None,
        changes=(current.changes or ()) if current else (),
        changes_total=_total(current),
        took_seconds=_took(subject) if about.is_end else None,
    )


def change_line(change: Change) -> str:
    """A commit in one line."""
    return f"{short(change.commit)} {change.subject} ({change.author})"


def _what(about: News) -> str:
    """The end of the title."""
    if about.apart:
        return " needs somebody"
    commit = f" ({short(about.release.commit)})" if about.release else ""
    return f"release {about.number}{commit} {_STATES[about.stage]}"


def _brief(why: str, about: News) -> str:
    """One short line, for those who see brand, environment and commit already."""
    name = f"Release {about.number}"
    if about.stage is Stage.Superseded:
        return cut(why or f"{name} {_STATES[about.stage]}.", BRIEF)
    if about.stage is Stage.RolledBack and why:  # it says first to which release
        return cut(f"{name}: {why}", BRIEF)
    took = _took(about.release) if about.stage is Stage.Live else None
    line = f"{name} {_STATES[about.stage]}{f' after {seconds(took)}' if took is not None else ''}"
    return cut(f"{line}: {why}" if why else f"{line}.", BRIEF)


def _facts(release: CurrentRelease | PastRelease | None) -> tuple[tuple[str, str], ...]:
    if release is None:
        return ()
    facts = [("Commit", _origin(release))]
    if release.requested_by:
        facts.append(("Asked for by", release.requested_by))
    elif isinstance(release, CurrentRelease) and release.tracked:
        facts.append(("Found by", "tracking of the ref"))
    if release.override:
        facts.append(("Let through", release.override))
    if (took := _took(release)) is not None:
        facts.append(("Took", seconds(took)))
    return tuple(facts)


def _origin(release: CurrentRelease | PastRelease) -> str:
    commit = short(release.commit)
    if not isinstance(release, CurrentRelease):
        return commit
    if release.image_of is not None:
        return f"{commit}, the image of release {release.image_of} again"
    return commit if release.ref == release.commit else f"{commit} of {release.ref}"


def _took(release: CurrentRelease | PastRelease | None) -> int | None:
    if release is None or release.finished_at is None:
        return None
    return max(0, round((release.finished_at - release.started_at).total_seconds()))


def _log(release: CurrentRelease | PastRelease | None) -> str:
    """The last lines of what failed: of the container, else of a hook or of the build."""
    if release is None:
        return ""
    if release.evidence is not None:
        return release.evidence.log_tail
    if isinstance(release, PastRelease):
        return ""
    hooks = (release.hooks.pre_deploy, release.hooks.post_deploy) if release.hooks else ()
    failed = [hook.log_tail for hook in hooks if hook is not None and hook.succeeded is False and hook.log_tail]
    of_build = release.build.log_tail if release.build and release.image is None else None
    return next(iter(failed), None) or of_build or ""


def _total(current: CurrentRelease | None) -> int:
    if current is None:
        return 0
    return max(current.changes_total or 0, len(current.changes or ()))


def _known_as(told: Told, about: News) -> str | None:
    """What is updated. Trouble after the end of a release has a message of its own."""
    if told.release != about.number or (about.apart and told.stage is not Stage.NeedsSomebody):
        return None
    return told.id


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?", "…")) else f"{text}."
