"""How a plan is put together: what a person reads first, and the parts of the snapshot that it is made of."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from brandrelease.apis.brand import Brand, Environment
from brandrelease.apis.brandrelease import BrandReleaseStatus, Phase
from brandrelease.apis.conditions import ConditionType
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import Action, DeploymentPatch, Plan
from brandrelease.core.builds.images import is_of_brand, is_reference
from brandrelease.core.obstacles import container_of
from brandrelease.core.snapshot import DeploymentView, Refusal, Snapshot
from brandrelease.core.status import Headline, present

RETRY_SOON: Final = timedelta(seconds=60)
"""Longest pause before something that passes by itself (a server that does not answer) is tried again."""

RETRY_SELDOM: Final = timedelta(minutes=5)
"""Longest pause where somebody must mend something outside the cluster, of which no event tells."""

AT_ONCE: Final = timedelta()


def wait(world: Snapshot, status: BrandReleaseStatus, phase: Phase, reason: Reason, message: str) -> Plan:
    return Plan(present(world.release, status, Headline(phase, reason, message), world.now))


def blocked(
    world: Snapshot, status: BrandReleaseStatus, reason: Reason, message: str, retry: timedelta | None = None
) -> Plan:
    return replace(wait(world, status, Phase.Blocked, reason, message), retry=retry)


def with_note(message: str, note: str | None) -> str:
    return f"{message} {note}" if note else message


def adding(world: Snapshot, plan: Plan, note: str) -> Plan:
    """The plan with one more sentence for people."""
    return _retold(world, plan, plan.status, note)


def with_status(world: Snapshot, plan: Plan, status: BrandReleaseStatus) -> Plan:
    """The plan with more in its status, and what people read first as it was."""
    return _retold(world, plan, status, None)


def _retold(world: Snapshot, plan: Plan, status: BrandReleaseStatus, note: str | None) -> Plan:
    ready = next(c for c in plan.status.conditions if c.type is ConditionType.Ready)
    message = with_note(_without_answer(plan, ready.message), note)
    headline = Headline(plan.status.phase or Phase.Pending, ready.reason, message)
    return replace(plan, status=present(world.release, status, headline, world.now))


def _without_answer(plan: Plan, message: str) -> str:
    """`present` says it anew."""
    answer = plan.status.last_handled.answer if plan.status.last_handled else None
    return message.removesuffix(f" {answer}") if answer else message


def refusal_of(world: Snapshot, action: Action) -> Refusal | None:
    """The refusal of this kind of action, if it is what was tried last."""
    refusal = world.refusal
    return refusal if refusal is not None and refusal.action in {"", type(action).__name__} else None


def brand_of(world: Snapshot) -> Brand:
    assert isinstance(world.brand, Brand), "misconfiguration() is asked first"  # noqa: S101
    return world.brand


def environment_of(world: Snapshot) -> Environment:
    assert world.environment is not None, "misconfiguration() is asked first"  # noqa: S101
    return world.environment


def deployment_of(world: Snapshot) -> DeploymentView:
    assert world.deployment is not None, "deployment_obstacle() is asked first"  # noqa: S101
    return world.deployment


def patch_for(world: Snapshot, number: int, commit: str | None, image: str) -> DeploymentPatch:
    deployment, environment = deployment_of(world), environment_of(world)
    container = container_of(deployment, environment) or ""
    return DeploymentPatch(
        namespace=world.release.namespace,
        deployment=deployment.name,
        uid=deployment.uid,
        generation=deployment.generation,
        resource_version=deployment.resource_version,
        release_name=world.release.name,
        number=number,
        commit=commit,
        container=container,
        image=image,
        found_image=_found_image(brand_of(world), deployment, container),
    )


def _found_image(brand: Brand, deployment: DeploymentView, container: str) -> str | None:
    """What the Deployment shall remember from now on: the last image from elsewhere that was found in it."""
    there = deployment.images.get(container, "")
    return there if is_reference(there) and not is_of_brand(brand, there) else deployment.found_image
