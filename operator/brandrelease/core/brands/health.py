"""Judge a Brand: from what was seen and asked to its whole status. Pure.

No release waits for what is said here; each finds out itself what it needs. This tells it before there is a release.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final, assert_never

from brandrelease.apis.brand import Brand
from brandrelease.apis.brand_status import (
    BrandCondition,
    BrandConditionType,
    BrandStatus,
    EnvironmentStatus,
)
from brandrelease.apis.conditions import ConditionStatus
from brandrelease.apis.progress import MESSAGE_LIMIT
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import Announcement
from brandrelease.core.brands.seen import Asked, BrandSnapshot, CheckLook, SeenBrand, Unreached
from brandrelease.core.brands.soak import too_short
from brandrelease.core.builds.images import builder_name
from brandrelease.core.checks.measured import Unmeasured
from brandrelease.core.snapshot import BrandInvalid
from brandrelease.core.status import NEEDS_SOMEBODY
from brandrelease.core.words import cut

ASK_AGAIN: Final = timedelta(minutes=10)
"""While everything can be reached. A Secret cannot be watched, so what goes wrong is found by asking."""

FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(minutes=5)
"""While something cannot be reached: somebody may mend it at any moment, and wants to see that it is mended."""

_Type = BrandConditionType
_YES, _NO, _UNKNOWN = ConditionStatus.Yes, ConditionStatus.No, ConditionStatus.Unknown
_KSTATUS: Final = frozenset({_Type.Ready, _Type.Reconciling, _Type.Stalled})
_Said = tuple[BrandConditionType, ConditionStatus, Reason, str]


def pause(status: BrandStatus, tries: int) -> timedelta:
    """How long to wait until it is asked again. tries: how often in a row something could not be reached, 1 or more."""
    if is_ready(status) is ConditionStatus.Yes:
        return ASK_AGAIN
    return min(FIRST_PAUSE * (1 << min(tries - 1, 8)), LONGEST_PAUSE)


def is_ready(status: BrandStatus) -> ConditionStatus | None:
    """What the status says of Ready; None where it says nothing yet."""
    ready = status.condition(_Type.Ready)
    return ready.status if ready else None


def judge_brand(snapshot: BrandSnapshot) -> BrandStatus:
    """The whole status. Where nothing was asked, what was found the last time still stands."""
    seen, brand = snapshot.seen, snapshot.seen.brand
    match brand:
        case BrandInvalid():
            return _status(snapshot, (), _needs_somebody(seen.name, brand))
        case Brand():
            environments = tuple(_environments(snapshot, brand))
            if snapshot.asked is not None:
                return _status(snapshot, environments, _answered(brand, snapshot.asked))
            if seen.status.observed_generation == seen.generation:
                return seen.status.model_copy(update={"environments": environments})
            return _status(snapshot, environments, _not_asked_yet(seen))
        case _:
            assert_never(brand)


def announcement(before: BrandStatus, after: BrandStatus) -> Announcement | None:
    """What is told by an Event: that Ready turns False, and that it turns True again."""
    was, ready = is_ready(before), after.condition(_Type.Ready)
    if ready is None or ready.status is was:
        return None
    if ready.status is _NO:
        return Announcement(ready.reason, ready.message)
    if ready.status is _YES and was is _NO:
        return Announcement(ready.reason, ready.message, warning=False)
    return None


def _environments(snapshot: BrandSnapshot, brand: Brand) -> Iterator[EnvironmentStatus]:
    for name, namespace in brand.namespaces().items():
        yield EnvironmentStatus(name=name, namespace=namespace, release=snapshot.holders.get(name))


def _status(snapshot: BrandSnapshot, environments: tuple[EnvironmentStatus, ...], said: Iterator[_Said]) -> BrandStatus:
    seen, conditions = snapshot.seen, []
    for kind, value, reason, message in said:
        old = seen.status.condition(kind)
        since = old.last_transition_time if old and old.status is value else snapshot.now
        conditions.append(
            BrandCondition(
                type=kind,
                status=value,
                reason=reason,
                message=cut(message, MESSAGE_LIMIT),
                last_transition_time=since,
                observed_generation=seen.generation,
            )
        )
    return BrandStatus(observed_generation=seen.generation, conditions=tuple(conditions), environments=environments)


# --- conditions -------------------------------------------------------------------------------------------------------


def _needs_somebody(name: str, invalid: BrandInvalid) -> Iterator[_Said]:
    text = f"Brand {name} breaks a rule that this operator checks: {invalid.message} Correct the Brand; no release of it begins before."
    yield _Type.Ready, _NO, Reason.BrandInvalid, text
    yield _Type.Stalled, _YES, Reason.BrandInvalid, text


def _not_asked_yet(seen: SeenBrand) -> Iterator[_Said]:
    """A new spec is taken note of before anything is asked, which may take a while."""
    text = "Whether everything that a release needs can be reached is being found out."
    yield _Type.Ready, _UNKNOWN, Reason.Asking, text
    yield _Type.Reconciling, _YES, Reason.Asking, text
    for old in seen.status.conditions:
        if old.type not in _KSTATUS:
            yield old.type, _UNKNOWN, Reason.Asking, text


def _answered(brand: Brand, asked: Asked) -> Iterator[_Said]:
    """Kstatus's conditions, then one for each thing that was asked, and the warning."""
    parts = tuple(_parts(brand, asked))
    warning = too_short(brand, asked.checks)
    troubles = [part for part in parts if part[1] is _NO]
    if troubles:
        _, _, reason, first = troubles[0]
        others = _others([kind for kind, *_ in troubles[1:]])
        text = cut(first, MESSAGE_LIMIT - len(others)) + others
        yield _Type.Ready, _NO, reason, text
        yield (_Type.Stalled if reason in NEEDS_SOMEBODY else _Type.Reconciling), _YES, reason, text
    else:
        text = "Everything that a release needs can be reached."
        yield _Type.Ready, _YES, Reason.Succeeded, f"{text} {warning}" if warning else text
    yield from parts
    if warning:
        yield _Type.SoakTooShort, _YES, Reason.SoakTooShort, warning


def _others(kinds: Sequence[BrandConditionType]) -> str:
    if not kinds:
        return ""
    if len(kinds) == 1:
        return f" One more thing is wrong: {kinds[0]}."
    return f" {len(kinds)} more things are wrong: {', '.join(kinds[:-1])} and {kinds[-1]}."


def _parts(brand: Brand, asked: Asked) -> Iterator[_Said]:
    """In the order in which a release needs them."""
    spec = brand.spec
    yield _part(_Type.SourceReachable, asked.source, f"{spec.source.url} answers.")
    yield _part(_Type.RegistryReachable, asked.registry, f"The registry answers about {spec.image.repository}.")
    yield _part(_Type.BuilderUsable, asked.builder, _usable(brand))
    if asked.checks:
        yield _part(_Type.ChecksReachable, _checks(asked.checks), "Every check could be looked at.")
    if asked.endpoints is not None:
        text = "Every endpoint of the notifications answers."
        yield _part(_Type.NotificationsReachable, _endpoints(asked.endpoints), text)


def _part(kind: BrandConditionType, trouble: Unreached | None, good: str) -> _Said:
    return (kind, _NO, trouble.reason, trouble.message) if trouble else (kind, _YES, Reason.Succeeded, good)


def _usable(brand: Brand) -> str:
    project = brand.spec.build.code_build
    if project is not None:
        return f"CodeBuild project {project.project} in {project.region} answers."
    if builder_name(brand) == "buildKit":
        return "The API server takes the Brand's build Jobs."
    return "CI builds and pushes the images; there is nothing to ask."


def _checks(looks: Sequence[CheckLook]) -> Unreached | None:
    silent = [
        f'Check "{look.check.name}" of environment {look.environment} could not look: {look.observation.message}'
        for look in looks
        if isinstance(look.observation, Unmeasured)
    ]
    return Unreached(Reason.CheckUnreachable, _with_count(silent, "checks")) if silent else None


def _endpoints(sentences: Sequence[str]) -> Unreached | None:
    return Unreached(Reason.EndpointUnreachable, _with_count(sentences, "endpoints")) if sentences else None


def _with_count(sentences: Sequence[str], what: str) -> str:
    """The first of the sentences, and how many of them there are."""
    count = f" ({len(sentences)} {what} in all.)" if len(sentences) > 1 else ""
    return cut(sentences[0], MESSAGE_LIMIT - len(count)) + count
