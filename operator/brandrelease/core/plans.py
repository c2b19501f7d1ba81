"""How a plan is put together: what a person reads first, and the parts of the snapshot that it is made of."""

from dataclasses import replace
from datetime import timedelta

from brandrelease.apis.brand import Brand, Environment
from brandrelease.apis.brandrelease import BrandReleaseStatus, Phase, RunningRelease
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import DeploymentPatch, Plan
from brandrelease.core.obstacles import container_of
from brandrelease.core.snapshot import DeploymentView, Snapshot
from brandrelease.core.status import Headline, present
from brandrelease.core.words import short


def wait(world: Snapshot, status: BrandReleaseStatus, phase: Phase, reason: Reason, message: str) -> Plan:
    return Plan(present(world.release, status, Headline(phase, reason, message), world.now))


def blocked(
    world: Snapshot, status: BrandReleaseStatus, reason: Reason, message: str, retry: timedelta | None = None
) -> Plan:
    return replace(wait(world, status, Phase.Blocked, reason, message), retry=retry)


def with_note(message: str, note: str | None) -> str:
    return f"{message} {note}" if note else message


def name_of(running: RunningRelease) -> str:
    return (
        f"release {running.number} ({short(running.commit)})"
        if running.number
        else f"the image found at adoption ({running.image})"
    )


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
    return DeploymentPatch(
        namespace=world.release.namespace,
        deployment=deployment.name,
        uid=deployment.uid,
        release_name=world.release.name,
        number=number,
        commit=commit,
        container=container_of(deployment, environment) or "",
        image=image,
    )
