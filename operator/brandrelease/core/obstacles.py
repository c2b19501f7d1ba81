"""What stands in the way of any release: objects that do not fit together, and a hand other than ours.

Each function names a problem or says that there is none. All of them heal by themselves when the world is mended.
"""

from dataclasses import dataclass
from typing import Final, assert_never

from brandrelease.apis.brand import Brand, Environment
from brandrelease.apis.brandrelease import CurrentRelease
from brandrelease.apis.reasons import Reason
from brandrelease.apis.wellknown import FIELD_MANAGER
from brandrelease.core.carrying import carries, expected_on_deployment
from brandrelease.core.plain import line
from brandrelease.core.snapshot import BrandInvalid, DeploymentView, Snapshot
from brandrelease.core.words import capital, cut, one_of

SYNCS: Final = frozenset(
    {"argocd-application-controller", "argocd-controller", "helm-controller", "kustomize-controller"}
)
"""Field managers of GitOps tools (Argo CD and Flux): what they have set once, they set again at their next sync."""

_IMAGE_SHOWN: Final = 512
"""Characters of what somebody has put in the place of an image."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why nothing can be done at the moment, and what would change that."""

    reason: Reason
    message: str


def misconfiguration(world: Snapshot) -> Obstacle | None:
    """Brand, environment and namespace fit together, and no older BrandRelease has the place."""
    release = world.release
    name, environment = release.spec.brand, release.spec.environment
    match world.brand:
        case None:
            return Obstacle(
                Reason.BrandNotFound, f'There is no Brand "{name}"; "kubectl get brands" lists those that exist.'
            )
        case BrandInvalid(message):
            return Obstacle(Reason.BrandInvalid, f'Brand "{name}" is not valid: {message}')
        case Brand() as brand:
            found = brand.environment(environment)
        case _:
            assert_never(world.brand)
    if found is None:
        names = one_of([entry.name for entry in brand.spec.environments])
        return Obstacle(
            Reason.EnvironmentNotFound, f'Brand "{name}" has no environment "{environment}"; it has {names}.'
        )
    if release.namespace != found.namespace:
        message = f'{name} is released to {environment} only from namespace "{found.namespace}", not from "{release.namespace}". Create this BrandRelease there.'
        return Obstacle(Reason.NamespaceNotAllowed, message)
    if world.holder != release.name:
        message = f'BrandRelease "{world.holder}" is older and releases {name} to {environment} already. Change its ref, and delete this one.'
        return Obstacle(Reason.DuplicateRelease, message)
    return None


def deployment_obstacle(world: Snapshot, current: CurrentRelease) -> Obstacle | None:
    """The Deployment is there, it is clear which container gets the image, and nobody else has changed the image since."""
    environment, deployment = world.environment, world.deployment
    if environment is None:
        return None
    if deployment is None:
        message = f'There is no Deployment "{environment.deployment}" in namespace "{environment.namespace}". Create it; the release then goes on by itself.'
        return Obstacle(Reason.DeploymentNotFound, message)
    if world.rival is not None:
        message = (
            f'Deployment {deployment.name} belongs to BrandRelease "{world.rival}", which releases another Brand or environment to it. '
            "Give each a Deployment of its own in their Brands, or delete one of the two."
        )
        return Obstacle(Reason.DuplicateRelease, message)
    container = container_of(deployment, environment)
    if container is None:
        return _container_obstacle(deployment, environment)
    expected = expected_on_deployment(current)
    # While it is watched, a Deployment made anew without our marks is somebody else's too; before, it is only not changed yet.
    watched = current.verification is not None and current.rollback is None
    if (
        expected
        and (watched or carries(deployment, expected[0], current.rollback or current.rollout))
        and (foreign := overridden(deployment, container, expected[1]))
    ):
        return Obstacle(Reason.ImageOverridden, foreign)
    return None


def container_of(deployment: DeploymentView, environment: Environment) -> str | None:
    """The container that gets the image: the one that the environment names, or the only one."""
    if environment.container is not None:
        return environment.container if environment.container in deployment.images else None
    return next(iter(deployment.images)) if len(deployment.images) == 1 else None


def overridden(deployment: DeploymentView, container: str | None, image: str) -> str | None:
    """Who has put another image there than ours, as a sentence; None if nobody has."""
    if container is None or deployment.images.get(container) == image:
        return None
    others = [owner for owner in deployment.image_owners.get(container, ()) if owner != FIELD_MANAGER]
    who = one_of(others) if others else "Somebody"
    there = cut(line(deployment.images.get(container, "")), _IMAGE_SHOWN)
    how = "ask for a release again (annotation brandrelease.dev/requestedAt, or a new ref) to take it back."
    if SYNCS.intersection(others):
        how = f"first tell this GitOps tool to ignore the image, or its next sync does the same again (docs/gitops.md); then {how}"
    return (
        f'{who} has set the image of container "{container}" of Deployment {deployment.name} to {there}; '
        f"released is {image}. The operator leaves it so. {capital(how)}"
    )


def _container_obstacle(deployment: DeploymentView, environment: Environment) -> Obstacle:
    names = one_of(list(deployment.images))
    if environment.container is not None:
        message = f'Deployment {deployment.name} has no container "{environment.container}"; it has {names}. Correct the Brand or the Deployment.'
        return Obstacle(Reason.ContainerNotFound, message)
    message = f"Deployment {deployment.name} has the containers {names}. Say in the Brand's environment {environment.name} which one gets the image (container: ...)."
    return Obstacle(Reason.ContainerAmbiguous, message)
